/*
 * Draining: what is closed, what stays, what is refused, and when the planes stop.
 */
#include "harness.h"

#define REMOTE "1111:1111:1111:1111:1111:1111:1111:1111"
#define NEVER UINT64_MAX

static void drain(struct relay *r, uint64_t deadline)
{
    core_drain(r->core, deadline, r->harness->now);
    harness_settle(r->harness);
}

static void undrain(struct relay *r)
{
    core_undrain(r->core, r->harness->now);
    harness_settle(r->harness);
}

/* The data plane and the other end finish what the core closed. */
static void finish_closing(struct relay *r)
{
    for (size_t i = 0; i < r->plane.connection_count; i++) {
        struct fake_connection *conn = r->plane.connections[i];
        if (conn->closing && conn->open)
            sim_hang(r, conn);
    }
}

static void look_again(struct relay *r)
{
    finish_closing(r);
    harness_pass(r->harness, 2 * CLOCK_SECOND);
    finish_closing(r);
    harness_pass(r->harness, 2 * CLOCK_SECOND);
}

static void test_an_empty_relay_stops_at_once(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    assert_false(core_drain_state(r->core).draining);
    drain(r, NEVER);
    assert_true(r->plane.refuse_new);
    assert_true(r->plane.stopped);
    assert_true(core_drain_state(r->core).stopped);
    harness_free(h);
}

static void test_idle_phones_and_links_are_closed_then_it_stops(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *r = &h->relays[0];
    struct caller a = phone_new(r, 1);
    struct fake_connection *link = sim_link_connection(r, 1);
    struct fake_connection *greeting = sim_connect(r, "_signal"), *probe = sim_connect(r, "_probe");
    drain(r, NEVER);
    expect_closed(a.conn, "draining");
    expect_closed(link, "draining");
    expect_closed(greeting, "draining");
    expect_closed(probe, "draining");
    assert_true(r->plane.refuse_new);
    assert_false(r->plane.stopped); /* they are still being told */
    look_again(r);
    assert_true(r->plane.stopped);
    size_t dials = r->plane.dial_count;
    harness_pass(h, 120 * CLOCK_SECOND);
    assert_int_equal(r->plane.dial_count, dials);
    harness_free(h);
}

static void test_a_call_goes_on_to_its_end(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *ra = &h->relays[0];
    struct caller a = phone_new(ra, 1), b = phone_new(&h->relays[1], 2), c = phone_new(ra, 3);
    phones_call(&a, &b, "c1");
    struct fake_connection *link = sim_link_connection(ra, 1);
    drain(ra, NEVER);
    expect_closed(c.conn, "draining");
    expect_open(a.conn);
    expect_open(link);
    assert_false(ra->plane.refuse_new); /* media connections of the call are to come */
    struct fake_connection *ma = phone_join(&a, "call-c1");
    expect_message(ma, "CallAnswer", NULL);
    look_again(ra);
    expect_open(ma);
    assert_false(ra->plane.stopped);
    phone_hangup(&a, "c1");
    expect_message(b.conn, "Hangup", "c1", NULL);
    harness_pass(h, 1500 * CLOCK_MS);
    expect_closed(a.conn, "draining");
    expect_closed(link, "draining");
    assert_true(ra->plane.refuse_new);
    harness_pass(h, 10 * CLOCK_SECOND); /* the room's grace */
    look_again(ra);
    assert_true(ra->plane.stopped);
    harness_free(h);
}

static void test_a_ringing_call_may_be_answered(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1), b = phone_new(r, 2);
    phone_offer(&a, b.name, "c1");
    skip_messages(a.conn);
    skip_messages(b.conn);
    drain(r, NEVER);
    phone_answer(&b, "c1", "AcceptTrusted");
    expect_message(a.conn, "DirectCallAnswer", NULL);
    expect_message(a.conn, "CallSetup", NULL);
    harness_free(h);
}

static void test_a_room_goes_on_without_newcomers(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1), b = phone_new(r, 2);
    struct fake_connection *ma = phone_join(&a, "lobby");
    expect_message(ma, "CallAnswer", NULL);
    drain(r, NEVER);
    expect_open(ma);
    struct fake_connection *mb = phone_join(&b, "lobby");
    expect_closed(mb, "the relay is being drained");
    sim_hang(r, ma);
    look_again(r);
    assert_true(r->plane.stopped);
    harness_free(h);
}

static void test_nothing_new_is_taken(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *r = &h->relays[0];
    struct caller a = phone_new(r, 1), b = phone_new(&h->relays[1], 2);
    phones_call(&a, &b, "c1");
    skip_messages(a.conn);
    drain(r, NEVER);
    phone_offer(&a, REMOTE, "c2");
    expect_message(a.conn, "Hangup", "c2", "Error", "relay", NULL);
    phone_offer(&b, a.name, "c3");
    expect_message(b.conn, "Hangup", "c3", NULL);
    expect_silence(a.conn);
    struct caller c = phone_register_as(r, 3, 0, 0);
    expect_silence(c.conn); /* no refusal either: it is to try again */
    expect_closed(c.conn, "draining");
    struct caller again = phone_register_as(r, 1, 0, 0); /* takes its call with it */
    expect_message(again.conn, "RegisterPresenceAck", "\"success\":true", NULL);
    expect_open(again.conn);
    harness_free(h);
}

