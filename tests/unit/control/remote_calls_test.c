/*
 * Direct calls across relays (protocol.md 5.9, design: "Calls"): between two relays of ours, with
 * originals, with peers that lie, with links that go away at every step.
 */
#include "harness.h"

#define NOBODY "0000:0000:0000:0000:0000:0000:0000:0000"
#define REMOTE "1111:1111:1111:1111:1111:1111:1111:1111"

/* ---- two relays of ours ---- */

struct pair {
    struct harness *h;
    struct relay *ra, *rb;
    struct caller a, b;
};

static struct pair pair_new(void)
{
    struct pair p = {.h = harness_linked_pair()};
    p.ra = &p.h->relays[0];
    p.rb = &p.h->relays[1];
    p.a = phone_new(p.ra, 1);
    p.b = phone_new(p.rb, 2);
    return p;
}

static void pair_end(struct pair *p)
{
    expect_silence(p->a.conn);
    expect_silence(p->b.conn);
    expect_nothing_left(p->ra);
    expect_nothing_left(p->rb);
    harness_free(p->h);
}

static void ring(struct pair *p, const char *id)
{
    phone_offer(&p->a, p->b.name, id);
    expect_message(p->b.conn, "DirectCallOffer", id, "\"kept\":1", NULL);
    expect_message(p->a.conn, "CallRinging", id, NULL);
}

static void defect_56_a_reject_reaches_the_caller(void **state)
{
    (void)state;
    struct pair p = pair_new();
    ring(&p, "c1");
    phone_answer(&p.b, "c1", "Reject");
    expect_message(p.a.conn, "Hangup", "\"Declined\"", "\"call_id\":\"c1\"", "relay", NULL);
    assert_int_equal(view_count(core_view_calls(p.ra->core)), 0);
    assert_int_equal(view_count(core_view_calls(p.rb->core)), 0);
    pair_end(&p);
}

static void defect_57_hangups_cross(void **state)
{
    (void)state;
    struct pair p = pair_new();
    ring(&p, "c1");
    phone_hangup(&p.a, "c1"); /* while it rings */
    expect_message(p.b.conn, "Hangup", "c1", NULL);
    ring(&p, "c2");
    phone_hangup(&p.b, NULL);
    expect_message(p.a.conn, "Hangup", "c2", NULL);
    phones_call(&p.a, &p.b, "c3");
    phone_hangup(&p.a, "c3");
    expect_message(p.b.conn, "Hangup", "c3", NULL);
    phones_call(&p.b, &p.a, "c4"); /* the other direction over the same link */
    phone_hangup(&p.a, NULL);
    expect_message(p.b.conn, "Hangup", "c4", NULL);
    pair_end(&p);
}

static void defect_57_lost_phones_are_told_across(void **state)
{
    (void)state;
    struct pair p = pair_new();
    phones_call(&p.a, &p.b, "c1");
    sim_hang(p.ra, p.a.conn);
    expect_message(p.b.conn, "Hangup", "Normal", "c1", "relay", NULL);
    p.a = phone_new(p.ra, 1);
    ring(&p, "c2");
    sim_hang(p.rb, p.b.conn);
    expect_message(p.a.conn, "Hangup", "Normal", "c2", "relay", NULL);
    pair_end(&p);
}

static void defect_55_nobody_answers_across(void **state)
{
    (void)state;
    struct pair p = pair_new();
    ring(&p, "c1");
    harness_pass(p.h, 61 * CLOCK_SECOND);
    expect_message(p.a.conn, "Hangup", "Timeout", "c1", NULL);
    expect_message(p.b.conn, "Hangup", "Timeout", "c1", NULL);
    pair_end(&p);
}

static void test_a_callee_who_is_nowhere_ends_at_once(void **state)
{
    (void)state;
    struct pair p = pair_new();
    phone_offer(&p.a, NOBODY, "c1");
    expect_message(p.a.conn, "Hangup", "Normal", "\"call_id\":\"c1\"", "relay", NULL);
    pair_end(&p); /* and no CallRinging came before */
}

