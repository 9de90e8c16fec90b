/*
 * Packets that cost us no memory: version negotiation, Retry, refusals and stateless resets
 * (RFC 9000, 6, 8.1 and 10.3). All but Retry are limited in number.
 */
#include <ngtcp2/ngtcp2_crypto.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/random.h"
#include "dataplane/quic/connection_id.h"
#include "dataplane/quic/endpoint.h"

#define WINDOW (100 * CLOCK_MS)
#define WINDOW_MAX 200 /* packets in one window */
#define RESET_SIZE 41  /* bytes, unless the packet that it answers is not longer */
#define RESET_MIN 21
#define INITIAL_MIN 1200 /* what a client's first datagram has at least */

static bool is_allowed(struct quic_endpoint *e)
{
    if (e->now - e->stateless_window >= WINDOW) {
        e->stateless_window = e->now;
        e->stateless_sent = 0;
    }
    return e->stateless_sent++ < WINDOW_MAX;
}

static void commit(struct quic_endpoint *e, const struct udp_path *path, ngtcp2_ssize len)
{
    if (len <= 0)
        return;
    udp_outbox_commit(e->outbox, path, (size_t)len);
    e->counters.packets_sent++;
}

void stateless_version_negotiation(struct quic_endpoint *e, const struct endpoint_packet *packet,
                                   const ngtcp2_version_cid *ids)
{
    static const uint32_t versions[] = {NGTCP2_PROTO_VER_V1};
    uint8_t unused = 0;
    if (packet->data.len < INITIAL_MIN || ids->dcidlen > NGTCP2_MAX_CIDLEN ||
        ids->scidlen > NGTCP2_MAX_CIDLEN || !is_allowed(e))
        return;
    (void)random_fill(&unused, sizeof(unused));
    uint8_t *dest = udp_outbox_space(e->outbox);
    e->counters.refused_version++;
    commit(e, packet->path,
           ngtcp2_pkt_write_version_negotiation(dest, UDP_PAYLOAD_MAX, unused, ids->scid,
                                                ids->scidlen, ids->dcid, ids->dcidlen, versions,
                                                sizeof(versions) / sizeof(versions[0])));
}

int stateless_token(const struct quic_endpoint *e, const ngtcp2_cid *id,
                    uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN])
{
    const uint8_t *secret = e->config.reset_secret;
    return ngtcp2_crypto_generate_stateless_reset_token(token, secret,
                                                        sizeof(e->config.reset_secret), id) == 0
               ? ERR_OK
               : ERR_CRYPTO;
}

/* Shorter than what it answers, so that two endpoints cannot reset each other for ever. */
void stateless_reset(struct quic_endpoint *e, const struct endpoint_packet *packet)
{
    size_t len = packet->data.len - 1 < RESET_SIZE ? packet->data.len - 1 : RESET_SIZE;
    uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN];
    uint8_t noise[RESET_SIZE];
    ngtcp2_cid id;
    if (len < RESET_MIN || packet->data.len < 1 + CONNECTION_ID_SIZE || !is_allowed(e))
        return;
    ngtcp2_cid_init(&id, packet->data.data + 1, CONNECTION_ID_SIZE);
    if (stateless_token(e, &id, token) != ERR_OK || random_fill(noise, sizeof(noise)) != ERR_OK)
        return;
    uint8_t *dest = udp_outbox_space(e->outbox);
    e->counters.resets_sent++;
    commit(e, packet->path,
           ngtcp2_pkt_write_stateless_reset(dest, UDP_PAYLOAD_MAX, token, noise,
                                            len - NGTCP2_STATELESS_RESET_TOKENLEN));
}

void stateless_retry(struct quic_endpoint *e, const struct endpoint_packet *packet,
                     const ngtcp2_pkt_hd *header)
{
    uint8_t token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2];
    const struct address *remote = &packet->path->remote;
    ngtcp2_cid id;
    if (connection_id_make(&id, e->config.worker, e->config.generation) != ERR_OK)
        return;
    ngtcp2_ssize n = ngtcp2_crypto_generate_retry_token2(
        token, e->config.token_secret, sizeof(e->config.token_secret), header->version,
        &remote->u.any, remote->len, &id, &header->dcid, e->now);
    if (n < 0)
        return;
    uint8_t *dest = udp_outbox_space(e->outbox);
    e->counters.retries_sent++;
    commit(e, packet->path,
           ngtcp2_crypto_write_retry(dest, UDP_PAYLOAD_MAX, header->version, &header->scid, &id,
                                     &header->dcid, token, (size_t)n));
}

void stateless_refuse(struct quic_endpoint *e, const struct endpoint_packet *packet,
                      const ngtcp2_pkt_hd *header, uint64_t code)
{
    if (!is_allowed(e))
        return;
    uint8_t *dest = udp_outbox_space(e->outbox);
    commit(e, packet->path,
           ngtcp2_crypto_write_connection_close(dest, UDP_PAYLOAD_MAX, header->version,
                                                &header->scid, &header->dcid, code, NULL, 0));
}
