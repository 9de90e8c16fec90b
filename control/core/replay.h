/*
 * Memory of the CallOffers of media joins. Their signature covers neither relay nor room nor time
 * (defect 14), so a captured one could be used again: each (identity key, ephemeral key) pair is
 * good once within some minutes. Capped; the oldest go first. In records, because a new control
 * plane must not forget.
 */
#ifndef CHAPPE_CONTROL_CORE_REPLAY_H
#define CHAPPE_CONTROL_CORE_REPLAY_H

#include "control/core/state.h"

#define REPLAY_NS (600 * CLOCK_SECOND)
#define REPLAY_MAX 65536
#define REPLAY_SWEEP_NS (30 * CLOCK_SECOND) /* old ones go in batches */
#define REPLAY_KEY_SIZE 16                  /* the first bytes of SHA-256 of both keys */

struct replay {
    uint8_t key[REPLAY_KEY_SIZE];
    uint64_t expires;
    UT_hash_handle hh;
};

bool replay_seen(struct core *c, const uint8_t identity[32], const uint8_t ephemeral[32]);
void replay_remember(struct core *c, const uint8_t identity[32], const uint8_t ephemeral[32]);
/* Adoption: a record; then once, when all are read. ERR_SYNTAX, ERR_MEMORY. */
int replay_restore(struct core *c, struct bytes name, struct bytes value);
void replay_restored(struct core *c);
void replay_init(struct core *c);
void replay_free(struct core *c);

#endif
