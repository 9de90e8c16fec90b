/*
 * What went over the link to a peer, for operators: packets of media in, out and lost on the way
 * out. The data plane counts per life of its link; these sums go on over several.
 */
#ifndef CHAPPE_CONTROL_CORE_PEER_TRAFFIC_H
#define CHAPPE_CONTROL_CORE_PEER_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/catalogue.h"

#define PEER_TRAFFIC_WINDOW_NS (10 * UINT64_C(1000000000)) /* of the loss that is shown */
#define PEER_TRAFFIC_NO_LOSS (-1.0)

struct peer_packets {
    uint64_t in;
    uint64_t out;
    uint64_t lost;
};

/* Zero-initialised is valid: nothing known. */
struct peer_traffic {
    struct peer_packets sum;
    struct peer_packets last;   /* as the data plane last said */
    struct peer_packets window; /* the sum when the window began */
    uint64_t window_start;      /* ns; 0: none */
    double loss;                /* percent, of the last whole window; see peer_traffic_loss */
    bool loss_known;
    uint32_t rtt_us;       /* 0: not known */
    uint32_t datagram_max; /* bytes with the tag; 0: not known */
};

void peer_traffic_take(struct peer_traffic *t, const struct ipc_link_state *state, uint64_t now);
/* Percent of what went out in the last 10 s; PEER_TRAFFIC_NO_LOSS if nothing did. */
double peer_traffic_loss(const struct peer_traffic *t);

#endif