static void test_the_room_of_a_call_is_bridged_both_ways(void **state)
{
    (void)state;
    struct pair p = pair_new();
    phones_call(&p.a, &p.b, "18a5b2c3d4e5f607");
    static const uint8_t tag[] = {0x69, 0x42, 0x35, 0x47, 0xdc, 0x4b, 0x2b, 0x69};
    struct relay *relays[] = {p.ra, p.rb};
    for (int i = 0; i < 2; i++) {
        const struct fake_plane *plane = &relays[i]->plane;
        assert_int_equal(plane->room_count, 1);
        assert_int_equal(plane->rooms[0].hop_count, 1);
        assert_memory_equal(plane->rooms[0].hops[0].tag, tag, sizeof(tag));
        assert_int_equal(plane->rooms[0].hops[0].link.bytes[0], 0xa0 + 1 - i);
        assert_int_equal(plane->route_count, 1);
        assert_memory_equal(&plane->routes[0].tag, tag, sizeof(tag));
        assert_string_equal(plane->routes[0].room, "call-18a5b2c3d4e5f607");
        cJSON *view = core_view_rooms(relays[i]->core);
        const cJSON *links = cJSON_GetObjectItem(cJSON_GetArrayItem(view, 0), "links");
        assert_int_equal(cJSON_GetArraySize(links), 1);
        cJSON_Delete(view);
    }
    phone_hangup(&p.a, "18a5b2c3d4e5f607");
    expect_message(p.b.conn, "Hangup", NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(relays[i]->plane.route_count, 0);
        assert_int_equal(relays[i]->plane.room_count, 0);
    }
    pair_end(&p);
}

static void test_each_call_room_admits_its_own_phone_only(void **state)
{
    (void)state;
    struct pair p = pair_new();
    phones_call(&p.a, &p.b, "c1");
    struct caller far = p.b; /* b's key, at a's relay */
    far.relay = p.ra;
    struct fake_connection *conn = phone_join(&far, "call-c1");
    expect_closed(conn, "not a party of this call");
    conn = phone_join(&p.b, "call-c1");
    expect_message(conn, "CallAnswer", NULL);
    pair_end(&p);
}

static void test_a_media_path_report_crosses(void **state)
{
    (void)state;
    static const char *const report =
        "{\"MediaPathReport\":{\"call_id\":\"c1\",\"direct_ok\":false,\"race_winner\":\"Relay\"}}";
    struct pair p = pair_new();
    phones_call(&p.a, &p.b, "c1");
    sim_say(p.rb, p.b.conn, report);
    expect_silence(p.a.conn); /* a has not shown that it knows it */
    sim_say(p.ra, p.a.conn, report);
    expect_message(p.b.conn, "MediaPathReport", "Relay", NULL);
    sim_say(p.rb, p.b.conn, report);
    expect_message(p.a.conn, "MediaPathReport", NULL);
    pair_end(&p);
}

/* ---- the link goes away ---- */

/* Nobody can dial for as long as this lasts. */
static void split(struct pair *p, bool lose_messages)
{
    p->ra->down = p->rb->down = true;
    p->h->swallow = lose_messages;
    harness_settle(p->h);
    harness_cut(p->h, 0, 1);
    p->h->swallow = false;
}

static void heal(struct pair *p)
{
    p->ra->down = p->rb->down = false;
    for (int i = 0; i < 61 && sim_link_connection(p->ra, 1) == NULL; i++)
        harness_pass(p->h, CLOCK_SECOND);
    assert_non_null(sim_link_connection(p->ra, 1));
}

static void test_an_offer_that_was_lost_is_repeated(void **state)
{
    (void)state;
    struct pair p = pair_new();
    p.h->swallow = true;
    phone_offer(&p.a, p.b.name, "c1");
    split(&p, true);
    expect_silence(p.b.conn);
    expect_silence(p.a.conn);
    heal(&p);
    expect_message(p.b.conn, "DirectCallOffer", "c1", NULL);
    expect_message(p.a.conn, "CallRinging", "c1", NULL);
    phone_answer(&p.b, "c1", "AcceptTrusted");
    expect_message(p.a.conn, "DirectCallAnswer", NULL);
    expect_message(p.a.conn, "CallSetup", NULL);
    expect_message(p.b.conn, "CallSetup", NULL);
    pair_end(&p);
}

static void test_a_repeated_offer_rings_once(void **state)
{
    (void)state;
    struct pair p = pair_new();
    ring(&p, "c1");
    harness_cut(p.h, 0, 1);
    heal(&p);
    expect_silence(p.b.conn);
    expect_silence(p.a.conn);
    phone_answer(&p.b, "c1", "AcceptTrusted");
    expect_message(p.a.conn, "DirectCallAnswer", NULL);
    expect_message(p.a.conn, "CallSetup", NULL);
    expect_message(p.b.conn, "CallSetup", NULL);
    pair_end(&p);
}

