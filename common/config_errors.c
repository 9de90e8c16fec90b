#include "common/config_errors.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define SHOWN_BYTES 60 /* of a value, up to a character more */

void config_errors_free(struct config_errors *errors)
{
    free(errors->lines);
    *errors = (struct config_errors){0};
}

bool config_errors_any(const struct config_errors *errors)
{
    return errors->count > 0 || errors->out_of_memory;
}

static char *next_line(struct config_errors *errors)
{
    if (errors->lines == NULL)
        errors->lines = calloc(CONFIG_ERRORS_MAX, sizeof(errors->lines[0]));
    if (errors->lines == NULL) {
        errors->out_of_memory = true;
        return NULL;
    }
    if (errors->count == CONFIG_ERRORS_MAX) {
        errors->more++;
        return NULL;
    }
    return errors->lines[errors->count++];
}

void config_errors_add(struct config_errors *errors, const char *file, size_t line, const char *key,
                       const char *format, ...)
{
    char *text = next_line(errors);
    if (text == NULL)
        return;
    char place[24] = "";
    if (line > 0)
        snprintf(place, sizeof(place), ":%zu", line);
    int len = snprintf(text, CONFIG_ERROR_TEXT_MAX, "%s%s: %s%s", file, place,
                       key == NULL ? "" : key, key == NULL ? "" : ": ");
    if (len < 0 || len >= CONFIG_ERROR_TEXT_MAX)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text + len, CONFIG_ERROR_TEXT_MAX - (size_t)len, format, args);
    va_end(args);
}

void config_errors_print(const struct config_errors *errors, FILE *out)
{
    for (size_t i = 0; i < errors->count; i++)
        fprintf(out, "%s\n", errors->lines[i]);
    if (errors->more > 0)
        fprintf(out, "and %zu more errors\n", errors->more);
    if (errors->out_of_memory)
        fprintf(out, "out of memory\n");
}

const char *config_errors_quote(struct bytes value, char out[CONFIG_ERROR_VALUE_MAX])
{
    size_t at = 0;
    size_t used = 0;
    out[at++] = '"';
    while (used < value.len && used < SHOWN_BYTES) {
        uint32_t code_point;
        struct bytes left = {value.data + used, value.len - used};
        size_t len = text_utf8(left, &code_point);
        if (len == 0 || text_is_control(code_point)) {
            at += (size_t)sprintf(out + at, "\\x%02x", value.data[used]);
            used++;
            continue;
        }
        if (code_point == '"' || code_point == '\\')
            out[at++] = '\\';
        memcpy(out + at, value.data + used, len);
        at += len;
        used += len;
    }
    strcpy(out + at, used < value.len ? "...\"" : "\"");
    return out;
}
