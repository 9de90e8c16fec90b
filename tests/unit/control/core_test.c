/*
 * The thinnest path: phones on one relay and across two.
 */
#include "harness.h"

static void test_a_call_on_one_relay(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1), b = phone_new(r, 2);
    phones_call(&a, &b, "c1");

    struct fake_connection *ma = phone_join(&a, "call-c1");
    expect_message(ma, "CallAnswer", "Opus24k", NULL);
    expect_message(ma, "RoomUpdate", "\"count\":1", a.name, NULL);
    struct fake_connection *mb = phone_join(&b, "call-c1");
    expect_message(mb, "CallAnswer", NULL);
    expect_message(mb, "RoomUpdate", "\"count\":2", a.name, b.name, NULL);
    expect_message(ma, "RoomUpdate", "\"count\":2", NULL);
    assert_string_equal(ma->room, "call-c1");

    phone_hangup(&a, "c1");
    expect_message(b.conn, "Hangup", "\"call_id\":\"c1\"", "Normal", NULL);
    expect_silence(a.conn);
    expect_open(ma);
    harness_pass(h, 10 * CLOCK_SECOND);
    expect_closed(ma, "the call has ended");
    expect_closed(mb, "the call has ended");
    expect_nothing_left(r);
    harness_free(h);
}

static void test_a_call_across_two_relays(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *ra = &h->relays[0], *rb = &h->relays[1];
    struct caller a = phone_new(ra, 1), b = phone_new(rb, 2);
    phones_call(&a, &b, "c1");
    assert_int_equal(ra->plane.route_count, 1);
    assert_int_equal(rb->plane.route_count, 1);
    assert_int_equal(ra->plane.rooms[0].hop_count, 1);

    struct fake_connection *ma = phone_join(&a, "call-c1");
    expect_message(ma, "CallAnswer", NULL);
    expect_message(ma, "RoomUpdate", "\"count\":1", NULL);
    struct fake_connection *mb = phone_join(&b, "call-c1");
    expect_message(mb, "CallAnswer", NULL);
    expect_message(mb, "RoomUpdate", "\"count\":2", b.name, a.name, "relay-0", NULL);
    expect_message(ma, "RoomUpdate", "\"count\":2", a.name, b.name, "relay-1", NULL);

    phone_hangup(&b, "c1");
    expect_message(a.conn, "Hangup", "\"call_id\":\"c1\"", NULL);
    expect_silence(a.conn);
    expect_silence(b.conn);
    assert_int_equal(ra->plane.route_count, 0);
    expect_nothing_left(ra);
    expect_nothing_left(rb);
    harness_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_on_one_relay),
        cmocka_unit_test(test_a_call_across_two_relays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
