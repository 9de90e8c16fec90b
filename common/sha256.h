/*
 * SHA-256 of one piece of memory (FIPS 180-4).
 */
#ifndef CHAPPE_COMMON_SHA256_H
#define CHAPPE_COMMON_SHA256_H

#include <stdint.h>

#include "common/bytes.h"

#define SHA256_SIZE 32

/* Returns 0 or ERR_CRYPTO; on failure `out` is all zeros. */
int sha256(struct bytes data, uint8_t out[SHA256_SIZE]);
/* SHA-256 of the concatenation of two views; either may be empty. */
int sha256_two(struct bytes first, struct bytes second, uint8_t out[SHA256_SIZE]);

#endif
