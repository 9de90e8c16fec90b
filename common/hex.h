/*
 * Hexadecimal digits, as identity files, fingerprints and hashed room names use them.
 */
#ifndef CHAPPE_COMMON_HEX_H
#define CHAPPE_COMMON_HEX_H

#include <stddef.h>
#include <stdint.h>

/* The value of one digit of either case, or -1. */
int hex_value(char c);

/* Writes 2 * len lower-case digits and a NUL: out holds 2 * len + 1 bytes. */
void hex_encode(const void *data, size_t len, char *out);

/*
 * Reads exactly 2 * len digits of either case from `text`, which need not end in a NUL. Returns 0,
 * or ERR_SYNTAX (what `out` then holds is undefined).
 */
int hex_decode(const char *text, void *out, size_t len);

#endif
