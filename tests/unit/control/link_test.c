/*
 * Federation links: who is let in, hellos, several connections, dialing (federation.md, "How two of
 * ours know each other"; protocol.md 5.10).
 */
#include "harness.h"

#define REMOTE "1111:1111:1111:1111:1111:1111:1111:1111"

struct scene {
    struct harness *h;
    struct relay *r;
};

/* Relay 0; 5 is a relay of ours that it trusts, 7 an original. */
static struct scene scene_new(void)
{
    char yaml[1024];
    struct scene s = {.h = harness_new()};
    snprintf(yaml, sizeof(yaml), "trusted:\n%s%s", harness_trusted(5, ""),
             harness_trusted(7, ", legacy: true, address: \"192.0.2.7\""));
    s.r = harness_relay(s.h, yaml);
    return s;
}

static const char *hello(int n, const char *extra)
{
    static char text[256];
    snprintf(text, sizeof(text), "{\"FederationHello\":{\"tls_fingerprint\":\"%s\"%s}}",
             harness_fingerprint(n), extra);
    return text;
}

#define OURS ",\"chappe\":{\"v\":1}"

static size_t links(struct relay *r)
{
    return core_gauges(r->core).links;
}

/* What the view says of the only peer that is `label`. */
static void expect_peer(struct relay *r, const char *label, const char *state, int connections)
{
    cJSON *view = core_view_peers(r->core, r->harness->now);
    const cJSON *o;
    bool found = false;
    cJSON_ArrayForEach(o, view)
    {
        if (strcmp(cJSON_GetObjectItem(o, "label")->valuestring, label) != 0)
            continue;
        found = true;
        assert_string_equal(cJSON_GetObjectItem(o, "state")->valuestring, state);
        assert_int_equal(cJSON_GetObjectItem(o, "connections")->valueint, connections);
    }
    assert_true(found);
    cJSON_Delete(view);
}

/* What cannot be proven or held back is said at the start. */
static void defect_02_an_originals_word_is_warned_of(void **state)
{
    (void)state;
    struct scene s = scene_new();
    assert_true(sim_logged(s.r, "peer_unproven"));
    assert_true(
        sim_logged(s.r, "delegate: false holds for its lists and calls, not for its media"));
    harness_free(s.h);
}

/* ---- relays of ours ---- */

static void test_a_proven_hello_makes_the_link(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *conn = sim_connect_from(s.r, "_federation", "192.0.2.5:1", 0xa5);
    expect_message(conn, "FederationHello", harness_fingerprint(0), "\"chappe\":{\"v\":1", NULL);
    assert_int_equal(links(s.r), 0); /* the certificate alone is not enough */
    sim_say(s.r, conn, hello(5, OURS));
    assert_int_equal(links(s.r), 1);
    assert_true(conn->is_link);
    assert_false(conn->legacy);
    assert_int_equal(conn->ping_after_ms, 500);
    assert_int_equal(conn->dead_after_ms, 2000);
    assert_int_equal(conn->repeat_ms, 0);
    expect_peer(s.r, "relay-5", "linked", 1);
    sim_hang(s.r, conn);
    expect_peer(s.r, "relay-5", "absent", 0);
    harness_free(s.h);
}

static void defect_01_a_hello_proves_nothing(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *conn = sim_connect_from(s.r, "_federation", "192.0.2.5:1", 0);
    sim_say(s.r, conn, hello(5, OURS));
    expect_closed(conn, "no certificate, and legacy is false");
    assert_true(sim_logged(s.r, "\"at test.yaml:2 set legacy: true, address: '192.0.2.5'\""));
    assert_int_equal(links(s.r), 0);
    harness_free(s.h);
}

static void defect_01_a_certificate_must_agree_with_the_hello(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *conn = sim_connect_from(s.r, "_federation", "192.0.2.5:1", 0xa5);
    sim_say(s.r, conn, hello(7, OURS));
    expect_closed(conn, "the hello names another relay than the certificate");
    assert_true(sim_logged(s.r, "nothing: its certificate is that of relay-5, and it says"));
    assert_int_equal(links(s.r), 0);
    harness_free(s.h);
}

