/*
 * How a connection ends: by the user, by the peer, by an error, by silence; and the shell that is
 * left of it for a while (RFC 9000, 10.2).
 */
#include "dataplane/quic/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "dataplane/quic/connection_id.h"
#include "dataplane/quic/endpoint.h"

#define ALERT_BAD_CERTIFICATE 42
#define ALERT_NO_APPLICATION_PROTOCOL 120
#define CRYPTO_ERROR 0x100 /* a TLS alert as a QUIC error code: this plus the alert */
#define CONNECTION_REFUSED 0x2
#define AFTER_SENT_MAX CLOCK_SECOND
#define AFTER_PLAIN (100 * CLOCK_MS) /* the peer needs a moment to read a unidirectional stream */
#define IDS_MAX 16

struct connection_linger {
    uint64_t until;
    uint32_t received; /* packets since */
    uint32_t answer_at;
    struct udp_path path;
    size_t id_count;
    ngtcp2_cid ids[IDS_MAX];
    size_t len; /* 0: the peer closed, nothing is answered */
    uint8_t packet[];
};

/* ---- counting ---- */

void connection_count_unfinished(struct quic_connection *c, bool unfinished)
{
    if (c->unfinished == unfinished)
        return;
    c->unfinished = unfinished;
    if (unfinished)
        c->endpoint->unfinished++;
    else
        c->endpoint->unfinished--;
}

/* It is no connection any more for any limit. */
static void uncount(struct quic_connection *c)
{
    connection_count_unfinished(c, false);
    if (c->use)
        endpoint_address_remove(c->endpoint, c->use);
    c->use = NULL;
    c->endpoint->count--;
}

static size_t own_ids(const struct quic_connection *c, ngtcp2_cid ids[IDS_MAX])
{
    size_t count = c->qc ? ngtcp2_conn_get_scid(c->qc, NULL) : 0;
    if (count > IDS_MAX - 1)
        return 0; /* cannot be: ngtcp2 gives out at most 8 */
    if (c->qc)
        ngtcp2_conn_get_scid(c->qc, ids);
    if (c->first_id.datalen > 0)
        ids[count++] = c->first_id;
    return count;
}

static void forget_tokens(struct quic_connection *c)
{
    ngtcp2_cid_token tokens[IDS_MAX];
    size_t count = ngtcp2_conn_get_active_dcid(c->qc, NULL);
    if (count > IDS_MAX)
        return; /* cannot be: the limit that we announce is smaller */
    ngtcp2_conn_get_active_dcid(c->qc, tokens);
    for (size_t i = 0; i < count; i++) {
        struct bytes key = {tokens[i].token, sizeof(tokens[i].token)};
        if (tokens[i].token_present)
            id_table_remove(&c->endpoint->tokens, key, c);
    }
}

/* Everything but the shell. */
static void free_contents(struct quic_connection *c)
{
    message_in_free(&c->in);
    datagram_queue_free(&c->datagrams);
    if (c->qc) {
        forget_tokens(c);
        ngtcp2_conn_del(c->qc);
    }
    c->qc = NULL;
    message_out_free(&c->out);
    tls_session_free(c->tls);
    c->tls = NULL;
    free(c->peer);
    c->peer = NULL;
    free(c->closing);
    c->closing = NULL;
}

void connection_unmark(struct quic_connection *c)
{
    struct quic_endpoint *e = c->endpoint;
    if (!c->dirty)
        return;
    if (c->dirty_previous)
        c->dirty_previous->dirty_next = c->dirty_next;
    else
        e->dirty = c->dirty_next;
    if (c->dirty_next)
        c->dirty_next->dirty_previous = c->dirty_previous;
    else
        e->dirty_last = c->dirty_previous;
    c->dirty = false;
}

static void forget_ids(struct quic_connection *c)
{
    ngtcp2_cid ids[IDS_MAX];
    size_t count = own_ids(c, ids);
    for (size_t i = 0; i < count; i++)
        id_table_remove(&c->endpoint->ids, connection_id_view(&ids[i]), c);
    for (size_t i = 0; c->linger && i < c->linger->id_count; i++)
        id_table_remove(&c->endpoint->ids, connection_id_view(&c->linger->ids[i]), c);
}

void connection_destroy(struct quic_connection *c)
{
    struct quic_endpoint *e = c->endpoint;
    forget_ids(c);
    if (!c->over)
        uncount(c);
    free_contents(c);
    free(c->linger);
    heap_remove(&e->timers, &c->timer);
    e->total--;
    connection_unmark(c);
    if (c->previous)
        c->previous->next = c->next;
    else
        e->connections = c->next;
    if (c->next)
        c->next->previous = c->previous;
    free(c);
}

