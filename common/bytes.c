#include "common/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct bytes bytes_of_string(const char *s)
{
    return (struct bytes){(const uint8_t *)s, s == NULL ? 0 : strlen(s)};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool bytes_equal_string(struct bytes a, const char *s)
{
    return bytes_equal(a, bytes_of_string(s));
}

void buffer_init(struct buffer *b)
{
    *b = (struct buffer){0};
}

void buffer_free(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){0};
}

void buffer_clear(struct buffer *b)
{
    b->len = 0;
    b->failed = false;
}

/* Makes room for `more` bytes behind the content. */
static int buffer_reserve(struct buffer *b, size_t more)
{
    if (b->failed)
        return ERR_MEMORY;
    if (more <= b->capacity - b->len)
        return 0;
    size_t capacity = b->capacity == 0 ? 256 : b->capacity;
    while (capacity - b->len < more && capacity <= BUFFER_MAX)
        capacity *= 2;
    uint8_t *data = capacity > BUFFER_MAX ? NULL : realloc(b->data, capacity);
    if (data == NULL) {
        b->failed = true;
        return ERR_MEMORY;
    }
    b->data = data;
    b->capacity = capacity;
    return 0;
}

int buffer_append(struct buffer *b, const void *data, size_t len)
{
    int rc = buffer_reserve(b, len);
    if (rc != 0)
        return rc;
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    return 0;
}

int buffer_append_bytes(struct buffer *b, struct bytes view)
{
    return buffer_append(b, view.data, view.len);
}

int buffer_append_string(struct buffer *b, const char *s)
{
    return buffer_append(b, s, strlen(s));
}

int buffer_append_u8(struct buffer *b, uint8_t v)
{
    return buffer_append(b, &v, 1);
}

static int buffer_append_big_endian(struct buffer *b, uint64_t v, size_t size)
{
    uint8_t raw[8];
    for (size_t i = 0; i < size; i++)
        raw[i] = (uint8_t)(v >> (8 * (size - 1 - i)));
    return buffer_append(b, raw, size);
}

int buffer_append_u16(struct buffer *b, uint16_t v)
{
    return buffer_append_big_endian(b, v, 2);
}

int buffer_append_u32(struct buffer *b, uint32_t v)
{
    return buffer_append_big_endian(b, v, 4);
}

int buffer_append_u64(struct buffer *b, uint64_t v)
{
    return buffer_append_big_endian(b, v, 8);
}

int buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    int rc = len < 0 ? ERR_SYSTEM : buffer_reserve(b, (size_t)len + 1);
    if (rc != 0)
        return rc;
    va_start(args, format);
    vsnprintf((char *)b->data + b->len, (size_t)len + 1, format, args);
    va_end(args);
    b->len += (size_t)len;
    return 0;
}

struct bytes buffer_view(const struct buffer *b)
{
    return (struct bytes){b->data, b->len};
}

void reader_init(struct reader *r, struct bytes view)
{
    *r = (struct reader){view.data, view.len == 0 ? view.data : view.data + view.len, false};
}

size_t reader_left(const struct reader *r)
{
    return r->at == NULL ? 0 : (size_t)(r->end - r->at);
}

struct bytes reader_bytes(struct reader *r, size_t len)
{
    if (r->failed || len > reader_left(r)) {
        r->failed = true;
        return BYTES_NONE;
    }
    struct bytes view = {r->at, len};
    if (len > 0)
        r->at += len;
    return view;
}

void reader_copy(struct reader *r, void *out, size_t len)
{
    struct bytes view = reader_bytes(r, len);
    if (view.len == len && len > 0)
        memcpy(out, view.data, len);
    else
        memset(out, 0, len);
}

static uint64_t reader_big_endian(struct reader *r, size_t size)
{
    struct bytes view = reader_bytes(r, size);
    uint64_t v = 0;
    for (size_t i = 0; i < view.len; i++)
        v = v << 8 | view.data[i];
    return v;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)reader_big_endian(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)reader_big_endian(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)reader_big_endian(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
    return reader_big_endian(r, 8);
}

int reader_finish(const struct reader *r)
{
    if (r->failed)
        return ERR_TRUNCATED;
    return reader_left(r) == 0 ? 0 : ERR_TRAILING;
}