static void test_an_answer_that_was_lost_is_repeated(void **state)
{
    (void)state;
    struct pair p = pair_new();
    ring(&p, "c1");
    p.h->swallow = true;
    phone_answer(&p.b, "c1", "AcceptTrusted");
    expect_message(p.b.conn, "CallSetup", NULL);
    split(&p, true);
    expect_silence(p.a.conn);
    heal(&p);
    expect_message(p.a.conn, "DirectCallAnswer", NULL);
    expect_message(p.a.conn, "CallSetup", NULL);
    assert_int_equal(p.ra->plane.route_count, 1);
    pair_end(&p);
}

static void test_a_reject_that_was_lost_is_repeated(void **state)
{
    (void)state;
    struct pair p = pair_new();
    ring(&p, "c1");
    p.h->swallow = true;
    phone_answer(&p.b, "c1", "Reject");
    split(&p, true);
    expect_silence(p.a.conn);
    heal(&p);
    expect_message(p.a.conn, "Hangup", "Declined", "c1", NULL);
    pair_end(&p);
}

static void test_a_hangup_that_was_lost_is_repeated(void **state)
{
    (void)state;
    struct pair p = pair_new();
    phones_call(&p.a, &p.b, "c1");
    p.h->swallow = true;
    phone_hangup(&p.a, "c1");
    split(&p, true);
    expect_silence(p.b.conn);
    heal(&p);
    expect_message(p.b.conn, "Hangup", "c1", NULL);
    pair_end(&p);
}

static void test_an_offer_that_its_hangup_overtook_does_not_ring(void **state)
{
    (void)state;
    struct pair p = pair_new();
    p.h->swallow = true;
    phone_offer(&p.a, p.b.name, "c1");
    phone_hangup(&p.a, "c1");
    split(&p, true);
    heal(&p); /* the hang-up is repeated, of a call that b's relay never knew */
    expect_silence(p.b.conn);
    struct fake_connection *link = sim_link_connection(p.rb, 0);
    puppet_forward(p.rb, link, 0, offer_json(p.a.name, p.b.name, "c1"));
    expect_silence(p.b.conn);
    expect_silence(p.a.conn);
    pair_end(&p);
}

static void test_a_ringing_call_ends_at_its_deadline_without_a_link(void **state)
{
    (void)state;
    struct pair p = pair_new();
    ring(&p, "c1");
    split(&p, false);
    harness_pass(p.h, 50 * CLOCK_SECOND);
    expect_silence(p.a.conn);
    harness_pass(p.h, 11 * CLOCK_SECOND);
    expect_message(p.a.conn, "Hangup", "Timeout", NULL);
    expect_message(p.b.conn, "Hangup", "Timeout", NULL);
    pair_end(&p);
}

static void test_an_active_call_that_needs_its_link_ends_after_thirty_seconds(void **state)
{
    (void)state;
    struct pair p = pair_new();
    phones_call(&p.a, &p.b, "c1");
    struct fake_connection *room = phone_join(&p.a, "call-c1");
    split(&p, false);
    harness_pass(p.h, 29 * CLOCK_SECOND);
    expect_silence(p.a.conn);
    harness_pass(p.h, 2 * CLOCK_SECOND);
    expect_message(p.a.conn, "Hangup", "Error", "c1", "relay", NULL);
    expect_silence(p.b.conn); /* b is not in the room: it may talk directly */
    harness_pass(p.h, 10 * CLOCK_SECOND);
    expect_closed(room, "the call has ended");
    heal(&p);
    harness_pass(p.h, 60 * CLOCK_SECOND);
    expect_message(p.b.conn, "Hangup", "c1", NULL);
    pair_end(&p);
}

static void test_an_active_call_survives_a_link_that_comes_back(void **state)
{
    (void)state;
    struct pair p = pair_new();
    phones_call(&p.a, &p.b, "c1");
    struct fake_connection *x = phone_join(&p.a, "call-c1");
    struct fake_connection *y = phone_join(&p.b, "call-c1");
    split(&p, false);
    harness_pass(p.h, 8 * CLOCK_SECOND);
    heal(&p);
    harness_pass(p.h, 100 * CLOCK_SECOND);
    expect_open(x);
    expect_open(y);
    assert_int_equal(view_count(core_view_calls(p.ra->core)), 1);
    pair_end(&p);
}

