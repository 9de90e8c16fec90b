/*
 * A relay between two others that call each other through it (federation.md, "Calls"): everything
 * that these two, played by the test, may say. Relay 5 has the caller, relay 6 the callee, 7 is an
 * original, 8 another one of ours; all but 8 may speak for others, and let others speak.
 */
#include "harness.h"

#define CALLER "0000:0000:0000:0000:0000:0000:0000:0001"
#define CALLEE "0000:0000:0000:0000:0000:0000:0000:0002"
#define ACCEPT "{\"DirectCallAnswer\":{\"call_id\":\"c1\",\"accept_mode\":\"AcceptTrusted\"}}"
#define REJECT "{\"DirectCallAnswer\":{\"call_id\":\"c1\",\"accept_mode\":\"Reject\"}}"
#define RINGING "{\"CallRinging\":{\"call_id\":\"c1\"}}"
#define HANGUP "{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":\"c1\"}}"
#define NOT_HERE                                                                                   \
    "{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":\"c1\",\"chappe\":{\"by\":\"relay\","          \
    "\"not_here\":true}}}"
#define BY_RELAY                                                                                   \
    "{\"Hangup\":{\"reason\":\"Error\",\"call_id\":\"c1\",\"chappe\":{\"by\":\"relay\"}}}"

struct stage {
    struct harness *h;
    struct relay *r;
    struct fake_connection *in, *out, *other;
    unsigned messages;
};

static void say_hello(struct stage *s, struct fake_connection *conn, int n, bool accepts)
{
    sim_sayf(s->r, conn,
             "{\"FederationHello\":{\"tls_fingerprint\":\"%s\",\"chappe\":{\"v\":1,\"hops\":4,"
             "\"accepts_forwarded\":%s}}}",
             harness_fingerprint(n), accepts ? "true" : "false");
    skip_messages(conn);
}

static struct fake_connection *link_puppet(struct stage *s, int n, bool accepts)
{
    struct fake_connection *conn = puppet_link(s->r, n, true);
    say_hello(s, conn, n, accepts);
    return conn;
}

static struct stage stage_new(void)
{
    char yaml[2048];
    struct stage s = {.h = harness_new()};
    snprintf(yaml, sizeof(yaml), "trusted:\n%s%s%s%s", harness_trusted(5, ", delegate: true"),
             harness_trusted(6, ", delegate: true"),
             harness_trusted(7, ", delegate: true, legacy: true, address: \"192.0.2.7\""),
             harness_trusted(8, ""));
    s.r = harness_relay(s.h, yaml);
    s.in = link_puppet(&s, 5, true);
    s.out = link_puppet(&s, 6, true);
    harness_pass(s.h, CLOCK_SECOND); /* presence is told */
    skip_messages(s.in);
    skip_messages(s.out);
    return s;
}

static void stage_end(struct stage *s)
{
    assert_int_equal(view_count(core_view_calls(s->r->core)), 0);
    assert_int_equal(s->r->plane.route_count, 0);
    assert_int_equal(fake_plane_records_of(&s->r->plane, "call/"), 0);
    expect_nothing_left(s->r);
    harness_free(s->h);
}

/* From puppet `n`: a message that relay `origin` made, to go by `way` (JSON). */
static void say_by(struct stage *s, struct fake_connection *conn, int n, const char *inner,
                   int origin, int hops, const char *way)
{
    char text[8192];
    snprintf(text, sizeof(text),
             "{\"FederatedSignalForward\":{\"inner\":%s,\"origin_relay_fp\":\"%s\"", inner,
             harness_fingerprint(n));
    sim_sayf(s->r, conn,
             "%s,\"chappe\":{\"origin\":\"%s\",\"hops\":%d,\"id\":\"m%u\",\"way\":%s}}}", text,
             harness_fingerprint(origin), hops, ++s->messages, way);
}

static void say(struct stage *s, struct fake_connection *conn, int n, const char *inner)
{
    say_by(s, conn, n, inner, n, 15, "[]");
}

static const char *way_to(int first, int second)
{
    static char text[512];
    char one[256] = "";
    if (second >= 0)
        snprintf(one, sizeof(one), ",\"%s\"", harness_fingerprint(second));
    snprintf(text, sizeof(text), "[\"%s\"%s]", harness_fingerprint(first), one);
    return text;
}

