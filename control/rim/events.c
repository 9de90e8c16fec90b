#include "control/rim/events.h"

#include <string.h>

#include "common/clock.h"
#include "common/hex.h"
#include "common/json_writer.h"

void events_init(struct events *e)
{
    *e = (struct events){0};
    event_file_init(&e->file);
}

void events_free(struct events *e)
{
    event_file_free(&e->file);
    buffer_free(&e->line);
}

void events_use(struct events *e, const char *path)
{
    if (event_file_use(&e->file, bytes_of_string(path == NULL ? "" : path)) != 0)
        log_event(LOG_ERROR, "event_log_not_changed", LOG_STR("file", path));
    event_file_reopen(&e->file);
}

static bool is_written(const char *event)
{
    static const char *const names[] = {
#define X(name) #name,
        EVENTS_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], event) == 0)
            return true;
    return false;
}

static bool passes(struct events *e, uint64_t now)
{
    if (e->passed == 0 || now - e->second >= CLOCK_SECOND) {
        e->second = now;
        e->passed = 0;
    }
    return e->passed++ < EVENTS_PER_SECOND;
}

static void put_hex(struct json_writer *w, struct bytes bytes)
{
    char digits[2 * LOG_VALUE_MAX + 1];
    if (bytes.len > LOG_VALUE_MAX)
        bytes.len = LOG_VALUE_MAX;
    hex_encode(bytes.data, bytes.len, digits);
    json_writer_string(w, digits);
}

static void put_value(struct json_writer *w, const struct log_field *field)
{
    switch (field->type) {
    case LOG_FIELD_TEXT:
        if (field->value.bytes.data == NULL)
            json_writer_null(w);
        else
            json_writer_text(w, field->value.bytes);
        break;
    case LOG_FIELD_HEX:
        put_hex(w, field->value.bytes);
        break;
    case LOG_FIELD_U64:
        json_writer_u64(w, field->value.u64);
        break;
    case LOG_FIELD_I64:
        json_writer_i64(w, field->value.i64);
        break;
    case LOG_FIELD_BOOL:
        json_writer_bool(w, field->value.boolean);
        break;
    }
}

static void make_line(struct events *e, const char *event, const struct log_field *fields,
                      size_t count)
{
    struct json_writer w;
    char ts[CLOCK_TEXT];
    clock_text_us(clock_wall_us(), ts);
    buffer_clear(&e->line);
    json_writer_init(&w, &e->line);
    json_writer_begin_object(&w);
    json_writer_key(&w, "ts");
    json_writer_string(&w, ts);
    json_writer_key(&w, "event");
    json_writer_string(&w, event);
    for (size_t i = 0; i < count; i++) {
        json_writer_key(&w, fields[i].key);
        put_value(&w, &fields[i]);
    }
    json_writer_end_object(&w);
    buffer_append_u8(&e->line, '\n');
}

void events_write(struct events *e, uint64_t now, const char *event, const struct log_field *fields,
                  size_t count)
{
    if (!event_file_on(&e->file) || !is_written(event))
        return;
    if (!passes(e, now)) {
        event_file_lost(&e->file, 1);
        return;
    }
    make_line(e, event, fields, count);
    if (e->line.failed)
        event_file_lost(&e->file, 1);
    else
        event_file_add(&e->file, buffer_view(&e->line));
    event_file_flush(&e->file);
}

void events_tick(struct events *e)
{
    event_file_flush(&e->file);
}
