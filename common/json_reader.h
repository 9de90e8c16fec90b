/*
 * A pull parser for JSON: the caller asks for the value that it expects next. It takes exactly what
 * serde_json takes, because originals on the wire do, and therefore is not cJSON: cJSON keeps
 * numbers as doubles (a u64 above 2^53 changes), ends strings at \u0000, takes raw control
 * characters, lone surrogates, invalid UTF-8 and duplicate keys, recurses, and tells no position in
 * the source.
 *
 * The input is a bounded view that must outlive the reader; nothing is copied and nothing allocated
 * (but for json_reader_skip in values nested more than 1024 deep, which frees what it takes). To
 * look ahead or to come back, copy the struct.
 *
 * Functions return 0 (where nothing else is said) or
 *
 *   ERR_SYNTAX     not JSON
 *   ERR_TRUNCATED  the input ends within the value
 *   ERR_TYPE       JSON, but not of the type that was asked for
 *   ERR_RANGE      a number beyond the type
 *   ERR_DEPTH      more than JSON_READER_MAX_DEPTH arrays and objects open
 *   ERR_TRAILING   something after the value
 *   ERR_MEMORY     only from json_reader_skip
 *
 * and after an error `offset` is where it is. Nothing may be read after an error.
 */
#ifndef CHAPPE_COMMON_JSON_READER_H
#define CHAPPE_COMMON_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/json_number.h"
#include "common/json_string.h"

#define JSON_READER_MAX_DEPTH 127 /* serde_json's limit of 128 refuses the 128th */

enum json_type {
    JSON_NOTHING, /* the end of the input, or a byte that starts no value */
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json_reader {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    size_t offset;  /* of the last error */
    unsigned depth; /* open arrays and objects */
    bool first;     /* just behind an opening bracket */
};

void json_reader_init(struct json_reader *r, struct bytes input);

/* The type of the next value, judged by its first byte; steps over white space only. */
enum json_type json_reader_peek(struct json_reader *r);
/* Where the next value starts, after json_reader_peek; where the last one ended, after reading it.
 */
size_t json_reader_position(const struct json_reader *r);

int json_reader_null(struct json_reader *r);
int json_reader_bool(struct json_reader *r, bool *out);
int json_reader_number(struct json_reader *r, struct json_number *out);
/* Whole numbers from 0 to max. 1.0 and 1e3 are ERR_TYPE, -1 is ERR_RANGE. */
int json_reader_u64(struct json_reader *r, uint64_t max, uint64_t *out);
/* Any number; beyond float's range it becomes infinite, as with serde_json. */
int json_reader_f32(struct json_reader *r, float *out);
int json_reader_string(struct json_reader *r, struct json_string *out);

/*
 * Containers: begin, then next until it returns 0. next returns 1 when there is an element, or a
 * key whose value follows, and 0 when the container was closed.
 */
int json_reader_begin_object(struct json_reader *r);
int json_reader_next_key(struct json_reader *r, struct json_string *key);
int json_reader_begin_array(struct json_reader *r);
int json_reader_next_element(struct json_reader *r);

/*
 * Steps over any value, at any depth, without recursion. As in serde_json what is skipped is
 * checked for JSON's grammar, but not for UTF-8, surrogates or the range of numbers. `raw`, if not
 * NULL, is set to its exact source text.
 */
int json_reader_skip(struct json_reader *r, struct bytes *raw);

/* Nothing but white space may follow. */
int json_reader_finish(struct json_reader *r);

#endif
