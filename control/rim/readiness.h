/*
 * What the service manager is told about the control plane, and when (common/notify.h).
 *
 * READY is said at the first adoption, so that `systemctl restart` returns when the relay is whole
 * again; but after READINESS_PATIENCE at the latest, because a control plane without a data plane
 * is a healthy process that waits, and must hold up no boot. The status line says which of the two.
 */
#ifndef CHAPPE_CONTROL_RIM_READINESS_H
#define CHAPPE_CONTROL_RIM_READINESS_H

#include <stdbool.h>

#include "common/clock.h"
#include "common/notify.h"
#include "control/core/core.h"

#define READINESS_PATIENCE (5 * CLOCK_SECOND)
#define READINESS_STATUS (1 * CLOCK_SECOND) /* between two looks at the status */

struct readiness {
    struct notify notify;
    uint64_t until;       /* READY is said then, whatever there is */
    uint64_t next_status; /* when to look again */
    bool ready;
    char status[NOTIFY_STATUS_MAX]; /* as it was said last */
};

/* From the environment; what makes no sense there is logged. */
void readiness_init(struct readiness *r, uint64_t now);
void readiness_free(struct readiness *r);

/* In every turn of the loop, at least every 100 ms. `live`: the core has adopted, and
   the data plane gives signs of life. */
void readiness_tick(struct readiness *r, const struct core *core, bool live, uint64_t now);
/* Around a reload. */
void readiness_reloading(struct readiness *r, uint64_t now);
void readiness_reloaded(struct readiness *r);
void readiness_stopping(struct readiness *r, const char *status);

#endif
