#include "dataplane/quic/id_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

#define ID_TABLE_FIRST_CAPACITY 64

void id_table_init(struct id_table *t, uint64_t seed)
{
    *t = (struct id_table){.seed = seed};
}

void id_table_free(struct id_table *t)
{
    free(t->slots);
    *t = (struct id_table){.seed = t->seed};
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash(const struct id_table *t, struct bytes key)
{
    uint64_t words[3] = {0, 0, 0};
    memcpy(words, key.data, key.len);
    uint64_t h = t->seed ^ (key.len * UINT64_C(0x9e3779b97f4a7c15));
    h = fold(h ^ words[0], t->seed ^ UINT64_C(0xa0761d6478bd642f));
    h = fold(h ^ words[1], t->seed ^ UINT64_C(0xe7037ed1a0b428db));
    return fold(h ^ words[2], t->seed ^ UINT64_C(0x8ebc6af09c88c6e3));
}

static bool matches(const struct id_slot *slot, struct bytes key)
{
    return slot->len == key.len && memcmp(slot->key, key.data, key.len) == 0;
}

/* The key's slot, or the free one where it belongs. The table is never full. */
static size_t locate(const struct id_table *t, struct bytes key)
{
    size_t at = (size_t)hash(t, key) & (t->capacity - 1);
    while (t->slots[at].value && !matches(&t->slots[at], key))
        at = (at + 1) & (t->capacity - 1);
    return at;
}

static void put(struct id_table *t, struct bytes key, void *value)
{
    struct id_slot *slot = &t->slots[locate(t, key)];
    slot->value = value;
    slot->len = (uint8_t)key.len;
    memcpy(slot->key, key.data, key.len);
}

static int grow(struct id_table *t)
{
    struct id_table bigger = *t;
    bigger.capacity = t->capacity ? t->capacity * 2 : ID_TABLE_FIRST_CAPACITY;
    bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
    if (!bigger.slots)
        return ERR_MEMORY;
    for (size_t i = 0; i < t->capacity; i++) {
        const struct id_slot *slot = &t->slots[i];
        if (slot->value)
            put(&bigger, (struct bytes){slot->key, slot->len}, slot->value);
    }
    free(t->slots);
    *t = bigger;
    return ERR_OK;
}

int id_table_add(struct id_table *t, struct bytes key, void *value)
{
    if (key.len > ID_TABLE_KEY_MAX)
        return ERR_RANGE;
    if ((t->count + 1) * 4 > t->capacity * 3 && grow(t) != ERR_OK)
        return ERR_MEMORY;
    if (t->slots[locate(t, key)].value)
        return ERR_EXISTS;
    put(t, key, value);
    t->count++;
    return ERR_OK;
}

void *id_table_find(const struct id_table *t, struct bytes key)
{
    if (t->count == 0 || key.len > ID_TABLE_KEY_MAX)
        return NULL;
    return t->slots[locate(t, key)].value;
}

/* Moves later entries of the same run back, so that no search stops short at the hole. */
static void close_hole(struct id_table *t, size_t hole)
{
    size_t mask = t->capacity - 1;
    for (size_t at = (hole + 1) & mask; t->slots[at].value; at = (at + 1) & mask) {
        const struct id_slot *slot = &t->slots[at];
        size_t home = (size_t)hash(t, (struct bytes){slot->key, slot->len}) & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        t->slots[hole] = *slot;
        hole = at;
    }
    t->slots[hole].value = NULL;
}

void id_table_remove(struct id_table *t, struct bytes key, const void *value)
{
    if (t->count == 0 || key.len > ID_TABLE_KEY_MAX)
        return;
    size_t at = locate(t, key);
    if (!t->slots[at].value || t->slots[at].value != value)
        return;
    close_hole(t, at);
    t->count--;
}
