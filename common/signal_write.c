/* signal_write and signal_list_fields: from struct signal to JSON, led by the table of fields. */
#include <assert.h>
#include <string.h>

#include "common/error.h"
#include "common/json_writer.h"
#include "common/signal.h"
#include "common/signal_table.h"

/* As many as a reader takes around a small message: each costs it two of its 127 levels. */
#define FORWARDS_MAX 62

struct write {
    struct json_writer json;
    unsigned forwards;
    int rc; /* the first error */
};

static void write_message(struct write *w, const struct signal *signal);
static void write_struct(struct write *w, const struct signal_struct *s, const void *in);

static void fail(struct write *w, int code)
{
    if (w->rc == 0)
        w->rc = code;
}

static void write_text(struct write *w, const struct signal_text *text)
{
    json_writer_text(&w->json, signal_text_bytes(*text));
}

static void write_bytes(struct write *w, struct bytes view)
{
    json_writer_begin_array(&w->json);
    for (size_t i = 0; i < view.len; i++)
        json_writer_u64(&w->json, view.data[i]);
    json_writer_end_array(&w->json);
}

static void write_enum(struct write *w, const struct signal_names *names, const void *in)
{
    unsigned value;
    memcpy(&value, in, sizeof(value));
    if (value < names->count)
        json_writer_string(&w->json, names->names[value]);
    else
        fail(w, ERR_RANGE);
}

static void write_list(struct write *w, const struct signal_field *f, const void *in)
{
    struct signal_list list;
    memcpy(&list, in, sizeof(list));
    const char *at = list.items;
    json_writer_begin_array(&w->json);
    for (size_t i = 0; i < list.count; i++, at += signal_field_size(f)) {
        if (f->type == SIGNAL_FIELD_TEXTS)
            write_text(w, (const void *)at);
        else
            write_struct(w, f->part, at);
    }
    json_writer_end_array(&w->json);
}

static void write_inner(struct write *w, const struct signal_federated_signal_forward *forward)
{
    if (forward->inner == NULL && forward->inner_raw.len == 0) {
        fail(w, ERR_MISSING);
    } else if (forward->inner == NULL) {
        json_writer_raw(&w->json, forward->inner_raw);
    } else if (w->forwards == FORWARDS_MAX) {
        fail(w, ERR_DEPTH);
    } else {
        w->forwards++;
        write_message(w, forward->inner);
        w->forwards--;
    }
}

static void write_value(struct write *w, const struct signal_field *f, const void *in)
{
    struct json_writer *json = &w->json;
    switch (f->type) {
    case SIGNAL_FIELD_TEXT:
        write_text(w, in);
        break;
    case SIGNAL_FIELD_KEY:
        write_bytes(w, (struct bytes){in, 32});
        break;
    case SIGNAL_FIELD_BYTES:
        write_bytes(w, *(const struct bytes *)in);
        break;
    case SIGNAL_FIELD_U8:
        json_writer_u64(json, *(const uint8_t *)in);
        break;
    case SIGNAL_FIELD_U32:
        json_writer_u64(json, *(const uint32_t *)in);
        break;
    case SIGNAL_FIELD_U64:
        json_writer_u64(json, *(const uint64_t *)in);
        break;
    case SIGNAL_FIELD_BOOL:
        json_writer_bool(json, *(const bool *)in);
        break;
    case SIGNAL_FIELD_F32:
        json_writer_f32(json, *(const float *)in);
        break;
    case SIGNAL_FIELD_ENUM:
        write_enum(w, f->names, in);
        break;
    case SIGNAL_FIELD_STRUCT:
        write_struct(w, f->part, in);
        break;
    case SIGNAL_FIELD_TEXTS:
    case SIGNAL_FIELD_STRUCTS:
        write_list(w, f, in);
        break;
    case SIGNAL_FIELD_MESSAGE:
        assert(!"written by write_field");
    }
}

/* Texts, bytes, lists and pointers all start with a pointer that is NULL when absent. */
static bool is_absent(const void *in)
{
    const void *pointer;
    memcpy(&pointer, in, sizeof(pointer));
    return pointer == NULL;
}

static bool is_left_out(const struct signal_field *f, const void *in)
{
    struct signal_list list;
    if ((f->marks & SIGNAL_MARK_OMIT_EMPTY) == 0)
        return (f->marks & SIGNAL_MARK_OMITTED) != 0 && is_absent(in);
    memcpy(&list, in, sizeof(list));
    return list.count == 0;
}

