#include "common/json_reader.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/hex.h"
#include "common/text.h"

static int fail_at(struct json_reader *r, int code, const uint8_t *at)
{
    r->offset = at == NULL ? 0 : (size_t)(at - r->start);
    return code;
}

/* An error at the next byte: the input ends, or something else stands there. */
static int fail_here(struct json_reader *r)
{
    return fail_at(r, r->at == r->end ? ERR_TRUNCATED : ERR_SYNTAX, r->at);
}

/* The next byte, or 0 at the end; 0 is no byte of any token. */
static uint8_t look(const struct json_reader *r)
{
    return r->at == r->end ? 0 : *r->at;
}

static void skip_space(struct json_reader *r)
{
    while (r->at != r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

void json_reader_init(struct json_reader *r, struct bytes input)
{
    *r = (struct json_reader){
        .start = input.data,
        .at = input.data,
        .end = input.len == 0 ? input.data : input.data + input.len,
    };
}

enum json_type json_reader_peek(struct json_reader *r)
{
    skip_space(r);
    uint8_t c = look(r);
    switch (c) {
    case 'n':
        return JSON_NULL;
    case 't':
    case 'f':
        return JSON_BOOL;
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    case '{':
        return JSON_OBJECT;
    default:
        return c == '-' || (c >= '0' && c <= '9') ? JSON_NUMBER : JSON_NOTHING;
    }
}

size_t json_reader_position(const struct json_reader *r)
{
    return r->at == NULL ? 0 : (size_t)(r->at - r->start);
}

/* Steps to the next value; an error if it is of another type. */
static int expect(struct json_reader *r, enum json_type type)
{
    enum json_type found = json_reader_peek(r);
    if (found == type)
        return 0;
    return found == JSON_NOTHING ? fail_here(r) : fail_at(r, ERR_TYPE, r->at);
}

static int read_word(struct json_reader *r, const char *word)
{
    for (const char *p = word; *p != '\0'; p++) {
        if (look(r) != (uint8_t)*p)
            return fail_here(r);
        r->at++;
    }
    return 0;
}

int json_reader_null(struct json_reader *r)
{
    int rc = expect(r, JSON_NULL);
    return rc != 0 ? rc : read_word(r, "null");
}

int json_reader_bool(struct json_reader *r, bool *out)
{
    int rc = expect(r, JSON_BOOL);
    if (rc != 0)
        return rc;
    *out = *r->at == 't';
    return read_word(r, *out ? "true" : "false");
}

int json_reader_number(struct json_reader *r, struct json_number *out)
{
    int rc = expect(r, JSON_NUMBER);
    if (rc == 0)
        rc = json_number_parse(&r->at, r->end, out);
    return rc == 0 ? 0 : fail_at(r, rc, r->at);
}

int json_reader_u64(struct json_reader *r, uint64_t max, uint64_t *out)
{
    struct json_number n;
    json_reader_peek(r);
    const uint8_t *from = r->at;
    int rc = json_reader_number(r, &n);
    if (rc != 0)
        return rc;
    if (n.kind != JSON_NUMBER_U64)
        return fail_at(r, n.whole ? ERR_RANGE : ERR_TYPE, from);
    if (n.u64 > max)
        return fail_at(r, ERR_RANGE, from);
    *out = n.u64;
    return 0;
}

int json_reader_f32(struct json_reader *r, float *out)
{
    struct json_number n;
    int rc = json_reader_number(r, &n);
    if (rc != 0)
        return rc;
    if (n.kind == JSON_NUMBER_U64)
        *out = (float)n.u64;
    else if (n.kind == JSON_NUMBER_I64)
        *out = (float)n.i64;
    else
        *out = (float)n.f64;
    return 0;
}

/* ---- strings ---- */

/* The four digits behind \u. */
static int read_hex4(struct json_reader *r, uint32_t *out)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value((char)look(r));
        if (digit < 0)
            return fail_here(r);
        v = v << 4 | (uint32_t)digit;
        r->at++;
    }
    *out = v;
    return 0;
}

