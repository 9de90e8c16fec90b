#include "control/core/peer_traffic.h"

/* What came on since the last notice. */
static uint64_t rise(uint64_t now, uint64_t last)
{
    return now >= last ? now - last : now;
}

static void close_window(struct peer_traffic *t, uint64_t now)
{
    uint64_t out = t->sum.out - t->window.out;
    uint64_t lost = t->sum.lost - t->window.lost;
    t->loss_known = out > 0;
    t->loss = out == 0 ? 0 : 100.0 * (double)(lost < out ? lost : out) / (double)out;
    t->window = t->sum;
    t->window_start = now;
}

void peer_traffic_take(struct peer_traffic *t, const struct ipc_link_state *state, uint64_t now)
{
    const struct peer_packets fresh = {state->datagrams_in, state->datagrams_out,
                                       state->datagrams_lost};
    if (t->window_start == 0) {
        t->window_start = now;
    }
    t->sum.in += rise(fresh.in, t->last.in);
    t->sum.out += rise(fresh.out, t->last.out);
    t->sum.lost += rise(fresh.lost, t->last.lost);
    t->last = fresh;
    t->rtt_us = state->rtt_us;
    t->datagram_max = state->datagram_max;
    if (now - t->window_start >= PEER_TRAFFIC_WINDOW_NS)
        close_window(t, now);
}

double peer_traffic_loss(const struct peer_traffic *t)
{
    return t->loss_known ? t->loss : PEER_TRAFFIC_NO_LOSS;
}
