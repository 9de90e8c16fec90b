/*
 * Every number that the core counts has a case here that makes exactly this one move: the table's
 * completeness is checked by code. What else moves with it is said in the case (`with`); `inputs`
 * and `transactions` do with nearly everything, and have cases of their own.
 */
#include "harness.h"

#include "common/signal.h"
#include "control/core/route.h"
#include "tests/unit/counters.h"

#define REMOTE "1111:1111:1111:1111:1111:1111:1111:1111"
#define OTHER "2222:2222:2222:2222:2222:2222:2222:2222"

/* A relay (0) that trusts 5, a relay of ours, and 7, an original; what was counted at `mark`. */
struct world {
    struct harness *h;
    struct relay *r;
    struct core_counters before;
};

#define TRUSTED                                                                                    \
    "trusted:\n%s%s", harness_trusted(5, ""),                                                      \
        harness_trusted(7, ", legacy: true, address: \"192.0.2.7\"")

static void mark(struct world *w)
{
    w->before = *core_counters(w->r->core);
}

static struct relay *plain(struct world *w)
{
    char yaml[1024];
    snprintf(yaml, sizeof(yaml), TRUSTED);
    return w->r = harness_relay(w->h, yaml);
}

static struct relay *with_lines(struct world *w, const char *lines)
{
    char yaml[1024];
    size_t len = (size_t)snprintf(yaml, sizeof(yaml), "%s", lines);
    snprintf(yaml + len, sizeof(yaml) - len, TRUSTED);
    return w->r = harness_relay(w->h, yaml);
}

static struct relay *asking_for_tokens(struct world *w)
{
    return w->r = harness_relay(w->h, "auth: { url: \"http://127.0.0.1:1/\" }\n");
}

/* ---- messages that make no sense ---- */

static void say_to_phone(struct world *w, const char *json)
{
    struct caller a = phone_new(plain(w), 1);
    mark(w);
    sim_say(w->r, a.conn, json);
}

static void signals_unknown(struct world *w)
{
    say_to_phone(w, "{\"Hologram\":{}}");
}

static void signals_malformed(struct world *w)
{
    say_to_phone(w, "{\"Ping\":{\"timestamp_ms\":-1}}");
}

static void signals_unexpected(struct world *w)
{
    say_to_phone(w, "{\"FederationHello\":{\"tls_fingerprint\":\"x\"}}");
}

static void inputs(struct world *w)
{
    struct fake_connection *conn = sim_connect(asking_for_tokens(w), "_signal");
    w->r->hold_answers = true; /* nothing is said before the rim has answered */
    mark(w);
    sim_say(w->r, conn, "{\"AuthToken\":{\"token\":\"good:alice\"}}");
}

static void transactions(struct world *w)
{
    plain(w);
    mark(w);
    core_drain(w->r->core, UINT64_MAX, w->h->now);
}

/* ---- connections, tokens, registrations ---- */

static void connections_refused(struct world *w)
{
    plain(w);
    mark(w);
    sim_connect(w->r, "_admin");
}

static void say_token(struct world *w, const char *token)
{
    struct fake_connection *conn = sim_connect(asking_for_tokens(w), "_signal");
    mark(w);
    sim_sayf(w->r, conn, "{\"AuthToken\":{\"token\":\"%s\"}}", token);
}

static void tokens_refused(struct world *w)
{
    say_token(w, "bad");
}

static void tokens_accepted(struct world *w)
{
    say_token(w, "good:alice");
}

static void registrations(struct world *w)
{
    plain(w);
    mark(w);
    phone_new(w->r, 1);
}

static void registrations_refused(struct world *w)
{
    plain(w);
    mark(w);
    phone_register_as(w->r, 1, 0xff, 0);
}

static void registrations_replaced(struct world *w)
{
    phone_new(plain(w), 1);
    mark(w);
    phone_new(w->r, 1);
}

/* ---- rooms ---- */

static void joins(struct world *w)
{
    struct caller a = phone_new(plain(w), 1);
    mark(w);
    phone_join(&a, "kitchen");
}

static void joins_refused(struct world *w)
{
    struct caller a = phone_new(plain(w), 1);
    mark(w);
    phone_join(&a, "call-nobody-made");
}

