#include "control/core/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "common/text.h"

void record_key(char key[RECORD_KEY_SIZE], const char *kind, const char *name)
{
    snprintf(key, RECORD_KEY_SIZE, "%s%s", kind, name);
}

void record_key_u64(char key[RECORD_KEY_SIZE], const char *kind, uint64_t number)
{
    snprintf(key, RECORD_KEY_SIZE, "%s%016" PRIx64, kind, number);
}

void record_key_hex(char key[RECORD_KEY_SIZE], const char *kind, struct bytes name)
{
    char digits[65];
    hex_encode(name.data, name.len <= 32 ? name.len : 32, digits);
    record_key(key, kind, digits);
}

struct bytes record_key_name(struct bytes key, const char *kind)
{
    size_t len = strlen(kind);
    if (key.len < len || memcmp(key.data, kind, len) != 0)
        return BYTES_NONE;
    return (struct bytes){key.data + len, key.len - len};
}

void record_put_text(struct buffer *out, const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);
    if (len > UINT16_MAX)
        len = UINT16_MAX;
    buffer_append_u16(out, (uint16_t)len);
    buffer_append(out, text, len);
}

void record_put_body(struct buffer *out, struct bytes body)
{
    buffer_append_u32(out, (uint32_t)body.len);
    buffer_append_bytes(out, body);
}

void record_put_tls(struct buffer *out, const struct fingerprint_tls *fingerprint)
{
    buffer_append(out, fingerprint->bytes, sizeof(fingerprint->bytes));
}

void record_get_text(struct reader *r, char *out, size_t size)
{
    struct bytes text = reader_bytes(r, reader_u16(r));
    out[0] = '\0';
    if (r->failed)
        return;
    if (text.len >= size) {
        r->failed = true;
        return;
    }
    if (text.len > 0)
        memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

char *record_get_copy(struct reader *r, size_t max)
{
    struct bytes text = reader_bytes(r, reader_u16(r));
    if (r->failed || text.len == 0)
        return NULL;
    char *copy = text.len > max ? NULL : text_copy(text);
    if (copy == NULL)
        r->failed = true;
    return copy;
}

struct bytes record_get_body(struct reader *r)
{
    return reader_bytes(r, reader_u32(r));
}

void record_get_tls(struct reader *r, struct fingerprint_tls *out)
{
    reader_copy(r, out->bytes, sizeof(out->bytes));
}

bool record_get_bool(struct reader *r)
{
    return reader_u8(r) != 0;
}

uint8_t record_get_version(struct reader *r, uint8_t newest)
{
    uint8_t version = reader_u8(r);
    return r->failed || version > newest ? 0 : version;
}
