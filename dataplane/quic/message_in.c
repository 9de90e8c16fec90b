#include "dataplane/quic/message_in.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct message_stream {
    struct message_stream *next;
    int64_t id;
    uint64_t window; /* bytes granted on this stream */
    uint64_t unpaid; /* bytes received whose credit is not returned yet */
    struct buffer body;
    struct bytes view; /* the body, if it came in one piece and needs no copy */
    uint32_t need;     /* bytes of the body; known with the head */
    uint8_t head[QUIC_MESSAGE_HEAD];
    uint8_t head_len;
    bool complete; /* the whole message is here */
    bool ended;    /* nothing more will come */
    bool consumed; /* its turn is over */
    bool released;
    bool credited; /* the stream's own credit went back */
    bool closed;   /* ngtcp2 has forgotten it */
    bool fin_due;
};

void message_in_init(struct message_in *in, ngtcp2_conn *qc, const struct quic_config *config,
                     struct quic_counters *counters, message_in_handler *handler, void *argument)
{
    *in = (struct message_in){
        .qc = qc,
        .config = config,
        .counters = counters,
        .handler = handler,
        .argument = argument,
        .granted = config->connection_window,
    };
}

void message_in_free(struct message_in *in)
{
    while (in->streams) {
        struct message_stream *s = in->streams;
        in->streams = s->next;
        buffer_free(&s->body);
        free(s);
    }
    in->fins = 0;
}

static uint64_t ordinal(const struct message_stream *s)
{
    return (uint64_t)s->id >> 2;
}

/* The oldest stream that is not consumed, whether or not its turn has come. */
static struct message_stream *first_waiting(const struct message_in *in)
{
    struct message_stream *s = in->streams;
    while (s && s->consumed)
        s = s->next;
    return s;
}

static struct message_stream *turn(const struct message_in *in)
{
    struct message_stream *s = first_waiting(in);
    return s && ordinal(s) == in->next ? s : NULL;
}

/* ---- credit ---- */

static void extend(struct message_in *in, uint64_t bytes)
{
    if (bytes > 0)
        ngtcp2_conn_extend_max_offset(in->qc, bytes);
    in->granted += bytes;
}

/* Returns what the peer has used of its window, less what it had in advance. */
static void repay(struct message_in *in, uint64_t bytes)
{
    uint64_t from_loan = bytes < in->loan ? bytes : in->loan;
    in->loan -= from_loan;
    extend(in, bytes - from_loan);
}

/* Frees a stream as soon as nothing is to be done with it any more. */
static void settle(struct message_in *in, struct message_stream *s)
{
    if (!s->released || !s->ended)
        return;
    if (!s->credited)
        ngtcp2_conn_extend_max_streams_bidi(in->qc, 1);
    s->credited = true;
    if (s->fin_due)
        return;
    struct message_stream **at = &in->streams;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    if (!s->closed)
        (void)ngtcp2_conn_set_stream_user_data(in->qc, s->id, NULL);
    buffer_free(&s->body);
    free(s);
}

static void release(struct message_in *in, struct message_stream *s)
{
    repay(in, s->unpaid);
    s->unpaid = 0;
    s->released = true;
    settle(in, s);
}

void message_in_release(struct message_in *in)
{
    for (struct message_stream *s = in->streams; s && s->consumed; s = s->next) {
        if (!s->released) {
            release(in, s);
            return;
        }
    }
}

static uint64_t message_len(const struct message_stream *s)
{
    return QUIC_MESSAGE_HEAD + (uint64_t)s->need;
}

/*
 * Makes sure that the message whose turn it is can complete. ngtcp2 tells the peer of new credit
 * only when it is more than a quarter of the window, so every grant is.
 */
static void grant(struct message_in *in, struct message_stream *s)
{
    bool head_known = s->head_len == QUIC_MESSAGE_HEAD;
    if (s->complete || s->ended)
        return;
    if (head_known && message_len(s) > s->window) {
        uint64_t more = message_len(s) - s->window + in->config->stream_window / 4 + 1;
        if (ngtcp2_conn_extend_max_stream_offset(in->qc, s->id, more) == 0)
            s->window += more;
    }
    uint64_t missing =
        head_known ? message_len(s) - s->unpaid : (uint64_t)(QUIC_MESSAGE_HEAD - s->head_len);
    uint64_t slack = in->config->connection_window / 4 + 1;
    uint64_t available = in->granted > in->received ? in->granted - in->received : 0;
    if (available >= missing + slack)
        return;
    uint64_t more = slack + (missing > available ? missing - available : 0);
    if (in->loan + more > message_len(s) + in->config->connection_window)
        return; /* it spent the loan on other streams: let it run into its deadline */
    in->loan += more;
    extend(in, more);
}

/* ---- taking turns ---- */

static void hand_up(struct message_in *in, struct message_stream *s)
{
    struct buffer body = s->body;
    struct bytes view = s->view.data ? s->view : buffer_view(&body);
    if (!view.data)
        view.data = (const uint8_t *)"";
    s->body = (struct buffer){0};
    s->view = BYTES_NONE;
    in->handler(in->argument, view); /* may release it, which may free s */
    buffer_free(&body);
}

static void consume(struct message_in *in, struct message_stream *s)
{
    in->next++;
    s->consumed = true;
    if (s->complete) {
        hand_up(in, s);
        return;
    }
    in->counters->message_malformed++;
    release(in, s);
}

