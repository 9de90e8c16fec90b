/*
 * A worker's line to the control plane: its inputs and notices go up, transactions and snapshot
 * requests come down. The rules of the contract are ipc/data_side.h's; here its callbacks meet the
 * exchange, and the nng sockets are emptied a little at a time.
 */
#ifndef CHAPPE_DATAPLANE_UPLINK_H
#define CHAPPE_DATAPLANE_UPLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/log_limiter.h"
#include "dataplane/commit.h"
#include "dataplane/exchange.h"
#include "dataplane/pressure.h"
#include "ipc/data_side.h"
#include "ipc/sockets.h"

#define UPLINK_TICK (100 * CLOCK_MS)     /* uplink_tick */
#define UPLINK_NOTICE (1 * CLOCK_SECOND) /* uplink_notices */

struct uplink {
    struct exchange *exchange;   /* borrowed */
    struct ipc_sockets *sockets; /* borrowed */
    struct ipc_data_side *side;
    struct commit commit; /* between check and commit */
    struct pressure pressure;
    struct buffer scratch;
    struct log_limiter log; /* against floods of refusals */
    uint64_t now;           /* of this turn of the worker's loop; the worker sets it */
    uint64_t started_ms;    /* wall clock */
};

/* `epoch`: of this life of the data plane. 0 or ERR_MEMORY. */
int uplink_init(struct uplink *u, struct exchange *exchange, struct ipc_sockets *sockets,
                uint64_t epoch, uint64_t started_ms);
void uplink_free(struct uplink *u);

/* Inputs. 0, or an error: it was not taken, and the caller closes the connection. */
int uplink_opened(struct uplink *u, const struct session *c);
int uplink_signal(struct uplink *u, const struct session *c, struct bytes body);
/* This one is kept and tried again with every turn if it cannot be taken now. */
void uplink_closed(struct uplink *u, struct session *c, const struct quic_close *why);

/* Takes some of the commands that wait. True: there may be more. */
bool uplink_receive(struct uplink *u);
/* Answers one snapshot request, if one waits. True: there may be more. */
bool uplink_answer(struct uplink *u);
/* Every UPLINK_TICK, also when idle. */
void uplink_tick(struct uplink *u);
/* Every UPLINK_NOTICE: counters, link states, our own state. */
void uplink_notices(struct uplink *u);
/* Publishes what the exchange wants to be told, and follows the pressure: once per turn. */
void uplink_flush(struct uplink *u);

#endif
