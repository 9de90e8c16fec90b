/*
 * Every item of the catalogue, with every field filled from a seed: made from the same tables as
 * the encoder, so that a new item is tested without a line here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "channel.h"
#include "common/error.h"
#include "ipc/catalogue.h"

#define FILL_LIST_MAX 5
#define FILL_TEXT_MAX 40

/* Where filled lists and texts lie; many items share it. */
struct filler {
    uint64_t rng;
    uint8_t text[FILL_TEXT_MAX];
    uint64_t connections[FILL_LIST_MAX];
    struct ipc_hop hops[FILL_LIST_MAX];
};

static void fill_random(struct filler *f, void *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)rng_next(&f->rng);
}

#define FILL_PLAIN(type, c_type)                                                                   \
    static void fill_##type(struct filler *f, c_type *v)                                           \
    {                                                                                              \
        fill_random(f, v, sizeof(*v));                                                             \
    }
FILL_PLAIN(U32, uint32_t)
FILL_PLAIN(U64, uint64_t)
FILL_PLAIN(FINGERPRINT, struct fingerprint_tls)
FILL_PLAIN(TAG, struct ipc_tag)
FILL_PLAIN(EXPORTER, struct ipc_exporter)

static void fill_BOOL(struct filler *f, bool *v)
{
    *v = rng_chance(&f->rng, 500);
}

static void fill_text(struct filler *f, struct bytes *v)
{
    fill_random(f, f->text, sizeof(f->text));
    *v = (struct bytes){f->text, rng_next(&f->rng) % (FILL_TEXT_MAX + 1)};
}

static void fill_NAME(struct filler *f, struct bytes *v)
{
    fill_text(f, v);
}

static void fill_KEY(struct filler *f, struct bytes *v)
{
    fill_text(f, v);
}

static void fill_VALUE(struct filler *f, struct bytes *v)
{
    fill_text(f, v);
}

static void fill_BODY(struct filler *f, struct bytes *v)
{
    fill_text(f, v);
}

static void fill_ADDRESS(struct filler *f, struct address *v)
{
    uint8_t ip[16];
    size_t lens[] = {0, 4, 16};
    size_t len = lens[rng_next(&f->rng) % 3];
    fill_random(f, ip, sizeof(ip));
    uint16_t port = len == 0 ? 0 : (uint16_t)rng_next(&f->rng);
    assert_int_equal(address_from_ip((struct bytes){ip, len}, port, v), 0);
}

static void fill_CONNECTIONS(struct filler *f, struct ipc_connections *v)
{
    fill_random(f, f->connections, sizeof(f->connections));
    *v = (struct ipc_connections){f->connections, rng_next(&f->rng) % (FILL_LIST_MAX + 1)};
}

static void fill_HOPS(struct filler *f, struct ipc_hops *v)
{
    fill_random(f, f->hops, sizeof(f->hops));
    *v = (struct ipc_hops){f->hops, rng_next(&f->rng) % (FILL_LIST_MAX + 1)};
}

#define FILL(type, name) fill_##type(f, &v->name);
#define X(name, number)                                                                            \
    static void fill_item_##name(struct filler *f, struct ipc_##name *v)                           \
    {                                                                                              \
        IPC_FIELDS_##name(FILL)                                                                    \
    }
IPC_CATALOGUE(X)
#undef X

static void fill_item(struct filler *f, enum ipc_type type, struct ipc_item *item)
{
    *item = (struct ipc_item){.type = type};
    switch (type) {
#define X(name, number)                                                                            \
    case IPC_##name:                                                                               \
        fill_item_##name(f, &item->u.name);                                                        \
        break;
        IPC_CATALOGUE(X)
#undef X
    }
}

static const enum ipc_type all_types[] = {
#define X(name, number) IPC_##name,
    IPC_CATALOGUE(X)
#undef X
};
#define TYPES (sizeof(all_types) / sizeof(all_types[0]))

/* Encodes, decodes, encodes again: the same bytes, and no prefix of them is an item. */
static void round_trip(struct filler *f, enum ipc_type type)
{
    struct ipc_item item;
    struct ipc_items items = {0};
    struct buffer first = {0};
    struct buffer second = {0};
    fill_item(f, type, &item);
    assert_int_equal(ipc_item_encode(&first, &item), 0);
    assert_int_equal(ipc_items_decode(&items, buffer_view(&first)), 0);
    assert_int_equal(items.count, 1);
    assert_int_equal(items.list[0].type, type);
    assert_int_equal(ipc_item_encode(&second, &items.list[0]), 0);
    assert_true(bytes_equal(buffer_view(&first), buffer_view(&second)));
    for (size_t len = 1; len < first.len; len++)
        assert_true(ipc_items_decode(&items, (struct bytes){first.data, len}) < 0);
    assert_int_equal(items.count, 0);
    ipc_items_free(&items);
    buffer_free(&first);
    buffer_free(&second);
}