static void offer(struct stage *s)
{
    say_by(s, s->in, 5, offer_json(CALLER, CALLEE, "c1"), 5, 1, way_to(6, -1));
}

static void ring(struct stage *s)
{
    offer(s);
    expect_message(s->out, "FederatedSignalForward", "DirectCallOffer", "\"kept\":1",
                   harness_fingerprint(0), harness_fingerprint(5), "\"hops\":0", "\"id\":\"m",
                   NULL);
    say(s, s->out, 6, RINGING);
    expect_message(s->in, "FederatedSignalForward", "CallRinging", NULL);
}

static void talk(struct stage *s)
{
    ring(s);
    say(s, s->out, 6, ACCEPT);
    expect_message(s->in, "FederatedSignalForward", ACCEPT, harness_fingerprint(0),
                   harness_fingerprint(6), "\"hops\":14", NULL);
}

/* The routes of call c1 between two links, both ways, under the room's hash. */
static void expect_routes(const struct stage *s, int a, int b)
{
    const struct fake_plane *p = &s->r->plane;
    assert_int_equal(p->route_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct fake_route *route = &p->routes[i];
        int from = route->link.bytes[0] - 0xa0;
        assert_true(from == a || from == b);
        assert_string_equal(route->room, "");
        assert_int_equal(route->hop_count, 1);
        assert_int_equal(route->hops[0].link.bytes[0] - 0xa0, from == a ? b : a);
        assert_memory_equal(route->hops[0].tag, route->tag.bytes, sizeof(route->tag.bytes));
        assert_true(route->pps > 0);
    }
    assert_memory_equal(&p->routes[0].tag, &p->routes[1].tag, sizeof(p->routes[0].tag));
    assert_int_not_equal(p->routes[0].link.bytes[0], p->routes[1].link.bytes[0]);
    assert_int_equal(p->room_count, 0);
}

/* ---- a call ---- */

static void test_a_call_goes_through(void **state)
{
    (void)state;
    struct stage s = stage_new();
    talk(&s);
    expect_routes(&s, 5, 6);
    sim_say(s.r, s.in,
            "{\"GlobalRoomActive\":{\"room\":\"call-c1\",\"participants\":[{\"fingerprint\":"
            "\"" CALLER "\",\"alias\":\"Al\"}]}}");
    expect_message(s.out, "GlobalRoomActive", CALLER, "\"Al\"", "\"relay_label\":\"relay-5\"",
                   NULL);
    sim_say(s.r, s.out,
            "{\"GlobalRoomActive\":{\"room\":\"call-c1\",\"participants\":[{\"fingerprint\":"
            "\"" CALLEE "\",\"relay_label\":\"far away\"}]}}");
    expect_message(s.in, "GlobalRoomActive", CALLEE, "\"relay_label\":\"far away\"", NULL);
    say(&s, s.in, 5,
        "{\"MediaPathReport\":{\"call_id\":\"c1\",\"direct_ok\":true,\"race_winner\":\"x\"}}");
    expect_message(s.out, "FederatedSignalForward", "MediaPathReport", harness_fingerprint(5),
                   NULL);
    say(&s, s.out, 6, HANGUP);
    expect_message(s.in, "FederatedSignalForward", HANGUP, harness_fingerprint(6), NULL);
    expect_silence(s.out);
    stage_end(&s);
}

static void test_the_caller_cancels(void **state)
{
    (void)state;
    struct stage s = stage_new();
    ring(&s);
    say(&s, s.in, 5, HANGUP);
    expect_message(s.out, "FederatedSignalForward", HANGUP, NULL);
    expect_silence(s.in);
    stage_end(&s);
}

static void defect_56_a_reject_goes_back(void **state)
{
    (void)state;
    struct stage s = stage_new();
    ring(&s);
    say(&s, s.out, 6, REJECT);
    expect_message(s.in, "FederatedSignalForward", REJECT, NULL);
    expect_silence(s.in); /* a relay of ours needs no Hangup besides */
    expect_silence(s.out);
    stage_end(&s);
}

