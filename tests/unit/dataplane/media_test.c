#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/media.h"

#include "common/clock.h"
#include "common/error.h"
#include "setup.h"

#define MEMBERS 4

/* A room of four with egress over links 1 and 2, each of one connection, tags 1 and 2. */
struct scene {
    struct session *member[MEMBERS];
    struct session *link1;
    struct session *link2;
};

static void make_scene(struct setup *s, struct scene *scene, bool legacy2)
{
    const struct ipc_hop hops[] = {setup_hop(1, 1), setup_hop(2, 2)};
    SETUP_APPLY(s, setup_room(ROOM, hops, 2));
    for (int i = 0; i < MEMBERS; i++) {
        scene->member[i] = setup_session(s);
        SETUP_APPLY(s, setup_join(scene->member[i], ROOM));
    }
    scene->link1 = setup_session(s);
    scene->link2 = setup_session(s);
    SETUP_APPLY(s, setup_link_join(scene->link1, 1, false),
                setup_link_join(scene->link2, 2, legacy2));
}

static void receive(struct setup *s, struct session *c, struct bytes data)
{
    media_datagram(&s->exchange, c, data, s->now);
}

static size_t heard(const struct session *c)
{
    return c->quic->count;
}

static void assert_note(const struct session *c, size_t at, struct bytes content)
{
    assert_true(c->quic->notes[at].datagram);
    assert_true(bytes_equal(buffer_view(&c->quic->notes[at].content), content));
}

static void test_members_hear_each_other_and_links_hear_them_tagged(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    make_scene(s, &scene, false);
    receive(s, scene.member[1], setup_packet(7));
    assert_int_equal(heard(scene.member[1]), 0);
    for (int i = 0; i < MEMBERS; i++) {
        if (i == 1)
            continue;
        assert_int_equal(heard(scene.member[i]), 1);
        assert_note(scene.member[i], 0, setup_packet(7));
        assert_false(scene.member[i]->quic->notes[0].tagged);
    }
    assert_int_equal(heard(scene.link1), 1);
    assert_note(scene.link2, 0, setup_packet(7));
    assert_memory_equal(scene.link2->quic->notes[0].tag, "\2\2\2\2\2\2\2\2", 8);
    assert_int_equal(s->exchange.counters.media_to_members, MEMBERS - 1);
    assert_int_equal(s->exchange.counters.media_to_links, 2);
}

static void test_without_a_role_datagrams_are_dropped(void **state)
{
    struct setup *s = *state;
    receive(s, setup_session(s), setup_packet(1));
    assert_int_equal(s->exchange.counters.drop_no_role, 1);
}

static void test_who_left_or_closed_hears_nothing(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    make_scene(s, &scene, false);
    struct quic_connection *closed = scene.member[0]->quic;
    setup_close(s, scene.member[0]);
    exchange_leave(&s->exchange, scene.member[2]);
    receive(s, scene.member[1], setup_packet(7));
    assert_int_equal(closed->count, 0);
    assert_int_equal(heard(scene.member[2]), 0);
    assert_int_equal(heard(scene.member[3]), 1);
}

static void test_what_is_no_media_packet_is_dropped(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    make_scene(s, &scene, false);
    SETUP_APPLY(s, setup_route(1, 9, ROOM));
    const uint8_t bad_codec[12] = {9 << 2};
    const uint8_t short_report[12] = {2};
    receive(s, scene.member[0], (struct bytes){bad_codec, sizeof(bad_codec)});
    receive(s, scene.member[0], (struct bytes){short_report, sizeof(short_report)});
    receive(s, scene.member[0], (struct bytes){short_report, 0});
    receive(s, scene.link1, (struct bytes){setup_tagged(9, 1).data, 19});
    receive(s, scene.link1, (struct bytes){setup_tagged(9, 1).data, 7});
    assert_int_equal(s->exchange.counters.drop_malformed, 5);
    assert_int_equal(s->exchange.counters.media_to_members, 0);
}

