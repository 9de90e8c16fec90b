/* signal_parse: from JSON to struct signal, led by the table of fields. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/json_reader.h"
#include "common/signal.h"
#include "common/signal_arena.h"
#include "common/signal_table.h"

struct parse {
    struct json_reader in;
    struct signal_arena *arena;
    size_t hint; /* for the arena: the input's length */
    struct signal_error *error;
    bool path_cut;
    bool later; /* something of the later commit was seen */
};

static int parse_message(struct parse *p, struct signal *out);
static int parse_struct(struct parse *p, const struct signal_struct *s, void *out);

/* What a present but empty text, byte array or list points at. */
static const max_align_t nothing;

static void *take(struct parse *p, size_t size)
{
    return signal_arena_take(&p->arena, size, p->hint);
}

static int fail_at(struct parse *p, int code, size_t offset)
{
    p->in.offset = offset;
    return code;
}

/* The path of an error is put together from its end, while the calls return. */
static void path_prepend(struct parse *p, const char *text)
{
    char *path = p->error->path;
    size_t have = strlen(path);
    if (p->path_cut)
        return;
    if (have + strlen(text) + sizeof("...") > sizeof(p->error->path)) {
        text = "...";
        p->path_cut = true;
    }
    size_t more = strlen(text);
    memmove(path + more, path, have + 1);
    memcpy(path, text, more);
}

static int in_field(struct parse *p, int rc, const char *name)
{
    if (rc != 0) {
        path_prepend(p, name);
        path_prepend(p, ".");
    }
    return rc;
}

static int in_element(struct parse *p, int rc, size_t index)
{
    char text[32];
    if (rc != 0) {
        snprintf(text, sizeof(text), "[%zu]", index);
        path_prepend(p, text);
    }
    return rc;
}

/* ---- single values ---- */

static int parse_text(struct parse *p, struct signal_text *out)
{
    struct json_string s;
    int rc = json_reader_string(&p->in, &s);
    if (rc != 0)
        return rc;
    char *copy = s.len == 0 ? (char *)&nothing : take(p, s.len);
    if (copy == NULL)
        return ERR_MEMORY;
    if (s.len > 0)
        json_string_copy(&s, copy);
    *out = (struct signal_text){copy, s.len};
    return 0;
}

static int parse_byte(struct parse *p, uint8_t *out)
{
    uint64_t v;
    int rc = json_reader_u64(&p->in, UINT8_MAX, &v);
    if (rc == 0)
        *out = (uint8_t)v;
    return rc;
}

static int parse_u32(struct parse *p, uint32_t *out)
{
    uint64_t v;
    int rc = json_reader_u64(&p->in, UINT32_MAX, &v);
    if (rc == 0)
        *out = (uint32_t)v;
    return rc;
}

/* `"Name"` or `{"Name":` of an enum; in the second case the value and end_choice follow. */
static int begin_choice(struct parse *p, struct json_string *name, bool *object)
{
    *object = json_reader_peek(&p->in) == JSON_OBJECT;
    if (!*object)
        return json_reader_string(&p->in, name);
    size_t from = json_reader_position(&p->in);
    int rc = json_reader_begin_object(&p->in);
    if (rc == 0)
        rc = json_reader_next_key(&p->in, name);
    if (rc == 0)
        return fail_at(p, ERR_MISSING, from);
    return rc < 0 ? rc : 0;
}

static int end_choice(struct parse *p)
{
    struct json_string name;
    size_t from = json_reader_position(&p->in);
    int rc = json_reader_next_key(&p->in, &name);
    return rc > 0 ? fail_at(p, ERR_SYNTAX, from) : rc;
}

static int parse_enum(struct parse *p, const struct signal_names *names, int *out)
{
    struct json_string name;
    bool object;
    json_reader_peek(&p->in);
    size_t from = json_reader_position(&p->in);
    int rc = begin_choice(p, &name, &object);
    if (rc != 0)
        return rc;
    size_t i = 0;
    while (i < names->count && !json_string_equal(&name, names->names[i]))
        i++;
    if (i == names->count)
        return fail_at(p, ERR_UNKNOWN, from);
    *out = (int)i;
    if (object)
        rc = json_reader_null(&p->in);
    return object && rc == 0 ? end_choice(p) : rc;
}