static void test_an_unknown_relay_is_refused_with_the_config_that_would_admit_it(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *conn = sim_connect_from(s.r, "_federation", "192.0.2.9:1", 0xa9);
    expect_closed(conn, "unknown relay");
    char line[256];
    snprintf(line, sizeof(line), "\"add to trusted: - { fingerprint: '%s' }\"",
             harness_fingerprint(9));
    assert_true(sim_logged(s.r, line));
    conn = sim_connect_from(s.r, "_federation", "192.0.2.9:1", 0);
    sim_say(s.r, conn, hello(9, ""));
    expect_closed(conn, "unknown relay without a certificate");
    snprintf(line, sizeof(line),
             "\"add to trusted: - { fingerprint: '%s', legacy: true, address: '192.0.2.9' }\"",
             harness_fingerprint(9));
    assert_true(sim_logged(s.r, line));
    harness_free(s.h);
}

/* One relay in both lists, at another address than `trusted` has, and one that we dial only. */
static void test_a_relay_that_is_named_is_not_to_be_named_again(void **state)
{
    (void)state;
    char yaml[1024];
    struct harness *h = harness_new();
    snprintf(yaml, sizeof(yaml), "peers:\n%s%strusted:\n%s", harness_peer(5, ", delegate: true"),
             harness_peer(6, ", delegate: true"),
             harness_trusted(5, ", delegate: true, address: \"192.0.2.8\""));
    struct relay *r = harness_relay(h, yaml);
    struct fake_connection *conn = sim_connect_from(r, "_federation", "192.0.2.5:1", 0xa5);
    expect_closed(conn, "not the address that the config gives this relay");
    assert_true(sim_logged(r, "\"at test.yaml:5 set address: '192.0.2.5'\""));
    conn = sim_connect_from(r, "_federation", "192.0.2.5:1", 0);
    sim_say(r, conn, hello(5, ""));
    expect_closed(conn, "no certificate, and legacy is false");
    assert_true(sim_logged(r, "\"at test.yaml:2 set legacy: true; "
                              "at test.yaml:5 set legacy: true, address: '192.0.2.5'\""));
    conn = sim_connect_from(r, "_federation", "192.0.2.6:1", 0);
    sim_say(r, conn, hello(6, ""));
    expect_closed(conn, "no certificate, and legacy is false");
    snprintf(yaml, sizeof(yaml),
             "\"at test.yaml:3 set legacy: true; add to trusted: - { fingerprint: '%s', delegate: "
             "true, legacy: true, address: '192.0.2.6' }\"",
             harness_fingerprint(6));
    assert_true(sim_logged(r, yaml));
    harness_free(h);
}

static void test_strangers_do_not_silence_what_is_said_of_peers(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *peer = sim_connect_from(s.r, "_federation", "192.0.2.5:1", 0xa5);
    sim_say(s.r, peer, hello(5, OURS));
    for (int i = 0; i < 200; i++)
        expect_closed(sim_connect_from(s.r, "_federation", "192.0.2.9:1", 0xa9), "unknown relay");
    sim_hang(s.r, peer);
    assert_true(sim_logged(s.r, "link_connection_lost"));
    harness_free(s.h);
}

static void test_a_hello_of_an_original_needs_legacy(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *conn = sim_connect_from(s.r, "_federation", "192.0.2.5:1", 0xa5);
    sim_say(s.r, conn, hello(5, ""));
    expect_closed(conn, "the hello is an original's, and legacy is false");
    assert_true(sim_logged(s.r, "\"at test.yaml:2 set legacy: true, address: '192.0.2.5'\""));
    harness_free(s.h);
}

static void test_a_hello_must_come_within_five_seconds(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *conn = sim_connect_from(s.r, "_federation", "192.0.2.5:1", 0xa5);
    harness_pass(s.h, 6 * CLOCK_SECOND);
    expect_closed(conn, "no greeting in time");
    harness_free(s.h);
}

static void defect_20_a_hello_without_a_fingerprint_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "aa", "zz:zz", "aa:bb:cc:dd"};
    struct scene s = scene_new();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fake_connection *conn = sim_connect_from(s.r, "_federation", "192.0.2.7:1", 0);
        sim_sayf(s.r, conn, "{\"FederationHello\":{\"tls_fingerprint\":\"%s\"}}", bad[i]);
        expect_closed(conn, "the hello names no fingerprint");
    }
    harness_free(s.h);
}

