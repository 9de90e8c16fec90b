/*
 * Two small types for bytes: a view that somebody else owns, and a buffer that grows.
 */
#ifndef CHAPPE_COMMON_BYTES_H
#define CHAPPE_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed view. Not NUL-terminated. {NULL, 0} is "absent"; {p, 0} is "empty". */
struct bytes {
    const uint8_t *data;
    size_t len;
};

#define BYTES_NONE ((struct bytes){NULL, 0})
/* A view of a string literal or a char array without its terminating NUL. */
#define BYTES_LITERAL(s) ((struct bytes){(const uint8_t *)("" s), sizeof(s) - 1})

struct bytes bytes_of_string(const char *s); /* view of a C string; NULL gives BYTES_NONE */
bool bytes_equal(struct bytes a, struct bytes b);
bool bytes_equal_string(struct bytes a, const char *s);

/*
 * A growing buffer. Zero-initialised is valid and empty. An append that fails for lack of memory
 * (or beyond BUFFER_MAX) leaves the content as it was and sets `failed`, which stays set until
 * buffer_clear: write a whole message, then check once.
 */
#define BUFFER_MAX (64u * 1024 * 1024)

struct buffer {
    uint8_t *data;
    size_t len;
    size_t capacity;
    bool failed;
};

void buffer_init(struct buffer *b);
void buffer_free(struct buffer *b);  /* frees the memory; b is valid and empty after it */
void buffer_clear(struct buffer *b); /* empties it, keeps the memory */
/* Appends; returns 0 or ERR_MEMORY. */
int buffer_append(struct buffer *b, const void *data, size_t len);
int buffer_append_bytes(struct buffer *b, struct bytes view);
int buffer_append_string(struct buffer *b, const char *s);
int buffer_append_u8(struct buffer *b, uint8_t v);
int buffer_append_u16(struct buffer *b, uint16_t v); /* all integers big-endian */
int buffer_append_u32(struct buffer *b, uint32_t v);
int buffer_append_u64(struct buffer *b, uint64_t v);
int buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct bytes buffer_view(const struct buffer *b);

/*
 * A reader over a view. Every read checks the bounds; the first that fails sets `failed` and all
 * later ones return zeros, so that a whole record is read and then checked once.
 */
struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

void reader_init(struct reader *r, struct bytes view);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
struct bytes reader_bytes(struct reader *r, size_t len);   /* a view into the input */
void reader_copy(struct reader *r, void *out, size_t len); /* zeros on failure */
size_t reader_left(const struct reader *r);
/* 0 if everything was read and nothing failed; else ERR_TRUNCATED or ERR_TRAILING. */
int reader_finish(const struct reader *r);

#endif
