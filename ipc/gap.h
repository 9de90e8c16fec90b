/*
 * When to send again: both sides of the contract decide it alike, from what the other one reports
 * every 100 ms. A report that is merely behind what is on its way must not make a flood.
 */
#ifndef CHAPPE_IPC_GAP_H
#define CHAPPE_IPC_GAP_H

#include <stdbool.h>
#include <stdint.h>

/* At most so much is sent again at once; the next report brings the rest. */
#define GAP_RESEND_MESSAGES 4096
#define GAP_RESEND_BYTES (8u * 1024 * 1024)

/* Zero-initialised is valid: nothing reported, nothing sent. */
struct gap {
    uint64_t received; /* the highest that was reported */
    uint64_t sent;     /* the last one sent at the time of the last report */
    bool repeated;     /* sent again since the last tick */
};

/* Begins anew: the other side has everything up to `received`, and nothing more was sent. */
void gap_reset(struct gap *g, uint64_t received);
/*
 * The other side reports what it received last, and whether it saw something beyond the next one.
 * `sent`: the last one sent. True: send again from received + 1 now; at most once a tick. That is
 * so if it saw a gap, or if what had been sent at the previous report has not come since.
 */
bool gap_report(struct gap *g, uint64_t received, bool seen, uint64_t sent);
void gap_tick(struct gap *g);

#endif