/* Defect 51: each malformed datagram cost the original stack, until it aborted. */
static void test_defect_51_a_run_of_malformed_datagrams(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    const uint8_t nothing[11] = {0};
    make_scene(s, &scene, false);
    for (int i = 0; i < 100000; i++)
        receive(s, scene.member[0], (struct bytes){nothing, sizeof(nothing)});
    receive(s, scene.member[0], setup_packet(1));
    assert_int_equal(s->exchange.counters.drop_malformed, 100000);
    assert_int_equal(heard(scene.member[1]), 1);
}

static void test_a_route_leads_to_members_and_never_back(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    const struct ipc_hop hops[] = {setup_hop(1, 5), setup_hop(2, 6)};
    struct ipc_item route = setup_route(1, 9, ROOM);
    make_scene(s, &scene, false);
    route.u.route_put.onward = (struct ipc_hops){hops, 2};
    SETUP_APPLY(s, route);
    receive(s, scene.link1, setup_tagged(9, 7));
    for (int i = 0; i < MEMBERS; i++) {
        assert_int_equal(heard(scene.member[i]), 1);
        assert_note(scene.member[i], 0, setup_packet(7));
    }
    assert_int_equal(heard(scene.link1), 0);
    assert_int_equal(heard(scene.link2), 1);
    assert_memory_equal(scene.link2->quic->notes[0].tag, "\6\6\6\6\6\6\6\6", 8);
}

/* Defect 13: the original let a peer speak into every room whose name it could hash. */
static void test_defect_13_a_link_is_heard_where_it_has_a_route(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    make_scene(s, &scene, false);
    SETUP_APPLY(s, setup_route(1, 9, ROOM));
    receive(s, scene.link1, setup_tagged(8, 7));
    receive(s, scene.link2, setup_tagged(9, 7)); /* the other link's */
    assert_int_equal(s->exchange.counters.drop_unknown_tag, 2);
    assert_int_equal(s->exchange.counters.media_to_members, 0);
}

static void test_a_route_without_a_room_only_leads_onward(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    const struct ipc_hop hop = setup_hop(2, 6);
    struct ipc_item route = setup_route(1, 9, "");
    make_scene(s, &scene, false);
    route.u.route_put.onward = (struct ipc_hops){&hop, 1};
    SETUP_APPLY(s, route);
    receive(s, scene.link1, setup_tagged(9, 7));
    assert_int_equal(heard(scene.link2), 1);
    assert_int_equal(heard(scene.member[0]), 0);
}

static void test_any_connection_of_the_link_brings_media(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    make_scene(s, &scene, false);
    struct session *second = setup_session(s);
    SETUP_APPLY(s, setup_route(1, 9, ROOM), setup_link_join(second, 1, false));
    receive(s, second, setup_tagged(9, 7));
    assert_int_equal(heard(scene.member[0]), 1);
}

static void test_a_lost_connection_is_replaced_without_a_command(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    make_scene(s, &scene, false);
    struct session *second = setup_session(s);
    SETUP_APPLY(s, setup_link_join(second, 1, false));
    receive(s, scene.member[0], setup_packet(1));
    assert_int_equal(heard(second), 0);
    setup_close(s, scene.link1);
    receive(s, scene.member[0], setup_packet(2));
    assert_int_equal(heard(second), 1);
    setup_close(s, second);
    receive(s, scene.member[0], setup_packet(3));
    assert_int_equal(s->exchange.counters.drop_link_down, 1);
}

/* Defect 54: one sender is limited, and by nobody else's packets. */
static void test_defect_54_a_members_rate_is_its_own(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    struct ipc_item room = setup_room(ROOM, NULL, 0);
    make_scene(s, &scene, false);
    room.u.room_put.participant_pps = 10;
    SETUP_APPLY(s, room);
    for (uint8_t i = 0; i < 30; i++)
        receive(s, scene.member[0], setup_packet(i));
    receive(s, scene.member[1], setup_packet(100));
    assert_int_equal(s->exchange.counters.drop_participant_rate, 20);
    assert_int_equal(heard(scene.member[2]), 11);
}

