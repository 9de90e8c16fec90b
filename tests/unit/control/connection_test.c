/*
 * What each SNI gets (protocol.md 1.5), tokens, deadlines, messages that make no sense.
 */
#include "harness.h"

static void test_ping_is_closed_at_once(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct fake_connection *conn = sim_connect(r, "ping");
    expect_closed(conn, "ping");
    expect_silence(conn);
    harness_free(h);
}

static void test_version_says_the_build_on_a_unidirectional_stream(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct fake_connection *conn = sim_connect(r, "version");
    assert_int_equal(conn->message_count, 1);
    assert_true(conn->messages[0].unidirectional);
    assert_string_equal(conn->messages[0].text, "test-build");
    expect_closed(conn, "version");
    harness_free(h);
}

static void test_a_probe_gets_pong_and_nothing_else(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    phone_new(r, 1);
    struct fake_connection *conn = sim_connect(r, "_probe");
    sim_say(r, conn, "{\"Ping\":{\"timestamp_ms\":18446744073709551615}}");
    expect_message(conn, "Pong", "18446744073709551615", NULL);
    sim_say(r, conn, "{\"PresenceUpdate\":{\"fingerprints\":[],\"relay_addr\":\"x\"}}");
    sim_say(r, conn, "{\"RouteQuery\":{\"fingerprint\":\"x\",\"ttl\":1}}");
    expect_silence(conn); /* defect 16: strangers learn nothing */
    expect_open(conn);
    harness_pass(h, 60 * CLOCK_SECOND);
    expect_open(conn);
    harness_free(h);
}

static void test_no_sni_is_the_default_room(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1);
    struct fake_connection *conn = phone_join(&a, "");
    assert_string_equal(conn->room, "default");
    harness_free(h);
}

static void defect_69_undefined_services_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"_relay", "_", "_admin", "_signal.example", "-x", "a..b"};
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct fake_connection *conn = sim_connect(r, names[i]);
        expect_closed(conn, "no such service");
    }
    assert_int_equal(r->plane.room_count, 0);
    harness_free(h);
}

static void defect_37_a_message_that_makes_no_sense_is_skipped(void **state)
{
    (void)state;
    static const char *const nonsense[] = {
        "{\"Hologram\":{}}",     "", "{", "[]", "\"Warp\"", "{\"Ping\":{\"timestamp_ms\":-1}}",
        "{\"Ping\":{}} trailing"};
    struct harness *h = harness_linked_pair();
    struct relay *r = &h->relays[0];
    struct caller a = phone_new(r, 1);
    struct fake_connection *room = phone_join(&a, "general");
    skip_messages(room);
    struct fake_connection *link = sim_link_connection(r, 1);
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        sim_say(r, a.conn, nonsense[i]);
        sim_say(r, room, nonsense[i]);
        sim_say(r, link, nonsense[i]);
    }
    expect_open(a.conn);
    expect_open(room);
    expect_open(link);
    expect_silence(a.conn);
    const struct core_counters *n = core_counters(r->core);
    assert_int_equal(n->signals_unknown, 6);
    assert_int_equal(n->signals_malformed, 15);
    assert_true(sim_logged(r, "signal_skipped"));
    sim_say(r, a.conn, "{\"Ping\":{\"timestamp_ms\":5}}");
    expect_message(a.conn, "Pong", ":5", NULL);
    harness_free(h);
}

static void defect_39_each_greeting_has_its_time(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct fake_connection *phone = sim_connect(r, "_signal");
    struct fake_connection *room = sim_connect(r, "general");
    struct fake_connection *link = sim_connect(r, "_federation");
    harness_pass(h, 4 * CLOCK_SECOND);
    expect_open(link);
    harness_pass(h, 2 * CLOCK_SECOND);
    expect_closed(link, "no greeting in time");
    harness_pass(h, 3 * CLOCK_SECOND);
    expect_open(phone);
    expect_open(room);
    harness_pass(h, 2 * CLOCK_SECOND);
    expect_closed(phone, "no greeting in time");
    expect_closed(room, "no greeting in time");
    expect_nothing_left(r);
    harness_free(h);
}

static void defect_39_a_token_has_its_time_too(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "auth: { url: \"http://127.0.0.1:1/\" }\n");
    struct fake_connection *phone = sim_connect(r, "_signal");
    struct fake_connection *room = sim_connect(r, "general");
    harness_pass(h, 11 * CLOCK_SECOND);
    expect_closed(phone, "no token in time");
    expect_closed(room, "no token in time");
    harness_free(h);
}

