/*
 * A transaction of the control plane: all of its commands or none.
 *
 * In two steps, so that it cannot half-fail: commit_prepare() checks the caps and gets all memory
 * that the commands need; commit_apply() cannot fail. What a command then finds missing is skipped
 * and counted: the connection has closed (its `closed` is on its way), or is not there.
 *
 * Of a connection that has closed but is not forgotten the facts still change (join, leave,
 * link_join, records it owns), because they are what a new control plane adopts together with the
 * pending `closed`; nothing is sent to it.
 */
#ifndef CHAPPE_DATAPLANE_COMMIT_H
#define CHAPPE_DATAPLANE_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/exchange.h"
#include "ipc/catalogue.h"

/* What was made ready for one command; which members are used depends on it. */
struct commit_part {
    struct room *room; /* one reference */
    struct link *link; /* one reference */
    struct hops hops;
    struct route *route;
    struct record *record;
    struct session *session;
    struct quic_body *body;
    struct repeat *repeat;
    char *label;   /* of a link */
    bool promised; /* a place in `room` or in `link` */
};

/* Zero-initialised is valid and means "nothing prepared". */
struct commit {
    struct commit_part *parts; /* one for each item */
    size_t count;
};

/*
 * 0; ERR_FULL or ERR_TOO_LARGE: a cap would be broken; ERR_MEMORY. On an error nothing has changed
 * and nothing is prepared.
 */
int commit_prepare(struct commit *commit, struct exchange *x, const struct ipc_items *items);
/* Applies the items that were prepared, in their order; nothing is prepared afterwards. */
void commit_apply(struct commit *commit, struct exchange *x, const struct ipc_items *items,
                  uint64_t now);
/* Gives back what was prepared, if anything. */
void commit_abort(struct commit *commit, struct exchange *x);

#endif