static void defect_23_we_do_not_peer_with_ourselves(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *conn = sim_connect_from(s.r, "_federation", "192.0.2.1:1", 0xa0);
    expect_closed(conn, "this relay is ourselves");
    conn = sim_connect_from(s.r, "_federation", "192.0.2.7:1", 0);
    sim_say(s.r, conn, hello(0, ""));
    expect_closed(conn, "this relay claims to be ourselves");

    struct config config = s.r->config; /* nor when the config says so */
    config.trusted[0].fingerprint.bytes[0] = 0xa0;
    memset(config.trusted[0].fingerprint.bytes, 0xa0, 32);
    struct core_settings settings = {.config = &config};
    memset(&settings.tls, 0xa0, sizeof(settings.tls));
    struct core *core = NULL;
    assert_int_equal(core_init(&core, &settings, 0), ERR_DUPLICATE);
    assert_null(core);
    harness_free(s.h);
}

/* ---- originals ---- */

static void test_an_original_is_linked_by_its_hello(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *conn = sim_connect_from(s.r, "_federation", "192.0.2.7:4433", 0);
    sim_say(s.r, conn, hello(7, ""));
    expect_silence(conn);
    assert_true(conn->is_link);
    assert_true(conn->legacy);
    assert_int_equal(conn->repeat_ms, 5000); /* defect 25 */
    assert_int_equal(conn->ping_after_ms, 0);
    expect_peer(s.r, "relay-7", "linked", 1);
    harness_free(s.h);
}

static void defect_02_an_address_alone_is_no_trust(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *conn = sim_connect_from(s.r, "_federation", "192.0.2.7:1", 0);
    sim_say(s.r, conn, hello(9, "")); /* the right address, an unknown name */
    expect_closed(conn, "unknown relay without a certificate");
    conn = sim_connect_from(s.r, "_federation", "192.0.2.8:1", 0);
    sim_say(s.r, conn, hello(7, "")); /* the right name, another address */
    expect_closed(conn, "no certificate, and not the configured address");
    harness_free(s.h);
}

static void test_a_legacy_peer_that_proves_itself_is_upgraded(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *conn = sim_connect_from(s.r, "_federation", "192.0.2.7:1", 0xa7);
    assert_true(conn->legacy); /* plain at once */
    assert_int_equal(links(s.r), 1);
    sim_say(s.r, conn, hello(7, OURS));
    assert_false(conn->legacy);
    assert_int_equal(conn->ping_after_ms, 500);
    assert_int_equal(conn->repeat_ms, 0);

    struct fake_connection *claims = sim_connect_from(s.r, "_federation", "192.0.2.7:1", 0);
    sim_say(s.r, claims, hello(7, OURS)); /* not proven: the field does not count */
    assert_true(claims->legacy);
    harness_free(s.h);
}

static void defect_21_no_connection_of_an_original_is_redundant(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *x = puppet_link(s.r, 7, false);
    struct fake_connection *y = puppet_link(s.r, 7, false);
    struct fake_connection *z = puppet_link(s.r, 7, false);
    expect_peer(s.r, "relay-7", "linked", 3);
    expect_open(x);
    expect_open(y);
    sim_hang(s.r, y);
    /* We cannot dial it: the rest goes, so that it dials and makes a fresh entry. */
    expect_closed(x, "dial again");
    expect_closed(z, "dial again");
    harness_free(s.h);
}

static void defect_21_an_original_that_lost_a_connection_is_dialed_again(void **state)
{
    (void)state;
    char yaml[512];
    struct harness *h = harness_new();
    snprintf(yaml, sizeof(yaml), "peers:\n%s", harness_peer(1, ", legacy: true"));
    struct relay *r = harness_relay(h, yaml);
    harness_pass(h, CLOCK_SECOND); /* it does not answer now */
    struct fake_connection *in = sim_connect_from(r, "_federation", "127.0.1.2:777", 0);
    sim_say(r, in, hello(1, "")); /* its address is known from our dialing */
    assert_true(in->legacy);
    struct fake_connection *second = sim_connect_from(r, "_federation", "127.0.1.2:778", 0);
    sim_say(r, second, hello(1, ""));
    size_t dials = r->plane.dial_count;
    sim_hang(r, in);
    assert_int_equal(r->plane.dial_count, dials + 1);
    expect_open(second);
    harness_free(h);
}

