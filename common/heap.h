/*
 * A binary min-heap of deadlines, for timers. The nodes live inside the caller's own structs, and
 * each knows its place, so that a deadline moves or goes in O(log n). The heap holds pointers only:
 * it never frees a node, and a node must be removed before its memory goes.
 */
#ifndef CHAPPE_COMMON_HEAP_H
#define CHAPPE_COMMON_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is valid and means "in no heap". Both fields belong to the heap. */
struct heap_node {
    uint64_t key;    /* the deadline in nanoseconds; smallest first, equal ones in no fixed order */
    size_t position; /* index in the heap + 1; 0 = in no heap */
};

/* Zero-initialised is valid and empty. */
struct heap {
    struct heap_node **nodes;
    size_t count;
    size_t capacity;
};

/* The struct that holds a node: heap_entry(node, struct connection, timer). */
#define heap_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

void heap_init(struct heap *h);
void heap_free(struct heap *h); /* takes all nodes out first; frees only the heap's own memory */

/* Makes room for `count` nodes in all, so that heap_set cannot fail up to there. 0 or ERR_MEMORY.
 */
int heap_reserve(struct heap *h, size_t count);

/*
 * Gives a node its deadline: puts it in if it is in no heap, else moves it. A node may be in one
 * heap only. 0, or ERR_MEMORY (only when it was not in; then it still is not).
 */
int heap_set(struct heap *h, struct heap_node *node, uint64_t key);
void heap_remove(struct heap *h, struct heap_node *node); /* nothing happens if it is in no heap */
bool heap_contains(const struct heap_node *node);         /* true if it is in a heap */

struct heap_node *heap_first(const struct heap *h); /* the smallest key, or NULL */
/* Takes out and returns the first node if its key is <= now, else NULL. */
struct heap_node *heap_pop_due(struct heap *h, uint64_t now);

#endif