static void test_defect_46_a_routes_rate(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    struct ipc_item route = setup_route(1, 9, ROOM);
    make_scene(s, &scene, false);
    route.u.route_put.pps = 10;
    SETUP_APPLY(s, route);
    for (uint8_t i = 0; i < 15; i++)
        receive(s, scene.link1, setup_tagged(9, i));
    SETUP_APPLY(s, route); /* putting it again does not fill the bucket */
    for (uint8_t i = 15; i < 30; i++)
        receive(s, scene.link1, setup_tagged(9, i));
    assert_int_equal(s->exchange.counters.drop_route_rate, 20);
    assert_int_equal(heard(scene.member[0]), 10);
    s->now += CLOCK_SECOND / 2;
    for (uint8_t i = 30; i < 60; i++)
        receive(s, scene.link1, setup_tagged(9, i));
    assert_int_equal(heard(scene.member[0]), 15);
}

/* Defect 46: a peer with many origins behind it gets no more than one with none, and takes nothing
   from another peer. */
static void test_defect_46_origins_of_one_peer_share_its_rate(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    struct ipc_item routes[4] = {setup_route(1, 9, ROOM), setup_route(1, 10, ROOM),
                                 setup_route(1, 11, "pantry"), setup_route(2, 9, ROOM)};
    make_scene(s, &scene, false);
    for (uint8_t i = 0; i < 4; i++) {
        routes[i].u.route_put.pps = 10;
        routes[i].u.route_put.origin = setup_fingerprint((uint8_t)(20 + i));
    }
    setup_apply(s, routes, 4);
    for (uint8_t i = 0; i < 15; i++)
        receive(s, scene.link1, setup_tagged(i % 2 ? 9 : 10, i));
    assert_int_equal(heard(scene.member[0]), 10);
    assert_int_equal(s->exchange.counters.drop_route_rate, 5);
    for (uint8_t i = 0; i < 10; i++) {
        receive(s, scene.link1, setup_tagged(11, (uint8_t)(50 + i))); /* another room */
        receive(s, scene.link2, setup_tagged(9, (uint8_t)(60 + i)));  /* another peer */
    }
    assert_int_equal(s->exchange.counters.drop_route_rate, 5);
    assert_int_equal(heard(scene.member[0]), 20);
}

/* The rate that was put last holds for all, and the bucket is not filled by it. */
static void test_a_new_rate_holds_for_all_origins(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    struct ipc_item one = setup_route(1, 9, ROOM), other = setup_route(1, 10, ROOM);
    make_scene(s, &scene, false);
    one.u.route_put.pps = other.u.route_put.pps = 10;
    SETUP_APPLY(s, one, other);
    for (uint8_t i = 0; i < 10; i++)
        receive(s, scene.link1, setup_tagged(9, i));
    other.u.route_put.pps = 20;
    SETUP_APPLY(s, other);
    receive(s, scene.link1, setup_tagged(9, 10));
    assert_int_equal(heard(scene.member[0]), 10);
    s->now += CLOCK_SECOND / 2;
    for (uint8_t i = 20; i < 40; i++)
        receive(s, scene.link1, setup_tagged(i % 2 ? 9 : 10, i));
    assert_int_equal(heard(scene.member[0]), 20);
}

/* What only passes through has no room: each call has its own. */
static void test_calls_that_pass_through_have_rates_of_their_own(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    struct ipc_hop hop = setup_hop(2, 9);
    struct ipc_item one = setup_route(1, 9, ""), other = setup_route(1, 10, "");
    make_scene(s, &scene, false);
    one.u.route_put.pps = other.u.route_put.pps = 10;
    one.u.route_put.onward = other.u.route_put.onward = (struct ipc_hops){&hop, 1};
    SETUP_APPLY(s, one, other);
    for (uint8_t i = 0; i < 30; i++)
        receive(s, scene.link1, setup_tagged(i % 2 ? 9 : 10, i));
    assert_int_equal(heard(scene.link2), 20);
    SETUP_APPLY(s, one);
    receive(s, scene.link1, setup_tagged(9, 31));
    assert_int_equal(heard(scene.link2), 20);
}