static void test_not_here_goes_back_and_leaves_nothing(void **state)
{
    (void)state;
    struct stage s = stage_new();
    ring(&s);
    say(&s, s.out, 6, NOT_HERE);
    expect_message(s.in, "FederatedSignalForward", "\"not_here\":true", harness_fingerprint(6),
                   NULL);
    assert_int_equal(view_count(core_view_calls(s.r->core)), 0);
    offer(&s); /* it may be asked again, for he may have come meanwhile */
    expect_message(s.out, "FederatedSignalForward", "DirectCallOffer", NULL);
    say(&s, s.in, 5, HANGUP);
    expect_message(s.out, "FederatedSignalForward", HANGUP, NULL);
    stage_end(&s);
}

static void test_ringing_ends_if_nobody_else_ends_it(void **state)
{
    (void)state;
    struct stage s = stage_new();
    ring(&s);
    harness_pass(s.h, 119 * CLOCK_SECOND);
    expect_silence(s.in);
    harness_pass(s.h, 2 * CLOCK_SECOND);
    expect_message(s.in, "FederatedSignalForward", "Timeout", "c1", NULL);
    expect_message(s.out, "FederatedSignalForward", "Timeout", "c1", NULL);
    stage_end(&s);
}

/* ---- several places ---- */

static void test_two_places_by_one_link_and_the_first_accept_wins(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.other = link_puppet(&s, 8, true);
    ring(&s);
    say_by(&s, s.in, 5, offer_json(CALLER, CALLEE, "c1"), 5, 1, way_to(8, -1));
    expect_message(s.other, "FederatedSignalForward", "DirectCallOffer", NULL);
    say(&s, s.other, 8, RINGING);
    expect_silence(s.in); /* it rings already */
    say(&s, s.other, 8, ACCEPT);
    expect_message(s.in, "FederatedSignalForward", ACCEPT, harness_fingerprint(8), NULL);
    expect_message(s.out, "FederatedSignalForward", "Hangup", "c1", NULL);
    expect_routes(&s, 5, 8);
    say(&s, s.out, 6, ACCEPT); /* too late */
    expect_message(s.out, "FederatedSignalForward", "Hangup", "c1", NULL);
    expect_silence(s.in);
    say(&s, s.in, 5, HANGUP);
    expect_message(s.other, "FederatedSignalForward", HANGUP, NULL);
    expect_silence(s.out);
    stage_end(&s);
}

static void test_a_relay_that_gives_up_leaves_the_other(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.other = link_puppet(&s, 8, true);
    ring(&s);
    say_by(&s, s.in, 5, offer_json(CALLER, CALLEE, "c1"), 5, 1, way_to(8, -1));
    skip_messages(s.other);
    say(&s, s.out, 6, BY_RELAY);
    expect_silence(s.in);
    say(&s, s.other, 8, BY_RELAY);
    expect_message(s.in, "FederatedSignalForward", BY_RELAY, NULL);
    stage_end(&s);
}

static void test_the_callee_is_here_and_there(void **state)
{
    (void)state;
    struct stage s = stage_new();
    struct caller b = phone_new(s.r, 2);
    say(&s, s.in, 5, offer_json(CALLER, b.name, "c1"));
    expect_message(b.conn, "DirectCallOffer", NULL);
    expect_message(s.in, "FederatedSignalForward", "CallRinging", NULL);
    say_by(&s, s.in, 5, offer_json(CALLER, b.name, "c1"), 5, 1, way_to(6, -1));
    expect_message(s.out, "FederatedSignalForward", "DirectCallOffer", NULL);
    say(&s, s.out, 6, ACCEPT);
    expect_message(b.conn, "Hangup", "c1", "relay", NULL);
    expect_message(s.in, "FederatedSignalForward", ACCEPT, NULL);
    expect_routes(&s, 5, 6);
    sim_hang(s.r, b.conn); /* it has no part in the call */
    expect_silence(s.in);
    say(&s, s.out, 6, HANGUP);
    expect_message(s.in, "FederatedSignalForward", HANGUP, NULL);
    stage_end(&s);
}

static void test_the_phone_here_is_first(void **state)
{
    (void)state;
    struct stage s = stage_new();
    struct caller b = phone_new(s.r, 2);
    say_by(&s, s.in, 5, offer_json(CALLER, b.name, "c1"), 5, 1, way_to(6, -1));
    expect_message(b.conn, "DirectCallOffer", NULL); /* whatever place was meant */
    expect_message(s.out, "FederatedSignalForward", "DirectCallOffer", NULL);
    expect_message(s.in, "FederatedSignalForward", "CallRinging", NULL);
    phone_answer(&b, "c1", "AcceptTrusted");
    expect_message(s.out, "FederatedSignalForward", "Hangup", "c1", NULL);
    expect_message(s.in, "FederatedSignalForward", "DirectCallAnswer", NULL);
    expect_message(s.in, "GlobalRoomActive", "call-c1", NULL);
    expect_message(b.conn, "CallSetup", NULL);
    say(&s, s.in, 5, HANGUP);
    expect_message(b.conn, "Hangup", NULL);
    stage_end(&s);
}

