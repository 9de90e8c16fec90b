#include "script.h"

#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static struct buffer made[2];
static unsigned turn;

static struct buffer *next_made(void)
{
    turn = (turn + 1) % 2;
    buffer_clear(&made[turn]);
    return &made[turn];
}

__attribute__((destructor)) static void free_made(void)
{
    buffer_free(&made[0]);
    buffer_free(&made[1]);
}

struct bytes script_raw(enum ipc_kind kind, uint64_t from, uint64_t to, uint64_t sequence,
                        struct bytes row)
{
    struct buffer *out = next_made();
    ipc_frame_put(out,
                  &(struct ipc_frame){.kind = kind, .from = from, .to = to, .sequence = sequence});
    buffer_append_bytes(out, row);
    return buffer_view(out);
}

struct bytes script_message(enum ipc_kind kind, uint64_t from, uint64_t to, uint64_t sequence,
                            const struct ipc_item *items, size_t count)
{
    struct buffer row = {0};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ipc_item_encode(&row, &items[i]), 0);
    struct bytes message = script_raw(kind, from, to, sequence, buffer_view(&row));
    buffer_free(&row);
    return message;
}

struct ipc_item script_opened(uint64_t connection)
{
    return (struct ipc_item){.type = IPC_opened,
                             .u.opened = {.connection = connection, .sni = BYTES_LITERAL("_ping")}};
}

struct ipc_item script_signal(uint64_t connection, const char *body)
{
    return (struct ipc_item){.type = IPC_signal,
                             .u.signal = {.connection = connection, .body = bytes_of_string(body)}};
}

struct ipc_item script_closed(uint64_t connection)
{
    return (struct ipc_item){
        .type = IPC_closed,
        .u.closed = {.connection = connection, .reason = BYTES_LITERAL("gone")}};
}

struct ipc_item script_ack(uint64_t connection, uint64_t input)
{
    return (struct ipc_item){.type = IPC_ack, .u.ack = {.connection = connection, .input = input}};
}

struct ipc_item script_record(const char *key, const char *value)
{
    return (struct ipc_item){
        .type = IPC_record_put,
        .u.record_put = {.key = bytes_of_string(key), .value = bytes_of_string(value)}};
}

struct ipc_item script_request(uint64_t cursor)
{
    return (struct ipc_item){.type = IPC_request, .u.request = {.cursor = cursor}};
}

struct ipc_item script_report(uint64_t data_epoch, uint64_t control_epoch, uint64_t connection,
                              uint64_t input)
{
    return (struct ipc_item){.type = IPC_report,
                             .u.report = {.data_epoch = data_epoch,
                                          .control_epoch = control_epoch,
                                          .connection = connection,
                                          .input = input}};
}

struct ipc_item script_control_position(bool live, uint64_t received, bool gap)
{
    return (struct ipc_item){
        .type = IPC_control_position,
        .u.control_position = {.live = live, .received = received, .gap = gap}};
}

struct ipc_item script_data_position(uint64_t committed, bool gap, uint64_t refused, uint32_t error)
{
    return (struct ipc_item){
        .type = IPC_data_position,
        .u.data_position = {
            .committed = committed, .gap = gap, .refused = refused, .refused_error = error}};
}

struct ipc_item script_slice(uint64_t cursor, uint64_t next, bool last, uint64_t committed)
{
    return (struct ipc_item){
        .type = IPC_slice,
        .u.slice = {.cursor = cursor, .next = next, .last = last, .committed = committed}};
}

void script_take(struct channel *c, struct script_seen *seen)
{
    *seen = (struct script_seen){0};
    assert_true(channel_pop(c, &seen->message));
    assert_int_equal(ipc_frame_read(&seen->frame, buffer_view(&seen->message)), 0);
    assert_int_equal(ipc_items_decode(&seen->items, seen->frame.row), 0);
}

void script_seen_free(struct script_seen *seen)
{
    ipc_items_free(&seen->items);
    buffer_free(&seen->message);
}

size_t script_count(struct channel *c, enum ipc_kind kind)
{
    struct script_seen seen;
    size_t count = 0;
    while (c->count > 0) {
        script_take(c, &seen);
        count += seen.frame.kind == kind;
        script_seen_free(&seen);
    }
    return count;
}

void script_log(struct buffer *log, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    buffer_printf(log, "%s;", line);
}

void script_assert_log(struct buffer *log, const char *expected)
{
    buffer_append_u8(log, 0);
    assert_string_equal((const char *)log->data, expected);
    buffer_clear(log);
}

void script_damage(uint64_t *rng, struct buffer *message)
{
    if (rng_chance(rng, 200) && message->len > 0)
        message->len = rng_next(rng) % message->len;
    if (rng_chance(rng, 100)) {
        buffer_clear(message);
        size_t len = rng_next(rng) % 200;
        for (size_t i = 0; i < len; i++)
            buffer_append_u8(message, (uint8_t)rng_next(rng));
    }
    size_t changes = rng_next(rng) % 4;
    for (size_t i = 0; i < changes && message->len > 0; i++)
        message->data[rng_next(rng) % message->len] = (uint8_t)rng_next(rng);
}
