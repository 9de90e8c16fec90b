/*
 * The memory of one parsed message: pieces are taken one by one and freed all at once. An arena is
 * the newest of a chain of blocks; NULL is an empty one.
 */
#ifndef CHAPPE_COMMON_SIGNAL_ARENA_H
#define CHAPPE_COMMON_SIGNAL_ARENA_H

#include <stddef.h>

struct signal_arena;

/*
 * Zeroed memory, aligned for any type, valid until the arena is freed. NULL without memory. `hint`
 * is about how much will be taken altogether; it sizes the blocks.
 */
void *signal_arena_take(struct signal_arena **arena, size_t size, size_t hint);

/* What the arena has allocated, in bytes. */
size_t signal_arena_size(const struct signal_arena *arena);

void signal_arena_free(struct signal_arena *arena);

#endif