static void test_a_lost_link_that_a_call_needs_is_dialed(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *r = &h->relays[0];
    struct caller a = phone_new(r, 1), b = phone_new(&h->relays[1], 2);
    phones_call(&a, &b, "c1");
    drain(r, NEVER);
    harness_cut(h, 0, 1);
    harness_pass(h, 5 * CLOCK_SECOND);
    expect_open(sim_link_connection(r, 1));
    harness_free(h);
}

static void test_the_deadline_ends_whatever_is_left(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1), b = phone_new(r, 2);
    phones_call(&a, &b, "c1");
    uint64_t deadline = h->now + 30 * CLOCK_SECOND;
    drain(r, deadline);
    assert_true(core_drain_state(r->core).deadline == deadline);
    harness_pass(h, deadline - h->now - 1);
    assert_false(r->plane.stopped);
    harness_pass(h, 1);
    assert_true(r->plane.stopped);
    undrain(r); /* too late */
    assert_true(core_drain_state(r->core).draining);
    harness_free(h);
}

static void test_a_second_wish_is_another_deadline(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1), b = phone_new(r, 2);
    phones_call(&a, &b, "c1");
    drain(r, NEVER);
    drain(r, h->now + CLOCK_SECOND);
    harness_pass(h, CLOCK_SECOND);
    assert_true(r->plane.stopped);
    harness_free(h);
}

static void test_the_next_control_plane_goes_on_draining(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1), b = phone_new(r, 2), c = phone_new(r, 3);
    phones_call(&a, &b, "c1");
    uint64_t deadline = h->now + 100 * CLOCK_SECOND;
    drain(r, deadline);
    sim_adopt(r);
    assert_true(core_drain_state(r->core).draining);
    assert_true(core_drain_state(r->core).deadline == deadline);
    skip_messages(a.conn);
    phone_offer(&a, c.name, "c2");
    expect_message(a.conn, "Hangup", "c2", NULL);
    harness_pass(h, 99 * CLOCK_SECOND);
    sim_adopt(r);
    harness_pass(h, CLOCK_SECOND);
    assert_true(r->plane.stopped);
    harness_free(h);
}

static void test_a_stop_that_got_lost_is_said_again(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    drain(r, NEVER);
    r->plane.stopped = false;
    sim_adopt(r);
    harness_pass(h, CLOCK_MS);
    assert_true(r->plane.stopped);
    harness_free(h);
}

static void test_undrain_takes_calls_and_dials_again(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *r = &h->relays[0];
    struct caller a = phone_new(r, 1), b = phone_new(r, 2);
    struct fake_connection *m = phone_join(&a, "lobby");
    drain(r, NEVER);
    finish_closing(r);
    assert_true(r->plane.refuse_new);
    harness_pass(h, 20 * CLOCK_SECOND);
    undrain(r);
    assert_false(r->plane.refuse_new);
    assert_int_equal(fake_plane_records_of(&r->plane, "drain/"), 0);
    harness_pass(h, CLOCK_SECOND);
    expect_open(sim_link_connection(r, 1));
    expect_open(m);
    b = phone_new(r, 2);
    a = phone_new(r, 1);
    phones_call(&a, &b, "c1");
    sim_adopt(r);
    assert_false(core_drain_state(r->core).draining);
    harness_pass(h, 100 * CLOCK_SECOND);
    assert_false(r->plane.stopped);
    undrain(r); /* nothing to call off */
    harness_free(h);
}

static void test_what_the_operator_said_outlives_the_data_plane(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1);
    struct fake_connection *m = phone_join(&a, "lobby");
    assert_true(m->open);
    drain(r, NEVER);
    core_adopting(r->core, 2); /* nothing is installed in the new one */
    core_adopted(r->core, h->now);
    harness_pass(h, CLOCK_MS);
    assert_true(r->plane.stopped);
    harness_free(h);
}

static void test_a_drain_before_the_first_adoption(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    core_adopting(r->core, 1);
    size_t transactions = r->plane.transactions;
    drain(r, NEVER);
    assert_int_equal(r->plane.transactions, transactions);
    core_adopted(r->core, h->now);
    harness_pass(h, CLOCK_MS);
    assert_true(r->plane.stopped);
    harness_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_relay_stops_at_once),
        cmocka_unit_test(test_idle_phones_and_links_are_closed_then_it_stops),
        cmocka_unit_test(test_a_call_goes_on_to_its_end),
        cmocka_unit_test(test_a_ringing_call_may_be_answered),
        cmocka_unit_test(test_a_room_goes_on_without_newcomers),
        cmocka_unit_test(test_nothing_new_is_taken),
        cmocka_unit_test(test_a_lost_link_that_a_call_needs_is_dialed),
        cmocka_unit_test(test_the_deadline_ends_whatever_is_left),
        cmocka_unit_test(test_a_second_wish_is_another_deadline),
        cmocka_unit_test(test_the_next_control_plane_goes_on_draining),
        cmocka_unit_test(test_a_stop_that_got_lost_is_said_again),
        cmocka_unit_test(test_undrain_takes_calls_and_dials_again),
        cmocka_unit_test(test_what_the_operator_said_outlives_the_data_plane),
        cmocka_unit_test(test_a_drain_before_the_first_adoption),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
