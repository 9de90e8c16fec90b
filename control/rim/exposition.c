#include "control/rim/exposition.h"

#include <inttypes.h>

/* `\\` and line ends escaped, as the format wants; quotes only within labels. */
static void append_escaped(struct buffer *out, const char *text, bool quotes)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            buffer_append_string(out, "\\n");
            continue;
        }
        if (*text == '\\' || (quotes && *text == '"'))
            buffer_append_u8(out, '\\');
        buffer_append_u8(out, (uint8_t)*text);
    }
}

void exposition_family(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_printf(out, "# HELP %s ", name);
    append_escaped(out, help, false);
    buffer_printf(out, "\n# TYPE %s %s\n", name, type);
}

static void append_series(struct buffer *out, const char *name,
                          const struct exposition_label labels[2])
{
    buffer_append_string(out, name);
    for (int i = 0; i < 2 && labels[i].key != NULL; i++) {
        buffer_printf(out, "%s%s=\"", i == 0 ? "{" : ",", labels[i].key);
        append_escaped(out, labels[i].value, true);
        buffer_append_u8(out, '"');
    }
    buffer_append_string(out, labels[0].key == NULL ? " " : "} ");
}

void exposition_sample(struct buffer *out, const char *name,
                       const struct exposition_label labels[2], double value)
{
    append_series(out, name, labels);
    buffer_printf(out, "%.15g\n", value);
}

void exposition_sample_u64(struct buffer *out, const char *name,
                           const struct exposition_label labels[2], uint64_t value)
{
    append_series(out, name, labels);
    buffer_printf(out, "%" PRIu64 "\n", value);
}

void exposition_counter(struct buffer *out, const char *name, const char *help, uint64_t value)
{
    exposition_family(out, name, "counter", help);
    exposition_sample_u64(out, name, EXPOSITION_NO_LABELS, value);
}

void exposition_gauge(struct buffer *out, const char *name, const char *help, double value)
{
    exposition_family(out, name, "gauge", help);
    exposition_sample(out, name, EXPOSITION_NO_LABELS, value);
}
