#include "dataplane/quic/message_out.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

/* A peer that never ends its half of our streams would let them pile up. */
#define OPEN_MAX 256

struct out_message {
    struct out_message *next;
    struct quic_body *body; /* NULL once everything is acknowledged */
    uint64_t replace_key;
    int64_t stream; /* -1 = none yet */
    uint64_t sent;  /* bytes, head included */
    uint64_t total;
    uint8_t head[QUIC_MESSAGE_HEAD];
    uint8_t head_len; /* 0 on a unidirectional stream */
    bool listed_as_sent;
};

static void message_free(struct out_message *m)
{
    quic_body_release(m->body);
    free(m);
}

static void list_free(struct out_message *m)
{
    while (m) {
        struct out_message *next = m->next;
        message_free(m);
        m = next;
    }
}

void message_out_free(struct message_out *out)
{
    list_free(out->waiting);
    list_free(out->sent);
    *out = (struct message_out){0};
}

/* Only what has no stream yet can be replaced; the length changes with the body. */
static struct out_message *find_replaceable(struct message_out *out, uint64_t key)
{
    for (struct out_message *m = out->waiting; m && key; m = m->next) {
        if (m->replace_key == key && m->stream < 0)
            return m;
    }
    return NULL;
}

static void set_body(struct out_message *m, struct quic_body *body)
{
    quic_body_retain(body);
    quic_body_release(m->body);
    m->body = body;
    m->total = m->head_len + (uint64_t)body->len;
    for (int i = 0; i < QUIC_MESSAGE_HEAD; i++)
        m->head[i] = (uint8_t)(body->len >> (24 - 8 * i));
}

static int push(struct message_out *out, const struct quic_config *config, struct quic_body *body,
                uint64_t replace_key, uint8_t head_len)
{
    if (out->waiting_count >= config->send_queue_messages ||
        out->waiting_bytes + body->len > config->send_queue_bytes)
        return ERR_FULL;
    struct out_message *m = calloc(1, sizeof(*m));
    if (!m)
        return ERR_MEMORY;
    m->stream = -1;
    m->replace_key = replace_key;
    m->head_len = head_len;
    set_body(m, body);
    if (out->waiting_last)
        out->waiting_last->next = m;
    else
        out->waiting = m;
    out->waiting_last = m;
    out->waiting_count++;
    out->waiting_bytes += body->len;
    return ERR_OK;
}

int message_out_push(struct message_out *out, const struct quic_config *config,
                     struct quic_body *body, uint64_t replace_key)
{
    struct out_message *old = find_replaceable(out, replace_key);
    if (!old)
        return push(out, config, body, replace_key, QUIC_MESSAGE_HEAD);
    if (out->waiting_bytes - old->body->len + body->len > config->send_queue_bytes)
        return ERR_FULL;
    out->waiting_bytes = out->waiting_bytes - old->body->len + body->len;
    set_body(old, body);
    return ERR_OK;
}

int message_out_push_plain(struct message_out *out, const struct quic_config *config,
                           struct quic_body *body)
{
    return push(out, config, body, 0, 0);
}

static bool open_stream(struct message_out *out, ngtcp2_conn *qc, struct out_message *m)
{
    if (out->open_count >= OPEN_MAX)
        return false;
    int rv = m->head_len ? ngtcp2_conn_open_bidi_stream(qc, &m->stream, m)
                         : ngtcp2_conn_open_uni_stream(qc, &m->stream, m);
    if (rv != 0) {
        m->stream = -1;
        return false;
    }
    out->open_count++;
    return true;
}

bool message_out_next(struct message_out *out, ngtcp2_conn *qc, struct message_piece *piece)
{
    struct out_message *m = out->waiting;
    if (!m || (m->stream < 0 && !open_stream(out, qc, m)))
        return false;
    piece->stream = m->stream;
    piece->count = 0;
    if (m->sent < m->head_len)
        piece->vectors[piece->count++] =
            (ngtcp2_vec){m->head + m->sent, m->head_len - (size_t)m->sent};
    uint64_t from = m->sent > m->head_len ? m->sent - m->head_len : 0;
    if (from < m->body->len)
        piece->vectors[piece->count++] = (ngtcp2_vec){m->body->data + from, m->body->len - from};
    return true;
}

static void finish_first(struct message_out *out)
{
    struct out_message *m = out->waiting;
    out->waiting = m->next;
    if (!out->waiting)
        out->waiting_last = NULL;
    out->waiting_count--;
    out->waiting_bytes -= m->total - m->head_len;
    m->listed_as_sent = true;
    m->next = out->sent;
    out->sent = m;
}

void message_out_written(struct message_out *out, size_t n)
{
    struct out_message *m = out->waiting;
    m->sent += n;
    if (m->sent == m->total)
        finish_first(out);
}

void message_out_drop(struct message_out *out, ngtcp2_conn *qc)
{
    struct out_message *m = out->waiting;
    (void)ngtcp2_conn_set_stream_user_data(qc, m->stream, NULL);
    finish_first(out);
    message_out_closed(out, m);
}

void message_out_acked(struct out_message *m, uint64_t up_to)
{
    if (!m || up_to < m->total || !m->listed_as_sent)
        return;
    quic_body_release(m->body);
    m->body = NULL;
}

void message_out_closed(struct message_out *out, struct out_message *m)
{
    if (!m)
        return;
    if (!m->listed_as_sent) {
        /* Closed under our hands while it was being sent: it is the first that waits. */
        if (out->waiting != m)
            return;
        finish_first(out);
    }
    struct out_message **at = &out->sent;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    out->open_count--;
    message_free(m);
}

bool message_out_idle(const struct message_out *out)
{
    return !out->waiting && out->open_count == 0;
}