static void test_who_joins_while_the_link_is_down_waits_thirty_seconds(void **state)
{
    (void)state;
    struct pair p = pair_new();
    phones_call(&p.a, &p.b, "c1");
    split(&p, false);
    harness_pass(p.h, 100 * CLOCK_SECOND);
    expect_silence(p.a.conn);
    struct fake_connection *room = phone_join(&p.a, "call-c1");
    expect_message(room, "CallAnswer", NULL);
    harness_pass(p.h, 31 * CLOCK_SECOND);
    expect_message(p.a.conn, "Hangup", "Error", NULL);
    heal(&p);
    harness_pass(p.h, 60 * CLOCK_SECOND);
    expect_message(p.b.conn, "Hangup", NULL);
    pair_end(&p);
}

static void test_a_peer_that_restarted_does_not_know_its_calls(void **state)
{
    (void)state;
    struct pair p = pair_new();
    phones_call(&p.a, &p.b, "c1");
    harness_cut(p.h, 0, 1);
    sim_restart(p.rb); /* its phones and calls are gone */
    heal(&p);
    expect_message(p.a.conn, "Hangup", "c1", NULL);
    assert_int_equal(p.ra->plane.route_count, 0);
    p.b = phone_new(p.rb, 2);
    ring(&p, "c2");
    harness_cut(p.h, 0, 1);
    sim_restart(p.ra); /* the caller's relay: the callee need not ring on */
    heal(&p);
    expect_message(p.b.conn, "Hangup", "c2", NULL);
    p.a = phone_new(p.ra, 1);
    pair_end(&p);
}

/* The connection whose newest message is of this kind. */
static struct fake_connection *last_told(struct relay *r, const char *what)
{
    for (size_t i = 0; i < r->plane.connection_count; i++) {
        struct fake_connection *conn = r->plane.connections[i];
        if (conn->message_count > 0 && strstr(conn->messages[conn->message_count - 1].text, what))
            return conn;
    }
    fail_msg("nobody was told %s", what);
    return NULL;
}

static void test_losing_one_of_two_connections_repeats_too(void **state)
{
    (void)state;
    char yaml[512];
    struct harness *h = harness_new();
    snprintf(yaml, sizeof(yaml), "peers:\n%s", harness_peer(1, ""));
    struct relay *ra = harness_relay(h, yaml);
    snprintf(yaml, sizeof(yaml), "peers:\n%s", harness_peer(0, ""));
    struct relay *rb = harness_relay(h, yaml);
    harness_settle(h);
    harness_pass(h, CLOCK_SECOND); /* both dialed */
    struct caller a = phone_new(ra, 1), b = phone_new(rb, 2);
    cJSON *view = core_view_peers(ra->core, h->now);
    assert_int_equal(view_count(core_view_peers(rb->core, h->now)), 1);
    assert_int_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(view, 0), "connections")->valueint, 2);
    cJSON_Delete(view);

    h->swallow = true;
    phone_offer(&a, b.name, "c1");
    h->swallow = false;
    struct fake_connection *oldest = last_told(ra, "DirectCallOffer");
    sim_hang(ra, oldest);
    expect_message(b.conn, "DirectCallOffer", "c1", NULL);
    /* b's relay spoke over its own end of it, and notices a moment later that it is gone. */
    expect_silence(a.conn);
    sim_hang(rb, fake_plane_connection(&rb->plane, oldest->other.connection));
    expect_message(a.conn, "CallRinging", "c1", NULL);
    harness_free(h);
}

/* ---- several relays, puppets ---- */

struct stage {
    struct harness *h;
    struct relay *r;
    struct caller a;
    struct fake_connection *ours, *second, *original;
};

/* Relay 0 with puppets 5 and 6 (of ours) and 7 (an original), none linked yet. */
static struct stage stage_new(void)
{
    char yaml[1024];
    struct stage s = {.h = harness_new()};
    snprintf(yaml, sizeof(yaml), "trusted:\n%s%s%s", harness_trusted(5, ""), harness_trusted(6, ""),
             harness_trusted(7, ", legacy: true, address: \"192.0.2.7\""));
    s.r = harness_relay(s.h, yaml);
    s.a = phone_new(s.r, 1);
    return s;
}

static void stage_end(struct stage *s)
{
    expect_nothing_left(s->r);
    harness_free(s->h);
}

