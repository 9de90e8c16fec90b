/*
 * Draining: the relay takes no new calls, joins and registrations, closes what is idle, and stops
 * both planes when nothing is left, or at a deadline.
 *
 * What is in use stays: phones with a call, members of rooms, the links that they need, and
 * whoever joins the room of a call that is there. Everything else is closed with the reason
 * "draining", so that phones and peers look elsewhere; once a second, as things become idle. When
 * no call is left the data plane refuses new connections in the handshake.
 *
 * The operator's wish is a record, so that the next control plane goes on with it. It ends with the
 * data plane: one that is started afterwards takes calls.
 */
#ifndef CHAPPE_CONTROL_CORE_DRAIN_H
#define CHAPPE_CONTROL_CORE_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "control/core/timer.h"

#define DRAIN_LOOK_NS CLOCK_SECOND
#define DRAIN_REASON "draining"
#define DRAIN_REFUSAL "the relay is being drained"

struct peer;
struct phone;

struct drain {
    bool on;
    bool told;         /* by the operator, to this core: counts more than the record */
    bool refusing;     /* the data plane refuses new connections */
    bool stopped;      /* the data plane was told to stop */
    uint64_t deadline; /* ns; UINT64_MAX: none */
    struct timer timer;
};

void drain_init(struct core *c);
/* Before adoption. */
void drain_forget(struct core *c);
/* 0 or ERR_SYNTAX. */
int drain_restore(struct core *c, struct bytes name, struct bytes value);
/* At the end of adoption: goes on, if there is something to go on with. */
void drain_adopted(struct core *c);

/* Whether the relay is draining and does not let this in any more. */
bool drain_refuses_phone(const struct core *c, const struct phone *current); /* that it replaces */
bool drain_refuses_peer(const struct core *c, const struct peer *peer);

#endif