static bool is_surrogate(uint32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdfff;
}

/* Behind the first half of a pair: the other one must follow. */
static int read_low_surrogate(struct json_reader *r)
{
    uint32_t low;
    int rc = read_word(r, "\\u");
    if (rc == 0)
        rc = read_hex4(r, &low);
    if (rc == 0 && (low < 0xdc00 || low > 0xdfff))
        rc = fail_at(r, ERR_SYNTAX, r->at - 6);
    return rc;
}

static size_t utf8_size(uint32_t code)
{
    if (code < 0x80)
        return 1;
    return code < 0x800 ? 2 : 3;
}

/* One escape sequence. `len` grows by the bytes that it stands for. */
static int read_escape(struct json_reader *r, bool strict, size_t *len)
{
    const uint8_t *from = r->at++;
    uint8_t c = look(r);
    if (c != 'u') {
        if (c == 0 || strchr("\"\\/bfnrt", c) == NULL)
            return fail_here(r);
        r->at++;
        (*len)++;
        return 0;
    }
    uint32_t code;
    r->at++;
    int rc = read_hex4(r, &code);
    if (rc != 0 || !strict || !is_surrogate(code)) {
        *len += rc == 0 ? utf8_size(code) : 0;
        return rc;
    }
    *len += 4;
    return code < 0xdc00 ? read_low_surrogate(r) : fail_at(r, ERR_SYNTAX, from);
}

/* One character that is not ASCII. */
static int read_wide(struct json_reader *r, size_t *len)
{
    uint32_t code;
    size_t size = text_utf8((struct bytes){r->at, (size_t)(r->end - r->at)}, &code);
    if (size == 0)
        return fail_at(r, ERR_SYNTAX, r->at);
    r->at += size;
    *len += size;
    return 0;
}

/* The reader stands at the opening quote. Not strict: UTF-8 and surrogates are not checked. */
static int read_string(struct json_reader *r, bool strict, struct json_string *out)
{
    const uint8_t *from = ++r->at;
    size_t len = 0;
    while (r->at != r->end && *r->at != '"') {
        int rc = 0;
        if (*r->at == '\\') {
            rc = read_escape(r, strict, &len);
        } else if (*r->at < 0x20) {
            rc = fail_at(r, ERR_SYNTAX, r->at);
        } else if (*r->at < 0x80 || !strict) {
            r->at++;
            len++;
        } else {
            rc = read_wide(r, &len);
        }
        if (rc != 0)
            return rc;
    }
    if (r->at == r->end)
        return fail_here(r);
    *out = (struct json_string){{from, (size_t)(r->at - from)}, len};
    r->at++;
    return 0;
}

int json_reader_string(struct json_reader *r, struct json_string *out)
{
    int rc = expect(r, JSON_STRING);
    return rc != 0 ? rc : read_string(r, true, out);
}

/* ---- arrays and objects ---- */

static int begin(struct json_reader *r, enum json_type type)
{
    int rc = expect(r, type);
    if (rc != 0)
        return rc;
    if (r->depth == JSON_READER_MAX_DEPTH)
        return fail_at(r, ERR_DEPTH, r->at);
    r->at++;
    r->depth++;
    r->first = true;
    return 0;
}

int json_reader_begin_object(struct json_reader *r)
{
    return begin(r, JSON_OBJECT);
}

int json_reader_begin_array(struct json_reader *r)
{
    return begin(r, JSON_ARRAY);
}

/* 1 before the next item, 0 behind the closing bracket. */
static int next_item(struct json_reader *r, uint8_t close)
{
    skip_space(r);
    bool first = r->first;
    r->first = false;
    if (look(r) == close) {
        r->at++;
        return 0;
    }
    if (first)
        return r->at == r->end ? fail_here(r) : 1;
    if (look(r) != ',')
        return fail_here(r);
    r->at++;
    return 1;
}

