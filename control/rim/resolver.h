/*
 * Host names of peers, looked up by getaddrinfo() in a thread of its own, because it may block for
 * many seconds and the control plane must not.
 */
#ifndef CHAPPE_CONTROL_RIM_RESOLVER_H
#define CHAPPE_CONTROL_RIM_RESOLVER_H

#include "control/core/core.h"

#define RESOLVER_QUEUE_MAX 1024 /* names waiting; one for each configured peer is the most */

struct resolver;

int resolver_init(struct resolver **out); /* 0, ERR_MEMORY, ERR_SYSTEM */
/* Waits for the lookup that is under way, if any. */
void resolver_free(struct resolver *r);

/* Readable when an answer waits. */
int resolver_fd(const struct resolver *r);
/* Takes a CORE_ASK_RESOLVE. 0, ERR_FULL or ERR_MEMORY. */
int resolver_ask(struct resolver *r, const struct core_question *question);
/* Takes the next answer; false when there is none. */
bool resolver_answer(struct resolver *r, struct core_answer *answer);

#endif
