#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/text.h"

#define LOG_TAIL_MAX 32 /* kept free for truncated=true, the closing brace and the line end */

/* The process's one logger. All but the level is set before the first thread starts. */
static struct {
    atomic_int level;
    enum log_format format;
    int fd;
    const char *plane;
    atomic_uint_fast64_t lost;
} logger = {.level = LOG_INFO, .format = LOG_TEXT, .fd = STDERR_FILENO};

/* A line in the making. What would not fit before `limit` sets `full` and is not written. */
struct line {
    char *out;
    size_t len;
    size_t limit;
    bool full;
    enum log_format format;
};

void log_configure(const struct log_config *config)
{
    logger.format = config->format;
    logger.fd = config->fd;
    logger.plane = config->plane;
    log_level_set(config->level);
}

void log_level_set(enum log_level level)
{
    atomic_store_explicit(&logger.level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&logger.level, memory_order_relaxed);
}

uint64_t log_lost(void)
{
    return atomic_load_explicit(&logger.lost, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    return names[level];
}

static void line_bytes(struct line *line, const void *data, size_t len)
{
    if (line->full || len > line->limit - line->len) {
        line->full = true;
        return;
    }
    memcpy(line->out + line->len, data, len);
    line->len += len;
}

static void line_string(struct line *line, const char *s)
{
    line_bytes(line, s, strlen(s));
}

__attribute__((format(printf, 2, 3))) static void line_printf(struct line *line, const char *format,
                                                              ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    line_string(line, text);
}

static void line_time(struct line *line, uint64_t unix_ms)
{
    char text[CLOCK_TEXT];
    clock_text(unix_ms, text);
    line_string(line, text);
}

/* Both formats escape in JSON's way, so that one reader's habit serves for both; only a byte that
 * is no UTF-8 has a form of its own in text (\xNN), and becomes U+FFFD in JSON, which has none. */
static void line_escaped(struct line *line, uint32_t code_point)
{
    switch (code_point) {
    case '"':
        line_string(line, "\\\"");
        break;
    case '\\':
        line_string(line, "\\\\");
        break;
    case '\n':
        line_string(line, "\\n");
        break;
    case '\r':
        line_string(line, "\\r");
        break;
    case '\t':
        line_string(line, "\\t");
        break;
    default:
        line_printf(line, "\\u%04" PRIx32, code_point);
    }
}

static void line_bad_byte(struct line *line, uint8_t byte)
{
    if (line->format == LOG_JSON)
        line_string(line, "\\ufffd");
    else
        line_printf(line, "\\x%02x", byte);
}

/* Cuts at LOG_VALUE_MAX, but not within a character. */
static struct bytes value_cut(struct bytes value)
{
    size_t len = value.len <= LOG_VALUE_MAX ? value.len : LOG_VALUE_MAX;
    for (size_t back = 1; back <= 3 && len < value.len; back++) {
        uint32_t code_point;
        struct bytes tail = {value.data + len - back, value.len - len + back};
        if (text_utf8(tail, &code_point) > back)
            return (struct bytes){value.data, len - back};
    }
    return (struct bytes){value.data, len};
}

static void line_quoted(struct line *line, struct bytes value)
{
    struct bytes left = value_cut(value);
    bool cut = left.len < value.len;
    line_string(line, "\"");
    while (left.len > 0 && !line->full) {
        uint32_t code_point;
        size_t len = text_utf8(left, &code_point);
        if (len == 0)
            line_bad_byte(line, left.data[0]);
        else if (code_point == '"' || code_point == '\\' || text_is_control(code_point))
            line_escaped(line, code_point);
        else
            line_bytes(line, left.data, len);
        len = len == 0 ? 1 : len;
        left = (struct bytes){left.data + len, left.len - len};
    }
    line_string(line, cut ? "...\"" : "\"");
}

/* True if the text format shows it without quotes: nothing in it ends a value or looks like null.
 */
static bool value_is_bare(struct bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=')
            return false;
    }
    return value.len > 0 && value.len <= LOG_VALUE_MAX && !bytes_equal_string(value, "null");
}

