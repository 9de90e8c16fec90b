#include "common/signal_arena.h"

#include <stdint.h>
#include <stdlib.h>

#define BLOCK_MIN 256
#define BLOCK_MAX (64u * 1024)

struct signal_arena {
    struct signal_arena *older;
    size_t size;
    size_t used;
    max_align_t memory[];
};

static struct signal_arena *block_new(size_t size)
{
    struct signal_arena *block = calloc(1, sizeof(*block) + size);
    if (block != NULL)
        block->size = size;
    return block;
}

static size_t block_size(size_t hint)
{
    if (hint < BLOCK_MIN)
        return BLOCK_MIN;
    return hint > BLOCK_MAX ? BLOCK_MAX : hint;
}

/* A large piece gets a block of its own behind the newest, whose rest stays in use. */
static void *take_large(struct signal_arena **arena, size_t size)
{
    struct signal_arena *block = block_new(size);
    if (block == NULL)
        return NULL;
    block->used = size;
    if (*arena == NULL) {
        *arena = block;
    } else {
        block->older = (*arena)->older;
        (*arena)->older = block;
    }
    return block->memory;
}

void *signal_arena_take(struct signal_arena **arena, size_t size, size_t hint)
{
    const size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + align - 1) / align * align;
    struct signal_arena *block = *arena;
    if (block == NULL || size > block->size - block->used) {
        size_t fresh = block_size(hint);
        if (size > fresh / 4)
            return take_large(arena, size);
        block = block_new(fresh);
        if (block == NULL)
            return NULL;
        block->older = *arena;
        *arena = block;
    }
    void *piece = (char *)block->memory + block->used;
    block->used += size;
    return piece;
}

size_t signal_arena_size(const struct signal_arena *arena)
{
    size_t sum = 0;
    for (; arena != NULL; arena = arena->older)
        sum += sizeof(*arena) + arena->size;
    return sum;
}

void signal_arena_free(struct signal_arena *arena)
{
    while (arena != NULL) {
        struct signal_arena *older = arena->older;
        free(arena);
        arena = older;
    }
}
