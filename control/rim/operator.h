/*
 * The operator's window: answers chappectl's requests with JSON.
 *
 *   request   {"command":"peers"}
 *   answer    {"ok":true,"result":...}   or   {"ok":false,"error":"..."}
 *
 * "usage":true in a refusal: the request's argument makes no sense. "warning":"..." beside any
 * answer: the data plane does not answer, so that the views show what was, not what is.
 *
 * Two tables (operator.c) hold the commands: views only read; actions are the plane's own.
 */
#ifndef CHAPPE_CONTROL_RIM_OPERATOR_H
#define CHAPPE_CONTROL_RIM_OPERATOR_H

#include "common/bytes.h"
#include "control/core/core.h"
#include "ipc/control_side.h"

#define OPERATOR_REQUEST_MAX 4096            /* bytes */
#define OPERATOR_DEADLINE_MAX (365u * 86400) /* seconds of a drain */

/* 0 and the result as JSON, or an error and a JSON text that says why; owned by the caller. */
struct operator_actions {
    int (*reload)(void *context, cJSON **result);
    /* `seconds` NULL: no deadline. They cannot fail; without a data plane they are not called:
       there is nothing that could close connections, and nowhere to keep the wish. */
    void (*drain)(void *context, const uint32_t *seconds);
    void (*undrain)(void *context);
    /* core_route: others may be asked. */
    cJSON *(*route)(void *context, const char *fingerprint, uint64_t now);
    void *context;
};

struct operator_window {
    const struct config *config;
    const struct core *core;
    const struct ipc_control_side *contract;
    const char *build;
    const char *aes;          /* what the data plane said of itself; "" = nothing yet */
    uint64_t started;         /* ns */
    bool answered;            /* adopted, and the data plane gives signs of life */
    bool silent;              /* it gives none ... */
    uint64_t silent_since_ms; /* ... since then, wall clock */
    struct operator_actions actions;
};

/* Always writes one answer, unless memory is out (answer->failed). */
void operator_answer(const struct operator_window *w, struct bytes request, uint64_t now,
                     struct buffer *answer);

#endif
