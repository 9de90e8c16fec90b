/*
 * The core's questions: each goes to the helper that can answer it (oracle, tokens, resolver), and
 * the answers wait here until the core is free to take them. What cannot be asked is answered with
 * a refusal, so that every question has its answer; one that memory is too short for is logged, and
 * the core's own deadlines deal with it.
 */
#ifndef CHAPPE_CONTROL_RIM_QUESTIONS_H
#define CHAPPE_CONTROL_RIM_QUESTIONS_H

#include "control/core/core.h"
#include "control/rim/oracle.h"
#include "control/rim/resolver.h"
#include "control/rim/tokens.h"

struct questions {
    struct oracle oracle;
    struct resolver *resolver;
    struct tokens *tokens;       /* NULL: no auth.url */
    struct core_answer *answers; /* in the order in which they came */
    size_t count, capacity;
};

/* Derives the identity key from `seed`. `auth_url` NULL: none. 0, or an error; then it is empty. */
int questions_init(struct questions *q, const struct identity_seed *seed, const char *auth_url);
void questions_free(struct questions *q);

/* After a reload; with NULL, checks under way come to their end. 0, ERR_MEMORY, ERR_SYSTEM. */
int questions_set_auth(struct questions *q, const char *auth_url);

/* Answers at once, or passes the question to a helper that will. */
void questions_ask(struct questions *q, const struct core_question *question);
/* Takes what the resolver has ready (its descriptor is readable). */
void questions_take_resolved(struct questions *q);
/* Gives all answers to the core; it may ask on meanwhile. */
void questions_give(struct questions *q, struct core *core, uint64_t now);
/* The core forgot its questions: so do we. */
void questions_forget(struct questions *q);

#endif
