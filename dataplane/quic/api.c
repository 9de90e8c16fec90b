/*
 * The functions of quic.h that concern one connection. They only note and queue: packets are made
 * by the next flush.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"
#include "dataplane/quic/endpoint.h"

/* From here on a batch of packets could bring more than the queue takes. */
#define DATAGRAMS_CROWDED (QUIC_DATAGRAM_QUEUE - 10)

void quic_connection_set_user(struct quic_connection *c, void *user)
{
    c->user = user;
}

void *quic_connection_user(const struct quic_connection *c)
{
    return c->user;
}

void quic_connection_remote(const struct quic_connection *c, struct address *out)
{
    *out = c->path.remote;
    address_unmap(out);
}

uint64_t quic_connection_rtt(const struct quic_connection *c)
{
    ngtcp2_conn_info info;
    if (!c->qc || !c->established)
        return 0;
    ngtcp2_conn_get_conn_info(c->qc, &info);
    return info.latest_rtt ? info.smoothed_rtt : 0;
}

uint32_t quic_connection_datagram_max(const struct quic_connection *c)
{
    return c->datagram_max;
}

uint64_t quic_connection_lost(const struct quic_connection *c)
{
    return c->lost;
}

void quic_connection_set_liveness(struct quic_connection *c, uint64_t ping_after,
                                  uint64_t dead_after)
{
    if (!c->qc)
        return;
    ngtcp2_conn_set_keep_alive_timeout(c->qc, ping_after ? ping_after : UINT64_MAX);
    c->dead_after = dead_after;
    connection_mark(c);
}

void quic_connection_close(struct quic_connection *c, const char *reason, bool after_sent)
{
    if (c->over || !c->qc)
        return;
    if (c->closing) {
        /* A second call can only make it quicker. */
        c->closing->after_sent = c->closing->after_sent && after_sent;
    } else {
        c->closing = calloc(1, sizeof(*c->closing));
        if (!c->closing) {
            c->failure = ERR_MEMORY;
        } else {
            snprintf(c->closing->reason, sizeof(c->closing->reason), "%s", reason);
            c->closing->after_sent = after_sent;
        }
    }
    message_in_stop(&c->in);
    connection_mark(c);
}

int quic_connection_send_message(struct quic_connection *c, struct quic_body *body,
                                 uint64_t replace_key)
{
    if (!connection_is_open(c))
        return ERR_CLOSED;
    int rv = message_out_push(&c->out, &c->endpoint->config, body, replace_key);
    connection_mark(c);
    return rv;
}

void quic_connection_release_message(struct quic_connection *c)
{
    if (!c->qc || c->over)
        return;
    message_in_release(&c->in);
    connection_mark(c);
}

int quic_connection_send_unidirectional(struct quic_connection *c, struct bytes content)
{
    if (!connection_is_open(c))
        return ERR_CLOSED;
    struct quic_body *body = quic_body_new(content);
    if (!body)
        return ERR_MEMORY;
    int rv = message_out_push_plain(&c->out, &c->endpoint->config, body);
    quic_body_release(body);
    c->wrote_plain = true;
    connection_mark(c);
    return rv;
}

int quic_connection_send_datagram(struct quic_connection *c, struct quic_payload *payload,
                                  const uint8_t *tag)
{
    struct quic_counters *counters = &c->endpoint->counters;
    if (!connection_is_open(c))
        return ERR_CLOSED;
    size_t len = payload->len + (tag ? QUIC_DATAGRAM_TAG : 0u);
    if (c->datagram_max == 0 || len > c->datagram_max) {
        counters->drop_too_large++;
        return ERR_TOO_LARGE;
    }
    int rv = datagram_queue_push(&c->datagrams, payload, tag);
    if (rv == ERR_FULL)
        counters->drop_queue_full++;
    else if (rv == ERR_MEMORY)
        counters->drop_no_memory++;
    if (c->datagrams.count == DATAGRAMS_CROWDED)
        c->endpoint->crowded = true;
    connection_mark(c);
    return rv == ERR_FULL ? ERR_OK : rv;
}

void quic_connection_set_datagram_queue(struct quic_connection *c, uint16_t datagrams)
{
    if (c->datagrams.ring == NULL)
        c->datagrams.limit = datagrams;
}

size_t quic_connection_datagrams_waiting(const struct quic_connection *c)
{
    return c->datagrams.count;
}