static int next_key(struct json_reader *r, bool strict, struct json_string *key)
{
    int rc = next_item(r, '}');
    if (rc != 1)
        return rc;
    skip_space(r);
    if (look(r) != '"')
        return fail_here(r);
    rc = read_string(r, strict, key);
    if (rc != 0)
        return rc;
    skip_space(r);
    if (look(r) != ':')
        return fail_here(r);
    r->at++;
    return 1;
}

int json_reader_next_key(struct json_reader *r, struct json_string *key)
{
    int rc = next_key(r, true, key);
    r->depth -= rc == 0;
    return rc;
}

int json_reader_next_element(struct json_reader *r)
{
    int rc = next_item(r, ']');
    r->depth -= rc == 0;
    return rc;
}

int json_reader_finish(struct json_reader *r)
{
    skip_space(r);
    return r->at == r->end ? 0 : fail_at(r, ERR_TRAILING, r->at);
}

/* ---- skipping ---- */

/* What is open within a skipped value, one bit for each: set for an object. */
struct nesting {
    size_t depth;
    size_t capacity;
    uint64_t *bits;
    uint64_t few[16];
};

static int nesting_grow(struct nesting *n)
{
    bool was_few = n->bits == n->few;
    uint64_t *bits = realloc(was_few ? NULL : n->bits, n->capacity / 4);
    if (bits == NULL)
        return ERR_MEMORY;
    if (was_few)
        memcpy(bits, n->few, sizeof(n->few));
    n->bits = bits;
    n->capacity *= 2;
    return 0;
}

static int nesting_push(struct nesting *n, bool object)
{
    if (n->depth == n->capacity && nesting_grow(n) != 0)
        return ERR_MEMORY;
    uint64_t *word = &n->bits[n->depth / 64];
    if (n->depth % 64 == 0)
        *word = 0;
    uint64_t bit = UINT64_C(1) << (n->depth % 64);
    *word = object ? *word | bit : *word & ~bit;
    n->depth++;
    return 0;
}

static bool nesting_in_object(const struct nesting *n)
{
    return (n->bits[(n->depth - 1) / 64] >> ((n->depth - 1) % 64) & 1) != 0;
}

/* A value without what is inside of it: of an array or object only the opening bracket. */
static int skip_value(struct json_reader *r, struct nesting *n)
{
    struct json_string ignored;
    int rc;
    enum json_type type = json_reader_peek(r);
    switch (type) {
    case JSON_NULL:
        return read_word(r, "null");
    case JSON_BOOL:
        return read_word(r, *r->at == 't' ? "true" : "false");
    case JSON_NUMBER:
        rc = json_number_skip(&r->at, r->end);
        return rc == 0 ? 0 : fail_at(r, rc, r->at);
    case JSON_STRING:
        return read_string(r, false, &ignored);
    case JSON_ARRAY:
    case JSON_OBJECT:
        r->at++;
        r->first = true;
        return nesting_push(n, type == JSON_OBJECT);
    default:
        return fail_here(r);
    }
}

static int skip_all(struct json_reader *r, struct nesting *n)
{
    int rc = skip_value(r, n);
    while (rc == 0 && n->depth > 0) {
        struct json_string ignored;
        rc = nesting_in_object(n) ? next_key(r, false, &ignored) : next_item(r, ']');
        if (rc == 0)
            n->depth--;
        else if (rc > 0)
            rc = skip_value(r, n);
    }
    return rc;
}

int json_reader_skip(struct json_reader *r, struct bytes *raw)
{
    struct nesting n;
    n.depth = 0;
    n.bits = n.few;
    n.capacity = sizeof(n.few) * 8;
    json_reader_peek(r);
    const uint8_t *from = r->at;
    int rc = skip_all(r, &n);
    if (n.bits != n.few)
        free(n.bits);
    if (rc == 0 && raw != NULL)
        *raw = (struct bytes){from, (size_t)(r->at - from)};
    return rc;
}