static void line_text(struct line *line, struct bytes value)
{
    if (value.data == NULL)
        line_string(line, "null");
    else if (line->format == LOG_TEXT && value_is_bare(value))
        line_bytes(line, value.data, value.len);
    else
        line_quoted(line, value);
}

static void line_hex(struct line *line, struct bytes value)
{
    if (value.data == NULL) {
        line_string(line, "null");
        return;
    }
    size_t shown = value.len <= LOG_VALUE_MAX / 2 ? value.len : LOG_VALUE_MAX / 2;
    bool quoted = line->format == LOG_JSON || value.len == 0;
    line_string(line, quoted ? "\"" : "");
    for (size_t i = 0; i < shown; i++)
        line_printf(line, "%02x", value.data[i]);
    line_string(line, shown < value.len ? "..." : "");
    line_string(line, quoted ? "\"" : "");
}

static void line_value(struct line *line, const struct log_field *field)
{
    switch (field->type) {
    case LOG_FIELD_TEXT:
        line_text(line, field->value.bytes);
        break;
    case LOG_FIELD_HEX:
        line_hex(line, field->value.bytes);
        break;
    case LOG_FIELD_U64:
        line_printf(line, "%" PRIu64, field->value.u64);
        break;
    case LOG_FIELD_I64:
        line_printf(line, "%" PRId64, field->value.i64);
        break;
    case LOG_FIELD_BOOL:
        line_string(line, field->value.boolean ? "true" : "false");
        break;
    }
}

static void line_key(struct line *line, const char *key)
{
    line_string(line, line->format == LOG_JSON ? ",\"" : " ");
    line_string(line, key);
    line_string(line, line->format == LOG_JSON ? "\":" : "=");
}

/* Writes a whole field or nothing of it. */
static void line_field(struct line *line, const struct log_field *field)
{
    size_t before = line->len;
    line_key(line, field->key);
    line_value(line, field);
    if (line->full)
        line->len = before;
}

static void line_head(struct line *line, uint64_t unix_ms, enum log_level level, const char *event)
{
    bool json = line->format == LOG_JSON;
    line_string(line, json ? "{\"ts\":\"" : "");
    line_time(line, unix_ms);
    line_string(line, json ? "\",\"level\":\"" : " ");
    line_string(line, log_level_name(level));
    line_string(line, json ? "\",\"event\":\"" : " ");
    line_string(line, event);
    line_string(line, json ? "\"" : "");
}

size_t log_line(char *out, enum log_format format, uint64_t unix_ms, const char *plane,
                enum log_level level, const char *event, const struct log_field *fields,
                size_t count)
{
    struct line line = {.out = out, .limit = LOG_LINE_MAX - LOG_TAIL_MAX, .format = format};
    line_head(&line, unix_ms, level, event);
    if (plane != NULL)
        line_field(&line, &LOG_STR("plane", plane));
    for (size_t i = 0; i < count && !line.full; i++)
        line_field(&line, &fields[i]);

    bool truncated = line.full;
    line.limit = LOG_LINE_MAX;
    line.full = false;
    if (truncated)
        line_field(&line, &LOG_BOOL("truncated", true));
    line_string(&line, format == LOG_JSON ? "}\n" : "\n");
    return line.len;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count)
{
    char out[LOG_LINE_MAX];
    size_t len =
        log_line(out, logger.format, clock_wall_ms(), logger.plane, level, event, fields, count);
    int saved_errno = errno;
    ssize_t written;
    do {
        written = write(logger.fd, out, len);
    } while (written < 0 && errno == EINTR);
    if (written != (ssize_t)len)
        atomic_fetch_add_explicit(&logger.lost, 1, memory_order_relaxed);
    errno = saved_errno;
}
