/*
 * Registrations: three grades, replacement, whose connection holds an entry.
 */
#include "harness.h"

enum { SIGNED = 1, FALSE_SIGNATURE = 255 };

static void expect_phone(struct caller *p)
{
    expect_message(p->conn, "RegisterPresenceAck", "\"success\":true", "relay_build", NULL);
}

static void defect_05_a_worse_proof_never_replaces_a_better_one(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller proven = phone_register_as(r, 1, SIGNED, 1);
    expect_phone(&proven);
    struct caller replayed = phone_register_as(r, 1, SIGNED, 0);
    expect_message(replayed.conn, "RegisterPresenceAck", "\"success\":false", "better proof", NULL);
    expect_closed(replayed.conn, "registered by somebody with a better proof");
    struct caller claimed = phone_register_as(r, 1, 0, 0);
    expect_message(claimed.conn, "RegisterPresenceAck", "\"success\":false", NULL);
    expect_open(proven.conn);

    struct caller b = phone_new(r, 2);
    phone_offer(&b, proven.name, "c1");
    expect_message(proven.conn, "DirectCallOffer", "c1", NULL);
    harness_free(h);
}

static void defect_05_a_better_proof_replaces_and_ends_the_calls(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller squatter = phone_new(r, 1), b = phone_new(r, 2);
    phones_call(&b, &squatter, "c1");
    struct caller owner = phone_register_as(r, 1, SIGNED, 1);
    expect_phone(&owner);
    expect_closed(squatter.conn, "registered elsewhere");
    expect_message(b.conn, "Hangup", "c1", NULL);
    expect_silence(owner.conn);
    phone_offer(&b, owner.name, "c2");
    expect_message(owner.conn, "DirectCallOffer", "c2", NULL);
    expect_nothing_left(r);
    harness_free(h);
}

static void defect_05_a_false_signature_is_refused(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller forged = phone_register_as(r, 1, FALSE_SIGNATURE, 0);
    expect_message(forged.conn, "RegisterPresenceAck", "\"success\":false", "signature", NULL);
    expect_closed(forged.conn, "the signature is wrong");
    assert_int_equal(core_gauges(r->core).phones, 0);
    harness_free(h);
}

static void defect_06_the_end_of_the_old_connection_leaves_the_new_one_alone(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller old = phone_new(r, 1), b = phone_new(r, 2);
    phones_call(&old, &b, "c1");
    struct caller fresh = phone_new(r, 1);
    expect_closed(old.conn, "registered elsewhere"); /* and its `closed` has come by now */
    assert_false(old.conn->open);
    expect_silence(b.conn); /* the call goes on */
    phone_hangup(&b, "c1");
    expect_message(fresh.conn, "Hangup", "c1", NULL);
    phone_offer(&b, fresh.name, "c2");
    expect_message(fresh.conn, "DirectCallOffer", "c2", NULL);
    expect_nothing_left(r);
    harness_free(h);
}

static void test_a_ringing_call_rings_again_where_the_callee_comes_back(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1), b = phone_new(r, 2);
    phone_offer(&a, b.name, "c1");
    expect_message(a.conn, "CallRinging", NULL);
    struct caller again = phone_new(r, 2);
    expect_message(again.conn, "DirectCallOffer", "c1", "\"kept\":1", NULL);
    phone_answer(&again, "c1", "AcceptTrusted");
    expect_message(a.conn, "DirectCallAnswer", NULL);
    expect_message(a.conn, "CallSetup", NULL);
    expect_message(again.conn, "CallSetup", NULL);
    expect_nothing_left(r);
    harness_free(h);
}

static void test_a_caller_that_comes_back_hears_the_answer(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1), b = phone_new(r, 2);
    phone_offer(&a, b.name, "c1");
    struct caller again = phone_new(r, 1);
    phone_answer(&b, "c1", "AcceptTrusted");
    expect_message(again.conn, "DirectCallAnswer", NULL);
    expect_message(again.conn, "CallSetup", NULL);
    harness_free(h);
}

static void defect_66_a_media_connection_does_not_touch_the_registration(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1), b = phone_new(r, 2);
    struct fake_connection *room = phone_join(&a, "general");
    sim_hang(r, room);
    phone_offer(&b, a.name, "c1");
    expect_message(a.conn, "DirectCallOffer", NULL);
    sim_hang(r, a.conn);
    sim_hang(r, b.conn);
    assert_int_equal(view_count(core_view_sessions(r->core)), 0);
    expect_nothing_left(r);
    harness_free(h);
}

static void test_probes_of_the_zero_key_do_not_replace_each_other(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller x = phone_new(r, 0), y = phone_new(r, 0), b = phone_new(r, 2);
    assert_string_equal(x.name, "6668:7aad:f862:bd77:6c8f:c18b:8e9f:8e20");
    sim_say(r, x.conn, "\"Reflect\"");
    expect_message(x.conn, "ReflectResponse", NULL);
    sim_say(r, y.conn, "\"Reflect\"");
    expect_message(y.conn, "ReflectResponse", NULL);
    phone_offer(&b, x.name, "c1"); /* nobody can be called by it */
    expect_message(b.conn, "Hangup", "c1", NULL);
    phone_offer(&x, b.name, "c2");
    expect_message(x.conn, "Hangup", "Error", NULL);
    expect_silence(b.conn);
    expect_nothing_left(r);
    harness_free(h);
}

static void test_the_view_names_the_grade(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    phone_register_as(r, 1, SIGNED, 1);
    phone_register_as(r, 2, SIGNED, 0);
    phone_register_as(r, 3, 0, 0);
    cJSON *view = core_view_sessions(r->core);
    static const char *const grades[] = {"proven", "signed", "none"};
    assert_int_equal(cJSON_GetArraySize(view), 3);
    for (int i = 0; i < 3; i++) {
        const cJSON *o = cJSON_GetArrayItem(view, i);
        assert_string_equal(cJSON_GetObjectItem(o, "proven")->valuestring, grades[i]);
        assert_string_equal(cJSON_GetObjectItem(o, "kind")->valuestring, "phone");
        assert_string_equal(cJSON_GetObjectItem(o, "addr")->valuestring, "127.0.0.9:5000");
    }
    cJSON_Delete(view);
    harness_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defect_05_a_worse_proof_never_replaces_a_better_one),
        cmocka_unit_test(defect_05_a_better_proof_replaces_and_ends_the_calls),
        cmocka_unit_test(defect_05_a_false_signature_is_refused),
        cmocka_unit_test(defect_06_the_end_of_the_old_connection_leaves_the_new_one_alone),
        cmocka_unit_test(test_a_ringing_call_rings_again_where_the_callee_comes_back),
        cmocka_unit_test(test_a_caller_that_comes_back_hears_the_answer),
        cmocka_unit_test(defect_66_a_media_connection_does_not_touch_the_registration),
        cmocka_unit_test(test_probes_of_the_zero_key_do_not_replace_each_other),
        cmocka_unit_test(test_the_view_names_the_grade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
