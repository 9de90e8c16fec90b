#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/snapshot.h"

#include <stdio.h>

#include "ipc/data_side.h"
#include "setup.h"

#define TYPES 256

/* Takes a whole snapshot; counts items by type, checks the slices' size. */
struct taken {
    unsigned items[TYPES];
    unsigned slices;
    size_t largest;
};

static void take(struct setup *s, struct taken *taken)
{
    uint64_t cursor = 0;
    struct buffer out = {0};
    bool last = false;
    *taken = (struct taken){0};
    while (!last) {
        struct ipc_items items = {0};
        buffer_clear(&out);
        last = snapshot_slice(&s->exchange, &cursor, &out);
        assert_false(out.failed);
        assert_int_equal(ipc_items_decode(&items, buffer_view(&out)), 0);
        for (size_t i = 0; i < items.count; i++)
            taken->items[items.list[i].type]++;
        taken->slices++;
        taken->largest = out.len > taken->largest ? out.len : taken->largest;
        ipc_items_free(&items);
        assert_true(taken->slices < 1000);
    }
    buffer_free(&out);
}

static void test_nothing_installed(void **state)
{
    struct taken taken;
    take(*state, &taken);
    assert_int_equal(taken.slices, 1);
    assert_int_equal(taken.largest, 0);
}

static void fill(struct setup *s)
{
    const struct ipc_hop hops[] = {setup_hop(1, 1), setup_hop(2, 2)};
    struct session *a = setup_session(s);
    struct session *b = setup_session(s);
    struct session *link = setup_session(s);
    struct session *closed = setup_session(s);
    struct ipc_item route = setup_route(1, 9, ROOM);
    route.u.route_put.onward = (struct ipc_hops){hops, 2};
    route.u.route_put.pps = 4000;
    SETUP_APPLY(s, setup_room(ROOM, hops, 2), setup_join(a, ROOM), setup_join(b, ROOM),
                setup_join(closed, ROOM), setup_link_join(link, 1, true), route,
                setup_record("peer", "state", 0), setup_record("phone", "state", a->number),
                (struct ipc_item){.type = IPC_repeat,
                                  .u.repeat = {.connection = link->number,
                                               .interval_ms = 5000,
                                               .body = BYTES_LITERAL("ping")}},
                (struct ipc_item){.type = IPC_dial,
                                  .u.dial = {.dial = 5, .sni = BYTES_LITERAL("_federation")}},
                (struct ipc_item){.type = IPC_refuse_new, .u.refuse_new = {.refuse = true}});
    setup_close(s, closed);
}

static void test_everything_is_told_once(void **state)
{
    struct taken taken;
    fill(*state);
    take(*state, &taken);
    assert_int_equal(taken.items[IPC_opened], 4);
    assert_int_equal(taken.items[IPC_dial], 1);
    assert_int_equal(taken.items[IPC_room_put], 1);
    assert_int_equal(taken.items[IPC_join], 3); /* the closed one's fact too */
    assert_int_equal(taken.items[IPC_link_join], 1);
    assert_int_equal(taken.items[IPC_route_put], 1);
    assert_int_equal(taken.items[IPC_repeat], 1);
    assert_int_equal(taken.items[IPC_record_put], 2);
    assert_int_equal(taken.items[IPC_refuse_new], 1);
}

/* Installs the snapshot of one exchange in another: its snapshot is the same. */
static void test_a_snapshot_installs_what_it_tells(void **state)
{
    struct setup *s = *state;
    void *other_state;
    struct ipc_items items = {0};
    struct buffer before = {0};
    struct buffer after = {0};
    uint64_t cursor = 0;
    fill(s);
    assert_true(snapshot_slice(&s->exchange, &cursor, &before));
    setup_begin(&other_state);
    struct setup *other = other_state;
    for (int i = 0; i < 4; i++)
        setup_session(other);
    assert_int_equal(ipc_items_decode(&items, buffer_view(&before)), 0);
    setup_apply(other, items.list, items.count);
    cursor = 0;
    assert_true(snapshot_slice(&other->exchange, &cursor, &after));
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    ipc_items_free(&items);
    buffer_free(&before);
    buffer_free(&after);
    exchange_free(&other->exchange);
    free(other);
}

