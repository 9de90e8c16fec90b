/*
 * What /metrics says, in Prometheus's text format 0.0.4:
 *
 *   wzp_*                 the original's names (protocol.md 5.18) that have a meaning here
 *   chappe_drops_total    everything that was dropped, by plane and reason
 *   chappe_peer_*         by peer relay
 *   chappe_control_*      what the control plane counts; chappe_data_* what the data plane does
 *
 * Label values are names of the config, reasons, variants and the like, so that no peer can make
 * series. Not there are the original's wzp_relay_session_*: loss and round trip of single sessions
 * (a series for each phone, out of reports in its media, which no plane of ours reads), jitter
 * buffers and loss recovery (a relay has none; the original never updates these either).
 */
#ifndef CHAPPE_CONTROL_RIM_METRICS_H
#define CHAPPE_CONTROL_RIM_METRICS_H

#include "common/event_file.h"
#include "control/core/core.h"
#include "control/rim/lives.h"
#include "control/rim/scoreboard.h"
#include "ipc/control_side.h"

struct metrics_source {
    const struct core *core;
    const struct ipc_control_side *contract;
    const struct scoreboard *data;
    const struct lives *lives;
    const struct event_file *events; /* the control plane's part of the event log */
    const char *build;
    bool answered; /* the data plane is adopted and gives signs of life: else no link is up */
    uint64_t now;  /* ns */
};

/* Appends the whole page; a lack of memory shows in the buffer. */
void metrics_write(const struct metrics_source *source, struct buffer *out);

#endif
