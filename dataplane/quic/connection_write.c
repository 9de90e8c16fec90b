#include "dataplane/quic/connection.h"

#include "common/error.h"
#include "dataplane/quic/endpoint.h"

/* Packets of one connection in one go; then the others get their turn. */
#define FLUSH_PACKETS 64
#define SHORT_PACKET 600 /* bytes: with room for anything that ngtcp2 might have wanted to add */
#define FRAME_HEAD 3     /* bytes of type and length before a datagram */

/* The making of packets for one connection. */
struct writer {
    struct quic_connection *c;
    struct udp_path path; /* of the packet just made */
    ngtcp2_path view;     /* the same for ngtcp2 */
    uint8_t *dest;
    bool message_first;    /* the first packet has room for signals, however many datagrams wait */
    bool messages_blocked; /* no stream or no window */
};

static void writer_init(struct writer *w, struct quic_connection *c)
{
    w->c = c;
    w->view = (ngtcp2_path){
        .local = {&w->path.local.u.any, sizeof(w->path.local.u)},
        .remote = {&w->path.remote.u.any, sizeof(w->path.remote.u)},
    };
    w->message_first = true;
    w->messages_blocked = false;
}

static ngtcp2_ssize write_stream(struct writer *w, ngtcp2_ssize *written, uint32_t flags,
                                 const struct message_piece *piece)
{
    return ngtcp2_conn_writev_stream(w->c->qc, &w->view, NULL, w->dest, UDP_PAYLOAD_MAX, written,
                                     flags, piece->stream, piece->vectors, piece->count,
                                     w->c->endpoint->now);
}

/* Acknowledgements, retransmissions, probes; completes a packet that was begun. */
static ngtcp2_ssize write_rest(struct writer *w)
{
    const struct message_piece none = {.stream = -1};
    return write_stream(w, NULL, NGTCP2_WRITE_STREAM_FLAG_NONE, &none);
}

static bool stream_is_gone(ngtcp2_ssize n)
{
    return n == NGTCP2_ERR_STREAM_SHUT_WR || n == NGTCP2_ERR_STREAM_NOT_FOUND;
}

static ngtcp2_ssize write_fin(struct writer *w)
{
    ngtcp2_ssize written = -1;
    const struct message_piece fin = {.stream = message_in_fin(&w->c->in)};
    ngtcp2_ssize n = write_stream(
        w, &written, NGTCP2_WRITE_STREAM_FLAG_MORE | NGTCP2_WRITE_STREAM_FLAG_FIN, &fin);
    if (written >= 0 || stream_is_gone(n))
        message_in_fin_done(&w->c->in, fin.stream);
    return stream_is_gone(n) ? NGTCP2_ERR_WRITE_MORE : n;
}

static ngtcp2_ssize write_message(struct writer *w)
{
    struct quic_connection *c = w->c;
    struct message_piece piece;
    ngtcp2_ssize written = -1;
    w->message_first = false;
    if (!message_out_next(&c->out, c->qc, &piece)) {
        w->messages_blocked = true;
        return NGTCP2_ERR_WRITE_MORE;
    }
    ngtcp2_ssize n = write_stream(
        w, &written, NGTCP2_WRITE_STREAM_FLAG_MORE | NGTCP2_WRITE_STREAM_FLAG_FIN, &piece);
    if (written >= 0)
        message_out_written(&c->out, (size_t)written);
    if (stream_is_gone(n)) {
        message_out_drop(&c->out, c->qc);
        return NGTCP2_ERR_WRITE_MORE;
    }
    if (n == NGTCP2_ERR_STREAM_DATA_BLOCKED) {
        w->messages_blocked = true;
        return NGTCP2_ERR_WRITE_MORE;
    }
    return n;
}

static bool message_waits(const struct writer *w)
{
    return w->c->out.waiting && !w->messages_blocked;
}

