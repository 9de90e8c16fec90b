/*
 * Thousands of phones in one thread: a few endpoints (UDP sockets), each with its share of the
 * members' connections. Opening goes on in the background of swarm_step, a bounded number of
 * handshakes at a time.
 */
#ifndef CHAPPE_BENCH_SWARM_H
#define CHAPPE_BENCH_SWARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/load/histogram.h"
#include "tests/bench/load/member.h"

#define SWARM_ENDPOINTS 8
#define SWARM_HANDSHAKES 64   /* unfinished ones at a time: the relay demands Retry from 256 on */
#define SWARM_PACKET_MAX 1100 /* bytes of a media packet */

struct swarm {
    struct quic_endpoint *endpoints[SWARM_ENDPOINTS];
    int epoll;
    struct address relay;
    struct member *members;
    size_t count, dialed, ready, lost;
    bool ending; /* connections that close are no news */
    /* Since the last swarm_clear. */
    uint64_t received;
    struct histogram latency;
};

/* Makes the endpoints and room for `count` members, none of them there yet. 0 or an error. */
int swarm_init(struct swarm *s, const struct address *relay, size_t count);
void swarm_free(struct swarm *s); /* parts politely */

/* The endpoint that a member's connection is on. */
struct quic_endpoint *swarm_endpoint(struct swarm *s, const struct member *m);

/*
 * Waits until something happens or `until` (CLOCK_MONOTONIC), handles it, flushes. 0 or an error.
 */
int swarm_step(struct swarm *s, uint64_t until);
/* Steps until every member is ready; ERR_CLOSED if one is lost, ERR_TIMEOUT at `until`. */
int swarm_open(struct swarm *s, uint64_t until);
/* Sends what members have queued. */
void swarm_flush(struct swarm *s, uint64_t now);
/* Packets queued by us that did not leave an endpoint yet. */
uint64_t swarm_waiting(const struct swarm *s, uint64_t queued);
void swarm_clear(struct swarm *s);

#endif