/* Dedup is made for what may come, whatever the number of origins. */
static void test_dedup_is_sized_by_link_and_room(void **state)
{
    struct setup *s = *state;
    struct ipc_item one = setup_route(1, 9, ROOM), other = setup_route(1, 10, ROOM);
    one.u.route_put.pps = other.u.route_put.pps = 500;
    SETUP_APPLY(s, one, other);
    assert_int_equal(s->exchange.route_pps, 500);
    other.u.route_put.pps = 700;
    SETUP_APPLY(s, other, setup_route(2, 9, ROOM)); /* unlimited */
    assert_int_equal(s->exchange.route_pps, 4700);
    SETUP_APPLY(s, setup_route_delete(2, 9), setup_route_delete(1, 9));
    assert_int_equal(s->exchange.route_pps, 700);
    SETUP_APPLY(s, setup_route_delete(1, 10));
    assert_int_equal(s->exchange.route_pps, 0);
    assert_int_equal(s->exchange.quotas.count, 0);
}

static void test_the_same_packet_over_two_links_is_heard_once(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    struct ipc_item route = setup_route(2, 9, ROOM);
    make_scene(s, &scene, false);
    route.u.route_put.origin = setup_fingerprint(1);
    SETUP_APPLY(s, setup_route(1, 9, ROOM), route);
    receive(s, scene.link1, setup_tagged(9, 7));
    receive(s, scene.link2, setup_tagged(9, 7));
    assert_int_equal(heard(scene.member[0]), 1);
    assert_int_equal(s->exchange.counters.drop_copy, 1);
}

static void test_defect_43_our_own_packet_does_not_come_back_over_an_original(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    make_scene(s, &scene, true);
    SETUP_APPLY(s, setup_route(2, 9, ROOM));
    receive(s, scene.member[0], setup_packet(7));
    receive(s, scene.link2, setup_tagged(9, 7));
    assert_int_equal(heard(scene.member[0]), 0);
    assert_int_equal(heard(scene.member[1]), 1);
    assert_int_equal(s->exchange.counters.drop_copy, 1);
}

/* What an original passes on comes to us from a neighbour, as the original's media. */
static void test_an_originals_echo_is_heard_once_wherever_it_comes(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    const struct ipc_hop hop = setup_hop(3, 5);
    struct ipc_item echo = setup_route(1, 8, ROOM);
    struct ipc_item genuine = setup_route(2, 9, ROOM);
    struct session *behind = setup_session(s);
    make_scene(s, &scene, false);
    echo.u.route_put.origin = setup_fingerprint(7);
    echo.u.route_put.legacy = true;
    genuine.u.route_put.onward = (struct ipc_hops){&hop, 1};
    SETUP_APPLY(s, setup_link_join(behind, 3, false), echo, genuine);
    receive(s, scene.link1, setup_tagged(8, 7));
    receive(s, scene.link2, setup_tagged(9, 7));
    receive(s, scene.link1, setup_tagged(8, 7));
    assert_int_equal(heard(scene.member[0]), 1);
    assert_int_equal(heard(behind), 1);
    assert_int_equal(s->exchange.counters.drop_copy, 1);
}

static void test_identical_packets_of_two_members_are_both_heard(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    make_scene(s, &scene, false);
    receive(s, scene.member[0], setup_packet(0));
    receive(s, scene.member[1], setup_packet(0));
    assert_int_equal(heard(scene.member[2]), 2);
    assert_int_equal(heard(scene.link1), 2);
}

static void test_a_receiver_that_takes_nothing_hurts_only_itself(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    make_scene(s, &scene, false);
    scene.member[1]->quic->refuse_datagrams = ERR_CLOSED;
    receive(s, scene.member[0], setup_packet(1));
    assert_int_equal(heard(scene.member[2]), 1);
    assert_int_equal(s->exchange.counters.drop_send, 1);
}

