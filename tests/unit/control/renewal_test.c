/*
 * Links with originals that are made anew (renewal.h; protocol.md 6, defect 21).
 */
#include "harness.h"

#define ORIGINAL 7
#define CERTIFICATE (0xa0 + ORIGINAL)
#define AFTER (40500 * CLOCK_MS) /* the original's time-out is over, and ours to wait for it */
#define BEFORE (39 * CLOCK_SECOND)

/* A relay that dials an original, or whatever `extra` makes of it; dials wait for an answer. */
static struct relay *relay_new(const char *extra)
{
    char yaml[512];
    struct harness *h = harness_new();
    snprintf(yaml, sizeof(yaml), "peers:\n%s", harness_peer(ORIGINAL, extra));
    h->hold_dials = true;
    struct relay *r = harness_relay(h, yaml);
    harness_pass(h, CLOCK_SECOND);
    return r;
}

static struct relay *relay_of_original(void)
{
    return relay_new(", legacy: true");
}

/* The only dial that waits is answered. */
static struct fake_connection *answer(struct relay *r)
{
    struct fake_dial *last = &r->plane.dials[r->plane.dial_count - 1];
    assert_false(last->done);
    last->done = true;
    return sim_dialed(r, &last->dial, CERTIFICATE);
}

/* A link that was made anew once, and about which nothing is owed. */
static struct fake_connection *settled_link(struct relay *r)
{
    struct fake_connection *first = answer(r);
    harness_pass(r->harness, AFTER);
    expect_closed(first, "made anew");
    harness_pass(r->harness, CLOCK_SECOND);
    return answer(r);
}

static void defect_21_the_first_link_of_a_data_plane_is_made_anew_once(void **state)
{
    (void)state;
    struct relay *r = relay_of_original();
    struct fake_connection *first = answer(r);
    harness_pass(r->harness, BEFORE);
    expect_open(first);
    size_t dials = r->plane.dial_count;
    harness_pass(r->harness, AFTER - BEFORE);
    expect_closed(first, "made anew");
    assert_true(sim_logged(r, "link_made_anew"));
    assert_int_equal(r->plane.dial_count, dials); /* the close gets there first */
    harness_pass(r->harness, CLOCK_SECOND);
    assert_int_equal(r->plane.dial_count, dials + 1);
    struct fake_connection *second = answer(r);
    harness_pass(r->harness, 3600 * CLOCK_SECOND);
    expect_open(second);
    assert_int_equal(r->plane.dial_count, dials + 1);
    harness_free(r->harness);
}

static void defect_21_after_a_silence_it_is_made_anew_once(void **state)
{
    (void)state;
    struct relay *r = relay_of_original();
    sim_silence(r, settled_link(r));
    harness_pass(r->harness, 10 * CLOCK_SECOND);
    struct fake_connection *next = answer(r);
    harness_pass(r->harness, BEFORE - 10 * CLOCK_SECOND);
    expect_open(next);
    harness_pass(r->harness, AFTER - BEFORE);
    expect_closed(next, "made anew");
    harness_pass(r->harness, CLOCK_SECOND);
    next = answer(r);
    harness_pass(r->harness, 3600 * CLOCK_SECOND);
    expect_open(next);
    harness_free(r->harness);
}

/* What comes up when the original has forgotten all before is not touched. */
/* Nobody answers after the close: it may not have got there. */
static void test_a_close_that_may_be_lost_counts_as_silence(void **state)
{
    (void)state;
    struct relay *r = relay_of_original();
    struct fake_connection *conn = answer(r);
    harness_pass(r->harness, AFTER);
    expect_closed(conn, "made anew");
    r->harness->hold_dials = false;
    harness_pass(r->harness, CLOCK_SECOND);
    r->harness->hold_dials = true;
    sim_adopt(r);
    harness_pass(r->harness, CLOCK_SECOND);
    conn = answer(r);
    harness_pass(r->harness, AFTER);
    expect_closed(conn, "made anew");
    harness_pass(r->harness, CLOCK_SECOND);
    conn = answer(r);
    harness_pass(r->harness, 3600 * CLOCK_SECOND);
    expect_open(conn);
    harness_free(r->harness);
}