static void defect_65_reflect_tells_the_current_path(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct caller a = phone_new(r, 1);
    sim_say(r, a.conn, "\"Reflect\"");
    expect_message(a.conn, "ReflectResponse", "\"127.0.0.9:5000\"", NULL);
    sim_say_from(r, a.conn, "192.0.2.77:6000", "\"Reflect\"");
    expect_message(a.conn, "ReflectResponse", "\"192.0.2.77:6000\"", NULL);
    sim_say_from(r, a.conn, "[2001:db8::1]:7", "\"Reflect\"");
    expect_message(a.conn, "ReflectResponse", "\"[2001:db8::1]:7\"", NULL);
    sim_say_from(r, a.conn, "[::ffff:192.0.2.5]:8", "\"Reflect\"");
    expect_message(a.conn, "ReflectResponse", "\"192.0.2.5:8\"", NULL);
    harness_free(h);
}

static void test_a_wrong_token_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "auth: { url: \"http://127.0.0.1:1/\" }\n");
    struct fake_connection *phone = sim_connect(r, "_signal");
    sim_say(r, phone, "{\"AuthToken\":{\"token\":\"bad\"}}");
    expect_message(phone, "RegisterPresenceAck", "\"success\":false", "token refused", NULL);
    expect_closed(phone, "token refused");
    struct fake_connection *room = sim_connect(r, "general");
    sim_say(r, room, "{\"AuthToken\":{\"token\":\"bad\"}}");
    expect_closed(room, "token refused");
    assert_int_equal(core_counters(r->core)->tokens_refused, 2);
    expect_nothing_left(r);
    harness_free(h);
}

static void test_without_a_token_nothing_works_where_one_is_asked_for(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "auth: { url: \"http://127.0.0.1:1/\" }\n");
    struct caller a = phone_register_as(r, 1, 0, 0);
    sim_say(r, a.conn, "\"Reflect\"");
    expect_silence(a.conn);
    harness_pass(h, 11 * CLOCK_SECOND);
    expect_closed(a.conn, "no token in time");
    harness_free(h);
}

static void test_a_token_that_nobody_asked_for_is_skipped(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    struct fake_connection *conn = sim_connect(r, "_signal");
    sim_say(r, conn, "{\"AuthToken\":{\"token\":\"x\"}}");
    sim_sayf(r, conn,
             "{\"RegisterPresence\":{\"identity_pub\":%s,\"signature\":[],\"alias\":null}}",
             key_json(1));
    expect_message(conn, "RegisterPresenceAck", "true", NULL);
    harness_free(h);
}

/* A phone that shows a token and registers with the key `n`. */
static struct fake_connection *register_with_token(struct relay *r, const char *token, int n)
{
    struct fake_connection *conn = sim_connect(r, "_signal");
    sim_sayf(r, conn, "{\"AuthToken\":{\"token\":\"%s\"}}", token);
    sim_sayf(r, conn,
             "{\"RegisterPresence\":{\"identity_pub\":%s,\"signature\":[],\"alias\":null}}",
             key_json(n));
    return conn;
}

static void defect_15_a_token_of_another_key_is_refused(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "auth: { url: \"http://127.0.0.1:1/\" }\n");
    struct harness *other = harness_new();
    struct caller one = phone_new(harness_relay(other, ""), 1); /* for its fingerprint */
    char token[64];
    snprintf(token, sizeof(token), "good:%s", one.name);

    struct fake_connection *own = register_with_token(r, token, 1);
    expect_message(own, "RegisterPresenceAck", "true", NULL);
    struct fake_connection *stolen = register_with_token(r, token, 2);
    expect_message(stolen, "RegisterPresenceAck", "false", "the token is another key's", NULL);
    expect_open(own);
    /* A name that is no key's fingerprint counts as it is. */
    struct fake_connection *named = register_with_token(r, "good:alice@example", 3);
    expect_message(named, "RegisterPresenceAck", "true", NULL);
    cJSON *sessions = core_view_sessions(r->core);
    char *text = cJSON_PrintUnformatted(sessions);
    assert_non_null(strstr(text, "alice@example"));
    cJSON_free(text);
    cJSON_Delete(sessions);
    harness_free(other);
    harness_free(h);
}