static void every_item_survives_the_way(void **state)
{
    struct filler f = {.rng = 1};
    (void)state;
    for (size_t i = 0; i < TYPES; i++)
        for (int n = 0; n < 50; n++)
            round_trip(&f, all_types[i]);
}

static void fields_arrive_where_they_belong(void **state)
{
    struct ipc_item item = {.type = IPC_link_join};
    struct ipc_items items = {0};
    struct buffer row = {0};
    (void)state;
    item.u.link_join = (struct ipc_link_join){
        .connection = 7, .legacy = true, .ping_after_ms = 500, .dead_after_ms = 2000};
    memset(item.u.link_join.link.bytes, 0xab, 32);
    ipc_item_encode(&row, &item);
    assert_int_equal(ipc_items_decode(&items, buffer_view(&row)), 0);
    const struct ipc_link_join *join = &items.list[0].u.link_join;
    assert_int_equal(join->connection, 7);
    assert_true(join->legacy);
    assert_int_equal(join->ping_after_ms, 500);
    assert_int_equal(join->dead_after_ms, 2000);
    assert_int_equal(join->link.bytes[31], 0xab);
    ipc_items_free(&items);
    buffer_free(&row);
}

static void rows_keep_their_order(void **state)
{
    struct filler f = {.rng = 2};
    struct ipc_items items = {0};
    struct buffer row = {0};
    (void)state;
    for (size_t i = 0; i < TYPES; i++) {
        struct ipc_item item;
        fill_item(&f, all_types[i], &item);
        assert_int_equal(ipc_item_encode(&row, &item), 0);
    }
    assert_int_equal(ipc_items_decode(&items, buffer_view(&row)), 0);
    assert_int_equal(items.count, TYPES);
    for (size_t i = 0; i < TYPES; i++)
        assert_int_equal(items.list[i].type, all_types[i]);
    ipc_items_free(&items);
    buffer_free(&row);
}

static void caps_hold_when_encoding(void **state)
{
    static uint8_t big[IPC_BODY_MAX + 1];
    struct ipc_item items[] = {
        {.type = IPC_room_delete, .u.room_delete = {.room = {big, IPC_NAME_MAX + 1}}},
        {.type = IPC_record_delete, .u.record_delete = {.key = {big, IPC_KEY_MAX + 1}}},
        {.type = IPC_record_put, .u.record_put = {.value = {big, IPC_VALUE_MAX + 1}}},
        {.type = IPC_signal, .u.signal = {.body = {big, IPC_BODY_MAX + 1}}},
        {.type = IPC_send, .u.send = {.to = {NULL, IPC_CONNECTIONS_MAX + 1}}},
        {.type = IPC_room_put, .u.room_put = {.egress = {NULL, IPC_HOPS_MAX + 1}}},
    };
    struct buffer row = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        buffer_clear(&row);
        buffer_append_u8(&row, 9);
        assert_int_equal(ipc_item_encode(&row, &items[i]), ERR_TOO_LARGE);
        assert_true(row.failed);
        assert_int_equal(row.len, 1);
    }
    buffer_free(&row);
}

static int decode_bytes(const uint8_t *data, size_t len)
{
    struct ipc_items items = {0};
    int rc = ipc_items_decode(&items, (struct bytes){data, len});
    ipc_items_free(&items);
    return rc;
}

