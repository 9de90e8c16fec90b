#include "common/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

void json_writer_init(struct json_writer *w, struct buffer *out)
{
    *w = (struct json_writer){.out = out};
}

/* Before a key, or a value that has none. */
static void separate(struct json_writer *w)
{
    if (w->comma)
        buffer_append_u8(w->out, ',');
    w->comma = true;
}

static void begin(struct json_writer *w, char bracket)
{
    separate(w);
    buffer_append_u8(w->out, (uint8_t)bracket);
    w->comma = false;
}

static void end(struct json_writer *w, char bracket)
{
    buffer_append_u8(w->out, (uint8_t)bracket);
    w->comma = true;
}

void json_writer_begin_object(struct json_writer *w)
{
    begin(w, '{');
}

void json_writer_end_object(struct json_writer *w)
{
    end(w, '}');
}

void json_writer_begin_array(struct json_writer *w)
{
    begin(w, '[');
}

void json_writer_end_array(struct json_writer *w)
{
    end(w, ']');
}

static void escape(struct buffer *out, uint8_t c)
{
    static const char special[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    const char *found = c == 0 ? NULL : strchr(special, c);
    if (found != NULL)
        buffer_printf(out, "\\%c", names[found - special]);
    else
        buffer_printf(out, "\\u%04x", c);
}

/* How many bytes from the start of `text` are written as they are. */
static size_t plain_length(struct bytes text)
{
    size_t n = 0;
    while (n < text.len) {
        uint8_t c = text.data[n];
        uint32_t code;
        size_t size = c < 0x80 ? 1 : text_utf8((struct bytes){text.data + n, text.len - n}, &code);
        if (size == 0 || c < 0x20 || c == '"' || c == '\\')
            break;
        n += size;
    }
    return n;
}

static void quote(struct buffer *out, struct bytes text)
{
    buffer_append_u8(out, '"');
    while (text.len > 0) {
        size_t n = plain_length(text);
        buffer_append(out, text.data, n);
        if (n < text.len && text.data[n] < 0x80)
            escape(out, text.data[n++]);
        else if (n < text.len) {
            buffer_append_string(out, "\xef\xbf\xbd");
            n++;
        }
        text = (struct bytes){text.data + n, text.len - n};
    }
    buffer_append_u8(out, '"');
}

void json_writer_key(struct json_writer *w, const char *key)
{
    separate(w);
    quote(w->out, bytes_of_string(key));
    buffer_append_u8(w->out, ':');
    w->comma = false;
}

void json_writer_text(struct json_writer *w, struct bytes text)
{
    separate(w);
    quote(w->out, text);
}

void json_writer_string(struct json_writer *w, const char *s)
{
    if (s == NULL)
        json_writer_null(w);
    else
        json_writer_text(w, bytes_of_string(s));
}

/* Keys and signatures are lists of numbers: printf would take most of the time. */
void json_writer_u64(struct json_writer *w, uint64_t v)
{
    char text[20];
    size_t at = sizeof(text);
    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    separate(w);
    buffer_append(w->out, text + at, sizeof(text) - at);
}

void json_writer_i64(struct json_writer *w, int64_t v)
{
    separate(w);
    buffer_printf(w->out, "%" PRId64, v);
}

void json_writer_bool(struct json_writer *w, bool v)
{
    separate(w);
    buffer_append_string(w->out, v ? "true" : "false");
}

void json_writer_null(struct json_writer *w)
{
    separate(w);
    buffer_append_string(w->out, "null");
}

/* The shortest digits, without the point, that read back as `v`; returns the exponent of the first
 * one. `v` is finite and above zero. */
static int shortest_digits(float v, char digits[16])
{
    char text[32];
    for (int decimals = 0; decimals <= 8; decimals++) {
        snprintf(text, sizeof(text), "%.*e", decimals, (double)v);
        if (strtof(text, NULL) == v)
            break;
    }
    const char *e = strchr(text, 'e');
    size_t len = 0;
    for (const char *p = text; p != e; p++)
        if (*p >= '0' && *p <= '9')
            digits[len++] = *p;
    digits[len] = '\0';
    return (int)strtol(e + 1, NULL, 10);
}

/* Lays the digits out as serde_json does: plain from 1e-6 to below 1e13, else with an exponent. */
static void lay_out(struct buffer *out, const char *digits, int exponent)
{
    int len = (int)strlen(digits);
    if (exponent >= 13 || exponent < -6)
        buffer_printf(out, "%c%s%se%d", digits[0], len > 1 ? "." : "", digits + 1, exponent);
    else if (exponent < 0)
        buffer_printf(out, "0.%.*s%s", -exponent - 1, "00000", digits);
    else if (exponent >= len - 1)
        buffer_printf(out, "%s%.*s.0", digits, exponent - len + 1, "000000000000");
    else
        buffer_printf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
}

void json_writer_f32(struct json_writer *w, float v)
{
    if (!isfinite(v)) {
        json_writer_null(w);
        return;
    }
    separate(w);
    if (signbit(v))
        buffer_append_u8(w->out, '-');
    if (v == 0.0f) {
        buffer_append_string(w->out, "0.0");
        return;
    }
    char digits[16];
    int exponent = shortest_digits(fabsf(v), digits);
    lay_out(w->out, digits, exponent);
}

void json_writer_decimal(struct json_writer *w, double v, unsigned decimals)
{
    if (!isfinite(v)) {
        json_writer_null(w);
        return;
    }
    separate(w);
    buffer_printf(w->out, "%.*f", (int)(decimals > 9 ? 9 : decimals), v);
}

void json_writer_raw(struct json_writer *w, struct bytes json)
{
    separate(w);
    buffer_append_bytes(w->out, json);
}
