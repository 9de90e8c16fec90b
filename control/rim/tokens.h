/*
 * Token checks against `auth.url` (protocol.md 4.5): POST {"token":"..."}, five seconds in all, no
 * redirects; libcurl's multi interface, driven by one descriptor.
 */
#ifndef CHAPPE_CONTROL_RIM_TOKENS_H
#define CHAPPE_CONTROL_RIM_TOKENS_H

#include "control/core/core.h"

#define TOKENS_TIMEOUT_MS 5000
#define TOKENS_ANSWER_MAX 65536 /* bytes of an answer's body; more is a refusal */
#define TOKENS_OPEN_MAX 1024    /* checks under way; more are refused */

struct tokens;

/* `url` is copied. `answered` is called from tokens_run. 0, ERR_MEMORY, ERR_SYSTEM. */
int tokens_init(struct tokens **out, const char *url,
                void (*answered)(void *context, const struct core_answer *answer), void *context);
/* For checks that begin from now on. 0 or ERR_MEMORY: then it is as it was. */
int tokens_set_url(struct tokens *t, const char *url);
/* Drops what is under way without an answer. */
void tokens_free(struct tokens *t);

/* Readable when tokens_run has something to do. */
int tokens_fd(const struct tokens *t);
void tokens_run(struct tokens *t);
/* Takes a CORE_ASK_TOKEN. 0, ERR_FULL, ERR_MEMORY. */
int tokens_ask(struct tokens *t, const struct core_question *question);

/* What an answer's body says, without HTTP: fills ok, fingerprint, why. For tokens.c and its test.
 */
void tokens_read(struct bytes body, struct core_answer *answer);

#endif
