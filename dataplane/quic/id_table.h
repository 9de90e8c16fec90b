/*
 * A hash table from short byte strings (connection ids, reset tokens, addresses) to pointers. The
 * keys come from the network, so the hash is keyed with a random seed. Open addressing; values are
 * borrowed and never NULL.
 */
#ifndef CHAPPE_QUIC_ID_TABLE_H
#define CHAPPE_QUIC_ID_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

#define ID_TABLE_KEY_MAX 20 /* bytes: the longest connection id of RFC 9000 */

struct id_slot {
    void *value; /* NULL = free */
    uint8_t len;
    uint8_t key[ID_TABLE_KEY_MAX];
};

/* Zero-initialised is valid and empty, with a seed that everybody knows. */
struct id_table {
    struct id_slot *slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;
    uint64_t seed;
};

void id_table_init(struct id_table *t, uint64_t seed);
void id_table_free(struct id_table *t);

/* 0; ERR_EXISTS if the key is there (its value stays); ERR_RANGE; ERR_MEMORY. */
int id_table_add(struct id_table *t, struct bytes key, void *value);
void *id_table_find(const struct id_table *t, struct bytes key); /* NULL = not there */
/* Removes the key if it is there with this very value. */
void id_table_remove(struct id_table *t, struct bytes key, const void *value);

#endif
