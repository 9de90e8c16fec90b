/*
 * One QUIC connection, and what the parts of the library do with it. Not for users of the library:
 * they include quic.h.
 *
 * States: a connection begins in a handshake, is established, and after its end lingers as a small
 * shell that answers or swallows late packets (RFC 9000, 10.2). It is destroyed only by the three
 * entry points of the endpoint (receive, expire, flush), never inside a callback.
 */
#ifndef CHAPPE_QUIC_CONNECTION_H
#define CHAPPE_QUIC_CONNECTION_H

#include <ngtcp2/ngtcp2.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/heap.h"
#include "dataplane/quic/datagram_queue.h"
#include "dataplane/quic/message_in.h"
#include "dataplane/quic/message_out.h"
#include "dataplane/quic/quic.h"
#include "dataplane/quic/udp_socket.h"

struct tls_session;
struct address_use;
struct connection_linger;

/* An application close that the user asked for. */
struct connection_closing {
    char reason[QUIC_REASON_MAX + 1];
    bool after_sent;
    uint64_t until; /* when waiting for what is queued ends; 0 = not set yet */
};

struct quic_connection {
    struct quic_endpoint *endpoint;
    ngtcp2_conn *qc;         /* NULL in a shell that lingers */
    struct tls_session *tls; /* until the handshake is over */
    struct quic_peer *peer;  /* client: from TLS's end to the confirmation */
    void *user;
    struct heap_node timer;
    struct quic_connection *next; /* all of the endpoint */
    struct quic_connection *previous;
    struct quic_connection *dirty_next; /* waiting to be flushed */
    struct quic_connection *dirty_previous;
    struct message_in in;
    struct message_out out;
    struct datagram_queue datagrams;
    struct connection_closing *closing;
    struct connection_linger *linger;
    struct udp_path path;    /* the current one, in the socket's form */
    struct address_use *use; /* server: where it is counted */
    ngtcp2_cid first_id;     /* server: the destination that the client made up; in the id table */
    uint64_t waiting_since;  /* we sent and heard nothing since; 0 = heard */
    uint64_t dead_after;     /* 0 = no such limit */
    uint64_t lost;
    uint32_t datagram_max; /* bytes, as of the last flush; 0 = none may be sent */
    uint8_t unanswered;    /* packets with datagrams since we last wrote */
    bool got_datagram;     /* what the packet being read has brought ... */
    bool got_stream;       /* ... */
    bool dialed;
    bool established;
    bool unfinished;  /* counted among the endpoint's unfinished handshakes */
    bool dirty;       /* in the list of connections to be flushed */
    bool over;        /* `closed` was called or is not due */
    bool wrote_plain; /* has sent a unidirectional stream */
    int failure;      /* ERR_* found inside a callback of ngtcp2; ends the connection */
};

/* ---- making (connection.c) ---- */

/* Puts a dialed connection into the endpoint, with its first packet due. Errors as
 * quic_endpoint_dial. */
int connection_dial(struct quic_endpoint *e, const struct quic_dial *dial,
                    struct quic_connection **out);

/* What accepting needs: the client's packet, and what its Retry token proved. */
struct connection_offer {
    const ngtcp2_pkt_hd *header;
    const struct udp_path *path;
    const ngtcp2_cid *original_id; /* NULL unless the packet carries a good Retry token */
};
int connection_accept(struct quic_endpoint *e, const struct connection_offer *offer,
                      struct quic_connection **out);

/* ---- running ---- */

/* One packet for it. */
void connection_receive(struct quic_connection *c, const struct udp_path *path,
                        struct bytes packet);
/* Its timer fired. */
void connection_expire(struct quic_connection *c);
/* Writes what is due and sets the timer anew (connection_write.c). */
void connection_flush(struct quic_connection *c);
/* Something is to be written or the timer is to be looked at: it joins the flush list. */
void connection_mark(struct quic_connection *c);
void connection_unmark(struct quic_connection *c);
void connection_set_timer(struct quic_connection *c);
/* What is handed up and what may be sent: it is established and nobody is closing it. */
bool connection_is_open(const struct quic_connection *c);
/* Finds out what datagrams path and peer take now: sets datagram_max. */
void connection_measure(struct quic_connection *c);
/* A new id of ours, in the endpoint's table. 0, ERR_MEMORY, ERR_RANDOM. */
int connection_new_id(struct quic_connection *c, ngtcp2_cid *out);
/* The peer sent a stateless reset. */
void connection_reset(struct quic_connection *c);

void connection_set_callbacks(ngtcp2_callbacks *callbacks); /* connection_events.c */
/* The handshake is over for us: the user learns of it, messages flow. */
void connection_establish(struct quic_connection *c, struct quic_peer *peer);

/* ---- ending (connection_end.c) ---- */

/* An error that ngtcp2 returned; sends what is to be sent and calls `closed`. */
void connection_fail(struct quic_connection *c, int ngtcp2_error);
/* Ends it with an error of ours, told to the peer as an application close. */
void connection_abort(struct quic_connection *c, int error, const char *reason);
/* The user's close, if it is due. True if the connection is over. */
bool connection_try_close(struct quic_connection *c);
/* Ends it without a word to the peer. */
void connection_drop(struct quic_connection *c, int error);
void connection_count_unfinished(struct quic_connection *c, bool unfinished);

/* A late packet for a connection that lingers. */
void connection_linger_receive(struct quic_connection *c, size_t len);
uint64_t connection_linger_until(const struct quic_connection *c);

/* Frees everything at once; no packet, no callback. */
void connection_destroy(struct quic_connection *c);
#endif
