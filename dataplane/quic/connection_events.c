/*
 * What ngtcp2 tells a connection. A callback that finds an error of ours notes it in `failure` and
 * makes ngtcp2 give up; the connection then ends where it is safe to do so.
 */
#include "dataplane/quic/connection.h"

#include <stdlib.h>

#include "common/error.h"
#include "common/random.h"
#include "dataplane/quic/connection_id.h"
#include "dataplane/quic/endpoint.h"
#include "dataplane/quic/packet_keys.h"

static int give_up(struct quic_connection *c, int error)
{
    c->failure = error;
    return NGTCP2_ERR_CALLBACK_FAILURE;
}

/* ---- handshake ---- */

static int on_client_initial(ngtcp2_conn *qc, void *user_data)
{
    struct quic_connection *c = user_data;
    if (packet_keys_install_initial(qc, ngtcp2_conn_get_dcid(qc)) != 0)
        return give_up(c, ERR_CRYPTO);
    int rv = tls_session_start(c->tls);
    return rv == 0 ? 0 : give_up(c, ERR_TLS);
}

static int on_crypto_data(ngtcp2_conn *qc, ngtcp2_encryption_level level, uint64_t offset,
                          const uint8_t *data, size_t len, void *user_data)
{
    struct quic_connection *c = user_data;
    (void)qc;
    (void)offset;
    /* After the handshake there are only session tickets, which we never use. */
    if (level == NGTCP2_ENCRYPTION_LEVEL_1RTT || !c->tls)
        return 0;
    return tls_session_receive(c->tls, level, (struct bytes){data, len});
}

static int on_handshake_completed(ngtcp2_conn *qc, void *user_data)
{
    struct quic_connection *c = user_data;
    struct quic_peer peer = {.dialed = c->dialed};
    (void)qc;
    int rv = tls_session_finish(c->tls, c->endpoint->config.exporter_label, &peer);
    if (rv != ERR_OK)
        return give_up(c, rv);
    if (!c->dialed) {
        connection_establish(c, &peer);
        return 0;
    }
    c->peer = malloc(sizeof(*c->peer));
    if (!c->peer)
        return give_up(c, ERR_MEMORY);
    *c->peer = peer;
    return 0;
}

/* Only a client is told. */
static int on_handshake_confirmed(ngtcp2_conn *qc, void *user_data)
{
    struct quic_connection *c = user_data;
    (void)qc;
    if (c->peer) {
        connection_establish(c, c->peer);
        free(c->peer);
        c->peer = NULL;
    }
    return 0;
}

/* ---- numbers and ids ---- */

static void on_random(uint8_t *dest, size_t len, const ngtcp2_rand_ctx *context)
{
    (void)context;
    /* Used for what may be predictable; on failure it stays what it was. */
    (void)random_fill(dest, len);
}

static int on_path_challenge(ngtcp2_conn *qc, uint8_t *data, void *user_data)
{
    (void)qc;
    int rv = random_fill(data, NGTCP2_PATH_CHALLENGE_DATALEN);
    return rv == ERR_OK ? 0 : give_up(user_data, rv);
}

static int on_new_id(ngtcp2_conn *qc, ngtcp2_cid *id, uint8_t *token, size_t len, void *user_data)
{
    struct quic_connection *c = user_data;
    (void)qc;
    (void)len;
    int rv = connection_new_id(c, id);
    if (rv == ERR_OK)
        rv = stateless_token(c->endpoint, id, token);
    return rv == ERR_OK ? 0 : give_up(c, rv);
}

static int on_remove_id(ngtcp2_conn *qc, const ngtcp2_cid *id, void *user_data)
{
    struct quic_connection *c = user_data;
    (void)qc;
    id_table_remove(&c->endpoint->ids, connection_id_view(id), c);
    return 0;
}

/* The peer's ids come and go, and with them the tokens by which it may reset us. */
static int on_peer_id(ngtcp2_conn *qc, ngtcp2_connection_id_status_type type, uint64_t sequence,
                      const ngtcp2_cid *id, const uint8_t *token, void *user_data)
{
    struct quic_connection *c = user_data;
    (void)qc;
    (void)sequence;
    (void)id;
    if (!token)
        return 0;
    struct bytes key = {token, NGTCP2_STATELESS_RESET_TOKENLEN};
    if (type == NGTCP2_CONNECTION_ID_STATUS_TYPE_DEACTIVATE)
        id_table_remove(&c->endpoint->tokens, key, c);
    else if (id_table_add(&c->endpoint->tokens, key, c) == ERR_MEMORY)
        return give_up(c, ERR_MEMORY);
    return 0;
}