static void test_the_phone_here_is_lost_but_it_rings_there(void **state)
{
    (void)state;
    struct stage s = stage_new();
    struct caller b = phone_new(s.r, 2);
    say_by(&s, s.in, 5, offer_json(CALLER, b.name, "c1"), 5, 1, way_to(6, -1));
    skip_messages(s.out);
    skip_messages(s.in);
    sim_hang(s.r, b.conn);
    expect_silence(s.in);
    say(&s, s.out, 6, ACCEPT);
    expect_message(s.in, "FederatedSignalForward", ACCEPT, NULL);
    expect_routes(&s, 5, 6);
    say(&s, s.in, 5, HANGUP);
    skip_messages(s.out);
    stage_end(&s);
}

/* ---- who may ---- */

static void expect_not_here(struct fake_connection *conn, int place)
{
    expect_message(conn, "FederatedSignalForward", "Hangup", "\"not_here\":true", "c1",
                   harness_fingerprint(place), NULL);
}

static void test_where_an_offer_cannot_go_nobody_is(void **state)
{
    (void)state;
    struct stage s = stage_new();
    const char *text = offer_json(CALLER, CALLEE, "c1");
    say_by(&s, s.in, 5, text, 5, 15, way_to(8, -1)); /* not linked */
    expect_not_here(s.in, 8);
    say_by(&s, s.in, 5, text, 5, 15, way_to(8, 6)); /* the last of the way is who is meant */
    expect_not_here(s.in, 6);
    say_by(&s, s.in, 5, text, 5, 15, way_to(4, -1)); /* unknown */
    expect_not_here(s.in, 4);
    say_by(&s, s.in, 5, text, 5, 15, way_to(5, -1)); /* back to where it came from */
    expect_not_here(s.in, 5);
    s.other = link_puppet(&s, 8, false); /* it does not want to hear of others */
    say_by(&s, s.in, 5, text, 5, 15, way_to(8, -1));
    expect_not_here(s.in, 8);
    expect_silence(s.other);
    struct fake_connection *original = puppet_link(s.r, 7, false);
    say_by(&s, s.in, 5, text, 5, 15, way_to(7, 6)); /* originals pass nothing on */
    expect_not_here(s.in, 6);
    expect_silence(original);
    assert_int_equal(view_count(core_view_calls(s.r->core)), 0);
    stage_end(&s);
}

static void test_hops_run_out(void **state)
{
    (void)state;
    struct stage s = stage_new();
    const char *text = offer_json(CALLER, CALLEE, "c1");
    say_by(&s, s.in, 5, text, 5, 0, way_to(6, -1));
    expect_not_here(s.in, 6);
    say_by(&s, s.in, 5, text, 5, 1, way_to(6, 8)); /* one for two */
    expect_not_here(s.in, 8);
    expect_silence(s.out);
    talk(&s);
    say_by(&s, s.in, 5,
           "{\"MediaPathReport\":{\"call_id\":\"c1\",\"direct_ok\":true,\"race_winner\":\"x\"}}", 5,
           0, "[]");
    expect_silence(s.out);
    assert_int_equal(core_counters(s.r->core)->forwards_too_far, 1);
    say(&s, s.in, 5, HANGUP);
    stage_end(&s);
}

static void test_a_message_that_came_before_is_dropped(void **state)
{
    (void)state;
    struct stage s = stage_new();
    talk(&s);
    static const char *const report =
        "{\"MediaPathReport\":{\"call_id\":\"c1\",\"direct_ok\":true,\"race_winner\":\"x\"}}";
    say(&s, s.in, 5, report);
    expect_message(s.out, "FederatedSignalForward", "MediaPathReport", NULL);
    s.messages--;
    say(&s, s.in, 5, report);
    expect_silence(s.out);
    say(&s, s.in, 5, report); /* the same again, but said anew */
    expect_message(s.out, "FederatedSignalForward", "MediaPathReport", NULL);
    say_by(&s, s.out, 6, report, 0, 15, "[]"); /* ours, come back */
    expect_silence(s.in);
    assert_int_equal(core_counters(s.r->core)->forwards_repeated, 2);
    say(&s, s.in, 5, HANGUP);
    stage_end(&s);
}

