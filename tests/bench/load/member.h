/*
 * One phone of the load: a connection of its own, with an identity of its own, that either joins a
 * room (protocol.md 4.4) or registers (5.7). It says what has to be said once and then holds still;
 * what it hears counts for its swarm.
 */
#ifndef CHAPPE_BENCH_MEMBER_H
#define CHAPPE_BENCH_MEMBER_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/keys.h"
#include "dataplane/quic/quic.h"

#define MEMBER_SNI_SIZE 32

enum member_state {
    MEMBER_IDLE, /* not dialed yet */
    MEMBER_DIALED,
    MEMBER_READY, /* CallAnswer or RegisterPresenceAck came */
    MEMBER_LOST,
};

struct swarm;

struct member {
    struct swarm *swarm;
    enum member_state state;
    char sni[MEMBER_SNI_SIZE];
    struct quic_connection *connection;
    struct keys_ed25519 key;
    uint32_t sent; /* media packets */
};

/* SNI of a phone that registers instead of joining a room. */
#define MEMBER_SIGNAL_SNI "_signal"

/* Makes the identity. 0 or an error of random_fill or keys. */
int member_init(struct member *m, struct swarm *swarm, const char *sni);
/* Handshake over: sends CallOffer or RegisterPresence. 0 or an error. */
int member_greet(struct member *m, const struct quic_peer *peer);
/* 1 if this message makes the member ready, 0 if not, negative if it is a refusal. */
int member_hear(const struct member *m, struct bytes message);
/* Queues one stamped media packet of `size` bytes. 0 or an error. */
int member_talk(struct member *m, struct quic_endpoint *e, size_t size, uint64_t now);

#endif