static void test_what_comes_behind_a_question_waits_in_order(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "auth: { url: \"http://127.0.0.1:1/\" }\n");
    struct fake_connection *slow = sim_connect(r, "_signal");
    r->hold_answers = true;
    sim_say(r, slow, "{\"AuthToken\":{\"token\":\"good:bob\"}}");
    sim_sayf(r, slow,
             "{\"RegisterPresence\":{\"identity_pub\":%s,\"signature\":[],\"alias\":null}}",
             key_json(1));
    sim_say(r, slow, "{\"Ping\":{\"timestamp_ms\":1}}");
    assert_int_equal(slow->input_count, 3); /* none acknowledged */
    struct fake_connection *other = sim_connect(r, "_probe");
    sim_say(r, other, "{\"Ping\":{\"timestamp_ms\":2}}");
    expect_message(other, "Pong", ":2", NULL); /* others go on */
    r->hold_answers = false;
    harness_settle(h);
    expect_message(slow, "RegisterPresenceAck", "true", NULL);
    expect_message(slow, "Pong", ":1", NULL);
    assert_int_equal(slow->input_count, 0);
    harness_free(h);
}

static void test_a_connection_may_close_while_it_waits(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "auth: { url: \"http://127.0.0.1:1/\" }\n");
    struct fake_connection *conn = sim_connect(r, "_signal");
    r->hold_answers = true;
    sim_say(r, conn, "{\"AuthToken\":{\"token\":\"good:bob\"}}");
    sim_say(r, conn, "{\"Ping\":{\"timestamp_ms\":1}}");
    sim_hang(r, conn);
    assert_int_equal(conn->input_count, 0);
    r->hold_answers = false;
    harness_settle(h);
    expect_silence(conn);
    expect_nothing_left(r);
    harness_free(h);
}

static void test_an_answer_that_never_comes_does_not_hold_a_phone_for_ever(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "auth: { url: \"http://127.0.0.1:1/\" }\n");
    struct fake_connection *conn = sim_connect(r, "_signal");
    r->hold_answers = true;
    sim_say(r, conn, "{\"AuthToken\":{\"token\":\"good:bob\"}}");
    sim_say(r, conn, "{\"Ping\":{\"timestamp_ms\":1}}");
    harness_pass(h, 11 * CLOCK_SECOND);
    expect_closed(conn, "the relay could not check it in time");
    assert_int_equal(conn->input_count, 0);
    r->hold_answers = false;
    harness_settle(h); /* too late: it finds nobody */
    expect_nothing_left(r);
    harness_free(h);
}

static void defect_40_phones_and_sessions_are_capped(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    struct relay *r = harness_relay(h, "");
    r->config.relay.max_phones = 2;
    r->config.relay.max_sessions = 1;
    struct caller a = phone_new(r, 1);
    phone_new(r, 2);
    struct caller third = phone_register_as(r, 3, 0, 0);
    expect_message(third.conn, "RegisterPresenceAck", "false", "the relay is full", NULL);
    expect_closed(third.conn, "the relay is full");
    struct caller again = phone_new(r, 1); /* comes back: takes its own place */
    expect_open(again.conn);

    struct fake_connection *first = phone_join(&a, "x");
    expect_message(first, "CallAnswer", NULL);
    struct fake_connection *second = phone_join(&a, "y");
    expect_closed(second, "the relay is full");
    expect_silence(second);
    assert_int_equal(r->plane.room_count, 1);
    expect_nothing_left(r);
    harness_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ping_is_closed_at_once),
        cmocka_unit_test(test_version_says_the_build_on_a_unidirectional_stream),
        cmocka_unit_test(test_a_probe_gets_pong_and_nothing_else),
        cmocka_unit_test(test_no_sni_is_the_default_room),
        cmocka_unit_test(defect_69_undefined_services_are_refused),
        cmocka_unit_test(defect_37_a_message_that_makes_no_sense_is_skipped),
        cmocka_unit_test(defect_39_each_greeting_has_its_time),
        cmocka_unit_test(defect_39_a_token_has_its_time_too),
        cmocka_unit_test(defect_65_reflect_tells_the_current_path),
        cmocka_unit_test(test_a_wrong_token_is_refused_with_the_reason),
        cmocka_unit_test(test_without_a_token_nothing_works_where_one_is_asked_for),
        cmocka_unit_test(test_a_token_that_nobody_asked_for_is_skipped),
        cmocka_unit_test(defect_15_a_token_of_another_key_is_refused),
        cmocka_unit_test(test_what_comes_behind_a_question_waits_in_order),
        cmocka_unit_test(test_a_connection_may_close_while_it_waits),
        cmocka_unit_test(test_an_answer_that_never_comes_does_not_hold_a_phone_for_ever),
        cmocka_unit_test(defect_40_phones_and_sessions_are_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