static void test_what_is_forwarded_needs_a_delegate(void **state)
{
    (void)state;
    struct stage s = stage_new();
    struct caller b = phone_new(s.r, 2);
    s.other = link_puppet(&s, 8, true);
    say_by(&s, s.other, 8, offer_json(CALLER, b.name, "c1"), 5, 0, "[]");
    expect_message(s.other, "FederatedSignalForward", "Hangup", "Error", "c1", NULL);
    expect_silence(b.conn);
    say_by(&s, s.in, 5, offer_json(CALLER, b.name, "c1"), 8, 0, "[]"); /* 5 is one */
    expect_message(b.conn, "DirectCallOffer", NULL);
    say_by(&s, s.other, 8, offer_json(CALLER, b.name, "c2"), 8, 0, "[]"); /* its own */
    expect_message(b.conn, "DirectCallOffer", "c2", NULL);
    phone_hangup(&b, "c1");
    phone_hangup(&b, "c2");
    stage_end(&s);
}

static void defect_12_the_same_call_over_another_link(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.other = link_puppet(&s, 8, true);
    ring(&s);
    say_by(&s, s.other, 8, offer_json(CALLER, CALLEE, "c1"), 8, 1, way_to(6, -1));
    expect_not_here(s.other, 6); /* not by this way */
    expect_silence(s.out);
    say_by(&s, s.other, 8, offer_json(CALLEE, CALLER, "c1"), 8, 1, way_to(6, -1));
    expect_message(s.other, "FederatedSignalForward", "Hangup", "Error", "c1", NULL);
    say(&s, s.other, 8, ACCEPT);
    expect_message(s.other, "FederatedSignalForward", "Hangup", "c1", NULL);
    say(&s, s.other, 8, HANGUP);
    say(&s, s.in, 5, ACCEPT); /* nor may the caller's relay answer */
    expect_silence(s.in);
    expect_silence(s.out);
    assert_int_equal(s.r->plane.route_count, 0);
    say(&s, s.in, 5, HANGUP);
    skip_messages(s.out);
    stage_end(&s);
}

static void test_originals_at_the_end_of_the_way(void **state)
{
    (void)state;
    struct stage s = stage_new();
    struct fake_connection *original = puppet_link(s.r, 7, false);
    say_by(&s, s.in, 5, offer_json(CALLER, CALLEE, "c1"), 5, 1, way_to(7, -1));
    expect_message(original, "FederatedSignalForward", "DirectCallOffer", NULL);
    assert_null(strstr(original->messages[original->message_count - 1].text, "chappe"));
    expect_message(s.in, "FederatedSignalForward", "CallRinging", NULL); /* it never says so */
    puppet_forward(s.r, original, 7, ACCEPT);
    expect_message(s.in, "FederatedSignalForward", ACCEPT, harness_fingerprint(7), NULL);
    expect_routes(&s, 5, 7);
    say(&s, s.in, 5, HANGUP);
    expect_message(original, "FederatedSignalForward", HANGUP, NULL);
    stage_end(&s);
}

static void defect_80_what_is_passed_on_is_bounded(void **state)
{
    (void)state;
    struct stage s = stage_new();
    talk(&s);
    sim_say(
        s.r, s.in,
        "{\"GlobalRoomActive\":{\"room\":\"call-c1\",\"participants\":[{\"fingerprint\":\"f1\"},"
        "{\"fingerprint\":\"f2\"},{\"fingerprint\":\"f3\"},{\"fingerprint\":\"f4\"},"
        "{\"fingerprint\":\"f5\"}]}}");
    expect_message(s.out, "GlobalRoomActive", "\"f4\"", NULL);
    assert_null(strstr(s.out->messages[s.out->taken - 1].text, "f5"));
    say(&s, s.in, 5, HANGUP);
    skip_messages(s.out);
    stage_end(&s);
}