static void test_an_original_that_cannot_take_calls_gets_none_for_a_day(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct caller a = phone_new(s.r, 1);
    for (int i = 0; i < 2; i++) {
        struct fake_connection *conn = puppet_link(s.r, 7, false);
        phone_offer(&a, REMOTE, i == 0 ? "c0" : "c1");
        expect_message(conn, "FederatedSignalForward", NULL);
        sim_hang(s.r, conn);
        phone_hangup(&a, NULL);
        skip_messages(a.conn);
    }
    struct fake_connection *conn = puppet_link(s.r, 7, false);
    phone_offer(&a, REMOTE, "c2");
    expect_silence(conn);
    expect_message(a.conn, "Hangup", "c2", NULL);
    assert_true(sim_logged(s.r, "peer_too_old_for_calls"));
    harness_pass(s.h, 24 * 3600 * CLOCK_SECOND);
    phone_offer(&a, REMOTE, "c3");
    expect_message(conn, "FederatedSignalForward", NULL);
    harness_free(s.h);
}

/* ---- several connections, several entries ---- */

static void defect_21_the_link_lives_with_its_last_connection(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct caller a = phone_new(s.r, 1);
    struct fake_connection *old = puppet_link(s.r, 5, true);
    struct fake_connection *young = puppet_link(s.r, 5, true);
    expect_peer(s.r, "relay-5", "linked", 2);
    phone_offer(&a, REMOTE, "c1");
    expect_message(old, "FederatedSignalForward", NULL); /* the oldest speaks */
    expect_silence(young);
    puppet_forward(s.r, young, 5, "{\"CallRinging\":{\"call_id\":\"c1\"}}"); /* all are heard */
    expect_message(a.conn, "CallRinging", NULL);
    sim_hang(s.r, old);
    expect_peer(s.r, "relay-5", "linked", 1);
    expect_message(young, "FederatedSignalForward", "DirectCallOffer", NULL); /* repeated */
    expect_message(young, "FederationHello", "\"begin\":true", NULL);
    expect_message(young, "FederationHello", "\"resync\":true", NULL);
    phone_hangup(&a, "c1");
    expect_message(young, "FederatedSignalForward", "Hangup", NULL);
    harness_free(s.h);
}

/* A connection of a relay of ours that says when its data plane started; 0: it does not say. */
static struct fake_connection *link_of_life(struct relay *r, unsigned start)
{
    char extra[64] = OURS;
    struct fake_connection *conn = sim_connect_from(r, "_federation", "192.0.2.5:1", 0xa5);
    if (start != 0)
        snprintf(extra, sizeof(extra), ",\"chappe\":{\"v\":1,\"start\":%u}", start);
    sim_say(r, conn, hello(5, extra));
    return conn;
}

static void test_the_next_life_ends_what_the_last_one_left(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct caller a = phone_new(s.r, 1);
    struct fake_connection *unsaid = link_of_life(s.r, 0);
    struct fake_connection *x = link_of_life(s.r, 100);
    struct fake_connection *y = link_of_life(s.r, 100); /* one life, two connections */
    expect_peer(s.r, "relay-5", "linked", 3);
    sim_hang(s.r, unsaid);
    phone_offer(&a, REMOTE, "c1");
    sim_adopt(s.r); /* a control plane of ours that was not there when they said hello */
    skip_messages(x);
    struct fake_connection *z = link_of_life(s.r, 200);
    expect_closed(x, "the peer was restarted");
    expect_closed(y, "the peer was restarted");
    assert_true(sim_logged(s.r, "the peer was restarted"));
    expect_peer(s.r, "relay-5", "linked", 1);                  /* it never went down */
    expect_message(z, "FederationHello", "\"start\":1", NULL); /* before it said anything */
    expect_message(z, "FederatedSignalForward", "DirectCallOffer", NULL);
    expect_message(z, "FederationHello", "\"begin\":true", NULL);
    expect_message(z, "FederationHello", "\"resync\":true", "\"start\":1", NULL);
    struct fake_connection *second = link_of_life(s.r, 200);
    expect_open(z);
    expect_open(second);
    harness_free(s.h);
}