/* ---- lingering ---- */

/* Leaves the shell: packets on their way for this connection must not start a new one. */
static void linger(struct quic_connection *c, struct bytes packet, const struct udp_path *path)
{
    struct connection_linger *l = malloc(sizeof(*l) + packet.len);
    if (!l) {
        connection_destroy(c);
        return;
    }
    l->until = c->endpoint->now + 3 * ngtcp2_conn_get_pto(c->qc);
    l->received = 0;
    l->answer_at = 1;
    l->path = *path;
    l->id_count = own_ids(c, l->ids);
    l->len = packet.len;
    if (packet.len > 0)
        memcpy(l->packet, packet.data, packet.len);
    free_contents(c);
    c->linger = l;
    connection_unmark(c);
    connection_set_timer(c);
}

uint64_t connection_linger_until(const struct quic_connection *c)
{
    return c->linger->until;
}

/* The first, second, fourth, eighth ... packet is answered: the peer may have missed our close. */
void connection_linger_receive(struct quic_connection *c, size_t len)
{
    struct connection_linger *l = c->linger;
    struct quic_endpoint *e = c->endpoint;
    l->received++;
    if (l->len == 0 || l->received != l->answer_at || l->len > 3 * len)
        return;
    l->answer_at *= 2;
    memcpy(udp_outbox_space(e->outbox), l->packet, l->len);
    udp_outbox_commit(e->outbox, &l->path, l->len);
    e->counters.packets_sent++;
}

/* ---- ending ---- */

/* Sends the close if there is one, tells the user, and leaves the shell or nothing. */
static void end(struct quic_connection *c, struct quic_close *why, const ngtcp2_ccerr *error,
                bool shell)
{
    struct quic_endpoint *e = c->endpoint;
    struct udp_path path = c->path;
    ngtcp2_path view = {.local = {&path.local.u.any, sizeof(path.local.u)},
                        .remote = {&path.remote.u.any, sizeof(path.remote.u)}};
    uint8_t *dest = udp_outbox_space(e->outbox);
    ngtcp2_ssize n = 0;
    if (error)
        n = ngtcp2_conn_write_connection_close(c->qc, &view, NULL, dest, UDP_PAYLOAD_MAX, error,
                                               e->now);
    if (n > 0) {
        udp_outbox_commit(e->outbox, &path, (size_t)n);
        e->counters.packets_sent++;
    }
    if (!c->established)
        e->counters.handshakes_failed++;
    why->established = c->established;
    c->over = true;
    message_in_stop(&c->in);
    uncount(c);
    if ((c->dialed || c->established) && e->callbacks.closed)
        e->callbacks.closed(e->context, c, why);
    if (!shell) {
        connection_destroy(c);
        return;
    }
    /* `dest` keeps its bytes until the next packet is asked for, which the user cannot do. */
    linger(c, (struct bytes){dest, n > 0 ? (size_t)n : 0}, &path);
}

static void copy_reason(char out[QUIC_REASON_MAX + 1], const uint8_t *reason, size_t len)
{
    size_t n = len < QUIC_REASON_MAX ? len : QUIC_REASON_MAX;
    for (size_t i = 0; i < n; i++)
        out[i] = reason[i] >= ' ' && reason[i] < 0x7f ? (char)reason[i] : '?';
    out[n] = '\0';
}

static int error_of_code(const ngtcp2_ccerr *error)
{
    if (error->type == NGTCP2_CCERR_TYPE_APPLICATION || error->error_code == NGTCP2_NO_ERROR)
        return ERR_CLOSED;
    if (error->error_code == CONNECTION_REFUSED)
        return ERR_FULL;
    if (error->error_code == CRYPTO_ERROR + ALERT_NO_APPLICATION_PROTOCOL)
        return ERR_ALPN;
    return error->error_code >= CRYPTO_ERROR && error->error_code < 2 * CRYPTO_ERROR ? ERR_TLS
                                                                                     : ERR_QUIC;
}

static void end_by_peer(struct quic_connection *c)
{
    const ngtcp2_ccerr *error = ngtcp2_conn_get_ccerr(c->qc);
    struct quic_close why = {
        .error = error_of_code(error), .by_peer = true, .code = error->error_code};
    copy_reason(why.reason, error->reason, error->reasonlen);
    end(c, &why, NULL, true);
}