static void test_the_first_accept_wins(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.ours = puppet_link(s.r, 5, true);
    s.second = puppet_link(s.r, 6, true);
    s.original = puppet_link(s.r, 7, false);
    phone_offer(&s.a, REMOTE, "c1");
    expect_message(s.a.conn, "CallRinging", NULL); /* one of them may be an original */
    expect_message(s.ours, "FederatedSignalForward", "DirectCallOffer", "\"kept\":1",
                   harness_fingerprint(0), NULL);
    expect_message(s.second, "FederatedSignalForward", "DirectCallOffer", NULL);
    expect_message(s.original, "FederatedSignalForward", "DirectCallOffer", NULL);
    puppet_forward(s.r, s.ours, 5, "{\"CallRinging\":{\"call_id\":\"c1\"}}");
    expect_silence(s.a.conn); /* once is enough */
    puppet_forward(s.r, s.second, 6,
                   "{\"DirectCallAnswer\":{\"call_id\":\"c1\",\"accept_mode\":\"AcceptTrusted\"}}");
    expect_message(s.a.conn, "DirectCallAnswer", NULL);
    expect_message(s.a.conn, "CallSetup", NULL);
    expect_message(s.ours, "FederatedSignalForward", "Hangup", "c1", NULL);
    expect_message(s.original, "FederatedSignalForward", "Hangup", "c1", NULL);
    puppet_forward(s.r, s.ours, 5,
                   "{\"DirectCallAnswer\":{\"call_id\":\"c1\",\"accept_mode\":\"AcceptTrusted\"}}");
    expect_message(s.ours, "FederatedSignalForward", "Hangup", "c1", NULL);
    expect_silence(s.a.conn);
    stage_end(&s);
}

static void test_all_must_say_that_the_callee_is_not_there(void **state)
{
    (void)state;
    static const char *const not_here =
        "{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":\"c1\",\"chappe\":{\"not_here\":true}}}";
    struct stage s = stage_new();
    s.ours = puppet_link(s.r, 5, true);
    s.second = puppet_link(s.r, 6, true);
    phone_offer(&s.a, REMOTE, "c1");
    puppet_forward(s.r, s.ours, 5, not_here);
    puppet_forward(s.r, s.ours, 5, not_here);
    expect_silence(s.a.conn);
    puppet_forward(s.r, s.second, 6, not_here);
    expect_message(s.a.conn, "Hangup", "Normal", "c1", "relay", NULL);
    stage_end(&s);
}

static void test_an_original_keeps_silent_until_the_timeout(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.ours = puppet_link(s.r, 5, true);
    s.original = puppet_link(s.r, 7, false);
    phone_offer(&s.a, REMOTE, "c1");
    expect_message(s.a.conn, "CallRinging", NULL);
    puppet_forward(
        s.r, s.ours, 5,
        "{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":\"c1\",\"chappe\":{\"not_here\":true}}}");
    expect_silence(s.a.conn);
    harness_pass(s.h, 61 * CLOCK_SECOND);
    expect_message(s.a.conn, "Hangup", "Timeout", NULL);
    stage_end(&s);
}

static void test_an_original_offers_and_hears_no_more_than_it_knows(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.original = puppet_link(s.r, 7, false);
    puppet_forward(s.r, s.original, 7, offer_json(REMOTE, NOBODY, "c0"));
    expect_silence(s.original); /* it would not understand */
    puppet_forward(s.r, s.original, 7, offer_json(REMOTE, s.a.name, "c1"));
    expect_message(s.a.conn, "DirectCallOffer", "\"kept\":1", NULL);
    expect_silence(s.original);
    phone_answer(&s.a, "c1", "AcceptTrusted");
    expect_message(s.a.conn, "CallSetup", "192.0.2.1:1000", NULL);
    expect_message(s.original, "FederatedSignalForward", "DirectCallAnswer", NULL);
    expect_message(s.original, "GlobalRoomActive", "call-c1", "\"participants\":[]", NULL);
    sim_say(s.r, s.a.conn, "{\"MediaPathReport\":{\"call_id\":\"c1\",\"direct_ok\":true}}");
    expect_silence(s.original); /* a seed would drop the link */
    puppet_forward(s.r, s.original, 7,
                   "{\"MediaPathReport\":{\"call_id\":\"c1\",\"direct_ok\":true}}");
    expect_message(s.a.conn, "MediaPathReport", NULL);
    sim_say(s.r, s.a.conn, "{\"MediaPathReport\":{\"call_id\":\"c1\",\"direct_ok\":true}}");
    expect_message(s.original, "FederatedSignalForward", "MediaPathReport", NULL);
    stage_end(&s);
}