static ngtcp2_ssize write_datagram(struct writer *w)
{
    struct quic_connection *c = w->c;
    struct quic_counters *counters = &c->endpoint->counters;
    const struct datagram *d = datagram_queue_first(&c->datagrams);
    int accepted = 0;
    /* A packet that ends with its last datagram needs no second call to complete it. */
    uint32_t flags = c->datagrams.count > 1 || message_waits(w) ? NGTCP2_WRITE_DATAGRAM_FLAG_MORE
                                                                : NGTCP2_WRITE_DATAGRAM_FLAG_NONE;
    ngtcp2_vec vectors[2];
    size_t count = 0;
    if (d->tagged)
        vectors[count++] = (ngtcp2_vec){(uint8_t *)(uintptr_t)d->tag, QUIC_DATAGRAM_TAG};
    if (d->payload->len > 0) /* ngtcp2 aborts on an empty piece */
        vectors[count++] = (ngtcp2_vec){d->payload->data, d->payload->len};
    connection_measure(c);
    if (datagram_len(d) > c->datagram_max) {
        /* It fitted when it was queued; the path has changed. */
        counters->drop_too_large++;
        datagram_queue_pop(&c->datagrams);
        return NGTCP2_ERR_WRITE_MORE;
    }
    ngtcp2_ssize n =
        ngtcp2_conn_writev_datagram(c->qc, &w->view, NULL, w->dest, UDP_PAYLOAD_MAX, &accepted,
                                    flags, 0, vectors, count, c->endpoint->now);
    if (accepted) {
        counters->datagrams_sent++;
        datagram_queue_pop(&c->datagrams);
    }
    return n;
}

static ngtcp2_ssize write_item(struct writer *w)
{
    struct quic_connection *c = w->c;
    if (!c->established)
        return write_rest(w);
    if (c->in.fins > 0)
        return write_fin(w);
    if (message_waits(w) && w->message_first)
        return write_message(w);
    if (c->datagrams.count > 0)
        return write_datagram(w);
    if (message_waits(w))
        return write_message(w);
    return write_rest(w);
}

/* Its length, 0 (nothing to send, or nothing may be sent now) or an error of ngtcp2. */
static ngtcp2_ssize write_packet(struct writer *w)
{
    ngtcp2_ssize n;
    do {
        n = write_item(w);
    } while (n == NGTCP2_ERR_WRITE_MORE);
    return n;
}

/*
 * After a packet of `len` bytes nothing more is due. What ngtcp2 has to send of its own goes into a
 * packet before our data, so a short one has taken all of it; probes of the path are long.
 */
static bool all_written(const struct writer *w, size_t len)
{
    const struct quic_connection *c = w->c;
    return len < SHORT_PACKET && c->established && c->in.fins == 0 && c->datagrams.count == 0 &&
           !message_waits(w);
}

/*
 * There is no pacing: a talker's packet must not wait for the clock. So ngtcp2 is never told when
 * packets left (ngtcp2_conn_update_pkt_tx_time), and only the congestion window limits a burst.
 */
static int write_packets(struct quic_connection *c)
{
    struct quic_endpoint *e = c->endpoint;
    struct writer w;
    writer_init(&w, c);
    for (int i = 0; i < FLUSH_PACKETS; i++) {
        w.dest = udp_outbox_space(e->outbox);
        ngtcp2_ssize n = write_packet(&w);
        if (n <= 0)
            return (int)n;
        w.path.local.len = w.view.local.addrlen;
        w.path.remote.len = w.view.remote.addrlen;
        udp_outbox_commit(e->outbox, &w.path, (size_t)n);
        e->counters.packets_sent++;
        if (c->waiting_since == 0)
            c->waiting_since = e->now;
        if (all_written(&w, (size_t)n))
            return 0;
    }
    connection_mark(c);
    return 0;
}

void connection_flush(struct quic_connection *c)
{
    if (!c->qc || connection_try_close(c))
        return;
    int rv = c->failure == ERR_OK ? write_packets(c) : NGTCP2_ERR_CALLBACK_FAILURE;
    if (rv != 0) {
        connection_fail(c, rv);
        return;
    }
    c->unanswered = 0;
    c->endpoint->counters.drop_queue_full += datagram_queue_trim(&c->datagrams);
    connection_measure(c);
    connection_set_timer(c);
}

void connection_measure(struct quic_connection *c)
{
    const ngtcp2_transport_params *peer = ngtcp2_conn_get_remote_transport_params(c->qc);
    /* First byte, packet number and tag; type and length of the frame. */
    size_t overhead = 1 + ngtcp2_conn_get_dcid(c->qc)->datalen + 4 + 16 + FRAME_HEAD;
    size_t path = ngtcp2_conn_get_path_max_tx_udp_payload_size(c->qc);
    size_t room = path > overhead ? path - overhead : 0;
    uint64_t frame = peer ? peer->max_datagram_frame_size : 0;
    uint64_t allowed = frame > FRAME_HEAD ? frame - FRAME_HEAD : 0;
    c->datagram_max = (uint32_t)(room < allowed ? room : allowed);
}
