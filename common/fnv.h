/*
 * FNV-1a of 64 bits: tells whether something is still what it was. Not for what others choose and
 * could make collide on purpose: that is siphash.h, or SHA-256. Source: the Internet draft
 * draft-eastlake-fnv.
 */
#ifndef CHAPPE_COMMON_FNV_H
#define CHAPPE_COMMON_FNV_H

#include <stddef.h>
#include <stdint.h>

/* The hash of nothing. */
#define FNV64 UINT64_C(0xcbf29ce484222325)

/* The hash of what `hash` is of, and these bytes behind it. */
static inline uint64_t fnv64_add(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
