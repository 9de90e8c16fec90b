#include "common/json_string.h"

#include <string.h>

#include "common/hex.h"

static uint32_t hex4(const uint8_t *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 4 | (uint32_t)hex_value((char)p[i]);
    return v;
}

static size_t write_utf8(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x10000 ? (code < 0x800 ? 2 : 3) : 4;
    for (size_t i = len - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)((0xf00u >> len & 0xf0) | code);
    return len;
}

/* Resolves the escape at `*p`, which was checked before, and steps over it. */
static size_t resolve_escape(const uint8_t **p, char out[4])
{
    static const char names[] = "bfnrt";
    static const char meant[] = "\b\f\n\r\t";
    uint8_t c = (*p)[1];
    if (c != 'u') {
        const char *name = strchr(names, c);
        out[0] = name == NULL ? (char)c : meant[name - names];
        *p += 2;
        return 1;
    }
    uint32_t code = hex4(*p + 2);
    *p += 6;
    if (code >= 0xd800 && code <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (hex4(*p + 2) - 0xdc00);
        *p += 6;
    }
    return write_utf8(code, out);
}

/* The next piece of a checked string: an escape resolved, or one byte as it is. */
static size_t resolve(const uint8_t **p, char out[4])
{
    if (**p == '\\')
        return resolve_escape(p, out);
    out[0] = (char)*(*p)++;
    return 1;
}

void json_string_copy(const struct json_string *s, char *out)
{
    const uint8_t *p = s->raw.data;
    if (s->raw.len == s->len) {
        if (s->len > 0)
            memcpy(out, p, s->len);
        return;
    }
    for (size_t done = 0; done < s->len;) {
        char piece[4];
        size_t len = resolve(&p, piece);
        memcpy(out + done, piece, len);
        done += len;
    }
}

bool json_string_equal(const struct json_string *s, const char *text)
{
    if (strlen(text) != s->len)
        return false;
    if (s->raw.len == s->len)
        return s->len == 0 || memcmp(s->raw.data, text, s->len) == 0;
    const uint8_t *p = s->raw.data;
    for (size_t done = 0; done < s->len;) {
        char piece[4];
        size_t len = resolve(&p, piece);
        if (memcmp(text + done, piece, len) != 0)
            return false;
        done += len;
    }
    return true;
}
