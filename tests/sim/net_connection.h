/*
 * A connection of the simulated network: one end of it. Between net.c and quic.c only.
 */
#ifndef CHAPPE_TESTS_SIM_NET_CONNECTION_H
#define CHAPPE_TESTS_SIM_NET_CONNECTION_H

#include "tests/sim/net.h"

struct message {
    struct quic_body *body; /* one reference */
    uint64_t replace_key;
    uint64_t at; /* when it arrives */
    struct message *prev, *next;
};

struct quic_connection {
    struct quic_endpoint *endpoint, *far;
    struct quic_connection *other; /* NULL: not there yet, or no more */
    void *user;
    struct quic_dial dial; /* of a dialed one; its sni is `sni` */
    struct fingerprint_tls pin;
    char sni[QUIC_SNI_MAX + 1];
    bool dialed, established, closing, federation;
    uint64_t ping_after, dead_after;

    struct net_timer handshake;
    struct net_timer ending; /* `closed` is called then */
    bool timing_out;         /* ending is because nothing passes */
    struct quic_close why;

    struct message *inbox; /* on their way to us, in order; utlist */
    struct net_timer arrival;
    uint64_t last_arrival;
    unsigned in_flight;      /* messages of ours that the far end has not released */
    unsigned unreleased;     /* messages handed up here and not released */
    struct message *waiting; /* for credit */
    unsigned waiting_count;
    struct flight *flights;              /* datagrams on their way to us */
    struct quic_connection *prev, *next; /* in the endpoint */
};

/* A new end at the endpoint, not established. */
struct quic_connection *net_connection_new(struct quic_endpoint *e, struct quic_endpoint *far,
                                           const char *sni);
/* Frees this end without a word; the other end stays alone. */
void net_connection_free(struct quic_connection *c);
/* Whether anything passes to and from the far end now. */
bool net_connection_reaches(const struct quic_connection *c);
/* `closed` will be called at that time, if not earlier. */
void net_connection_end(struct quic_connection *c, uint64_t at, const struct quic_close *why);
/* What passes may have changed: ends time out, or no longer. */
void net_connection_check(struct quic_connection *c);
bool net_reaches(const struct quic_endpoint *a, const struct quic_endpoint *b);
/* net_note of something on this connection. */
void net_note_of(const struct quic_connection *c, const char *what, struct bytes content);
void net_count(struct net *net, const struct quic_connection *c, struct bytes body);
void *sim_alloc(size_t size); /* zeros */
/* The rules of the contract, or of the simulation, are broken: says so and ends the program. */
void sim_broken(const char *what) __attribute__((noreturn));

#endif