/* What the path does not carry with the tag before it is counted, and all others get it. */
static void test_defect_50_what_is_too_long_for_a_link_is_counted(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    make_scene(s, &scene, false);
    scene.link1->quic->refuse_datagrams = ERR_TOO_LARGE;
    receive(s, scene.member[0], setup_packet(1));
    assert_int_equal(heard(scene.link1), 0);
    assert_int_equal(heard(scene.link2), 1);
    assert_int_equal(heard(scene.member[1]), 1);
    assert_int_equal(s->exchange.counters.drop_too_large, 1);
    assert_int_equal(s->exchange.counters.drop_send, 0);
}

static void test_new_egress_replaces_the_old(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    const struct ipc_hop hop = setup_hop(2, 8);
    make_scene(s, &scene, false);
    SETUP_APPLY(s, setup_room(ROOM, &hop, 1));
    receive(s, scene.member[0], setup_packet(1));
    assert_int_equal(heard(scene.link1), 0);
    assert_int_equal(heard(scene.link2), 1);
    assert_memory_equal(scene.link2->quic->notes[0].tag, "\x8\x8\x8\x8\x8\x8\x8\x8", 8);
}

/* ---- first media ---- */

static size_t first_media(struct setup *s)
{
    struct ipc_items items = {0};
    assert_int_equal(ipc_items_decode(&items, buffer_view(&s->exchange.notices)), 0);
    size_t count = items.count;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(items.list[i].type, IPC_first_media);
        assert_true(bytes_equal_string(items.list[i].u.first_media.room, ROOM));
    }
    ipc_items_free(&items);
    buffer_clear(&s->exchange.notices);
    return count;
}

static void test_the_first_media_is_told_once(void **state)
{
    struct setup *s = *state;
    struct scene scene;
    const struct ipc_hop hops[] = {setup_hop(2, 2), setup_hop(3, 3), setup_hop(1, 1)};
    make_scene(s, &scene, false);
    SETUP_APPLY(s, setup_route(1, 9, ROOM));
    for (uint8_t i = 0; i < 5; i++) {
        receive(s, scene.member[0], setup_packet(i));
        receive(s, scene.link1, setup_tagged(9, (uint8_t)(100 + i)));
    }
    assert_int_equal(first_media(s), 3); /* out over two links, in over one */
    struct session *link3 = setup_session(s);
    SETUP_APPLY(s, setup_room(ROOM, hops, 3), setup_link_join(link3, 3, false));
    receive(s, scene.member[0], setup_packet(50));
    assert_int_equal(first_media(s), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_begin, setup_end)
    const struct CMUnitTest tests[] = {
        TEST(test_members_hear_each_other_and_links_hear_them_tagged),
        TEST(test_without_a_role_datagrams_are_dropped),
        TEST(test_who_left_or_closed_hears_nothing),
        TEST(test_what_is_no_media_packet_is_dropped),
        TEST(test_defect_51_a_run_of_malformed_datagrams),
        TEST(test_a_route_leads_to_members_and_never_back),
        TEST(test_defect_13_a_link_is_heard_where_it_has_a_route),
        TEST(test_a_route_without_a_room_only_leads_onward),
        TEST(test_any_connection_of_the_link_brings_media),
        TEST(test_a_lost_connection_is_replaced_without_a_command),
        TEST(test_defect_54_a_members_rate_is_its_own),
        TEST(test_defect_46_a_routes_rate),
        TEST(test_defect_46_origins_of_one_peer_share_its_rate),
        TEST(test_a_new_rate_holds_for_all_origins),
        TEST(test_calls_that_pass_through_have_rates_of_their_own),
        TEST(test_dedup_is_sized_by_link_and_room),
        TEST(test_the_same_packet_over_two_links_is_heard_once),
        TEST(test_defect_43_our_own_packet_does_not_come_back_over_an_original),
        TEST(test_an_originals_echo_is_heard_once_wherever_it_comes),
        TEST(test_identical_packets_of_two_members_are_both_heard),
        TEST(test_a_receiver_that_takes_nothing_hurts_only_itself),
        TEST(test_defect_50_what_is_too_long_for_a_link_is_counted),
        TEST(test_new_egress_replaces_the_old),
        TEST(test_the_first_media_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