/* ---- arrays ---- */

static int parse_key(struct parse *p, uint8_t out[32])
{
    json_reader_peek(&p->in);
    size_t from = json_reader_position(&p->in);
    int rc = json_reader_begin_array(&p->in);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < 32; i++) {
        rc = json_reader_next_element(&p->in);
        if (rc == 0)
            return fail_at(p, ERR_RANGE, from);
        if (rc > 0)
            rc = parse_byte(p, &out[i]);
        if (rc < 0)
            return in_element(p, rc, i);
    }
    rc = json_reader_next_element(&p->in);
    return rc > 0 ? fail_at(p, ERR_RANGE, from) : rc;
}

/*
 * How many elements the array has whose `[` was just read; at most max + 1. In a malformed one
 * every element that begins is counted, so that reading meets the error before it runs out.
 */
static size_t count_elements(const struct parse *p, size_t max)
{
    struct json_reader ahead = p->in;
    size_t count = 0;
    while (count <= max && json_reader_next_element(&ahead) == 1) {
        count++;
        if (json_reader_skip(&ahead, NULL) != 0)
            break;
    }
    return count;
}

/* Reads `[` and makes room for all elements. */
static int begin_list(struct parse *p, size_t max, size_t size, struct signal_list *out)
{
    json_reader_peek(&p->in);
    size_t from = json_reader_position(&p->in);
    int rc = json_reader_begin_array(&p->in);
    if (rc != 0)
        return rc;
    out->count = count_elements(p, max);
    if (out->count > max)
        return fail_at(p, ERR_TOO_LARGE, from);
    out->items = out->count == 0 ? &nothing : take(p, out->count * size);
    return out->items == NULL ? ERR_MEMORY : 0;
}

static int parse_element(struct parse *p, const struct signal_field *f, void *out)
{
    if (f->type == SIGNAL_FIELD_BYTES)
        return parse_byte(p, out);
    return f->type == SIGNAL_FIELD_TEXTS ? parse_text(p, out) : parse_struct(p, f->part, out);
}

static int parse_list(struct parse *p, const struct signal_field *f, size_t max, size_t size,
                      struct signal_list *out)
{
    int rc = begin_list(p, max, size, out);
    if (rc != 0)
        return rc;
    char *at = (char *)out->items;
    size_t i = 0;
    while ((rc = json_reader_next_element(&p->in)) > 0) {
        rc = i == out->count ? ERR_MEMORY : parse_element(p, f, at + i * size);
        if (rc != 0)
            break;
        i++;
    }
    out->count = i;
    return in_element(p, rc, i);
}

static int parse_bytes(struct parse *p, const struct signal_field *f, struct bytes *out)
{
    struct signal_list list = {NULL, 0};
    int rc = parse_list(p, f, (size_t)(p->in.end - p->in.at), 1, &list);
    *out = (struct bytes){list.items, list.count};
    return rc;
}

/* All typed lists, struct signal_texts and so on, look alike in memory. */
static_assert(sizeof(struct signal_list) == sizeof(struct signal_texts), "pointer and count");
static_assert(offsetof(struct signal_list, count) == offsetof(struct signal_profiles, count),
              "pointer and count");

static int parse_typed_list(struct parse *p, const struct signal_field *f, void *out)
{
    struct signal_list list = {NULL, 0};
    int rc = parse_list(p, f, f->max, signal_field_size(f), &list);
    memcpy(out, &list, sizeof(list));
    return rc;
}

/* ---- fields ---- */

static int parse_inner(struct parse *p, struct signal_federated_signal_forward *out)
{
    struct signal *inner = take(p, sizeof(*inner));
    if (inner == NULL)
        return ERR_MEMORY;
    json_reader_peek(&p->in);
    const uint8_t *from = p->in.at;
    bool later = p->later;
    p->later = false;
    int rc = parse_message(p, inner);
    inner->later = p->later;
    p->later = p->later || later;
    out->inner = inner;
    out->inner_raw = (struct bytes){from, (size_t)(p->in.at - from)};
    if (rc != 0 && p->error->path[0] != '\0')
        path_prepend(p, ".");
    return rc;
}