/* `base` is the struct that the field belongs to. */
static void write_field(struct write *w, const struct signal_field *f, const char *base)
{
    const void *in = base + f->offset;
    if (is_left_out(f, in))
        return;
    json_writer_key(&w->json, f->name);
    if (f->type == SIGNAL_FIELD_MESSAGE) {
        write_inner(w, (const void *)base);
    } else if ((f->marks & SIGNAL_MARK_NULLABLE) != 0 && is_absent(in)) {
        json_writer_null(&w->json);
    } else if (signal_field_is_pointer(f)) {
        const void *value;
        memcpy(&value, in, sizeof(value));
        write_value(w, f, value);
    } else {
        write_value(w, f, in);
    }
}

static void write_struct(struct write *w, const struct signal_struct *s, const void *in)
{
    json_writer_begin_object(&w->json);
    for (size_t i = 0; i < s->count; i++)
        write_field(w, &s->fields[i], in);
    json_writer_end_object(&w->json);
}

static void write_message(struct write *w, const struct signal *signal)
{
    if ((unsigned)signal->type >= SIGNAL_TYPES) {
        fail(w, ERR_RANGE);
        return;
    }
    const struct signal_variant *v = &signal_variants[signal->type];
    if (v->body == NULL) {
        json_writer_string(&w->json, v->name);
        return;
    }
    json_writer_begin_object(&w->json);
    json_writer_key(&w->json, v->name);
    write_struct(w, v->body, (const char *)signal + SIGNAL_BODY_OFFSET);
    json_writer_end_object(&w->json);
}

int signal_write(const struct signal *signal, struct buffer *out)
{
    struct write w = {.rc = 0};
    size_t before = out->len;
    json_writer_init(&w.json, out);
    write_message(&w, signal);
    if (out->failed)
        fail(&w, ERR_MEMORY);
    if (w.rc != 0)
        out->len = before;
    return w.rc;
}

/* ---- the listing ---- */

static void list_struct(struct buffer *out, const struct signal_struct *s);

static void list_type(struct buffer *out, const struct signal_field *f)
{
    static const char *const names[] = {
        [SIGNAL_FIELD_TEXT] = "str",    [SIGNAL_FIELD_KEY] = "b32",
        [SIGNAL_FIELD_BYTES] = "b*",    [SIGNAL_FIELD_U8] = "u8",
        [SIGNAL_FIELD_U32] = "u32",     [SIGNAL_FIELD_U64] = "u64",
        [SIGNAL_FIELD_BOOL] = "bool",   [SIGNAL_FIELD_F32] = "f32",
        [SIGNAL_FIELD_TEXTS] = "[str]", [SIGNAL_FIELD_MESSAGE] = "message",
    };
    bool list = f->type == SIGNAL_FIELD_STRUCTS;
    buffer_append_string(out, list ? "[" : "");
    if (f->part != NULL)
        list_struct(out, f->part);
    else
        buffer_append_string(out, f->names != NULL ? f->names->type : names[f->type]);
    buffer_append_string(out, list ? "]" : "");
}

static void list_field(struct buffer *out, const struct signal_field *f)
{
    const unsigned omitted = SIGNAL_MARK_OMITTED | SIGNAL_MARK_OMIT_EMPTY;
    buffer_printf(out, "%s ", f->name);
    list_type(out, f);
    buffer_append_string(out, (f->marks & SIGNAL_MARK_NULLABLE) != 0 ? "?" : "");
    buffer_append_string(out, (f->marks & omitted) != 0 ? "~" : "");
    buffer_append_string(out, (f->marks & SIGNAL_MARK_DEFAULT) != 0 ? " =d" : "");
    buffer_append_string(out, (f->marks & SIGNAL_MARK_LATER) != 0 ? " later" : "");
    buffer_append_string(out, (f->marks & SIGNAL_MARK_OURS) != 0 ? " ours" : "");
}

static void list_struct(struct buffer *out, const struct signal_struct *s)
{
    buffer_append_string(out, "{");
    for (size_t i = 0; i < s->count; i++) {
        buffer_append_string(out, i == 0 ? "" : ", ");
        list_field(out, &s->fields[i]);
    }
    buffer_append_string(out, "}");
}

int signal_list_fields(struct buffer *out)
{
    for (size_t i = 0; i < SIGNAL_TYPES; i++) {
        const struct signal_variant *v = &signal_variants[i];
        buffer_printf(out, "%s%s ", v->name, v->later ? " later" : "");
        if (v->body == NULL)
            buffer_append_string(out, "unit");
        else
            list_struct(out, v->body);
        buffer_append_string(out, "\n");
    }
    return out->failed ? ERR_MEMORY : 0;
}