static void defect_56_an_original_is_told_of_a_reject_in_both_ways(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.original = puppet_link(s.r, 7, false);
    puppet_forward(s.r, s.original, 7, offer_json(REMOTE, s.a.name, "c1"));
    phone_answer(&s.a, "c1", "Reject");
    expect_message(s.original, "FederatedSignalForward", "DirectCallAnswer", "Reject", NULL);
    expect_message(s.original, "FederatedSignalForward", "Hangup", "Declined", NULL);
    stage_end(&s);
}

static void defect_56_a_nameless_hangup_ends_the_only_call_of_the_link(void **state)
{
    (void)state;
    static const char *const nameless = "{\"Hangup\":{\"reason\":\"Normal\"}}";
    struct stage s = stage_new();
    s.original = puppet_link(s.r, 7, false);
    phone_offer(&s.a, REMOTE, "c1");
    phone_offer(&s.a, NOBODY, "c2");
    skip_messages(s.a.conn);
    puppet_forward(s.r, s.original, 7, nameless); /* which one? */
    expect_silence(s.a.conn);
    phone_hangup(&s.a, "c2");
    puppet_forward(s.r, s.original, 7, nameless);
    expect_message(s.a.conn, "Hangup", "\"call_id\":\"c1\"", NULL);
    stage_end(&s);
}

static void defect_11_the_origin_must_be_the_link(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.ours = puppet_link(s.r, 5, true);
    puppet_forward(s.r, s.ours, 6, offer_json(REMOTE, s.a.name, "c1"));
    puppet_forward(s.r, s.ours, 0, offer_json(REMOTE, s.a.name, "c1"));
    expect_silence(s.a.conn);
    expect_silence(s.ours);
    assert_int_equal(core_counters(s.r->core)->forwards_forged, 2);
    char upper[FINGERPRINT_TLS_TEXT]; /* compared as numbers, however it is written */
    snprintf(upper, sizeof(upper), "%s", harness_fingerprint(5));
    for (char *at = upper; *at != '\0'; at++)
        *at = *at >= 'a' ? (char)(*at - 32) : *at;
    sim_sayf(s.r, s.ours, "{\"FederatedSignalForward\":{\"inner\":%s,\"origin_relay_fp\":\"%s\"}}",
             offer_json(REMOTE, s.a.name, "c1"), upper);
    expect_message(s.a.conn, "DirectCallOffer", NULL);
    expect_message(s.ours, "FederatedSignalForward", "CallRinging", NULL);
    stage_end(&s);
}

static void defect_12_a_relay_speaks_about_its_own_calls_only(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.ours = puppet_link(s.r, 5, true);
    phone_offer(&s.a, REMOTE, "c1");
    s.second = puppet_link(s.r, 6, true);
    skip_messages(s.ours);
    puppet_forward(s.r, s.ours, 5,
                   "{\"DirectCallAnswer\":{\"call_id\":\"c1\",\"accept_mode\":\"AcceptTrusted\"}}");
    skip_messages(s.a.conn);
    skip_messages(s.second);
    puppet_forward(s.r, s.second, 6, "{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":\"c1\"}}");
    sim_say(s.r, s.second,
            "{\"GlobalRoomActive\":{\"room\":\"call-c1\",\"participants\":"
            "[{\"fingerprint\":\"ghost\"}]}}");
    expect_silence(s.a.conn);
    assert_int_equal(view_count(core_view_calls(s.r->core)), 1);

    struct caller b = phone_new(s.r, 2);
    phones_call(&s.a, &b, "local"); /* nor about calls that stay here */
    puppet_forward(s.r, s.second, 6, "{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":\"local\"}}");
    puppet_forward(s.r, s.second, 6,
                   "{\"DirectCallAnswer\":{\"call_id\":\"local\",\"accept_mode\":\"Reject\"}}");
    expect_silence(s.a.conn);
    expect_silence(b.conn);
    stage_end(&s);
}

static void defect_09_a_peer_cannot_take_over_an_id(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.ours = puppet_link(s.r, 5, true);
    struct caller b = phone_new(s.r, 2);
    phones_call(&s.a, &b, "c1");
    puppet_forward(s.r, s.ours, 5, offer_json(REMOTE, b.name, "c1"));
    expect_message(s.ours, "FederatedSignalForward", "Hangup", "Error", NULL);
    expect_silence(b.conn);
    stage_end(&s);
}

