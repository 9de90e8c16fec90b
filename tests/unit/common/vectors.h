/*
 * The original's answers in tests/vectors/, one JSON object a line (see the README there). A file
 * that cannot be read, or a key that is missing, fails the running test.
 */
#ifndef CHAPPE_TESTS_UNIT_COMMON_VECTORS_H
#define CHAPPE_TESTS_UNIT_COMMON_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>

/* A JSON array of all lines of tests/vectors/NAME; the caller frees it with cJSON_Delete. */
cJSON *vectors_load(const char *name);

const char *vectors_string(const cJSON *line, const char *key);
bool vectors_bool(const cJSON *line, const char *key);
/* Decodes a string of hex digits; returns the number of bytes, at most `size`. */
size_t vectors_hex(const cJSON *line, const char *key, uint8_t *out, size_t size);

/* The same of a literal in a test: exactly `len` bytes. */
void vectors_bytes(const char *hex, uint8_t *out, size_t len);

#endif
