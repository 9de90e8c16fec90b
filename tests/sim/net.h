/*
 * A network in one process and in virtual time: quic.h (dataplane/quic) without sockets, so that
 * the data plane's own tables run on it. Endpoints have an address and a certificate; connections
 * between them carry messages in order and datagrams that may be lost or overtake each other.
 *
 * What goes wrong: two endpoints may be cut off from each other (nothing arrives, nobody is told,
 * both ends time out), a process may die (its connections vanish; the other end learns it when the
 * process is back, or by timing out), an endpoint may stop reading messages for a while.
 *
 * Message credit is QUIC's: at most NET_STREAMS messages are on their way or not yet released by
 * the receiver; more wait at the sender, where a message with the same replace key replaces one,
 * and beyond NET_QUEUE the sender is told ERR_FULL.
 *
 * Lack of memory ends the program.
 */
#ifndef CHAPPE_TESTS_SIM_NET_H
#define CHAPPE_TESTS_SIM_NET_H

#include <uthash.h>

#include "common/clock.h"
#include "common/heap.h"
#include "dataplane/quic/quic.h"
#include "tests/sim/dice.h"

#define NET_STREAMS 100
#define NET_QUEUE 512
#define NET_DIAL_TIMEOUT (3 * CLOCK_SECOND)
#define NET_IDLE_TIMEOUT (30 * CLOCK_SECOND)
#define NET_RESET_AFTER (500 * CLOCK_MS) /* when the other end's process is another one */
#define NET_KINDS_MAX 32

struct net_timer {
    struct heap_node node;
    void (*due)(struct net_timer *timer);
};

/* Messages on `_federation` connections, by variant. */
struct net_kind {
    char name[40];
    uint64_t messages;
    uint64_t bytes;
};

struct net {
    uint64_t now; /* ns */
    struct heap timers;
    struct dice dice;
    struct quic_endpoint *endpoints; /* by address */
    struct net_cut *cuts;
    uint64_t table_key;   /* of the data planes' tables: gives them another order */
    uint64_t jitter;      /* ns at most, of a datagram; 0: none */
    uint32_t lose_one_in; /* datagrams between relays; 0: none is lost */
    struct net_kind kinds[NET_KINDS_MAX];
    size_t kind_count;
    uint64_t messages, bytes; /* on federation links, all kinds */
    uint64_t media;           /* datagrams on federation links */
    uint64_t last_message;    /* when the last one was said on a federation link, but for Ping */
    /* Called for each datagram on a federation link; NULL: nobody watches. */
    void (*watch)(void *context, const struct quic_endpoint *to, struct bytes content);
    void *watch_context;
    uint64_t digest; /* of all that happened, in order: see net_note */
};

struct quic_endpoint {
    struct net *net;
    struct address address;
    struct fingerprint_tls certificate;
    bool asks;           /* requests certificates of those who dial */
    bool up;             /* the process is there */
    unsigned life;       /* which one it is */
    bool refuse_new;     /* by quic_endpoint_refuse_new */
    uint64_t latency;    /* ns of its line; both ends' add up */
    uint64_t busy_until; /* it reads no message before */
    unsigned island;     /* only endpoints of one island reach each other */
    const struct quic_callbacks *callbacks;
    void *context;
    struct quic_connection *connections; /* utlist */
    UT_hash_handle hh;
};

void net_init(struct net *net, uint64_t seed);
void net_free(struct net *net); /* its endpoints too */
/* Everything that is due until then. */
void net_run(struct net *net, uint64_t until);
void net_timer_set(struct net *net, struct net_timer *timer, uint64_t at);
void net_timer_stop(struct net *net, struct net_timer *timer);
/* Forgets what was counted. */
void net_reset_counts(struct net *net);
/* This happens now: time and content go into the digest. Every message and datagram with both its
   ends, and every end of a connection, is noted by the net itself. */
void net_note(struct net *net, struct bytes content);

/* An endpoint whose process is there; lives as long as the net. The certificate is copied. */
struct quic_endpoint *net_endpoint(struct net *net, const struct address *address,
                                   const struct fingerprint_tls *certificate,
                                   const struct quic_callbacks *callbacks, void *context);
/* The process is gone, without a word, with its connections; no callback is called. */
void net_kill(struct quic_endpoint *e);
/* Another process listens there. */
void net_revive(struct quic_endpoint *e);
/* Nothing passes between the two until it is lifted. */
void net_cut(struct quic_endpoint *a, struct quic_endpoint *b, bool cut);
void net_uncut_all(struct net *net);
void net_set_island(struct quic_endpoint *e, unsigned island);
/* Closes the connections between the two in order, both ends are told. */
void net_part(struct quic_endpoint *a, struct quic_endpoint *b);
/* The far end of a connection: whose endpoint it is. */
struct quic_endpoint *net_far(const struct quic_connection *c);

#endif
