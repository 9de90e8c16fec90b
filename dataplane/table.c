#include "dataplane/table.h"

#include <stdlib.h>

#include "common/error.h"

#define BUCKETS_MIN 16
#define SLOTS_MAX ((size_t)1 << 31)

void table_init(struct table *t, const struct siphash_key *key)
{
    *t = (struct table){.key = *key};
}

void table_free(struct table *t)
{
    free(t->buckets);
    free(t->slots);
    free(t->free_slots);
    *t = (struct table){.key = t->key};
}

static struct table_node **bucket_of(const struct table *t, uint64_t hash)
{
    return &t->buckets[hash & (t->bucket_count - 1)];
}

static int grow_buckets(struct table *t, size_t nodes)
{
    struct table old = *t;
    size_t count = t->bucket_count ? t->bucket_count : BUCKETS_MIN;

    while (count < nodes)
        count *= 2;
    if (count == t->bucket_count)
        return 0;
    struct table_node **buckets = calloc(count, sizeof(struct table_node *));
    if (!buckets)
        return ERR_MEMORY;
    t->buckets = buckets;
    t->bucket_count = count;
    for (size_t i = 0; i < old.bucket_count; i++) {
        for (struct table_node *node = old.buckets[i], *next; node; node = next) {
            next = node->next;
            node->next = *bucket_of(t, node->hash);
            *bucket_of(t, node->hash) = node;
        }
    }
    free(old.buckets);
    return 0;
}

static int grow_slots(struct table *t, size_t nodes)
{
    size_t capacity = t->slot_capacity ? t->slot_capacity : BUCKETS_MIN;

    while (capacity < nodes)
        capacity *= 2;
    if (capacity == t->slot_capacity)
        return 0;
    struct table_node **slots = realloc(t->slots, capacity * sizeof(struct table_node *));
    if (!slots)
        return ERR_MEMORY;
    t->slots = slots;
    uint32_t *free_slots = realloc(t->free_slots, capacity * sizeof(uint32_t));
    if (!free_slots)
        return ERR_MEMORY;
    t->free_slots = free_slots;
    t->slot_capacity = capacity;
    return 0;
}

int table_reserve(struct table *t, size_t more)
{
    if (more > SLOTS_MAX - t->count)
        return ERR_FULL;
    int err = grow_slots(t, t->count + more);
    return err ? err : grow_buckets(t, t->count + more);
}

int table_insert(struct table *t, struct table_node *node, uint64_t hash)
{
    int err = table_reserve(t, 1);

    if (err)
        return err;
    if (t->slot_free)
        node->slot = t->free_slots[--t->slot_free];
    else
        node->slot = (uint32_t)t->slot_used++;
    t->slots[node->slot] = node;
    node->hash = hash;
    node->next = *bucket_of(t, hash);
    *bucket_of(t, hash) = node;
    t->count++;
    return 0;
}

void table_remove(struct table *t, struct table_node *node)
{
    struct table_node **at = bucket_of(t, node->hash);

    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    node->next = NULL;
    t->slots[node->slot] = NULL;
    t->free_slots[t->slot_free++] = node->slot;
    t->count--;
}

uint64_t table_hash(const struct table *t, struct bytes key)
{
    return siphash(&t->key, key.data, key.len);
}

static struct table_node *of_hash(struct table_node *node, uint64_t hash)
{
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

struct table_node *table_first(const struct table *t, uint64_t hash)
{
    return t->bucket_count ? of_hash(*bucket_of(t, hash), hash) : NULL;
}

struct table_node *table_next(const struct table_node *node)
{
    return of_hash(node->next, node->hash);
}

struct table_node *table_walk(const struct table *t, uint64_t *slot)
{
    while (*slot < t->slot_used) {
        struct table_node *node = t->slots[(*slot)++];
        if (node)
            return node;
    }
    return NULL;
}
