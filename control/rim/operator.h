/*
 * The operator's window: answers chappectl's requests with JSON.
 *
 *   request   {"command":"peers"}
 *   answer    {"ok":true,"result":...}   or   {"ok":false,"error":"..."}
 *
 * One table (operator.c) holds the commands; it only reads.
 */
#ifndef CHAPPE_CONTROL_RIM_OPERATOR_H
#define CHAPPE_CONTROL_RIM_OPERATOR_H

#include "common/bytes.h"
#include "control/core/core.h"
#include "ipc/control_side.h"

#define OPERATOR_REQUEST_MAX 4096 /* bytes */

struct operator_window {
    const struct config *config;
    const struct core *core;
    const struct ipc_control_side *contract;
    const char *build;
    const char *aes;  /* what the data plane said of itself; "" = nothing yet */
    uint64_t started; /* ns */
};

/* Always writes one answer, unless memory is out (answer->failed). */
void operator_answer(const struct operator_window *w, struct bytes request, uint64_t now,
                     struct buffer *answer);

#endif
