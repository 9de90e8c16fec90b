#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "setup.h"

static void test_the_oldest_that_lives_is_used(void **state)
{
    struct setup *s = *state;
    struct session *first = setup_session(s);
    struct session *second = setup_session(s);
    struct session *third = setup_session(s);
    SETUP_APPLY(s, setup_link_join(second, 1, false), setup_link_join(first, 1, false),
                setup_link_join(third, 1, false));
    struct link *link = first->link;
    assert_ptr_equal(link->active, second); /* joined first */
    setup_close(s, second);
    assert_ptr_equal(link->active, first);
    setup_close(s, third);
    assert_ptr_equal(link->active, first);
    setup_close(s, first);
    assert_null(link->active);
    assert_int_equal(link->count, 3); /* the facts stay */
    exchange_forget(&s->exchange, first);
    exchange_forget(&s->exchange, second);
    exchange_forget(&s->exchange, third);
    assert_int_equal(s->exchange.links.count, 0);
}

static void test_a_link_lives_as_long_as_it_is_named(void **state)
{
    struct setup *s = *state;
    const struct ipc_hop hop = setup_hop(1, 1);
    struct session *c = setup_session(s);
    SETUP_APPLY(s, setup_room(ROOM, &hop, 1), setup_route(1, 1, ROOM),
                setup_link_join(c, 1, false));
    assert_int_equal(s->exchange.links.count, 1);
    exchange_forget(&s->exchange, c);
    SETUP_APPLY(s, setup_room(ROOM, NULL, 0));
    assert_int_equal(s->exchange.links.count, 1);
    struct ipc_item gone = {.type = IPC_route_delete,
                            .u.route_delete = {.link = setup_fingerprint(1)}};
    memset(gone.u.route_delete.tag.bytes, 1, IPC_TAG_SIZE);
    SETUP_APPLY(s, gone);
    assert_int_equal(s->exchange.links.count, 0);
}

static void test_joining_sets_the_liveness(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    SETUP_APPLY(s, setup_link_join(c, 1, true));
    assert_int_equal(c->quic->ping_after, 500000000);
    assert_int_equal(c->quic->dead_after, 2000000000);
    assert_true(c->legacy);
}

static void test_a_connection_has_one_role(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    SETUP_APPLY(s, setup_room(ROOM, NULL, 0), setup_join(c, ROOM), setup_link_join(c, 1, false));
    assert_null(c->room);
    assert_non_null(c->link);
    SETUP_APPLY(s, setup_join(c, ROOM));
    assert_null(c->link);
    assert_non_null(c->room);
    SETUP_APPLY(s, (struct ipc_item){.type = IPC_leave, .u.leave = {.connection = c->number}});
    assert_null(c->room);
}

static void test_many_joins_in_one_transaction(void **state)
{
    struct setup *s = *state;
    struct ipc_item items[100];
    for (int i = 0; i < 100; i++)
        items[i] = setup_link_join(setup_session(s), 1, false);
    setup_apply(s, items, 100);
    struct link *link = link_find(&s->exchange.links, &(struct fingerprint_tls){0});
    assert_null(link);
    const struct fingerprint_tls one = setup_fingerprint(1);
    link = link_find(&s->exchange.links, &one);
    assert_int_equal(link->count, 100);
    assert_int_equal(link->promised, 0);
    assert_int_equal(link->references, 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_begin, setup_end)
    const struct CMUnitTest tests[] = {
        TEST(test_the_oldest_that_lives_is_used), TEST(test_a_link_lives_as_long_as_it_is_named),
        TEST(test_joining_sets_the_liveness),     TEST(test_a_connection_has_one_role),
        TEST(test_many_joins_in_one_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