static void advance(struct message_in *in, uint64_t now)
{
    struct message_stream *s = turn(in);
    while (in->started && s && (s->complete || s->ended)) {
        consume(in, s);
        s = turn(in);
    }
    if (!first_waiting(in)) {
        in->turn_since = 0;
        return;
    }
    if (in->turn_since == 0 || in->turn_of != in->next) {
        in->turn_since = now;
        in->turn_of = in->next;
    }
    if (s && in->started)
        grant(in, s);
}

uint64_t message_in_deadline(const struct message_in *in)
{
    return in->started && in->turn_since ? in->turn_since + in->config->message_timeout
                                         : UINT64_MAX;
}

void message_in_start(struct message_in *in, uint64_t now)
{
    in->started = true;
    advance(in, now);
}

void message_in_stop(struct message_in *in)
{
    in->started = false;
}

/* ---- what arrives ---- */

int message_in_open(struct message_in *in, int64_t id, uint64_t now)
{
    struct message_stream *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_MEMORY;
    s->id = id;
    s->window = in->config->stream_window;
    s->fin_due = true;
    in->fins++;
    struct message_stream **at = &in->streams;
    while (*at && (*at)->id < id)
        at = &(*at)->next;
    s->next = *at;
    *at = s;
    (void)ngtcp2_conn_set_stream_user_data(in->qc, id, s);
    advance(in, now);
    return ERR_OK;
}

static uint8_t *end_of_head(struct message_stream *s)
{
    return s->head + s->head_len;
}

/* Takes what belongs to the head from the front of `data`. */
static int read_head(struct message_in *in, struct message_stream *s, struct bytes *data)
{
    size_t missing = QUIC_MESSAGE_HEAD - (size_t)s->head_len;
    size_t n = data->len < missing ? data->len : missing;
    if (n == 0)
        return ERR_OK;
    memcpy(end_of_head(s), data->data, n);
    s->head_len = (uint8_t)(s->head_len + n);
    data->data += n;
    data->len -= n;
    s->unpaid += n;
    if (s->head_len < QUIC_MESSAGE_HEAD)
        return ERR_OK;
    s->need = (uint32_t)s->head[0] << 24 | (uint32_t)s->head[1] << 16 | (uint32_t)s->head[2] << 8 |
              (uint32_t)s->head[3];
    if (s->need > in->config->message_max) {
        in->counters->message_too_large++;
        return ERR_TOO_LARGE;
    }
    return ERR_OK;
}

static int read_body(struct message_in *in, struct message_stream *s, struct bytes *data)
{
    size_t missing = s->need - s->body.len;
    size_t n = data->len < missing ? data->len : missing;
    bool at_once = n == s->need && in->started && turn(in) == s;
    if (at_once && n > 0)
        s->view = (struct bytes){data->data, n};
    else if (n > 0 && buffer_append(&s->body, data->data, n) != ERR_OK)
        return ERR_MEMORY;
    data->data += n;
    data->len -= n;
    s->unpaid += n;
    s->complete = n == missing;
    return ERR_OK;
}

/* More than the message: nobody wants it. Its credit goes back at once. */
static void refuse_rest(struct message_in *in, struct message_stream *s, size_t len)
{
    in->counters->message_trailing++;
    repay(in, len);
    (void)ngtcp2_conn_shutdown_stream_read(in->qc, 0, s->id, 0);
}

int message_in_data(struct message_in *in, struct message_stream *s, struct bytes data, bool fin,
                    uint64_t now)
{
    int rv = ERR_OK;
    in->received += data.len;
    if (!s) {
        repay(in, data.len);
        return ERR_OK;
    }
    if (!s->complete)
        rv = read_head(in, s, &data);
    if (rv == ERR_OK && !s->complete && s->head_len == QUIC_MESSAGE_HEAD)
        rv = read_body(in, s, &data);
    if (rv != ERR_OK)
        return rv;
    if (data.len > 0)
        refuse_rest(in, s, data.len);
    if (fin)
        s->ended = true;
    if (s->consumed)
        settle(in, s);
    else
        advance(in, now);
    return ERR_OK;
}

void message_in_reset(struct message_in *in, struct message_stream *s, uint64_t now)
{
    if (!s || s->ended)
        return;
    s->ended = true;
    if (s->consumed) {
        settle(in, s);
        return;
    }
    if (!s->complete) {
        repay(in, s->unpaid);
        s->unpaid = 0;
        buffer_free(&s->body);
    }
    advance(in, now);
}

void message_in_closed(struct message_in *in, struct message_stream *s, uint64_t now)
{
    if (!s)
        return;
    s->closed = true;
    if (s->fin_due)
        in->fins--;
    s->fin_due = false;
    if (s->ended)
        settle(in, s);
    else
        message_in_reset(in, s, now);
}

/* ---- the FIN of our half ---- */

int64_t message_in_fin(const struct message_in *in)
{
    if (in->fins == 0)
        return -1;
    for (const struct message_stream *s = in->streams; s; s = s->next) {
        if (s->fin_due)
            return s->id;
    }
    return -1;
}

void message_in_fin_done(struct message_in *in, int64_t id)
{
    for (struct message_stream *s = in->streams; s; s = s->next) {
        if (s->id == id && s->fin_due) {
            s->fin_due = false;
            in->fins--;
            settle(in, s);
            return;
        }
    }
}