void connection_reset(struct quic_connection *c)
{
    struct quic_close why = {.error = ERR_CLOSED, .by_peer = true, .reset = true};
    if (!c->qc)
        return;
    snprintf(why.reason, sizeof(why.reason), "reset: the peer was restarted");
    end(c, &why, NULL, false);
}

void connection_drop(struct quic_connection *c, int error)
{
    struct quic_close why = {.error = error};
    end(c, &why, NULL, false);
}

void connection_abort(struct quic_connection *c, int error, const char *reason)
{
    struct quic_close why = {.error = error};
    ngtcp2_ccerr close;
    snprintf(why.reason, sizeof(why.reason), "%s", reason);
    ngtcp2_ccerr_default(&close);
    ngtcp2_ccerr_set_application_error(&close, 0, (const uint8_t *)why.reason, strlen(why.reason));
    end(c, &why, &close, true);
}

static void end_by_tls(struct quic_connection *c, int error, uint8_t alert)
{
    struct quic_close why = {.error = error, .code = CRYPTO_ERROR + (uint64_t)alert};
    ngtcp2_ccerr close;
    ngtcp2_ccerr_default(&close);
    ngtcp2_ccerr_set_tls_alert(&close, alert, NULL, 0);
    if (c->tls)
        why.has_certificate = tls_session_presented(c->tls, &why.fingerprint);
    end(c, &why, &close, true);
}

/* TLS itself gave up. */
static void end_by_alert(struct quic_connection *c)
{
    uint8_t alert = ngtcp2_conn_get_tls_alert(c->qc);
    int error = c->tls ? tls_session_error(c->tls) : ERR_OK;
    if (error == ERR_OK)
        error = alert == ALERT_NO_APPLICATION_PROTOCOL ? ERR_ALPN : ERR_TLS;
    end_by_tls(c, error, alert);
}

/* A callback of ours gave up. */
static void end_by_failure(struct quic_connection *c)
{
    switch (c->failure) {
    case ERR_ALPN:
        end_by_tls(c, ERR_ALPN, ALERT_NO_APPLICATION_PROTOCOL);
        break;
    case ERR_PIN:
    case ERR_TLS:
        end_by_tls(c, c->failure, ALERT_BAD_CERTIFICATE);
        break;
    default:
        connection_abort(c, c->failure ? c->failure : ERR_MEMORY,
                         c->failure == ERR_TOO_LARGE ? "message too large" : "internal error");
    }
}

static void end_by_protocol(struct quic_connection *c, int ngtcp2_error)
{
    struct quic_close why = {.error = ngtcp2_error == NGTCP2_ERR_NOMEM ? ERR_MEMORY : ERR_QUIC};
    ngtcp2_ccerr close;
    ngtcp2_ccerr_default(&close);
    ngtcp2_ccerr_set_liberr(&close, ngtcp2_error, NULL, 0);
    why.code = close.error_code;
    snprintf(why.reason, sizeof(why.reason), "%s", ngtcp2_strerror(ngtcp2_error));
    end(c, &why, &close, true);
}

void connection_fail(struct quic_connection *c, int ngtcp2_error)
{
    switch (ngtcp2_error) {
    case NGTCP2_ERR_DRAINING:
        end_by_peer(c);
        break;
    case NGTCP2_ERR_IDLE_CLOSE:
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
        connection_drop(c, ERR_TIMEOUT);
        break;
    case NGTCP2_ERR_DROP_CONN:
    case NGTCP2_ERR_RETRY:
        connection_drop(c, ERR_QUIC);
        break;
    case NGTCP2_ERR_CRYPTO:
        end_by_alert(c);
        break;
    case NGTCP2_ERR_CALLBACK_FAILURE:
        end_by_failure(c);
        break;
    default:
        end_by_protocol(c, ngtcp2_error);
    }
}

/* ---- the user's close ---- */

static bool may_close(struct quic_connection *c)
{
    struct connection_closing *closing = c->closing;
    uint64_t now = c->endpoint->now;
    if (!closing->after_sent)
        return true;
    if (!closing->until)
        closing->until = now + AFTER_SENT_MAX;
    if (now >= closing->until)
        return true;
    if (!message_out_idle(&c->out))
        return false;
    if (!c->wrote_plain)
        return true;
    c->wrote_plain = false;
    if (closing->until > now + AFTER_PLAIN)
        closing->until = now + AFTER_PLAIN;
    return false;
}

bool connection_try_close(struct quic_connection *c)
{
    if (!c->closing || !may_close(c))
        return false;
    connection_abort(c, ERR_CLOSED, c->closing->reason);
    return true;
}