/* ---- streams ---- */

static bool is_ours(struct quic_connection *c, int64_t id)
{
    return ngtcp2_conn_is_local_stream(c->qc, id) != 0;
}

static int on_stream_open(ngtcp2_conn *qc, int64_t id, void *user_data)
{
    struct quic_connection *c = user_data;
    c->got_stream = true;
    if (!ngtcp2_is_bidi_stream(id)) {
        /* Nobody sends us anything there; politely decline. */
        (void)ngtcp2_conn_shutdown_stream_read(qc, 0, id, 0);
        return 0;
    }
    int rv = message_in_open(&c->in, id, c->endpoint->now);
    return rv == ERR_OK ? 0 : give_up(c, rv);
}

static int on_stream_data(ngtcp2_conn *qc, uint32_t flags, int64_t id, uint64_t offset,
                          const uint8_t *data, size_t len, void *user_data, void *stream)
{
    struct quic_connection *c = user_data;
    (void)offset;
    c->got_stream = true;
    if (is_ours(c, id)) {
        /* Replies come on streams of their own; what comes here is thrown away. */
        ngtcp2_conn_extend_max_offset(qc, len);
        return 0;
    }
    int rv = message_in_data(&c->in, stream, (struct bytes){data, len},
                             (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0, c->endpoint->now);
    return rv == ERR_OK ? 0 : give_up(c, rv);
}

static int on_stream_reset(ngtcp2_conn *qc, int64_t id, uint64_t final_size, uint64_t code,
                           void *user_data, void *stream)
{
    struct quic_connection *c = user_data;
    (void)qc;
    (void)final_size;
    (void)code;
    if (!is_ours(c, id))
        message_in_reset(&c->in, stream, c->endpoint->now);
    return 0;
}

static int on_stream_close(ngtcp2_conn *qc, uint32_t flags, int64_t id, uint64_t code,
                           void *user_data, void *stream)
{
    struct quic_connection *c = user_data;
    (void)flags;
    (void)code;
    if (is_ours(c, id))
        message_out_closed(&c->out, stream);
    else if (ngtcp2_is_bidi_stream(id))
        message_in_closed(&c->in, stream, c->endpoint->now);
    else
        ngtcp2_conn_extend_max_streams_uni(qc, 1);
    return 0;
}

static int on_stream_acked(ngtcp2_conn *qc, int64_t id, uint64_t offset, uint64_t len,
                           void *user_data, void *stream)
{
    struct quic_connection *c = user_data;
    (void)qc;
    if (is_ours(c, id))
        message_out_acked(stream, offset + len);
    return 0;
}

/* ---- datagrams ---- */

static int on_datagram(ngtcp2_conn *qc, uint32_t flags, const uint8_t *data, size_t len,
                       void *user_data)
{
    struct quic_connection *c = user_data;
    struct quic_endpoint *e = c->endpoint;
    (void)qc;
    (void)flags;
    if (!connection_is_open(c)) {
        e->counters.drop_not_open++;
        return 0;
    }
    c->got_datagram = true;
    e->counters.datagrams_received++;
    if (e->callbacks.datagram)
        e->callbacks.datagram(e->context, c,
                              (struct bytes){data ? data : (const uint8_t *)"", len});
    return 0;
}

static int on_datagram_lost(ngtcp2_conn *qc, uint64_t id, void *user_data)
{
    struct quic_connection *c = user_data;
    (void)qc;
    (void)id;
    c->lost++;
    return 0;
}

void connection_set_callbacks(ngtcp2_callbacks *callbacks)
{
    packet_keys_set_callbacks(callbacks);
    callbacks->client_initial = on_client_initial;
    callbacks->recv_crypto_data = on_crypto_data;
    callbacks->handshake_completed = on_handshake_completed;
    callbacks->handshake_confirmed = on_handshake_confirmed;
    callbacks->rand = on_random;
    callbacks->get_path_challenge_data = on_path_challenge;
    callbacks->get_new_connection_id = on_new_id;
    callbacks->remove_connection_id = on_remove_id;
    callbacks->dcid_status = on_peer_id;
    callbacks->stream_open = on_stream_open;
    callbacks->recv_stream_data = on_stream_data;
    callbacks->stream_reset = on_stream_reset;
    callbacks->stream_close = on_stream_close;
    callbacks->acked_stream_data_offset = on_stream_acked;
    callbacks->recv_datagram = on_datagram;
    callbacks->lost_datagram = on_datagram_lost;
}
