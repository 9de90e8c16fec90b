#include "common/config_print.h"

#include <string.h>

#include "common/config_schema.h"
#include "common/error.h"

/* True if the bare text would be read as something else, or not at all. */
static bool needs_quotes(const char *text)
{
    return strpbrk(text, ":#[]{},\"'&*!|>%@`") != NULL;
}

/* "key: value" for a field, or "#key: sample" if it has no default. */
static void print_field(const struct config_field *field, const char *key, const char *indent,
                        struct buffer *out)
{
    const char *value = field->initial != NULL ? field->initial : field->sample;
    const char *quote = needs_quotes(value) ? "\"" : "";
    buffer_printf(out, "%s# %s\n", indent, field->help);
    buffer_printf(out, "%s%s%s: %s%s%s\n", indent, field->initial == NULL ? "#" : "", key, quote,
                  value, quote);
}

/* A comment that shows one entry. */
static void print_list(const struct config_list *list, struct buffer *out)
{
    buffer_printf(out, "\n# %s\n%s: []\n", list->help, list->key);
    for (size_t i = 0; i < list->field_count; i++) {
        const struct config_field *field = &list->fields[i];
        const char *value = field->initial != NULL ? field->initial : field->sample;
        const char *quote = needs_quotes(value) ? "\"" : "";
        const char *colon = field->key[0] == '\0' ? "" : ": ";
        buffer_printf(out, "#  %c %s%s%s%s%s   # %s\n", i == 0 ? '-' : ' ', field->key, colon,
                      quote, value, quote, field->help);
    }
}

/* The part of a key before its dot, or none. */
static struct bytes section_of(const char *key)
{
    const char *dot = strchr(key, '.');
    return dot == NULL ? BYTES_NONE : (struct bytes){(const uint8_t *)key, (size_t)(dot - key)};
}

int config_print_defaults(struct buffer *out)
{
    struct bytes section = BYTES_NONE;
    buffer_append_string(out, "# All keys of a relay's config with their defaults.\n");
    for (size_t i = 0; i < config_field_count; i++) {
        const struct config_field *field = &config_fields[i];
        struct bytes own = section_of(field->key);
        if (own.len == 0)
            buffer_append_string(out, "\n");
        else if (!bytes_equal(own, section))
            buffer_printf(out, "\n%.*s:\n", (int)own.len, (const char *)own.data);
        section = own;
        print_field(field, own.len == 0 ? field->key : field->key + own.len + 1,
                    own.len == 0 ? "" : "  ", out);
    }
    for (size_t i = 0; i < config_list_count; i++)
        print_list(&config_lists[i], out);
    return out->failed ? ERR_MEMORY : 0;
}