static void joins_replayed(struct world *w)
{
    struct caller a = phone_new(plain(w), 1);
    phone_join(&a, "kitchen");
    w->h->ephemeral--; /* the same keys again */
    mark(w);
    phone_join(&a, "kitchen");
}

/* ---- calls ---- */

/* Two phones; the first has offered call c1 to the second. */
static void ring(struct world *w, struct caller *a, struct caller *b)
{
    *a = phone_new(plain(w), 1);
    *b = phone_new(w->r, 2);
    phone_offer(a, b->name, "c1");
}

static void calls_offered(struct world *w)
{
    struct caller a = phone_new(plain(w), 1), b = phone_new(w->r, 2);
    mark(w);
    phone_offer(&a, b.name, "c1");
}

static void calls_refused(struct world *w)
{
    struct caller a = phone_new(plain(w), 1);
    mark(w);
    phone_offer(&a, a.name, "c1"); /* oneself */
}

static void calls_accepted(struct world *w)
{
    struct caller a, b;
    ring(w, &a, &b);
    mark(w);
    phone_answer(&b, "c1", "AcceptTrusted");
}

static void calls_rejected(struct world *w)
{
    struct caller a, b;
    ring(w, &a, &b);
    mark(w);
    phone_answer(&b, "c1", "Reject");
}

static void calls_timed_out(struct world *w)
{
    struct caller a, b;
    ring(w, &a, &b);
    mark(w);
    harness_pass(w->h, 61 * CLOCK_SECOND);
}

static void calls_ended(struct world *w)
{
    struct caller a, b;
    ring(w, &a, &b);
    mark(w);
    phone_hangup(&a, "c1");
}

static void offers_forged(struct world *w)
{
    struct caller a = phone_new(plain(w), 1), b = phone_new(w->r, 2);
    snprintf(a.name, sizeof(a.name), "%s", REMOTE);
    mark(w);
    phone_offer(&a, b.name, "c1");
}

static void offers_duplicate(struct world *w)
{
    struct caller a, b;
    ring(w, &a, &b);
    mark(w);
    phone_offer(&b, a.name, "c1");
}

static void answers_refused(struct world *w)
{
    struct caller a, b;
    ring(w, &a, &b);
    mark(w);
    phone_answer(&a, "c1", "AcceptTrusted");
}

static void hangups_refused(struct world *w)
{
    struct caller a, b;
    ring(w, &a, &b);
    struct caller stranger = phone_new(w->r, 3);
    mark(w);
    phone_hangup(&stranger, "c1");
}

/* ---- what peers forward ---- */

static void forwards_forged(struct world *w)
{
    struct caller a = phone_new(plain(w), 1);
    struct fake_connection *link = puppet_link(w->r, 5, true);
    mark(w);
    puppet_forward(w->r, link, 6, offer_json(REMOTE, a.name, "c1"));
}

static void forwards_refused(struct world *w)
{
    struct caller a, b;
    ring(w, &a, &b);
    struct fake_connection *link = puppet_link(w->r, 5, true);
    mark(w);
    puppet_forward(w->r, link, 5, "{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":\"c1\"}}");
}

/* A forward with an id and this many links to go. */
static void forward_far(struct world *w, struct fake_connection *link, int hops, const char *inner)
{
    sim_sayf(
        w->r, link,
        "{\"FederatedSignalForward\":{\"inner\":%s,\"origin_relay_fp\":\"%s\","
        "\"chappe\":{\"origin\":\"%s\",\"hops\":%d,\"id\":\"00112233445566778899aabbccddeeff\"}}"
        "}",
        inner, harness_fingerprint(5), harness_fingerprint(5), hops);
}

static void forwards_repeated(struct world *w)
{
    struct caller a = phone_new(plain(w), 1);
    struct fake_connection *link = puppet_link(w->r, 5, true);
    forward_far(w, link, 1, offer_json(REMOTE, a.name, "c1"));
    mark(w);
    forward_far(w, link, 1, offer_json(REMOTE, a.name, "c1"));
}

static void say_hello(struct world *w, struct fake_connection *link, int n)
{
    sim_sayf(w->r, link,
             "{\"FederationHello\":{\"tls_fingerprint\":\"%s\",\"chappe\":{\"v\":1,\"hops\":4,"
             "\"accepts_forwarded\":true}}}",
             harness_fingerprint(n));
}

