#include "common/config_diff.h"

#include <string.h>

#include "common/config_schema.h"
#include "common/error.h"

/* One comparison, with buffers that are used again for each difference. */
struct differ {
    void (*changed)(void *context, const struct config_change *change);
    void *context;
    struct buffer key;
    struct buffer old_text;
    struct buffer new_text;
};

static const char *c_string(struct buffer *b)
{
    buffer_append_u8(b, 0);
    return (const char *)b->data;
}

/* Tells about what stands in the buffers. An empty text is one that is not set. */
static int tell(struct differ *d, unsigned flags)
{
    bool had = d->old_text.len > 0;
    bool has = d->new_text.len > 0;
    struct config_change change = {
        .key = c_string(&d->key),
        .old_text = had ? c_string(&d->old_text) : NULL,
        .new_text = has ? c_string(&d->new_text) : NULL,
        .needs_restart = (flags & CONFIG_RESTART) != 0,
    };
    if (d->key.failed || d->old_text.failed || d->new_text.failed)
        return ERR_MEMORY;
    d->changed(d->context, &change);
    return 0;
}

static void format_value(const struct config_field *field, const void *base, struct buffer *out)
{
    field->type->format((const char *)base + field->offset, out);
}

/* "{address: a:1, label: b}" */
static void format_entry(const struct config_list *list, const void *entry, struct buffer *out)
{
    struct buffer value = {0};
    const char *separator = "{";
    for (size_t i = 0; i < list->field_count; i++) {
        buffer_clear(&value);
        format_value(&list->fields[i], entry, &value);
        if (value.len == 0)
            continue;
        buffer_printf(out, "%s%s: ", separator, list->fields[i].key);
        buffer_append_bytes(out, buffer_view(&value));
        separator = ", ";
    }
    buffer_append_string(out, "}");
    out->failed = out->failed || value.failed;
    buffer_free(&value);
}

/* "[a, b]", or nothing for an empty list. */
static void format_plain_list(const struct config_list *list, const void *config,
                              struct buffer *out)
{
    size_t count;
    const char *items = config_list_items(list, config, &count);
    for (size_t i = 0; i < count; i++) {
        buffer_append_string(out, i == 0 ? "[" : ", ");
        format_value(&list->fields[0], items + i * list->size, out);
    }
    if (count > 0)
        buffer_append_string(out, "]");
}

static void clear(struct differ *d)
{
    buffer_clear(&d->key);
    buffer_clear(&d->old_text);
    buffer_clear(&d->new_text);
}

static int diff_fields(struct differ *d, const char *prefix, const struct config_field *fields,
                       size_t count, const void *old_base, const void *new_base)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        clear(d);
        buffer_printf(&d->key, "%s%s", prefix, fields[i].key);
        format_value(&fields[i], old_base, &d->old_text);
        format_value(&fields[i], new_base, &d->new_text);
        if (!bytes_equal(buffer_view(&d->old_text), buffer_view(&d->new_text)))
            rc = tell(d, fields[i].flags);
    }
    return rc;
}

static int diff_plain_list(struct differ *d, const struct config_list *list,
                           const struct config *old_config, const struct config *new_config)
{
    clear(d);
    buffer_append_string(&d->key, list->key);
    format_plain_list(list, old_config, &d->old_text);
    format_plain_list(list, new_config, &d->new_text);
    if (bytes_equal(buffer_view(&d->old_text), buffer_view(&d->new_text)))
        return 0;
    return tell(d, list->flags);
}

/* The entry of a config that is the same relay, or NULL. */
static const void *find_entry(const struct config_list *list, const struct config *config,
                              const void *wanted)
{
    size_t count;
    const char *items = config_list_items(list, config, &count);
    const struct fingerprint_tls *id =
        (const void *)((const char *)wanted + list->identity->offset);
    for (size_t i = 0; i < count; i++) {
        const char *entry = items + i * list->size;
        if (fingerprint_tls_equal((const void *)(entry + list->identity->offset), id))
            return entry;
    }
    return NULL;
}

static void format_entry_key(const struct config_list *list, const void *entry, struct buffer *out)
{
    buffer_printf(out, "%s[", list->key);
    format_value(list->identity, entry, out);
    buffer_append_string(out, "]");
}

/* An entry that only one of the two configs has. */
static int tell_entry(struct differ *d, const struct config_list *list, const void *entry,
                      bool is_new)
{
    clear(d);
    format_entry_key(list, entry, &d->key);
    format_entry(list, entry, is_new ? &d->new_text : &d->old_text);
    return tell(d, list->flags);
}

static int diff_entry(struct differ *d, const struct config_list *list, const void *old_entry,
                      const void *new_entry)
{
    struct buffer prefix = {0};
    format_entry_key(list, old_entry, &prefix);
    buffer_append(&prefix, ".", sizeof("."));
    int rc = prefix.failed ? ERR_MEMORY : 0;
    if (rc == 0)
        rc = diff_fields(d, (const char *)prefix.data, list->fields, list->field_count, old_entry,
                         new_entry);
    buffer_free(&prefix);
    return rc;
}

static int diff_entries(struct differ *d, const struct config_list *list,
                        const struct config *old_config, const struct config *new_config)
{
    int rc = 0;
    size_t count;
    const char *items = config_list_items(list, old_config, &count);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const char *entry = items + i * list->size;
        const void *match = find_entry(list, new_config, entry);
        rc = match == NULL ? tell_entry(d, list, entry, false) : diff_entry(d, list, entry, match);
    }
    items = config_list_items(list, new_config, &count);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const char *entry = items + i * list->size;
        if (find_entry(list, old_config, entry) == NULL)
            rc = tell_entry(d, list, entry, true);
    }
    return rc;
}

int config_diff(const struct config *old_config, const struct config *new_config,
                void (*changed)(void *context, const struct config_change *change), void *context)
{
    struct differ d = {.changed = changed, .context = context};
    int rc = diff_fields(&d, "", config_fields, config_field_count, old_config, new_config);
    for (size_t i = 0; i < config_list_count && rc == 0; i++) {
        const struct config_list *list = &config_lists[i];
        rc = list->identity == NULL ? diff_plain_list(&d, list, old_config, new_config)
                                    : diff_entries(&d, list, old_config, new_config);
    }
    buffer_free(&d.key);
    buffer_free(&d.old_text);
    buffer_free(&d.new_text);
    return rc;
}

static void exchange(void *a, void *b, size_t size)
{
    unsigned char *x = a, *y = b;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = x[i];
        x[i] = y[i];
        y[i] = byte;
    }
}

void config_keep_running(struct config *fresh, struct config *running)
{
    for (size_t i = 0; i < config_field_count; i++) {
        const struct config_field *field = &config_fields[i];
        if (field->flags & CONFIG_RESTART)
            exchange((char *)fresh + field->offset, (char *)running + field->offset,
                     field->type->size);
    }
}
