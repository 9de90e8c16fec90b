#include <ngtcp2/ngtcp2_crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "dataplane/quic/endpoint.h"

#define TOKEN_LIFETIME (10 * CLOCK_SECOND)
#define CONNECTION_REFUSED 0x2
#define INVALID_TOKEN 0xb

/* ---- accepted connections per address ---- */

/* Without port, unmapped: the key of the table. */
static struct bytes ip_of(const struct address *remote, struct address *storage)
{
    *storage = *remote;
    address_unmap(storage);
    return address_ip(storage);
}

struct address_use *endpoint_address_find(const struct quic_endpoint *e,
                                          const struct address *remote)
{
    struct address storage;
    return id_table_find(&e->addresses, ip_of(remote, &storage));
}

struct address_use *endpoint_address_add(struct quic_endpoint *e, const struct address *remote)
{
    struct address storage;
    struct bytes ip = ip_of(remote, &storage);
    struct address_use *use = id_table_find(&e->addresses, ip);
    if (!use) {
        use = calloc(1, sizeof(*use));
        if (!use)
            return NULL;
        memcpy(use->ip, ip.data, ip.len);
        use->ip_len = (uint8_t)ip.len;
        if (id_table_add(&e->addresses, ip, use) != ERR_OK) {
            free(use);
            return NULL;
        }
    }
    use->count++;
    return use;
}

void endpoint_address_remove(struct quic_endpoint *e, struct address_use *use)
{
    if (--use->count > 0)
        return;
    id_table_remove(&e->addresses, (struct bytes){use->ip, use->ip_len}, use);
    free(use);
}

/* ---- new connections ---- */

/* True if the packet is answered or dropped instead of starting a connection. */
static bool is_refused(struct quic_endpoint *e, const struct endpoint_packet *packet,
                       const ngtcp2_pkt_hd *header)
{
    const struct quic_config *config = &e->config;
    const struct address_use *use = endpoint_address_find(e, &packet->path->remote);
    if (e->refusing || (config->connections_max && e->count >= config->connections_max))
        e->counters.refused_total_limit++;
    else if (config->address_connections && use && use->count >= config->address_connections)
        e->counters.refused_address_limit++;
    else
        return false;
    stateless_refuse(e, packet, header, CONNECTION_REFUSED);
    return true;
}

static bool is_retry_token(const ngtcp2_pkt_hd *header)
{
    return header->tokenlen > 0 && header->token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2;
}

/* Reads the id that the client used before the Retry out of its token. */
static bool check_token(const struct quic_endpoint *e, const struct endpoint_packet *packet,
                        const ngtcp2_pkt_hd *header, ngtcp2_cid *original)
{
    const struct address *remote = &packet->path->remote;
    return ngtcp2_crypto_verify_retry_token2(original, header->token, header->tokenlen,
                                             e->config.token_secret, sizeof(e->config.token_secret),
                                             header->version, &remote->u.any, remote->len,
                                             &header->dcid, TOKEN_LIFETIME, e->now) == 0;
}

static void start(struct quic_endpoint *e, const struct endpoint_packet *packet,
                  const struct connection_offer *offer)
{
    struct quic_connection *c;
    int rv = connection_accept(e, offer, &c);
    if (rv != ERR_OK) {
        e->counters.drop_no_memory++;
        return;
    }
    connection_receive(c, packet->path, packet->data);
}

void endpoint_accept(struct quic_endpoint *e, const struct endpoint_packet *packet)
{
    ngtcp2_pkt_hd header;
    ngtcp2_cid original;
    struct connection_offer offer = {.header = &header, .path = packet->path};
    /* ngtcp2 does not look at the id's length if there is a token, whatever is in it. */
    if (ngtcp2_accept(&header, packet->data.data, packet->data.len) != 0 ||
        header.dcid.datalen < NGTCP2_MIN_INITIAL_DCIDLEN || e->config.certificate_der.len == 0) {
        e->counters.drop_unknown_connection++;
        return;
    }
    if (is_refused(e, packet, &header))
        return;
    if (is_retry_token(&header)) {
        if (!check_token(e, packet, &header, &original)) {
            stateless_refuse(e, packet, &header, INVALID_TOKEN);
            return;
        }
        offer.original_id = &original;
    } else if (e->unfinished >= e->config.retry_threshold) {
        stateless_retry(e, packet, &header);
        return;
    }
    start(e, packet, &offer);
}
