/*
 * Direct calls on one relay (protocol.md 5.8): who may do what, how they end, what is left.
 */
#include "harness.h"

struct scene {
    struct harness *h;
    struct relay *r;
    struct caller a, b, stranger;
};

static struct scene scene_new(const char *yaml)
{
    struct scene s = {.h = harness_new()};
    s.r = harness_relay(s.h, yaml);
    s.a = phone_new(s.r, 1);
    s.b = phone_new(s.r, 2);
    s.stranger = phone_new(s.r, 3);
    return s;
}

static void scene_end(struct scene *s)
{
    expect_nothing_left(s->r);
    harness_free(s->h);
}

/* a's offer has reached b, and a knows. */
static void ring(struct scene *s, const char *id)
{
    phone_offer(&s->a, s->b.name, id);
    expect_message(s->b.conn, "DirectCallOffer", id, NULL);
    expect_message(s->a.conn, "CallRinging", id, NULL);
}

/* ---- how calls end ---- */

static void test_the_callee_rejects(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    ring(&s, "c1");
    phone_answer(&s.b, "c1", "Reject");
    expect_message(s.a.conn, "Hangup", "\"Declined\"", "\"call_id\":\"c1\"", "\"by\":\"relay\"",
                   NULL);
    expect_silence(s.a.conn);
    expect_silence(s.b.conn);
    scene_end(&s);
}

static void defect_55_nobody_answers(void **state)
{
    (void)state;
    struct scene s = scene_new("limits: { ring_timeout_s: 20 }\n");
    ring(&s, "c1");
    harness_pass(s.h, 19 * CLOCK_SECOND);
    expect_silence(s.a.conn);
    harness_pass(s.h, 2 * CLOCK_SECOND);
    expect_message(s.a.conn, "Hangup", "\"Timeout\"", "\"call_id\":\"c1\"", "relay", NULL);
    expect_message(s.b.conn, "Hangup", "\"Timeout\"", "\"call_id\":\"c1\"", "relay", NULL);
    phone_answer(&s.b, "c1", "AcceptTrusted"); /* too late */
    expect_silence(s.a.conn);
    scene_end(&s);
}

static void defect_55_calls_of_one_phone_are_capped(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    char id[16];
    for (int i = 0; i < 16; i++) {
        snprintf(id, sizeof(id), "c%d", i);
        ring(&s, id);
    }
    phone_offer(&s.a, s.stranger.name, "more");
    expect_message(s.a.conn, "Hangup", "\"Error\"", "more", NULL);
    expect_silence(s.stranger.conn);
    phone_offer(&s.stranger, s.b.name, "another");
    expect_message(s.stranger.conn, "Hangup", "\"Busy\"", "another", NULL);
    expect_silence(s.b.conn);
    scene_end(&s);
}

static void test_either_side_hangs_up(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    phones_call(&s.a, &s.b, "c1");
    phone_hangup(&s.a, "c1");
    expect_message(s.b.conn, "Hangup", "c1", NULL);
    phones_call(&s.a, &s.b, "c2");
    phone_hangup(&s.b, "c2");
    expect_message(s.a.conn, "Hangup", "c2", NULL);
    ring(&s, "c3");
    phone_hangup(&s.a, "c3");
    expect_message(s.b.conn, "Hangup", "c3", NULL);
    ring(&s, "c4");
    phone_hangup(&s.b, "c4");
    expect_message(s.a.conn, "Hangup", "c4", NULL);
    expect_silence(s.a.conn);
    expect_silence(s.b.conn);
    scene_end(&s);
}

static void test_a_hangup_is_passed_on_as_it_came(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    phones_call(&s.a, &s.b, "c1");
    sim_say(s.r, s.a.conn, "{\"Hangup\":{\"reason\":\"Busy\",\"call_id\":\"c1\",\"future\":[1]}}");
    const char *text = s.b.conn->messages[s.b.conn->taken].text;
    assert_string_equal(text,
                        "{\"Hangup\":{\"reason\":\"Busy\",\"call_id\":\"c1\",\"future\":[1]}}");
    skip_messages(s.b.conn);
    scene_end(&s);
}

static void test_a_lost_phone_ends_its_calls(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    phones_call(&s.a, &s.b, "c1");
    phone_offer(&s.stranger, s.a.name, "c2");
    expect_message(s.stranger.conn, "CallRinging", NULL);
    sim_hang(s.r, s.a.conn);
    expect_message(s.b.conn, "Hangup", "Normal", "c1", "relay", NULL);
    expect_message(s.stranger.conn, "Hangup", "Normal", "c2", NULL);
    scene_end(&s);
}

