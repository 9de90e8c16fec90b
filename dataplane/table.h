/*
 * A hash table whose nodes live in the caller's own structs, and which can be walked in slices: a
 * node keeps its slot as long as it is in the table, so that a walk may be resumed at a slot after
 * anything was inserted or removed.
 *
 * Keys are the caller's business: it hashes them with table_hash(), walks the nodes of that hash
 * with table_first() and table_next(), and compares. The table never frees a node.
 */
#ifndef CHAPPE_DATAPLANE_TABLE_H
#define CHAPPE_DATAPLANE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "dataplane/siphash.h"

struct table_node {
    struct table_node *next; /* of the same bucket */
    uint64_t hash;
    uint32_t slot;
};

struct table {
    struct siphash_key key;
    struct table_node **buckets; /* bucket_count is a power of two, or 0 */
    size_t bucket_count;
    size_t count;
    struct table_node **slots; /* slot_used of them are or were in use, NULL = free */
    uint32_t *free_slots;      /* numbers of the free ones below slot_used */
    size_t slot_used;
    size_t slot_free;
    size_t slot_capacity;
};

/* The struct that holds a node: table_entry(node, struct room, node). */
#define table_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

void table_init(struct table *t, const struct siphash_key *key);
void table_free(struct table *t); /* only the table's own memory */

/* Makes room, so that the next `more` inserts cannot fail. 0, ERR_MEMORY or ERR_FULL (2^31). */
int table_reserve(struct table *t, size_t more);
/* 0, ERR_MEMORY, ERR_FULL. The node must be in no table; equal keys are not noticed. */
int table_insert(struct table *t, struct table_node *node, uint64_t hash);
void table_remove(struct table *t, struct table_node *node);

uint64_t table_hash(const struct table *t, struct bytes key);
struct table_node *table_first(const struct table *t, uint64_t hash);
struct table_node *table_next(const struct table_node *node); /* the next one of the same hash */

/* The first node at or behind *slot, which moves behind it; NULL: there is none. */
struct table_node *table_walk(const struct table *t, uint64_t *slot);

#endif