static void wrong_bytes_are_named(void **state)
{
    const uint8_t unknown[] = {0, 200, 1, 2, 3};
    const uint8_t boolean[] = {0, IPC_refuse_new, 2};
    const uint8_t name[] = {0, IPC_room_delete, 1, 0};
    const uint8_t name_short[] = {0, IPC_room_delete, 0, 9, 'a'};
    const uint8_t key[] = {0, IPC_record_delete, 0xff, 0xff, 0xff, 0xff};
    const uint8_t list[] = {0, IPC_send, 0, 0xff, 0xff, 0xff, 1};
    const uint8_t list_short[] = {0, IPC_send, 0, 0, 0xff, 0xff, 1};
    const uint8_t address[] = {0, IPC_dial, 0, 0, 0, 0, 0, 0, 0, 1, 5, 1, 2, 3, 4, 5, 0, 1};
    (void)state;
    assert_int_equal(decode_bytes(unknown, sizeof(unknown)), ERR_UNKNOWN);
    assert_int_equal(decode_bytes(boolean, sizeof(boolean)), ERR_RANGE);
    assert_int_equal(decode_bytes(name, sizeof(name)), ERR_TOO_LARGE);
    assert_int_equal(decode_bytes(name_short, sizeof(name_short)), ERR_TRUNCATED);
    assert_int_equal(decode_bytes(key, sizeof(key)), ERR_TOO_LARGE);
    assert_int_equal(decode_bytes(list, sizeof(list)), ERR_TOO_LARGE);
    assert_int_equal(decode_bytes(list_short, sizeof(list_short)), ERR_TRUNCATED);
    assert_int_equal(decode_bytes(address, sizeof(address)), ERR_RANGE);
    assert_int_equal(decode_bytes(unknown, 1), ERR_TRUNCATED);
    assert_int_equal(decode_bytes(unknown, 0), 0);
}

static void rows_are_bounded(void **state)
{
    size_t size = 10 * (IPC_ROW_ITEMS_MAX + 1);
    uint8_t *row = calloc(1, IPC_ROW_MAX + 1);
    (void)state;
    assert_non_null(row);
    assert_int_equal(decode_bytes(row, IPC_ROW_MAX + 1), ERR_TOO_LARGE);
    for (size_t i = 0; i < size; i += 10)
        row[i + 1] = IPC_leave;
    assert_int_equal(decode_bytes(row, size), ERR_TOO_LARGE);
    assert_int_equal(decode_bytes(row, size - 10), 0);
    free(row);
}

static void garbage_is_refused(void **state)
{
    struct filler f = {.rng = 3};
    struct ipc_items items = {0};
    struct buffer row = {0};
    struct buffer text = {0};
    size_t refused = 0;
    (void)state;
    for (int i = 0; i < 50000; i++) {
        struct ipc_item item;
        buffer_clear(&row);
        fill_item(&f, all_types[rng_next(&f.rng) % TYPES], &item);
        ipc_item_encode(&row, &item);
        for (uint64_t n = rng_next(&f.rng) % 4; n > 0; n--)
            row.data[rng_next(&f.rng) % row.len] = (uint8_t)rng_next(&f.rng);
        refused += ipc_items_decode(&items, buffer_view(&row)) != 0;
        buffer_clear(&text);
        for (size_t n = 0; n < items.count; n++)
            ipc_item_print(&text, &items.list[n]);
    }
    ipc_items_free(&items);
    buffer_free(&row);
    buffer_free(&text);
    assert_in_range(refused, 1000, 49000);
}

static void names_and_classes(void **state)
{
    (void)state;
    assert_string_equal(ipc_type_name(IPC_record_put), "record_put");
    assert_null(ipc_type_name(0));
    assert_int_equal(ipc_type_class(IPC_opened), IPC_CLASS_INPUT);
    assert_int_equal(ipc_type_class(IPC_counter), IPC_CLASS_NOTICE);
    assert_int_equal(ipc_type_class(IPC_ack), IPC_CLASS_COMMAND);
    assert_int_equal(ipc_type_class(IPC_slice), IPC_CLASS_CONTRACT);
    assert_int_equal(ipc_type_class(9999), IPC_CLASS_NONE);
}

/* ---- the version ---- */

#define SEALED_VERSION 5
#define SEAL 0x37284ce48c14a929

#define FIELD_TEXT(type, name) #type " " #name ";"
#define ITEM_TEXT(name, number) #name "=" #number ":" IPC_FIELDS_##name(FIELD_TEXT) "\n"

/* FNV-1a */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
    return hash;
}

/* Another table is another version: raise IPC_VERSION, then write it and the new hash here. */
static void the_table_is_that_of_its_version(void **state)
{
    (void)state;
    assert_int_equal(IPC_VERSION, SEALED_VERSION);
    assert_int_equal(hash_of(IPC_CATALOGUE(ITEM_TEXT)), SEAL);
}

#define RUN(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(every_item_survives_the_way),
        RUN(fields_arrive_where_they_belong),
        RUN(rows_keep_their_order),
        RUN(caps_hold_when_encoding),
        RUN(wrong_bytes_are_named),
        RUN(rows_are_bounded),
        RUN(garbage_is_refused),
        RUN(names_and_classes),
        RUN(the_table_is_that_of_its_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