static int parse_value(struct parse *p, const struct signal_field *f, void *out)
{
    switch (f->type) {
    case SIGNAL_FIELD_TEXT:
        return parse_text(p, out);
    case SIGNAL_FIELD_KEY:
        return parse_key(p, out);
    case SIGNAL_FIELD_BYTES:
        return parse_bytes(p, f, out);
    case SIGNAL_FIELD_U8:
        return parse_byte(p, out);
    case SIGNAL_FIELD_U32:
        return parse_u32(p, out);
    case SIGNAL_FIELD_U64:
        return json_reader_u64(&p->in, UINT64_MAX, out);
    case SIGNAL_FIELD_BOOL:
        return json_reader_bool(&p->in, out);
    case SIGNAL_FIELD_F32:
        return json_reader_f32(&p->in, out);
    case SIGNAL_FIELD_ENUM:
        return parse_enum(p, f->names, out);
    case SIGNAL_FIELD_STRUCT:
        return parse_struct(p, f->part, out);
    case SIGNAL_FIELD_TEXTS:
    case SIGNAL_FIELD_STRUCTS:
        return parse_typed_list(p, f, out);
    case SIGNAL_FIELD_MESSAGE:
        break; /* parse_field's business: it fills two members */
    }
    assert(!"a type of field that nobody reads");
    return ERR_TYPE;
}

static bool may_be_null(const struct signal_field *f)
{
    const unsigned marks = SIGNAL_MARK_NULLABLE | SIGNAL_MARK_OMITTED | SIGNAL_MARK_LATER;
    return (f->marks & marks) != 0;
}

/* `base` is the struct that the field belongs to. */
static int parse_present(struct parse *p, const struct signal_field *f, char *base)
{
    char *out = base + f->offset;
    if (f->type == SIGNAL_FIELD_MESSAGE)
        return parse_inner(p, (struct signal_federated_signal_forward *)(void *)base);
    if (!signal_field_is_pointer(f))
        return parse_value(p, f, out);
    void *value = take(p, signal_field_size(f));
    if (value == NULL)
        return ERR_MEMORY;
    memcpy(out, &value, sizeof(value));
    return parse_value(p, f, value);
}

static int parse_field(struct parse *p, const struct signal_field *f, char *base)
{
    if (json_reader_peek(&p->in) == JSON_NULL && may_be_null(f))
        return in_field(p, json_reader_null(&p->in), f->name);
    if ((f->marks & SIGNAL_MARK_LATER) != 0)
        p->later = true;
    return in_field(p, parse_present(p, f, base), f->name);
}

static bool may_be_missing(const struct signal_field *f)
{
    const unsigned marks = SIGNAL_MARK_NULLABLE | SIGNAL_MARK_OMITTED | SIGNAL_MARK_DEFAULT;
    return (f->marks & marks) != 0;
}

/* ---- structs ---- */

static int find_field(const struct signal_struct *s, const struct json_string *key)
{
    for (size_t i = 0; i < s->count; i++)
        if (json_string_equal(key, s->fields[i].name))
            return (int)i;
    return -1;
}

static int parse_member(struct parse *p, const struct signal_struct *s,
                        const struct json_string *key, uint32_t *seen, char *out)
{
    int i = find_field(s, key);
    if (i < 0)
        return json_reader_skip(&p->in, NULL);
    if ((*seen >> i & 1) != 0) {
        size_t offset = (size_t)(key->raw.data - p->in.start) - 1;
        return in_field(p, fail_at(p, ERR_DUPLICATE, offset), s->fields[i].name);
    }
    *seen |= UINT32_C(1) << i;
    return parse_field(p, &s->fields[i], out);
}

static int parse_object(struct parse *p, const struct signal_struct *s, char *out)
{
    struct json_string key;
    uint32_t seen = 0;
    int rc = json_reader_begin_object(&p->in);
    if (rc != 0)
        return rc;
    while ((rc = json_reader_next_key(&p->in, &key)) > 0) {
        rc = parse_member(p, s, &key, &seen, out);
        if (rc != 0)
            return rc;
    }
    for (size_t i = 0; rc == 0 && i < s->count; i++)
        if ((seen >> i & 1) == 0 && !may_be_missing(&s->fields[i]))
            return in_field(p, fail_at(p, ERR_MISSING, json_reader_position(&p->in) - 1),
                            s->fields[i].name);
    return rc;
}

