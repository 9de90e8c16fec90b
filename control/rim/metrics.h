/*
 * What /metrics says, in Prometheus's text format 0.0.4. The names of the original that we have a
 * meaning for (protocol.md 5.18) and our own: chappe_control_* (the core's table), chappe_data_*
 * (what the data plane counts), chappe_drops_total by reason. Labels are configured names only, so
 * that no peer can make series.
 */
#ifndef CHAPPE_CONTROL_RIM_METRICS_H
#define CHAPPE_CONTROL_RIM_METRICS_H

#include "control/core/core.h"
#include "control/rim/scoreboard.h"
#include "ipc/control_side.h"

struct metrics_source {
    const struct core *core;
    const struct ipc_control_side *contract;
    const struct scoreboard *data;
    const char *build;
    uint64_t now; /* ns */
};

/* Appends the whole page; a lack of memory shows in the buffer. */
void metrics_write(const struct metrics_source *source, struct buffer *out);

#endif