/* In a call from 5 through here to 6, a word of 5 that may go no further. */
static void forwards_too_far(struct world *w)
{
    char yaml[1024];
    snprintf(yaml, sizeof(yaml), "trusted:\n%s%s", harness_trusted(5, ", delegate: true"),
             harness_trusted(6, ", delegate: true"));
    w->r = harness_relay(w->h, yaml);
    struct fake_connection *from = puppet_link(w->r, 5, true), *to = puppet_link(w->r, 6, true);
    say_hello(w, from, 5);
    say_hello(w, to, 6);
    sim_sayf(w->r, from,
             "{\"FederatedSignalForward\":{\"inner\":%s,\"origin_relay_fp\":\"%s\","
             "\"chappe\":{\"hops\":1,\"id\":\"m1\",\"way\":[\"%s\"]}}}",
             offer_json(REMOTE, OTHER, "c1"), harness_fingerprint(5), harness_fingerprint(6));
    sim_sayf(w->r, to,
             "{\"FederatedSignalForward\":{\"inner\":{\"DirectCallAnswer\":{\"call_id\":\"c1\","
             "\"accept_mode\":\"AcceptTrusted\"}},\"origin_relay_fp\":\"%s\","
             "\"chappe\":{\"hops\":15,\"id\":\"m2\"}}}",
             harness_fingerprint(6));
    mark(w);
    sim_sayf(w->r, from,
             "{\"FederatedSignalForward\":{\"inner\":{\"MediaPathReport\":{\"call_id\":\"c1\","
             "\"direct_ok\":true,\"race_winner\":\"x\"}},\"origin_relay_fp\":\"%s\","
             "\"chappe\":{\"hops\":0,\"id\":\"m3\"}}}",
             harness_fingerprint(5));
}

static void say_forwarded(struct world *w, struct fake_connection *from, int origin,
                          const char *inner)
{
    sim_sayf(w->r, from,
             "{\"FederatedSignalForward\":{\"inner\":%s,\"origin_relay_fp\":\"%s\","
             "\"chappe\":{\"origin\":\"%s\",\"hops\":9}}}",
             inner, harness_fingerprint(5), harness_fingerprint(origin));
}

/* A call to the phone of 6, which is behind 5; the link with 5 is lost and comes back. */
static void calls_rerouted(struct world *w)
{
    static const char accept[] =
        "{\"DirectCallAnswer\":{\"call_id\":\"c1\",\"accept_mode\":\"AcceptTrusted\"}}";
    char yaml[512], set[1024];
    snprintf(yaml, sizeof(yaml), "trusted:\n%s", harness_trusted(5, ", delegate: true"));
    snprintf(
        set, sizeof(set),
        "{\"PresenceUpdate\":{\"fingerprints\":[\"%s\"],\"relay_addr\":\"\",\"chappe\":{"
        "\"origin\":\"%s\",\"version\":{\"start\":1,\"counter\":1},\"path\":[\"%s\",\"%s\"]}}}",
        REMOTE, harness_fingerprint(6), harness_fingerprint(5), harness_fingerprint(6));
    w->r = harness_relay(w->h, yaml);
    struct fake_connection *link = puppet_link(w->r, 5, true);
    say_hello(w, link, 5);
    sim_say(w->r, link, set);
    struct caller a = phone_new(w->r, 1);
    phone_offer(&a, REMOTE, "c1");
    say_forwarded(w, link, 6, accept);
    phone_join(&a, "call-c1");
    harness_pass(w->h, CLOCK_SECOND);
    say_forwarded(w, link, 5,
                  "{\"Hangup\":{\"reason\":\"Normal\",\"call_id\":\"c1\","
                  "\"chappe\":{\"by\":\"relay\",\"not_here\":true}}}");
    mark(w);
    harness_pass(w->h, CLOCK_SECOND / 10);
    say_forwarded(w, link, 6, accept);
}

/* ---- links ---- */

static void links_refused(struct world *w)
{
    plain(w);
    mark(w);
    sim_connect_from(w->r, "_federation", "192.0.2.9:1", 0xa9);
}

static void links_up(struct world *w)
{
    plain(w);
    mark(w);
    puppet_link(w->r, 5, true);
}

static void links_lost(struct world *w)
{
    struct fake_connection *link = puppet_link(plain(w), 5, true);
    mark(w);
    sim_hang(w->r, link);
}