static void test_the_same_offer_over_another_relay_is_ignored(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.ours = puppet_link(s.r, 5, true);
    s.second = puppet_link(s.r, 6, true);
    puppet_forward(s.r, s.ours, 5, offer_json(REMOTE, s.a.name, "c1"));
    expect_message(s.a.conn, "DirectCallOffer", NULL);
    puppet_forward(s.r, s.second, 6, offer_json(REMOTE, s.a.name, "c1"));
    expect_silence(s.a.conn);
    expect_silence(s.second);
    puppet_forward(s.r, s.second, 6, offer_json(NOBODY, s.a.name, "c1"));
    expect_message(s.second, "FederatedSignalForward", "Hangup", "Error", NULL);
    phone_answer(&s.a, "c1", "AcceptTrusted");
    expect_message(s.ours, "FederatedSignalForward", "CallRinging", NULL);
    expect_message(s.ours, "FederatedSignalForward", "DirectCallAnswer", NULL);
    expect_silence(s.second);
    stage_end(&s);
}

static void defect_07_a_peer_cannot_forge_a_key(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.ours = puppet_link(s.r, 5, true);
    char offer[2048];
    snprintf(offer, sizeof(offer),
             "{\"DirectCallOffer\":{\"caller_fingerprint\":\"%s\",\"caller_alias\":null,"
             "\"target_fingerprint\":\"%s\",\"call_id\":\"c1\",\"identity_pub\":%s,"
             "\"ephemeral_pub\":%s,\"signature\":[],\"supported_profiles\":[]}}",
             REMOTE, s.a.name, key_json(4), key_json(0));
    puppet_forward(s.r, s.ours, 5, offer);
    expect_message(s.ours, "FederatedSignalForward", "Hangup", "Error", NULL);
    expect_silence(s.a.conn);
    stage_end(&s);
}

static void defect_63_a_call_room_is_announced_to_its_peer_only(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.ours = puppet_link(s.r, 5, true);
    s.second = puppet_link(s.r, 6, true);
    puppet_forward(s.r, s.ours, 5, offer_json(REMOTE, s.a.name, "c1"));
    phone_answer(&s.a, "c1", "AcceptTrusted");
    expect_message(s.ours, "FederatedSignalForward", "CallRinging", NULL);
    expect_message(s.ours, "FederatedSignalForward", "DirectCallAnswer", NULL);
    expect_message(s.ours, "GlobalRoomActive", "\"call-c1\"", "\"participants\":[]", NULL);
    struct fake_connection *room = phone_join(&s.a, "call-c1");
    expect_message(s.ours, "GlobalRoomActive", s.a.name, NULL);
    sim_hang(s.r, room);
    expect_message(s.ours, "GlobalRoomActive", "\"participants\":[]", NULL);
    expect_silence(s.second);

    struct caller b = phone_new(s.r, 2);
    skip_messages(s.a.conn);
    phones_call(&b, &s.a, "local");
    phone_join(&b, "call-local");
    expect_silence(s.ours);
    expect_silence(s.second);
    stage_end(&s);
}

static void defect_80_what_a_peer_shows_in_a_call_room_is_bounded(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.ours = puppet_link(s.r, 5, true);
    puppet_forward(s.r, s.ours, 5, offer_json(REMOTE, s.a.name, "c1"));
    phone_answer(&s.a, "c1", "AcceptTrusted");
    struct fake_connection *room = phone_join(&s.a, "call-c1");
    skip_messages(room);
    sim_say(
        s.r, s.ours,
        "{\"GlobalRoomActive\":{\"room\":\"call-c1\",\"participants\":[{\"fingerprint\":\"f1\","
        "\"alias\":\"A\",\"relay_label\":\"us\"},{\"fingerprint\":\"f2\"},{\"fingerprint\":"
        "\"f3\"},{\"fingerprint\":\"f4\"},{\"fingerprint\":\"f5\"},{\"fingerprint\":\"f6\"}]}}");
    expect_message(room, "RoomUpdate", "\"count\":5", "\"relay_label\":\"relay-5\"", NULL);
    sim_say(s.r, s.ours, "{\"GlobalRoomInactive\":{\"room\":\"call-c1\"}}");
    expect_message(room, "RoomUpdate", "\"count\":1", NULL);
    sim_say(s.r, s.ours, "{\"GlobalRoomInactive\":{\"room\":\"call-c1\"}}");
    expect_silence(room); /* nothing is new */
    stage_end(&s);
}

