/*
 * A faulty channel for messages, seeded: what nng, a restart or a full queue can do to them.
 */
#ifndef CHAPPE_TESTS_UNIT_IPC_CHANNEL_H
#define CHAPPE_TESTS_UNIT_IPC_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/* splitmix64: the next number of a seeded row. */
uint64_t rng_next(uint64_t *state);
/* True in `per_mille` of 1000 cases. */
bool rng_chance(uint64_t *state, unsigned per_mille);

/* Zero-initialised is valid: no faults, empty. */
struct channel {
    struct buffer *list;
    size_t count;
    size_t capacity;
    uint64_t *rng;
    bool cut;           /* nothing gets in */
    unsigned drop;      /* per mille of the messages */
    unsigned duplicate; /* likewise */
    unsigned reorder;   /* likewise: overtakes some that wait */
};

void channel_push(struct channel *c, struct bytes message);
/* Takes the first message out; the caller frees it. False: empty. */
bool channel_pop(struct channel *c, struct buffer *message);
void channel_clear(struct channel *c);
void channel_free(struct channel *c);

#endif