/* What is not known to be of an earlier life is left alone. */
static void test_what_may_be_of_this_life_stays(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_connection *unsaid = link_of_life(s.r, 0);
    struct fake_connection *x = link_of_life(s.r, 100);
    struct fake_connection *late = link_of_life(s.r, 99); /* or its clock went back */
    struct fake_connection *original = puppet_link(s.r, 7, false);
    link_of_life(s.r, 0);
    expect_open(unsaid);
    expect_open(x);
    expect_open(late);
    sim_say(s.r, x, hello(5, ",\"chappe\":{\"v\":1,\"start\":100,\"resync\":true}"));
    expect_closed(late, "the peer was restarted");
    expect_open(unsaid);
    expect_open(original);
    expect_peer(s.r, "relay-5", "linked", 3);
    harness_free(s.h);
}

static void defect_04_a_peer_may_dial_us_too(void **state)
{
    (void)state;
    char yaml[512];
    struct harness *h = harness_new();
    snprintf(yaml, sizeof(yaml), "peers:\n%s", harness_peer(3, ""));
    struct relay *r = harness_relay(h, yaml);
    struct fake_connection *conn = puppet_link(r, 3, true);
    expect_open(conn);
    expect_peer(r, "relay-3", "linked", 1);
    harness_free(h);
}

static void defect_22_one_relay_is_one_peer(void **state)
{
    (void)state;
    char yaml[1024];
    struct harness *h = harness_new();
    snprintf(yaml, sizeof(yaml), "peers:\n%strusted:\n  - { fingerprint: \"%s\", label: again }\n",
             harness_peer(3, ""), harness_fingerprint(3));
    struct relay *r = harness_relay(h, yaml);
    assert_int_equal(view_count(core_view_peers(r->core, h->now)), 1);
    puppet_link(r, 3, true);
    puppet_link(r, 3, true);
    assert_int_equal(links(r), 1);
    harness_free(h);
}

static void test_connections_of_one_peer_are_capped(void **state)
{
    (void)state;
    struct scene s = scene_new();
    for (int i = 0; i < 16; i++)
        expect_open(puppet_link(s.r, 5, true));
    expect_closed(puppet_link(s.r, 5, true), "too many connections of this peer");
    expect_peer(s.r, "relay-5", "linked", 16);
    harness_free(s.h);
}

/* ---- dialing ---- */

static void test_a_peer_that_is_down_is_dialed_with_backoff(void **state)
{
    (void)state;
    char yaml[512];
    struct harness *h = harness_new();
    snprintf(yaml, sizeof(yaml), "peers:\n%s", harness_peer(3, ""));
    struct relay *r = harness_relay(h, yaml);
    harness_pass(h, 0);
    assert_int_equal(r->plane.dial_count, 1);
    expect_peer(r, "relay-3", "waiting", 0);
    harness_pass(h, CLOCK_SECOND);
    assert_int_equal(r->plane.dial_count, 2);
    harness_pass(h, 600 * CLOCK_SECOND);
    assert_in_range(r->plane.dial_count, 2 + 4 + 600 / 60 - 2, 2 + 7 + 600 / 30);
    cJSON *view = core_view_peers(r->core, h->now);
    const char *error = cJSON_GetObjectItem(cJSON_GetArrayItem(view, 0), "last_error")->valuestring;
    assert_non_null(strstr(error, "timed out"));
    cJSON_Delete(view);
    harness_free(h);
}

static void test_a_name_that_does_not_resolve_is_tried_again(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    char yaml[512];
    snprintf(yaml, sizeof(yaml),
             "peers:\n  - { address: \"relay.invalid:4433\", fingerprint: \"%s\" }\n",
             harness_fingerprint(3));
    struct relay *r = harness_relay(h, yaml);
    harness_pass(h, 10 * CLOCK_SECOND);
    assert_int_equal(r->plane.dial_count, 0);
    assert_true(sim_logged(r, "no such host"));
    expect_peer(r, "relay.invalid:4433", "waiting", 0);
    harness_free(h);
}

static void test_nothing_is_dialed_while_linked(void **state)
{
    (void)state;
    struct harness *h = harness_linked_pair();
    struct relay *r = &h->relays[0];
    size_t dials = r->plane.dial_count;
    harness_pass(h, 3600 * CLOCK_SECOND);
    assert_int_equal(r->plane.dial_count, dials);
    harness_cut(h, 0, 1);
    harness_pass(h, CLOCK_SECOND);
    assert_int_equal(r->plane.dial_count, dials + 1);
    assert_int_equal(links(r), 1);
    harness_free(h);
}

