/*
 * A deadline inside one of the core's objects. All of them lie in one heap (struct core, `timers`);
 * core_expire calls `due` for each whose time has come, inside a transaction, or several: a
 * thousand links may have much to be told at one time, and a row has an end (IPC_ROW_MAX).
 */
#ifndef CHAPPE_CONTROL_CORE_TIMER_H
#define CHAPPE_CONTROL_CORE_TIMER_H

#include <stdint.h>

#include "common/heap.h"

#define TIMER_ROW_MAX (1024u * 1024) /* bytes: more deadlines go into another transaction */

struct core;

struct timer {
    struct heap_node node;
    void (*due)(struct core *c, struct timer *timer); /* the timer is stopped by then */
};

/* Sets or moves the deadline, ns. Lack of memory fails the core (core_failed). */
void timer_set(struct core *c, struct timer *timer, uint64_t at);
void timer_stop(struct core *c, struct timer *timer);
/* Calls what is due at c->now. The last transaction is left to the caller. */
void timer_run(struct core *c);

#endif
