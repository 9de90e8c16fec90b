/*
 * Writes compact JSON into a buffer, as serde_json does: no spaces, non-ASCII unescaped, control
 * characters as \b \t \n \f \r or \u00xx. Commas and colons come by themselves:
 *
 *   json_writer_begin_object(&w);
 *   json_writer_key(&w, "n");
 *   json_writer_u64(&w, 1);
 *   json_writer_end_object(&w);      {"n":1}
 *
 * The output is always valid UTF-8: each byte that is not becomes U+FFFD. That begin and end match,
 * and that a key comes before each value in an object, is the caller's duty. Nothing returns an
 * error; a lack of memory is seen in the buffer (struct buffer, `failed`).
 */
#ifndef CHAPPE_COMMON_JSON_WRITER_H
#define CHAPPE_COMMON_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

struct json_writer {
    struct buffer *out;
    bool comma; /* the next key or value needs one before it */
};

/* Starts at the end of what `out` holds; may be used again for the next value. */
void json_writer_init(struct json_writer *w, struct buffer *out);

void json_writer_begin_object(struct json_writer *w);
void json_writer_end_object(struct json_writer *w);
void json_writer_begin_array(struct json_writer *w);
void json_writer_end_array(struct json_writer *w);
void json_writer_key(struct json_writer *w, const char *key);

void json_writer_string(struct json_writer *w, const char *s);   /* NULL writes null */
void json_writer_text(struct json_writer *w, struct bytes text); /* may contain NUL */
void json_writer_u64(struct json_writer *w, uint64_t v);
void json_writer_i64(struct json_writer *w, int64_t v);
void json_writer_bool(struct json_writer *w, bool v);
void json_writer_null(struct json_writer *w);
/* The shortest digits that read back as the same float, always with a point or an exponent: 0.2,
 * 1.0, 1e16. Not finite writes null. */
void json_writer_f32(struct json_writer *w, float v);
/* With a fixed number of decimals (at most 9), for people and reports. Not finite writes null. */
void json_writer_decimal(struct json_writer *w, double v, unsigned decimals);
/* A whole value that is JSON already, as it is. */
void json_writer_raw(struct json_writer *w, struct bytes json);

#endif