/* Relay 0 dials relay 1, which does not exist. */
static void dial(struct world *w)
{
    char yaml[512];
    snprintf(yaml, sizeof(yaml), "peers:\n%s", harness_peer(1, ""));
    w->h->hold_dials = true;
    w->r = harness_relay(w->h, yaml);
}

static void dials(struct world *w)
{
    dial(w);
    mark(w);
    harness_pass(w->h, CLOCK_MS);
}

static void dials_failed(struct world *w)
{
    dial(w);
    harness_pass(w->h, CLOCK_MS);
    w->h->hold_dials = false;
    mark(w);
    harness_settle(w->h);
}

/* ---- rooms of the federation ---- */

#define GLOBAL "global_rooms: [general]\n"

static void announcements_sent(struct world *w)
{
    with_lines(w, GLOBAL);
    puppet_link(w->r, 5, true);
    struct caller a = phone_new(w->r, 1);
    harness_pass(w->h, CLOCK_SECOND);
    phone_join(&a, "general");
    mark(w);
    harness_pass(w->h, CLOCK_SECOND);
}

static void announcements_sent_legacy(struct world *w)
{
    with_lines(w, GLOBAL);
    puppet_link(w->r, 7, false);
    harness_pass(w->h, CLOCK_SECOND);
    struct caller a = phone_new(w->r, 1);
    mark(w);
    phone_join(&a, "general");
    harness_pass(w->h, CLOCK_SECOND);
}

static void announce(struct world *w, const char *room, const char *path)
{
    with_lines(w, GLOBAL);
    struct fake_connection *link = puppet_link(w->r, 5, true);
    harness_pass(w->h, CLOCK_SECOND);
    mark(w);
    sim_sayf(w->r, link,
             "{\"GlobalRoomActive\":{\"room\":\"%s\",\"participants\":[],\"chappe\":{"
             "\"version\":{\"start\":1,\"counter\":1},\"origin\":\"%s\",\"publisher\":\"%s\","
             "\"path\":[\"%s\"]}}}",
             room, harness_fingerprint(5), harness_fingerprint(5), path);
}

static void announcements_refused(struct world *w)
{
    announce(w, "general", harness_fingerprint(6));
}

static void announcements_not_global(struct world *w)
{
    announce(w, "kitchen", harness_fingerprint(5));
}

/* ---- presence ---- */

static void presence_sent(struct world *w)
{
    puppet_link(plain(w), 5, true);
    harness_pass(w->h, CLOCK_SECOND);
    phone_new(w->r, 1);
    mark(w);
    harness_pass(w->h, CLOCK_SECOND);
}

static void presence_refused(struct world *w)
{
    struct fake_connection *link = puppet_link(plain(w), 5, true);
    harness_pass(w->h, CLOCK_SECOND);
    mark(w);
    sim_sayf(w->r, link,
             "{\"PresenceUpdate\":{\"fingerprints\":[\"\"],\"relay_addr\":\"192.0.2.5:4433\","
             "\"chappe\":{\"origin\":\"%s\",\"version\":{\"start\":1,\"counter\":1},"
             "\"path\":[\"%s\"]}}}",
             harness_fingerprint(5), harness_fingerprint(5));
}

static void routes_refused(struct world *w)
{
    struct fake_connection *link = puppet_link(plain(w), 5, true);
    sim_sayf(w->r, link,
             "{\"FederationHello\":{\"tls_fingerprint\":\"%s\",\"chappe\":{\"v\":1,"
             "\"accepts_forwarded\":true}}}",
             harness_fingerprint(5));
    for (int i = 0; i <= ROUTE_OF_LINK_MAX; i++) {
        mark(w);
        sim_sayf(w->r, link,
                 "{\"RouteQuery\":{\"fingerprint\":\"" REMOTE "\",\"ttl\":1,"
                 "\"chappe\":{\"id\":\"q%d\"}}}",
                 i);
    }
}

/* ---- adoption ---- */

static void records_unreadable(struct world *w)
{
    plain(w);
    w->r->plane.lenient = true;
    struct buffer row = {0};
    struct ipc_item item = {
        .type = IPC_record_put,
        .u.record_put = {.key = BYTES_LITERAL("call/c1"), .value = BYTES_LITERAL("nonsense")}};
    ipc_item_encode(&row, &item);
    fake_plane_commit(&w->r->plane, buffer_view(&row));
    buffer_free(&row);
    sim_adopt(w->r);
    w->before = (struct core_counters){0}; /* another core, that counts anew */
}

