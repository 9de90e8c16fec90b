/*
 * Small helpers for text from outside: UTF-8, numbers, copies.
 */
#ifndef CHAPPE_COMMON_TEXT_H
#define CHAPPE_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/*
 * Reads the first code point of `s` (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
 * Returns its length in bytes, 1 to 4, or 0 if `s` is empty or does not start with valid UTF-8.
 */
size_t text_utf8(struct bytes s, uint32_t *code_point);

/*
 * True for what could fake or hide text on a terminal or in a log: control characters (C0, DEL,
 * C1), line and paragraph separators, and the marks that turn the reading direction.
 */
bool text_is_control(uint32_t code_point);

/* True if `s` is valid UTF-8 without such characters. True for an empty one. */
bool text_is_clean(struct bytes s);

/*
 * Reads a whole decimal number: digits only, no sign, no space. ERR_SYNTAX, or ERR_RANGE if it is
 * outside of min..max; `out` is then untouched.
 */
int text_parse_u64(struct bytes s, uint64_t min, uint64_t max, uint64_t *out);

/* A NUL-terminated copy that the caller frees; NULL without memory. A NUL inside stays inside. */
char *text_copy(struct bytes s);

#endif
