#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "setup.h"

static void test_members_are_dense_and_the_closed_ones_behind(void **state)
{
    struct setup *s = *state;
    struct session *c[5];
    SETUP_APPLY(s, setup_room(ROOM, NULL, 0));
    for (int i = 0; i < 5; i++) {
        c[i] = setup_session(s);
        SETUP_APPLY(s, setup_join(c[i], ROOM));
    }
    struct room *room = c[0]->room;
    setup_close(s, c[1]);
    setup_close(s, c[3]);
    assert_int_equal(room->living, 3);
    assert_int_equal(room->count, 5);
    for (uint32_t i = 0; i < room->count; i++) {
        assert_int_equal(room->members[i]->member, i);
        assert_int_equal(room->members[i]->state == SESSION_OPEN, i < room->living);
    }
    exchange_forget(&s->exchange, c[1]);
    exchange_leave(&s->exchange, c[0]);
    assert_int_equal(room->living, 2);
    assert_int_equal(room->count, 3);
    assert_null(c[0]->room);
    for (uint32_t i = 0; i < room->count; i++)
        assert_int_equal(room->members[i]->member, i);
}

/* Random joins, leaves, closes and forgets against a model. */
static void test_any_order_of_changes(void **state)
{
    struct setup *s = *state;
    struct session *c[16] = {0};
    bool in[16] = {0};
    SETUP_APPLY(s, setup_room(ROOM, NULL, 0));
    srand(4);
    for (int step = 0; step < 5000; step++) {
        int i = rand() % 16;
        uint32_t count = 0;
        uint32_t living = 0;
        if (!c[i]) {
            c[i] = setup_session(s);
            in[i] = false;
        } else if (rand() % 4 == 0) {
            if (c[i]->state == SESSION_OPEN) {
                setup_close(s, c[i]);
            } else {
                exchange_forget(&s->exchange, c[i]);
                c[i] = NULL;
            }
        } else if (in[i]) {
            exchange_leave(&s->exchange, c[i]);
            in[i] = false;
        } else {
            SETUP_APPLY(s, setup_join(c[i], ROOM));
            in[i] = true;
        }
        for (int k = 0; k < 16; k++) {
            count += c[k] && in[k];
            living += c[k] && in[k] && c[k]->state == SESSION_OPEN;
        }
        struct room *room = room_find(&s->exchange.rooms, BYTES_LITERAL(ROOM));
        assert_int_equal(room->count, count);
        assert_int_equal(room->living, living);
        for (uint32_t k = 0; k < count; k++) {
            assert_int_equal(room->members[k]->member, k);
            assert_int_equal(room->members[k]->state == SESSION_OPEN, k < living);
        }
    }
}

static void test_a_join_moves_from_the_old_room(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    SETUP_APPLY(s, setup_room(ROOM, NULL, 0), setup_room("cellar", NULL, 0), setup_join(c, ROOM),
                setup_join(c, "cellar"));
    assert_int_equal(room_find(&s->exchange.rooms, BYTES_LITERAL(ROOM))->count, 0);
    assert_ptr_equal(c->room, room_find(&s->exchange.rooms, BYTES_LITERAL("cellar")));
}

static void test_a_room_outlives_its_members_and_goes_by_command(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    SETUP_APPLY(s, setup_room(ROOM, NULL, 0), setup_join(c, ROOM));
    setup_close(s, c);
    assert_non_null(room_find(&s->exchange.rooms, BYTES_LITERAL(ROOM)));
    SETUP_APPLY(s, (struct ipc_item){.type = IPC_room_delete,
                                     .u.room_delete = {.room = BYTES_LITERAL(ROOM)}});
    assert_null(room_find(&s->exchange.rooms, BYTES_LITERAL(ROOM)));
    assert_null(c->room);
    assert_int_equal(s->exchange.rooms.count, 0);
}

static void test_a_route_keeps_a_deleted_room_for_its_return(void **state)
{
    struct setup *s = *state;
    SETUP_APPLY(s, setup_route(1, 1, ROOM), setup_room(ROOM, NULL, 0));
    SETUP_APPLY(s, (struct ipc_item){.type = IPC_room_delete,
                                     .u.room_delete = {.room = BYTES_LITERAL(ROOM)}});
    assert_int_equal(s->exchange.rooms.count, 1);
    SETUP_APPLY(s, setup_room(ROOM, NULL, 0));
    assert_int_equal(s->exchange.rooms.count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_begin, setup_end)
    const struct CMUnitTest tests[] = {
        TEST(test_members_are_dense_and_the_closed_ones_behind),
        TEST(test_any_order_of_changes),
        TEST(test_a_join_moves_from_the_old_room),
        TEST(test_a_room_outlives_its_members_and_goes_by_command),
        TEST(test_a_route_keeps_a_deleted_room_for_its_return),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