static void test_what_a_peer_says_about_unknown_calls_is_answered(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.ours = puppet_link(s.r, 5, true);
    s.original = puppet_link(s.r, 7, false);
    puppet_forward(s.r, s.ours, 5,
                   "{\"DirectCallAnswer\":{\"call_id\":\"x1\",\"accept_mode\":\"AcceptTrusted\"}}");
    expect_message(s.ours, "FederatedSignalForward", "Hangup", "x1", NULL);
    puppet_forward(s.r, s.ours, 5, "{\"CallRinging\":{\"call_id\":\"x2\"}}");
    expect_message(s.ours, "FederatedSignalForward", "Hangup", "x2", NULL);
    sim_say(s.r, s.ours, "{\"GlobalRoomActive\":{\"room\":\"call-x3\",\"participants\":[]}}");
    expect_message(s.ours, "FederatedSignalForward", "Hangup", "x3", NULL);
    puppet_forward(s.r, s.ours, 5, "{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":\"x4\"}}");
    expect_silence(s.ours); /* a Hangup is never answered, or two would never stop */
    sim_say(s.r, s.original, "{\"GlobalRoomActive\":{\"room\":\"call-x5\",\"participants\":[]}}");
    sim_say(s.r, s.ours, "{\"GlobalRoomActive\":{\"room\":\"general\",\"participants\":[]}}");
    expect_silence(s.original);
    expect_silence(s.ours);
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defect_56_a_reject_reaches_the_caller),
        cmocka_unit_test(defect_57_hangups_cross),
        cmocka_unit_test(defect_57_lost_phones_are_told_across),
        cmocka_unit_test(defect_55_nobody_answers_across),
        cmocka_unit_test(test_a_callee_who_is_nowhere_ends_at_once),
        cmocka_unit_test(test_the_room_of_a_call_is_bridged_both_ways),
        cmocka_unit_test(test_each_call_room_admits_its_own_phone_only),
        cmocka_unit_test(test_a_media_path_report_crosses),
        cmocka_unit_test(test_an_offer_that_was_lost_is_repeated),
        cmocka_unit_test(test_a_repeated_offer_rings_once),
        cmocka_unit_test(test_an_answer_that_was_lost_is_repeated),
        cmocka_unit_test(test_a_reject_that_was_lost_is_repeated),
        cmocka_unit_test(test_a_hangup_that_was_lost_is_repeated),
        cmocka_unit_test(test_an_offer_that_its_hangup_overtook_does_not_ring),
        cmocka_unit_test(test_a_ringing_call_ends_at_its_deadline_without_a_link),
        cmocka_unit_test(test_an_active_call_that_needs_its_link_ends_after_thirty_seconds),
        cmocka_unit_test(test_an_active_call_survives_a_link_that_comes_back),
        cmocka_unit_test(test_who_joins_while_the_link_is_down_waits_thirty_seconds),
        cmocka_unit_test(test_a_peer_that_restarted_does_not_know_its_calls),
        cmocka_unit_test(test_losing_one_of_two_connections_repeats_too),
        cmocka_unit_test(test_the_first_accept_wins),
        cmocka_unit_test(test_all_must_say_that_the_callee_is_not_there),
        cmocka_unit_test(test_an_original_keeps_silent_until_the_timeout),
        cmocka_unit_test(test_an_original_offers_and_hears_no_more_than_it_knows),
        cmocka_unit_test(defect_56_an_original_is_told_of_a_reject_in_both_ways),
        cmocka_unit_test(defect_56_a_nameless_hangup_ends_the_only_call_of_the_link),
        cmocka_unit_test(defect_11_the_origin_must_be_the_link),
        cmocka_unit_test(defect_12_a_relay_speaks_about_its_own_calls_only),
        cmocka_unit_test(defect_09_a_peer_cannot_take_over_an_id),
        cmocka_unit_test(test_the_same_offer_over_another_relay_is_ignored),
        cmocka_unit_test(defect_07_a_peer_cannot_forge_a_key),
        cmocka_unit_test(defect_63_a_call_room_is_announced_to_its_peer_only),
        cmocka_unit_test(defect_80_what_a_peer_shows_in_a_call_room_is_bounded),
        cmocka_unit_test(test_what_a_peer_says_about_unknown_calls_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
