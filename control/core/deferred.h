/*
 * Work that is done once at the end of a transaction, however often it was asked for in it: the
 * record of a changed object, the RoomUpdate of a room with new members. Runs in the order of the
 * first request.
 */
#ifndef CHAPPE_CONTROL_CORE_DEFERRED_H
#define CHAPPE_CONTROL_CORE_DEFERRED_H

#include <stdbool.h>

#include "ipc/catalogue.h"

/* Bytes. As many are left for what the last piece of work adds. */
#define DEFERRED_ROW_MAX (IPC_ROW_MAX / 2)

struct core;

struct deferred {
    void (*run)(struct core *c, struct deferred *work);
    struct deferred *prev;
    struct deferred *next;
    bool queued;
};

void deferred_add(struct core *c, struct deferred *work);
/* Before the memory of `work` goes. */
void deferred_cancel(struct core *c, struct deferred *work);
/* Runs all, also what is added meanwhile. True: the row is longer than DEFERRED_ROW_MAX, and the
   rest is left for another one. */
bool deferred_run(struct core *c);

#endif
