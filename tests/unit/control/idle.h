/*
 * A core and a contract to which nobody has spoken yet, for tests of the rim that only look at
 * them.
 */
#ifndef CHAPPE_TESTS_UNIT_CONTROL_IDLE_H
#define CHAPPE_TESTS_UNIT_CONTROL_IDLE_H

#include "common/clock.h"
#include "control/core/core.h"
#include "ipc/control_side.h"

#define IDLE_NOW (100 * CLOCK_SECOND)
#define IDLE_DATA_EPOCH 77
#define IDLE_CONTROL_EPOCH 88

struct idle {
    struct config config;
    struct core *core;
    struct ipc_control_side *contract;
};

/* Effects of a core that nobody looks at. */
void idle_ignore_question(void *context, const struct core_question *question);
void idle_ignore_log(void *context, enum log_level level, const char *event,
                     const struct log_field *fields, size_t count);

/* 0 or an error. What was made so far is freed with idle_end in any case. */
int idle_begin(struct idle *idle, const char *yaml);
void idle_end(struct idle *idle);
/* The contract has adopted an empty data plane; the core is not told. */
void idle_adopt(struct idle *idle);

#endif