static void test_what_is_not_acknowledged_is_left_to_the_ledger(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    struct taken taken;
    SETUP_APPLY(s, setup_room(ROOM, NULL, 0), setup_join(c, ROOM));
    c->acknowledged = false;
    take(s, &taken);
    assert_int_equal(taken.items[IPC_opened], 0);
    assert_int_equal(taken.items[IPC_join], 0);
}

static void test_a_dial_is_told_until_its_outcome_is_acknowledged(void **state)
{
    struct setup *s = *state;
    struct taken taken;
    SETUP_APPLY(s, (struct ipc_item){.type = IPC_dial, .u.dial = {.dial = 5}});
    struct session *c = fake_quic_dialed()->user;
    const struct quic_peer peer = {.dialed = true};
    assert_int_equal(session_establish(c, fake_quic_dialed(), &peer), 0);
    take(s, &taken);
    assert_int_equal(taken.items[IPC_dial], 1);
    exchange_acknowledge(&s->exchange, c);
    take(s, &taken);
    assert_int_equal(taken.items[IPC_dial], 0);
    assert_int_equal(taken.items[IPC_opened], 1);
}

static void test_slices_stay_small_and_miss_nothing(void **state)
{
    struct setup *s = *state;
    struct taken taken;
    char key[16];
    char value[3001];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    SETUP_APPLY(s, setup_room(ROOM, NULL, 0));
    for (unsigned i = 0; i < 3000; i++) {
        struct session *c = setup_session(s);
        snprintf(key, sizeof(key), "%u", i);
        SETUP_APPLY(s, setup_join(c, ROOM), setup_record(key, value, c->number));
    }
    take(s, &taken);
    assert_int_equal(taken.items[IPC_opened], 3000);
    assert_int_equal(taken.items[IPC_join], 3000);
    assert_int_equal(taken.items[IPC_record_put], 3000);
    assert_true(taken.largest <= IPC_SLICE_SIZE);
    assert_true(taken.slices > 100);
}

static void test_what_is_larger_than_a_slice_goes_alone(void **state)
{
    struct setup *s = *state;
    struct taken taken;
    char *value = calloc(1, IPC_VALUE_MAX + 1);
    memset(value, 'v', IPC_VALUE_MAX);
    SETUP_APPLY(s, setup_record("1", "small", 0), setup_record("2", value, 0),
                setup_record("3", "small", 0));
    take(s, &taken);
    assert_int_equal(taken.items[IPC_record_put], 3);
    assert_int_equal(taken.slices, 3);
    free(value);
}

static void test_a_cursor_may_be_used_again(void **state)
{
    struct setup *s = *state;
    struct buffer first = {0};
    struct buffer again = {0};
    char key[16];
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "%u", i);
        SETUP_APPLY(s, setup_record(key, "state", 0));
    }
    uint64_t start = 0;
    snapshot_slice(&s->exchange, &start, &first);
    uint64_t a = start;
    uint64_t b = start;
    buffer_clear(&first);
    snapshot_slice(&s->exchange, &a, &first);
    snapshot_slice(&s->exchange, &b, &again);
    assert_true(a == b && first.len > 0);
    assert_int_equal(first.len, again.len);
    assert_memory_equal(first.data, again.data, first.len);
    buffer_free(&first);
    buffer_free(&again);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_begin, setup_end)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_installed),
        TEST(test_everything_is_told_once),
        TEST(test_a_snapshot_installs_what_it_tells),
        TEST(test_what_is_not_acknowledged_is_left_to_the_ledger),
        TEST(test_a_dial_is_told_until_its_outcome_is_acknowledged),
        TEST(test_slices_stay_small_and_miss_nothing),
        TEST(test_what_is_larger_than_a_slice_goes_alone),
        TEST(test_a_cursor_may_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
