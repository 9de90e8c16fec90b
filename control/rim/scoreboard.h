/*
 * The newest value of each counter that the data plane publishes (notices: any may be lost, the
 * next one replaces it). What /metrics shows of the data plane.
 */
#ifndef CHAPPE_CONTROL_RIM_SCOREBOARD_H
#define CHAPPE_CONTROL_RIM_SCOREBOARD_H

#include "ipc/catalogue.h"

#define SCOREBOARD_MAX 512       /* counters; further names are ignored */
#define SCOREBOARD_NAME_SIZE 64  /* bytes of a name with its NUL; longer ones are ignored */
#define SCOREBOARD_HELP_SIZE 160 /* with its NUL; longer ones are cut */

struct scoreboard_entry {
    char name[SCOREBOARD_NAME_SIZE]; /* [a-z0-9_] only, so that it can be a metric's name */
    char help[SCOREBOARD_HELP_SIZE]; /* what it counts */
    uint64_t value;
};

/* Zero-initialised is valid and empty. */
struct scoreboard {
    struct scoreboard_entry entries[SCOREBOARD_MAX];
    size_t count;
};

void scoreboard_take(struct scoreboard *s, const struct ipc_counter *counter);
/* 0 for a name that was never heard. */
uint64_t scoreboard_value(const struct scoreboard *s, const char *name);

#endif