/* Only what the two say under the call's tag goes through, and only to each other. */
static void defect_63_a_call_concerns_its_two_relays_only(void **state)
{
    (void)state;
    struct stage s = stage_new();
    s.other = link_puppet(&s, 8, true);
    talk(&s);
    sim_say(s.r, s.in,
            "{\"GlobalRoomActive\":{\"room\":\"call-c1\",\"participants\":"
            "[{\"fingerprint\":\"f1\"}]}}");
    expect_silence(s.other);
    sim_say(s.r, s.other,
            "{\"GlobalRoomActive\":{\"room\":\"call-c1\",\"participants\":"
            "[{\"fingerprint\":\"ghost\"}]}}");
    expect_message(s.other, "FederatedSignalForward", "Hangup", "c1", NULL);
    expect_silence(s.in);
    expect_routes(&s, 5, 6);
    say(&s, s.in, 5, HANGUP);
    skip_messages(s.out);
    expect_silence(s.other);
    stage_end(&s);
}

/* ---- links that go away ---- */

/* Its first message is our hello; then what is repeated. */
static struct fake_connection *link_again(struct stage *s, int n)
{
    char address[32];
    snprintf(address, sizeof(address), "192.0.2.%d:4433", n);
    struct fake_connection *conn = sim_connect_from(s->r, "_federation", address, 0xa0 + n);
    sim_sayf(s->r, conn,
             "{\"FederationHello\":{\"tls_fingerprint\":\"%s\",\"chappe\":{\"v\":1,\"hops\":4,"
             "\"accepts_forwarded\":true}}}",
             harness_fingerprint(n));
    expect_message(conn, "FederationHello", NULL);
    return conn;
}

static struct fake_connection *relink(struct stage *s, struct fake_connection *conn, int n)
{
    sim_hang(s->r, conn);
    return link_again(s, n);
}

static void test_a_lost_link_ends_the_call_on_both_sides(void **state)
{
    (void)state;
    struct stage s = stage_new();
    talk(&s);
    sim_say(s.r, s.in,
            "{\"GlobalRoomActive\":{\"room\":\"call-c1\",\"participants\":[{\"fingerprint\":"
            "\"" CALLER "\"}]}}");
    skip_messages(s.in);
    sim_hang(s.r, s.out);
    expect_message(s.in, "FederatedSignalForward", "Hangup", "c1", "\"not_here\":true",
                   harness_fingerprint(6), NULL); /* the caller's relay may know another way */
    harness_pass(s.h, 29 * CLOCK_SECOND);
    expect_silence(s.in);
    assert_int_equal(s.r->plane.route_count, 2);
    harness_pass(s.h, 2 * CLOCK_SECOND);
    expect_message(s.in, "FederatedSignalForward", "Hangup", "Error", "c1", "\"by\":\"relay\"",
                   NULL);
    assert_int_equal(s.r->plane.route_count, 0);
    /* The other side hears of it when it is there again. */
    s.out = link_again(&s, 6);
    expect_message(s.out, "FederatedSignalForward", "Hangup", "Error", "c1", NULL);
    stage_end(&s);
}

static void test_without_both_links_nothing_is_kept(void **state)
{
    (void)state;
    struct stage s = stage_new();
    talk(&s);
    sim_hang(s.r, s.out);
    harness_pass(s.h, 40 * CLOCK_SECOND); /* they may talk directly */
    assert_int_equal(view_count(core_view_calls(s.r->core)), 1);
    sim_hang(s.r, s.in);
    harness_pass(s.h, 31 * CLOCK_SECOND);
    stage_end(&s);
}

static void test_a_link_that_comes_back_is_told_what_matters(void **state)
{
    (void)state;
    struct stage s = stage_new();
    ring(&s);
    s.out = relink(&s, s.out, 6);
    expect_message(s.out, "FederatedSignalForward", "DirectCallOffer", NULL);
    s.in = relink(&s, s.in, 5);
    expect_message(s.in, "FederatedSignalForward", "CallRinging", NULL);
    say(&s, s.out, 6, ACCEPT);
    skip_messages(s.in);
    sim_say(s.r, s.out,
            "{\"GlobalRoomActive\":{\"room\":\"call-c1\",\"participants\":[{\"fingerprint\":"
            "\"" CALLEE "\"}]}}");
    s.in = relink(&s, s.in, 5);
    expect_message(s.in, "FederatedSignalForward", ACCEPT, harness_fingerprint(6), NULL);
    expect_message(s.in, "GlobalRoomActive", CALLEE, NULL);
    expect_silence(s.in);
    harness_pass(s.h, 100 * CLOCK_SECOND);
    assert_int_equal(s.r->plane.route_count, 2);
    say(&s, s.in, 5, HANGUP);
    stage_end(&s);
}