/* Fields in order. Those behind the end must have a default; that they may be null is not enough,
 * as with serde. */
static int parse_positions(struct parse *p, const struct signal_struct *s, char *out)
{
    bool ended = false;
    int rc = json_reader_begin_array(&p->in);
    for (size_t i = 0; rc == 0 && i < s->count; i++) {
        const struct signal_field *f = &s->fields[i];
        if ((f->marks & SIGNAL_MARK_OURS) != 0)
            continue;
        if (!ended) {
            rc = json_reader_next_element(&p->in);
            ended = rc == 0;
        }
        if (rc > 0)
            rc = parse_field(p, f, out);
        else if (rc == 0 && (f->marks & SIGNAL_MARK_DEFAULT) == 0)
            rc = in_field(p, fail_at(p, ERR_MISSING, json_reader_position(&p->in) - 1), f->name);
    }
    if (rc != 0 || ended)
        return rc;
    size_t from = json_reader_position(&p->in);
    rc = json_reader_next_element(&p->in);
    return rc > 0 ? fail_at(p, ERR_TYPE, from) : rc;
}

static int parse_struct(struct parse *p, const struct signal_struct *s, void *out)
{
    assert(s->count <= 32);
    if (json_reader_peek(&p->in) == JSON_ARRAY && !s->ours)
        return parse_positions(p, s, out);
    return parse_object(p, s, out);
}

/* ---- messages ---- */

static int unknown_variant(struct parse *p, const struct json_string *name, size_t offset)
{
    char *out = p->error->variant;
    size_t size = sizeof(p->error->variant);
    size_t len = name->raw.len < size ? name->raw.len : size - 1;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = name->raw.data[i];
        out[i] = c >= ' ' && c < 0x7f ? (char)c : '?';
    }
    out[len] = '\0';
    if (len < name->raw.len)
        memcpy(out + len - 3, "...", 3);
    return fail_at(p, ERR_UNKNOWN_VARIANT, offset);
}

static int parse_body(struct parse *p, const struct signal_variant *v, bool object,
                      struct signal *out)
{
    int rc;
    if (!object)
        return v->body == NULL ? 0 : fail_at(p, ERR_TYPE, json_reader_position(&p->in));
    if (v->body == NULL)
        rc = json_reader_null(&p->in);
    else
        rc = parse_struct(p, v->body, (char *)out + SIGNAL_BODY_OFFSET);
    return rc == 0 ? end_choice(p) : rc;
}

/* Forwarded messages make this recursive; json_reader's limit of depth bounds it. */
static int parse_message(struct parse *p, struct signal *out)
{
    struct json_string name;
    bool object;
    json_reader_peek(&p->in);
    size_t from = json_reader_position(&p->in);
    int rc = begin_choice(p, &name, &object);
    if (rc != 0)
        return rc;
    size_t i = 0;
    while (i < SIGNAL_TYPES && !json_string_equal(&name, signal_variants[i].name))
        i++;
    if (i == SIGNAL_TYPES)
        return unknown_variant(p, &name, from);
    out->type = (enum signal_type)i;
    p->later = p->later || signal_variants[i].later;
    rc = parse_body(p, &signal_variants[i], object, out);
    if (rc != 0)
        path_prepend(p, signal_variants[i].name);
    return rc;
}

int signal_parse(struct bytes json, struct signal *out, struct signal_error *error)
{
    struct signal_error ignored;
    struct parse p = {.hint = json.len, .error = error == NULL ? &ignored : error};
    *p.error = (struct signal_error){0};
    *out = (struct signal){0};
    json_reader_init(&p.in, json);
    int rc = parse_message(&p, out);
    if (rc == 0)
        rc = json_reader_finish(&p.in);
    if (rc == 0) {
        out->later = p.later;
        out->arena = p.arena;
        return 0;
    }
    signal_arena_free(p.arena);
    *out = (struct signal){0};
    p.error->code = rc;
    p.error->offset = p.in.offset;
    return rc;
}