static void test_a_callee_who_is_nowhere(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    phone_offer(&s.a, "0000:0000:0000:0000:0000:0000:0000:0000", "c1");
    expect_message(s.a.conn, "Hangup", "Normal", "\"call_id\":\"c1\"", "relay", NULL);
    expect_silence(s.a.conn); /* no ringing */
    scene_end(&s);
}

/* ---- who may do what ---- */

static void defect_07_a_forged_caller_is_refused(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    struct caller liar = s.a;
    memcpy(liar.name, s.stranger.name, sizeof(liar.name));
    phone_offer(&liar, s.b.name, "c1");
    expect_message(s.a.conn, "Hangup", "\"Error\"", "c1", NULL);
    sim_sayf(s.r, s.a.conn,
             "{\"DirectCallOffer\":{\"caller_fingerprint\":\"%s\",\"caller_alias\":null,"
             "\"target_fingerprint\":\"%s\",\"call_id\":\"c2\",\"identity_pub\":%s,"
             "\"ephemeral_pub\":%s,\"signature\":[],\"supported_profiles\":[]}}",
             s.a.name, s.b.name, key_json(3), key_json(0)); /* another's key */
    expect_message(s.a.conn, "Hangup", "\"Error\"", "c2", NULL);
    expect_silence(s.b.conn);
    assert_true(sim_logged(s.r, "offer_refused"));
    assert_int_equal(core_counters(s.r->core)->offers_forged, 2);
    scene_end(&s);
}

static void defect_08_only_the_callee_answers(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    ring(&s, "c1");
    phone_answer(&s.stranger, "c1", "AcceptTrusted");
    expect_message(s.stranger.conn, "Hangup", "\"Error\"", "c1", NULL);
    phone_answer(&s.stranger, "c1", "Reject");
    skip_messages(s.stranger.conn);
    phone_answer(&s.a, "c1", "AcceptTrusted");
    expect_silence(s.a.conn);
    expect_silence(s.b.conn);
    assert_int_equal(core_counters(s.r->core)->answers_refused, 3);
    phone_answer(&s.b, "c1", "AcceptTrusted"); /* the call is unharmed */
    expect_message(s.a.conn, "DirectCallAnswer", NULL);
    expect_message(s.a.conn, "CallSetup", NULL);
    expect_message(s.b.conn, "CallSetup", NULL);
    phone_answer(&s.b, "c1", "AcceptTrusted"); /* once more: nothing is set up again */
    phone_answer(&s.b, "c1", "Reject");
    expect_silence(s.a.conn);
    expect_silence(s.b.conn);
    scene_end(&s);
}

static void defect_09_an_id_belongs_to_one_call(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    phones_call(&s.a, &s.b, "c1");
    phone_offer(&s.stranger, s.b.name, "c1");
    expect_message(s.stranger.conn, "Hangup", "\"Error\"", "c1", NULL);
    phone_offer(&s.stranger, s.b.name, "C1"); /* one room name */
    expect_message(s.stranger.conn, "Hangup", "\"Error\"", "C1", NULL);
    expect_silence(s.a.conn);
    expect_silence(s.b.conn);
    struct fake_connection *room = phone_join(&s.stranger, "call-c1");
    expect_closed(room, "not a party of this call");
    phone_hangup(&s.a, "c1");
    phone_offer(&s.stranger, s.b.name, "c1"); /* nor soon after */
    expect_message(s.stranger.conn, "Hangup", "\"Error\"", "c1", NULL);
    harness_pass(s.h, 121 * CLOCK_SECOND);
    skip_messages(s.b.conn);
    phone_offer(&s.stranger, s.b.name, "c1");
    expect_message(s.b.conn, "DirectCallOffer", "c1", NULL);
    scene_end(&s);
}

static void test_the_same_offer_again_is_the_same_call(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    ring(&s, "c1");
    phone_offer(&s.a, s.b.name, "c1");
    expect_silence(s.a.conn);
    expect_silence(s.b.conn);
    phone_offer(&s.a, s.stranger.name, "c1");
    expect_message(s.a.conn, "Hangup", "\"Error\"", "c1", NULL);
    expect_silence(s.stranger.conn);
    scene_end(&s);
}