/* ---- other control planes, other configs ---- */

static void test_it_survives_the_control_plane(void **state)
{
    (void)state;
    struct stage s = stage_new();
    ring(&s);
    sim_adopt(s.r);
    skip_messages(s.in);
    skip_messages(s.out);
    say(&s, s.out, 6, ACCEPT);
    expect_message(s.in, "FederatedSignalForward", ACCEPT, NULL);
    sim_adopt(s.r);
    assert_int_equal(s.r->plane.swept, 0);
    expect_routes(&s, 5, 6);
    skip_messages(s.in);
    skip_messages(s.out);
    say(&s, s.in, 5, HANGUP);
    expect_message(s.out, "FederatedSignalForward", HANGUP, NULL);
    stage_end(&s);
}

static void test_reload(void **state)
{
    (void)state;
    char yaml[1024];
    struct stage s = stage_new();
    talk(&s);
    snprintf(yaml, sizeof(yaml), "trusted:\n%s%slimits: { federation_room_pps: 77 }\n",
             harness_trusted(5, ", delegate: true"), harness_trusted(6, ", delegate: true"));
    harness_configure(s.r, yaml, true);
    expect_routes(&s, 5, 6);
    assert_int_equal(s.r->plane.routes[0].pps, 77);
    skip_messages(s.in);
    snprintf(yaml, sizeof(yaml), "trusted:\n%s", harness_trusted(5, ", delegate: true"));
    harness_configure(s.r, yaml, true);
    expect_message(s.in, "FederatedSignalForward", "Hangup", "Error", "c1", NULL);
    expect_closed(s.out, "no longer in the config");
    stage_end(&s);
}

static void test_a_draining_relay_carries_no_new_call(void **state)
{
    (void)state;
    struct stage s = stage_new();
    talk(&s);
    core_drain(s.r->core, UINT64_MAX, s.h->now);
    say_by(&s, s.in, 5, offer_json(CALLER, CALLEE, "c2"), 5, 1, way_to(6, -1));
    expect_message(s.in, "FederatedSignalForward", "\"not_here\":true", "c2", NULL);
    expect_open(s.in);
    expect_open(s.out);
    assert_false(core_drain_state(s.r->core).stopped);
    say(&s, s.in, 5, HANGUP);
    expect_message(s.out, "FederatedSignalForward", HANGUP, NULL);
    harness_pass(s.h, CLOCK_SECOND);
    assert_true(s.in->closing && s.out->closing); /* nothing is left to wait for */
    harness_free(s.h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_goes_through),
        cmocka_unit_test(test_the_caller_cancels),
        cmocka_unit_test(defect_56_a_reject_goes_back),
        cmocka_unit_test(test_not_here_goes_back_and_leaves_nothing),
        cmocka_unit_test(test_ringing_ends_if_nobody_else_ends_it),
        cmocka_unit_test(test_two_places_by_one_link_and_the_first_accept_wins),
        cmocka_unit_test(test_a_relay_that_gives_up_leaves_the_other),
        cmocka_unit_test(test_the_callee_is_here_and_there),
        cmocka_unit_test(test_the_phone_here_is_first),
        cmocka_unit_test(test_the_phone_here_is_lost_but_it_rings_there),
        cmocka_unit_test(test_where_an_offer_cannot_go_nobody_is),
        cmocka_unit_test(test_hops_run_out),
        cmocka_unit_test(test_a_message_that_came_before_is_dropped),
        cmocka_unit_test(test_what_is_forwarded_needs_a_delegate),
        cmocka_unit_test(defect_12_the_same_call_over_another_link),
        cmocka_unit_test(test_originals_at_the_end_of_the_way),
        cmocka_unit_test(defect_80_what_is_passed_on_is_bounded),
        cmocka_unit_test(defect_63_a_call_concerns_its_two_relays_only),
        cmocka_unit_test(test_a_lost_link_ends_the_call_on_both_sides),
        cmocka_unit_test(test_without_both_links_nothing_is_kept),
        cmocka_unit_test(test_a_link_that_comes_back_is_told_what_matters),
        cmocka_unit_test(test_it_survives_the_control_plane),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_a_draining_relay_carries_no_new_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