/* ---- the table ---- */

static const struct counter_case cases[] = {
#define CASE(name)                                                                                 \
    {                                                                                              \
#name, name, ""                                                                            \
    }
#define CASE_WITH(name, others)                                                                    \
    {                                                                                              \
#name, name, " " others " "                                                                \
    }
    CASE(signals_unknown),
    CASE(signals_malformed),
    CASE(signals_unexpected),
    CASE(inputs),
    CASE(transactions),
    CASE(connections_refused),
    CASE(tokens_refused),
    CASE(tokens_accepted),
    CASE(registrations),
    CASE(registrations_refused),
    CASE_WITH(registrations_replaced, "registrations"),
    CASE(joins),
    CASE(joins_refused),
    CASE(joins_replayed),
    CASE(calls_offered),
    CASE(calls_refused),
    CASE(calls_accepted),
    CASE(calls_rerouted),
    CASE_WITH(calls_rejected, "calls_ended"),
    CASE_WITH(calls_timed_out, "calls_ended"),
    CASE(calls_ended),
    CASE(offers_forged),
    CASE(offers_duplicate),
    CASE(answers_refused),
    CASE(hangups_refused),
    CASE(forwards_forged),
    CASE(forwards_refused),
    CASE(forwards_repeated),
    CASE(forwards_too_far),
    CASE(links_refused),
    CASE(links_up),
    CASE(links_lost),
    CASE(dials),
    CASE(dials_failed),
    CASE(announcements_sent),
    CASE_WITH(announcements_sent_legacy, "joins"),
    CASE(announcements_refused),
    CASE(announcements_not_global),
    CASE(presence_sent),
    CASE(presence_refused),
    CASE(routes_refused),
    CASE(records_unreadable),
};

static const struct counter counters[] = {
#define X(name, help) COUNTER(struct core_counters, name)
    CORE_COUNTERS(X)
#undef X
};

static void run_case(const struct counter_case *t)
{
    struct world w = {.h = harness_new()};
    t->run(&w);
    counters_judge(t, " inputs transactions ", counters, COUNTER_COUNT(counters),
                   core_counters(w.r->core), &w.before);
    harness_free(w.h);
}

static void test_each_case_moves_its_number_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTER_COUNT(cases); i++)
        run_case(&cases[i]);
}

static void test_each_number_has_a_case(void **state)
{
    (void)state;
    counters_expect_cases(counters, COUNTER_COUNT(counters), cases, COUNTER_COUNT(cases));
}

/* ---- signals by variant ---- */

static void expect_counted(enum signal_type type, const char *json)
{
    struct world w = {.h = harness_new()};
    struct fake_connection *conn = sim_connect(plain(&w), "_signal");
    mark(&w);
    sim_say(w.r, conn, json);
    for (int i = 0; i < SIGNAL_TYPES; i++) {
        uint64_t rise = core_counters(w.r->core)->signals[i] - w.before.signals[i];
        if (rise != ((int)type == i))
            fail_msg("%s: %s by %d", json, signal_type_name((enum signal_type)i), (int)rise);
    }
    harness_free(w.h);
}

/* One valid message of each variant, as the original wrote it. */
static void test_each_variant_is_counted_by_its_name(void **state)
{
    (void)state;
    static char line[256 * 1024];
    bool seen[SIGNAL_TYPES] = {false};
    int count = 0;
    FILE *in = fopen(TESTS_DIR "/vectors/signal.jsonl", "r");
    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL) {
        struct signal m;
        cJSON *vector = cJSON_Parse(line);
        const char *json = cJSON_GetObjectItem(vector, "in")->valuestring;
        if (signal_parse(bytes_of_string(json), &m, NULL) == 0) {
            if (!seen[m.type])
                expect_counted(m.type, json);
            count += !seen[m.type];
            seen[m.type] = true;
            signal_free(&m);
        }
        cJSON_Delete(vector);
    }
    fclose(in);
    assert_int_equal(count, SIGNAL_TYPES);
}

/* ---- how long joins took ---- */