static void defect_10_a_stranger_cannot_hang_up(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    phones_call(&s.a, &s.b, "c1");
    phone_hangup(&s.stranger, "c1");
    phone_hangup(&s.stranger, NULL);
    expect_silence(s.a.conn);
    expect_silence(s.b.conn);
    assert_int_equal(core_counters(s.r->core)->hangups_refused, 1);
    assert_int_equal(view_count(core_view_calls(s.r->core)), 1);
    scene_end(&s);
}

static void defect_58_ringing_and_the_offer_are_one_transaction(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    size_t before = s.r->plane.transactions;
    ring(&s, "c1");
    assert_int_equal(s.r->plane.transactions, before + 1);
    phone_offer(&s.a, "0000:0000:0000:0000:0000:0000:0000:0000", "c2");
    expect_message(s.a.conn, "Hangup", NULL);
    expect_silence(s.a.conn); /* never CallRinging for an offer that reached nobody */
    scene_end(&s);
}

static void defect_59_a_hangup_ends_the_call_that_it_names(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    phones_call(&s.a, &s.b, "c1");
    phone_offer(&s.stranger, s.a.name, "c2");
    skip_messages(s.a.conn);
    skip_messages(s.stranger.conn);
    phone_hangup(&s.a, "c1");
    expect_message(s.b.conn, "Hangup", "c1", NULL);
    expect_silence(s.stranger.conn);
    phone_answer(&s.a, "c2", "AcceptTrusted");
    expect_message(s.stranger.conn, "DirectCallAnswer", NULL);
    scene_end(&s);
}

static void defect_59_a_nameless_hangup_ends_the_active_call_only(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    phones_call(&s.a, &s.b, "c1");
    phone_offer(&s.stranger, s.a.name, "c2");
    skip_messages(s.stranger.conn);
    phone_hangup(&s.a, NULL); /* the seed's phones never name one */
    expect_message(s.b.conn, "Hangup", "\"call_id\":\"c1\"", NULL);
    expect_silence(s.stranger.conn);
    phone_hangup(&s.a, NULL); /* nothing active: what rings */
    expect_message(s.stranger.conn, "Hangup", "\"call_id\":\"c2\"", NULL);
    scene_end(&s);
}

static void defect_60_call_setup_names_an_address_that_the_phone_can_reach(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    ring(&s, "c1");
    phone_answer(&s.b, "c1", "AcceptTrusted");
    skip_messages(s.a.conn);
    expect_message(s.b.conn, "CallSetup", "\"relay_addr\":\"127.0.1.1:4433\"", "\"call-c1\"", NULL);
    scene_end(&s);

    s = scene_new("relay: { advertise: \"[2001:db8::5]:4433\" }\n");
    ring(&s, "c1");
    phone_answer(&s.b, "c1", "AcceptTrusted");
    expect_message(s.b.conn, "CallSetup", "\"relay_addr\":\"[2001:db8::5]:4433\"", NULL);
    scene_end(&s);
}

static void test_privacy_gives_no_address_of_the_callee(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    ring(&s, "c1");
    phone_answer(&s.b, "c1", "AcceptGeneric");
    expect_message(s.a.conn, "DirectCallAnswer", NULL);
    assert_null(strstr(s.a.conn->messages[s.a.conn->taken].text, "192.0.2.2"));
    expect_message(s.a.conn, "CallSetup", NULL);
    scene_end(&s);
}

static void defect_64_ids_that_cannot_name_a_room_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "a b",
        "a.b",
        "a_b",
        "ends-",
        "\\u00e4",
        "12345678901234567890123456789012345678901234567890123456789"};
    struct scene s = scene_new("");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        phone_offer(&s.a, s.b.name, bad[i]);
        expect_message(s.a.conn, "Hangup", "\"Error\"", NULL);
    }
    expect_silence(s.b.conn);
    phones_call(&s.a, &s.b, "1234567890123456789012345678901234567890123456789012345678");
    scene_end(&s);
}

static void defect_29_an_upper_case_id_is_one_call_and_one_room(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    phones_call(&s.a, &s.b, "ABC"); /* messages keep the spelling */
    struct fake_connection *room = phone_join(&s.a, "call-abc");
    expect_message(room, "CallAnswer", NULL);
    phone_hangup(&s.a, "ABC");
    expect_message(s.b.conn, "Hangup", "\"ABC\"", NULL);
    scene_end(&s);
}

