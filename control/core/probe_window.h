/*
 * The last 60 pings of a probe and what came back: round-trip time, loss and jitter as the original
 * computes them (protocol.md 5.14), except that a ping counts as lost only after a second.
 */
#ifndef CHAPPE_CONTROL_CORE_PROBE_WINDOW_H
#define CHAPPE_CONTROL_CORE_PROBE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_WINDOW 60
#define PROBE_LOST_NS UINT64_C(1000000000)

/* Zero-initialised is valid and empty. */
struct probe_window {
    struct {
        uint64_t timestamp_ms; /* what the Ping says */
        uint64_t sent;         /* ns */
        uint64_t rtt;          /* ns; 0: not answered */
    } pings[PROBE_WINDOW];
    size_t count; /* ever */
};

struct probe_figures {
    bool answered;    /* at least one */
    double rtt_ms;    /* of the last answer */
    double loss_pct;  /* 0 without pings */
    double jitter_ms; /* standard deviation of the round-trip times */
};

void probe_window_sent(struct probe_window *w, uint64_t timestamp_ms, uint64_t now);
/* A Pong; one that nobody waits for changes nothing. */
void probe_window_answered(struct probe_window *w, uint64_t timestamp_ms, uint64_t now);
struct probe_figures probe_window_figures(const struct probe_window *w, uint64_t now);

#endif