static void defect_03_another_certificate_is_reported_with_its_config(void **state)
{
    (void)state;
    char yaml[512];
    struct harness *h = harness_new();
    harness_relay(h, ""); /* 127.0.1.1, whose certificate is 0's */
    snprintf(yaml, sizeof(yaml),
             "peers:\n  - { address: \"127.0.1.1:4433\", fingerprint: \"%s\" }\n",
             harness_fingerprint(3));
    struct relay *r = harness_relay(h, yaml);
    harness_pass(h, CLOCK_SECOND);
    assert_true(r->plane.dial_count > 0);
    assert_true(r->plane.dials[0].dial.pinned);
    assert_int_equal(r->plane.dials[0].dial.pin.bytes[0], 0xa3);
    assert_true(r->plane.dials[0].dial.present_certificate);
    assert_int_equal(links(r), 0);
    char line[256];
    snprintf(line, sizeof(line), "\"at test.yaml:2 set fingerprint: '%s'\"",
             harness_fingerprint(0));
    assert_true(sim_logged(r, "peer_has_another_certificate"));
    assert_true(sim_logged(r, line));
    harness_free(h);
}

static void test_a_hello_with_resync_is_answered_with_repeats(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct caller a = phone_new(s.r, 1);
    struct fake_connection *conn = puppet_link(s.r, 5, true);
    phone_offer(&a, REMOTE, "c1");
    expect_message(conn, "FederatedSignalForward", NULL);
    sim_say(s.r, conn, hello(5, OURS));
    expect_silence(conn);
    sim_say(s.r, conn, hello(5, ",\"chappe\":{\"v\":1,\"resync\":true}"));
    expect_message(conn, "FederatedSignalForward", "DirectCallOffer", NULL);
    sim_say(s.r, conn, hello(7, OURS));
    expect_closed(conn, "the hello names another relay than the certificate");
    harness_free(s.h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defect_02_an_originals_word_is_warned_of),
        cmocka_unit_test(test_a_proven_hello_makes_the_link),
        cmocka_unit_test(defect_01_a_hello_proves_nothing),
        cmocka_unit_test(defect_01_a_certificate_must_agree_with_the_hello),
        cmocka_unit_test(test_an_unknown_relay_is_refused_with_the_config_that_would_admit_it),
        cmocka_unit_test(test_a_relay_that_is_named_is_not_to_be_named_again),
        cmocka_unit_test(test_strangers_do_not_silence_what_is_said_of_peers),
        cmocka_unit_test(test_a_hello_of_an_original_needs_legacy),
        cmocka_unit_test(test_a_hello_must_come_within_five_seconds),
        cmocka_unit_test(defect_20_a_hello_without_a_fingerprint_is_refused),
        cmocka_unit_test(defect_23_we_do_not_peer_with_ourselves),
        cmocka_unit_test(test_an_original_is_linked_by_its_hello),
        cmocka_unit_test(defect_02_an_address_alone_is_no_trust),
        cmocka_unit_test(test_a_legacy_peer_that_proves_itself_is_upgraded),
        cmocka_unit_test(defect_21_no_connection_of_an_original_is_redundant),
        cmocka_unit_test(defect_21_an_original_that_lost_a_connection_is_dialed_again),
        cmocka_unit_test(test_an_original_that_cannot_take_calls_gets_none_for_a_day),
        cmocka_unit_test(defect_21_the_link_lives_with_its_last_connection),
        cmocka_unit_test(test_the_next_life_ends_what_the_last_one_left),
        cmocka_unit_test(test_what_may_be_of_this_life_stays),
        cmocka_unit_test(defect_04_a_peer_may_dial_us_too),
        cmocka_unit_test(defect_22_one_relay_is_one_peer),
        cmocka_unit_test(test_connections_of_one_peer_are_capped),
        cmocka_unit_test(test_a_peer_that_is_down_is_dialed_with_backoff),
        cmocka_unit_test(test_a_name_that_does_not_resolve_is_tried_again),
        cmocka_unit_test(test_nothing_is_dialed_while_linked),
        cmocka_unit_test(defect_03_another_certificate_is_reported_with_its_config),
        cmocka_unit_test(test_a_hello_with_resync_is_answered_with_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