static void test_a_link_that_was_long_gone_is_left_alone(void **state)
{
    (void)state;
    struct relay *r = relay_of_original();
    sim_silence(r, settled_link(r));
    harness_pass(r->harness, AFTER);
    struct fake_connection *next = answer(r);
    harness_pass(r->harness, 3600 * CLOCK_SECOND);
    expect_open(next);
    harness_free(r->harness);
}

static void test_a_close_is_no_silence(void **state)
{
    (void)state;
    struct relay *r = relay_of_original();
    sim_hang(r, settled_link(r));
    harness_pass(r->harness, CLOCK_SECOND);
    struct fake_connection *next = answer(r);
    harness_pass(r->harness, 3600 * CLOCK_SECOND);
    expect_open(next);
    harness_free(r->harness);
}

/* All of several connections: they share the entry. */
static void defect_21_one_silent_connection_of_several(void **state)
{
    (void)state;
    struct relay *r = relay_of_original();
    struct fake_connection *ours = settled_link(r);
    struct fake_connection *theirs = sim_connect_from(r, "_federation", "127.0.1.8:999", 0);
    sim_sayf(r, theirs, "{\"FederationHello\":{\"tls_fingerprint\":\"%s\"}}",
             harness_fingerprint(ORIGINAL));
    assert_true(theirs->legacy);
    sim_silence(r, ours);
    struct fake_connection *again = answer(r);
    harness_pass(r->harness, AFTER);
    expect_closed(theirs, "made anew");
    expect_closed(again, "made anew");
    harness_free(r->harness);
}

static void test_a_new_control_plane_goes_on_with_it(void **state)
{
    (void)state;
    struct relay *r = relay_of_original();
    sim_silence(r, settled_link(r));
    harness_pass(r->harness, CLOCK_SECOND);
    struct fake_connection *next = answer(r);
    sim_adopt(r);
    harness_pass(r->harness, BEFORE - CLOCK_SECOND);
    expect_open(next);
    sim_adopt(r);
    harness_pass(r->harness, AFTER - BEFORE);
    expect_closed(next, "made anew");
    sim_adopt(r);
    harness_pass(r->harness, CLOCK_SECOND);
    next = answer(r);
    sim_adopt(r);
    harness_pass(r->harness, 3600 * CLOCK_SECOND);
    expect_open(next);
    harness_free(r->harness);
}

static void test_relays_of_ours_are_left_alone(void **state)
{
    (void)state;
    struct relay *r = relay_of_original();
    struct fake_connection *conn = answer(r);
    sim_sayf(r, conn, "{\"FederationHello\":{\"tls_fingerprint\":\"%s\",\"chappe\":{\"v\":1}}}",
             harness_fingerprint(ORIGINAL)); /* it was upgraded meanwhile */
    harness_pass(r->harness, 3600 * CLOCK_SECOND);
    expect_open(conn);
    harness_free(r->harness);
}

/* It dials again when its old connection has ended, not before. */
static void test_an_original_that_only_dials_us_is_left_alone(void **state)
{
    (void)state;
    char yaml[512];
    struct harness *h = harness_new();
    snprintf(yaml, sizeof(yaml), "trusted:\n%s",
             harness_trusted(ORIGINAL, ", legacy: true, address: \"192.0.2.7\""));
    struct relay *r = harness_relay(h, yaml);
    sim_silence(r, puppet_link(r, ORIGINAL, false));
    struct fake_connection *conn = puppet_link(r, ORIGINAL, false);
    harness_pass(h, 3600 * CLOCK_SECOND);
    expect_open(conn);
    harness_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defect_21_the_first_link_of_a_data_plane_is_made_anew_once),
        cmocka_unit_test(defect_21_after_a_silence_it_is_made_anew_once),
        cmocka_unit_test(test_a_close_that_may_be_lost_counts_as_silence),
        cmocka_unit_test(test_a_link_that_was_long_gone_is_left_alone),
        cmocka_unit_test(test_a_close_is_no_silence),
        cmocka_unit_test(defect_21_one_silent_connection_of_several),
        cmocka_unit_test(test_a_new_control_plane_goes_on_with_it),
        cmocka_unit_test(test_relays_of_ours_are_left_alone),
        cmocka_unit_test(test_an_original_that_only_dials_us_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