static void test_a_media_path_report_goes_to_those_who_know_it(void **state)
{
    (void)state;
    static const char *const report =
        "{\"MediaPathReport\":{\"call_id\":\"c1\",\"direct_ok\":true,\"race_winner\":\"Direct\"}}";
    struct scene s = scene_new("");
    phones_call(&s.a, &s.b, "c1");
    sim_say(s.r, s.a.conn, report);
    expect_silence(s.b.conn); /* b may be the seed's: it would end its loop */
    sim_say(s.r, s.b.conn, report);
    expect_message(s.a.conn, "MediaPathReport", "Direct", NULL);
    sim_say(s.r, s.a.conn, report);
    expect_message(s.b.conn, "MediaPathReport", NULL);
    sim_say(s.r, s.stranger.conn, report);
    expect_silence(s.a.conn);
    expect_silence(s.b.conn);
    scene_end(&s);
}

static void test_an_offer_beyond_the_cap_is_refused(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    char *offer = malloc(40000);
    assert_non_null(offer);
    int len = snprintf(offer, 40000,
                       "{\"DirectCallOffer\":{\"caller_fingerprint\":\"%s\",\"caller_alias\":null,"
                       "\"target_fingerprint\":\"%s\",\"call_id\":\"c1\",\"identity_pub\":%s,"
                       "\"ephemeral_pub\":%s,\"signature\":[],\"supported_profiles\":[],\"x\":\"",
                       s.a.name, s.b.name, key_json(0), key_json(0));
    memset(offer + len, 'x', 33000);
    memcpy(offer + len + 33000, "\"}}", 4);
    sim_say(s.r, s.a.conn, offer);
    free(offer);
    expect_message(s.a.conn, "Hangup", "\"Error\"", NULL);
    expect_silence(s.b.conn);
    scene_end(&s);
}

static void test_the_view_shows_calls(void **state)
{
    (void)state;
    struct scene s = scene_new("");
    assert_int_equal(view_count(core_view_calls(s.r->core)), 0);
    ring(&s, "c1");
    cJSON *view = core_view_calls(s.r->core);
    const cJSON *o = cJSON_GetArrayItem(view, 0);
    assert_string_equal(cJSON_GetObjectItem(o, "call_id")->valuestring, "c1");
    assert_string_equal(cJSON_GetObjectItem(o, "caller")->valuestring, s.a.name);
    assert_string_equal(cJSON_GetObjectItem(o, "callee")->valuestring, s.b.name);
    assert_string_equal(cJSON_GetObjectItem(o, "state")->valuestring, "ringing");
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(o, "peer")));
    cJSON_Delete(view);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_callee_rejects),
        cmocka_unit_test(defect_55_nobody_answers),
        cmocka_unit_test(defect_55_calls_of_one_phone_are_capped),
        cmocka_unit_test(test_either_side_hangs_up),
        cmocka_unit_test(test_a_hangup_is_passed_on_as_it_came),
        cmocka_unit_test(test_a_lost_phone_ends_its_calls),
        cmocka_unit_test(test_a_callee_who_is_nowhere),
        cmocka_unit_test(defect_07_a_forged_caller_is_refused),
        cmocka_unit_test(defect_08_only_the_callee_answers),
        cmocka_unit_test(defect_09_an_id_belongs_to_one_call),
        cmocka_unit_test(test_the_same_offer_again_is_the_same_call),
        cmocka_unit_test(defect_10_a_stranger_cannot_hang_up),
        cmocka_unit_test(defect_58_ringing_and_the_offer_are_one_transaction),
        cmocka_unit_test(defect_59_a_hangup_ends_the_call_that_it_names),
        cmocka_unit_test(defect_59_a_nameless_hangup_ends_the_active_call_only),
        cmocka_unit_test(defect_60_call_setup_names_an_address_that_the_phone_can_reach),
        cmocka_unit_test(test_privacy_gives_no_address_of_the_callee),
        cmocka_unit_test(defect_64_ids_that_cannot_name_a_room_are_refused),
        cmocka_unit_test(defect_29_an_upper_case_id_is_one_call_and_one_room),
        cmocka_unit_test(test_a_media_path_report_goes_to_those_who_know_it),
        cmocka_unit_test(test_an_offer_beyond_the_cap_is_refused),
        cmocka_unit_test(test_the_view_shows_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