static void test_a_joins_time_is_in_its_bucket(void **state)
{
    (void)state;
    static const uint64_t takes[] = {0, 3, 7, 20, 40, 70, 200, 400, 800, 2000};
    for (size_t i = 0; i < CORE_JOIN_BUCKET_COUNT; i++) {
        struct world w = {.h = harness_new()};
        struct caller a = phone_new(plain(&w), 1);
        w.r->hold_answers = true;
        phone_join(&a, "kitchen");
        harness_pass(w.h, takes[i] * CLOCK_MS);
        w.r->hold_answers = false;
        harness_settle(w.h);
        const struct core_join_times *t = &core_counters(w.r->core)->join_times;
        assert_int_equal(t->count, 1);
        for (size_t k = 0; k < CORE_JOIN_BUCKET_COUNT; k++)
            assert_int_equal(t->buckets[k], k == i);
        assert_in_range(t->sum, takes[i] * CLOCK_MS, (takes[i] + 1) * CLOCK_MS);
        harness_free(w.h);
    }
}

static void test_what_took_longer_than_all_bounds_is_counted(void **state)
{
    (void)state;
    struct core_join_times t = {0};
    core_join_times_add(&t, 3 * CLOCK_SECOND);
    assert_int_equal(t.count, 1);
    for (size_t k = 0; k < CORE_JOIN_BUCKET_COUNT; k++)
        assert_int_equal(t.buckets[k], 0);
}

/* ---- gauges: up by one, and down again ---- */

struct gauge_case {
    const char *name;
    struct fake_connection *(*up)(struct world *w); /* what is closed to bring it down */
};

static struct fake_connection *up_connections(struct world *w)
{
    return sim_connect(w->r, "_probe");
}

static struct fake_connection *up_phones(struct world *w)
{
    return phone_new(w->r, 1).conn;
}

static struct fake_connection *up_sessions(struct world *w)
{
    struct caller a = phone_new(w->r, 1);
    phone_join(&a, "kitchen");
    struct caller b = phone_new(w->r, 2);
    mark(w);
    return phone_join(&b, "kitchen");
}

static struct fake_connection *up_rooms(struct world *w)
{
    struct caller a = phone_new(w->r, 1);
    return phone_join(&a, "kitchen");
}

static struct fake_connection *up_calls(struct world *w)
{
    struct caller a = phone_new(w->r, 1), b = phone_new(w->r, 2);
    phone_offer(&a, b.name, "c1");
    return a.conn;
}

static struct fake_connection *up_links(struct world *w)
{
    return puppet_link(w->r, 5, true);
}

static const struct gauge_case gauge_cases[] = {
    {"connections", up_connections},
    {"phones", up_phones},
    {"sessions", up_sessions},
    {"rooms", up_rooms},
    {"calls", up_calls},
    {"links", up_links},
};

static uint64_t gauge(const struct world *w, const char *name)
{
    const struct core_gauges g = core_gauges(w->r->core);
#define X(gauge_name, help)                                                                        \
    if (strcmp(name, #gauge_name) == 0)                                                            \
        return g.gauge_name;
    CORE_GAUGES(X)
#undef X
    fail_msg("no gauge %s", name);
    return 0;
}

static void test_each_gauge_goes_up_and_down(void **state)
{
    (void)state;
    size_t count = 0;
#define X(name, help) count++;
    CORE_GAUGES(X)
#undef X
    assert_int_equal(count, sizeof(gauge_cases) / sizeof(gauge_cases[0]));
    for (size_t i = 0; i < count; i++) {
        const struct gauge_case *t = &gauge_cases[i];
        struct world w = {.h = harness_new()};
        plain(&w);
        struct fake_connection *conn = t->up(&w);
        uint64_t up = gauge(&w, t->name);
        sim_hang(w.r, conn);
        harness_pass(w.h, 120 * CLOCK_SECOND);
        if (up - gauge(&w, t->name) != 1)
            fail_msg("%s: %d, then %d", t->name, (int)up, (int)gauge(&w, t->name));
        harness_free(w.h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_number_has_a_case),
        cmocka_unit_test(test_each_case_moves_its_number_alone),
        cmocka_unit_test(test_each_variant_is_counted_by_its_name),
        cmocka_unit_test(test_a_joins_time_is_in_its_bucket),
        cmocka_unit_test(test_what_took_longer_than_all_bounds_is_counted),
        cmocka_unit_test(test_each_gauge_goes_up_and_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
