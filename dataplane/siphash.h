/*
 * SipHash-2-4: a keyed 64-bit hash of short inputs (Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF", 2012). Who does not know the key cannot make inputs collide, so that no peer
 * can aim at a slot of a table.
 */
#ifndef CHAPPE_DATAPLANE_SIPHASH_H
#define CHAPPE_DATAPLANE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t k0;
    uint64_t k1;
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
