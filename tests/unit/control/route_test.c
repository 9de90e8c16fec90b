/* Where a phone is, beyond what presence tells: queries from relay to relay. */
#include "control/core/route.h"
#include "mesh.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOBODY "0123:4567:89ab:cdef:0123:4567:89ab:cdef"

static const struct mesh_edge chain[] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}};
static const struct mesh_edge ring[] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {0, 5}};

/* Asks as chappectl does: until there is an answer. */
static cJSON *ask(struct harness *h, int relay, const char *name)
{
    for (int i = 0; i < 200; i++) {
        cJSON *route = core_route(h->relays[relay].core, name, h->now);
        const char *kind = cJSON_GetStringValue(cJSON_GetObjectItem(route, "route"));
        if (strcmp(kind, "asking") != 0)
            return route;
        cJSON_Delete(route);
        harness_settle(h);
        harness_pass(h, 50 * CLOCK_MS);
    }
    fail_msg("no answer about %s", name);
    return NULL;
}

static void expect_route(struct harness *h, int relay, const char *name, const char *kind, int hops)
{
    cJSON *route = ask(h, relay, name);
    char *text = cJSON_PrintUnformatted(route);
    const char *got = cJSON_GetStringValue(cJSON_GetObjectItem(route, "route"));
    int relays = cJSON_GetArraySize(cJSON_GetObjectItem(route, "relays"));
    int addresses = cJSON_GetArraySize(cJSON_GetObjectItem(route, "relay_chain"));
    if (strcmp(got, kind) != 0 || relays != (hops < 0 ? 0 : hops) || addresses != hops + 1)
        fail_msg("not %s with %d hops: %s", kind, hops, text);
    free(text);
    cJSON_Delete(route);
}

static struct harness *make_chain(int count, int hops, bool delegate)
{
    return mesh_new(count, chain, (size_t)count - 1, hops, delegate);
}

static void test_what_presence_knows(void **state)
{
    (void)state;
    struct harness *h = make_chain(3, 2, true);
    struct caller a = phone_new(&h->relays[0], 1);
    harness_pass(h, CLOCK_SECOND);
    expect_route(h, 0, a.name, "local", 0);
    expect_route(h, 1, a.name, "direct_peer", 1);
    expect_route(h, 2, a.name, "chain", 2);
    expect_route(h, 2, NOBODY, "not_found", -1);
    harness_free(h);
}

/* What is neither a fingerprint nor known is nobody's, unless an auth service may give it. */
static void test_names_of_an_auth_service(void **state)
{
    (void)state;
    char yaml[512], name[CORE_NAME_SIZE];
    struct harness *h = harness_new();
    snprintf(yaml, sizeof(yaml), "auth: { url: \"http://auth/\" }\ntrusted:\n%s",
             harness_trusted(1, ""));
    struct relay *guarded = harness_relay(h, yaml);
    snprintf(yaml, sizeof(yaml), "peers:\n%s", harness_peer(0, ""));
    struct relay *open = harness_relay(h, yaml);
    harness_settle(h);
    assert_false(core_phone_name(open->core, "alice@example", name));
    struct fake_connection *alice = sim_connect(guarded, "_signal");
    sim_say(guarded, alice, "{\"AuthToken\":{\"token\":\"good:alice@example\"}}");
    harness_settle(h);
    sim_sayf(guarded, alice,
             "{\"RegisterPresence\":{\"identity_pub\":%s,\"signature\":[],\"alias\":null}}",
             key_json(3));
    harness_pass(h, CLOCK_SECOND);
    assert_true(core_phone_name(open->core, "alice@example", name));
    assert_string_equal(name, "alice@example");
    expect_route(h, 1, name, "direct_peer", 1);
    assert_false(core_phone_name(open->core, "bob@example", name));
    assert_false(core_phone_name(open->core, "", name));
    assert_true(core_phone_name(guarded->core, "bob@example", name));
    assert_string_equal(name, "bob@example");
    harness_free(h);
}

static void test_beyond_the_hop_limit(void **state)
{
    (void)state;
    struct harness *h = make_chain(8, 2, true);
    struct caller a = phone_new(&h->relays[0], 1);
    harness_pass(h, CLOCK_SECOND);
    expect_route(h, 3, a.name, "chain", 3);
    expect_route(h, 7, a.name, "chain", 7);
    cJSON *route = ask(h, 7, a.name);
    const cJSON *relays = cJSON_GetObjectItem(route, "relays");
    for (int i = 0; i < 7; i++)
        assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(relays, i)),
                            harness_fingerprint(6 - i));
    cJSON_Delete(route);
    expect_route(h, 7, NOBODY, "not_found", -1);
    harness_pass(h, 20 * CLOCK_SECOND);
    for (int i = 0; i < 8; i++)
        assert_int_equal(fake_plane_records_of(&h->relays[i].plane, "route/"), 0);
    harness_free(h);
}

/* Both ways round come back to where they started: each relay answers once. */
static void test_a_ring_does_not_go_round(void **state)
{
    (void)state;
    struct harness *h = mesh_new(6, ring, COUNT(ring), 1, true);
    struct caller a = phone_new(&h->relays[3], 1);
    harness_pass(h, CLOCK_SECOND);
    expect_route(h, 0, a.name, "chain", 3);
    expect_route(h, 0, NOBODY, "not_found", -1);
    harness_free(h);
}

static void test_only_delegates_are_asked(void **state)
{
    (void)state;
    struct harness *h = make_chain(3, 1, false);
    struct caller a = phone_new(&h->relays[0], 1);
    harness_pass(h, CLOCK_SECOND);
    expect_route(h, 1, a.name, "direct_peer", 1);
    expect_route(h, 2, a.name, "not_found", -1);
    harness_free(h);
}

/* Whoever does not answer holds nobody for ever, and a lost link not even that long. */
static void test_silence_is_no_answer(void **state)
{
    (void)state;
    struct harness *h = make_chain(4, 1, true);
    struct caller a = phone_new(&h->relays[0], 1);
    harness_pass(h, CLOCK_SECOND);
    h->swallow = true;
    uint64_t before = h->now;
    expect_route(h, 3, a.name, "not_found", -1);
    assert_in_range(h->now - before, CLOCK_SECOND, 10 * CLOCK_SECOND);
    h->swallow = false;
    cJSON_Delete(core_route(h->relays[3].core, a.name, h->now));
    h->relays[2].down = h->relays[3].down = true;
    harness_cut(h, 2, 3);
    before = h->now;
    expect_route(h, 3, a.name, "not_found", -1);
    assert_true(h->now - before < CLOCK_SECOND);
    harness_free(h);
}

/* The control planes on the way die before every event. */
static void test_adoption_on_the_way(void **state)
{
    (void)state;
    struct harness *h = make_chain(5, 1, true);
    struct caller a = phone_new(&h->relays[0], 1);
    harness_pass(h, CLOCK_SECOND);
    struct fake_connection *prober = sim_connect_from(&h->relays[4], "_probe", "127.0.0.9:7", 0xa3);
    h->adopt_every = 1;
    sim_sayf(&h->relays[4], prober, "{\"RouteQuery\":{\"fingerprint\":\"%s\",\"ttl\":9}}", a.name);
    harness_pass(h, 5 * CLOCK_SECOND);
    expect_message(prober, "RouteResponse", a.name, "\"found\":true",
                   "\"relay_chain\":[\"127.0.1.5:4433\"", NULL);
    expect_silence(prober);
    harness_pass(h, 20 * CLOCK_SECOND);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fake_plane_records_of(&h->relays[i].plane, "route/"), 0);
        assert_int_equal(core_counters(h->relays[i].core)->records_unreadable, 0);
    }
    harness_free(h);
}

/* ---- what others say ---- */

static struct harness *with_puppet(struct fake_connection **link)
{
    struct harness *h = harness_new();
    char yaml[1024];
    snprintf(yaml, sizeof(yaml), "trusted:\n%s", harness_trusted(7, ", delegate: true"));
    harness_relay(h, yaml);
    *link = puppet_link(&h->relays[0], 7, true);
    sim_sayf(&h->relays[0], *link,
             "{\"FederationHello\":{\"tls_fingerprint\":\"%s\",\"chappe\":{\"v\":1,\"hops\":4,"
             "\"accepts_forwarded\":true}}}",
             harness_fingerprint(7));
    harness_pass(h, CLOCK_SECOND);
    skip_messages(*link);
    return h;
}

static void query(struct harness *h, struct fake_connection *link, const char *name, const char *id,
                  int ttl)
{
    sim_sayf(&h->relays[0], link,
             "{\"RouteQuery\":{\"fingerprint\":\"%s\",\"ttl\":%d,\"chappe\":{\"id\":\"%s\"}}}",
             name, ttl, id);
}

static void test_a_query_is_answered_once(void **state)
{
    (void)state;
    struct fake_connection *link;
    struct harness *h = with_puppet(&link);
    struct caller a = phone_new(&h->relays[0], 1);
    query(h, link, a.name, "q1", 0);
    expect_message(link, "RouteResponse", a.name, "\"found\":true", "\"id\":\"q1\"",
                   "\"path\":[\"a0:", "\"relay_chain\":[\"127.0.1.1:4433\"]", NULL);
    query(h, link, NOBODY, "q2", 200);
    expect_message(link, "RouteResponse", NOBODY, "\"found\":false", "\"id\":\"q2\"", NULL);
    expect_silence(link);
    sim_say(&h->relays[0], link, "{\"RouteQuery\":{\"fingerprint\":\"x\",\"ttl\":1}}");
    query(h, link, "", "q3", 1);
    query(h, link, "x\\u0007", "q4", 1);
    expect_silence(link);
    assert_int_equal(core_counters(h->relays[0].core)->announcements_refused, 3);
    harness_free(h);
}

/* Answers are for those who were asked, and must make sense. */
static void test_forged_answers(void **state)
{
    (void)state;
    struct fake_connection *link;
    struct harness *h = with_puppet(&link);
    cJSON_Delete(core_route(h->relays[0].core, NOBODY, h->now));
    harness_settle(h);
    const char *sent = link->messages[link->message_count - 1].text;
    const char *id = strstr(sent, "\"id\":\"");
    assert_non_null(id);
    char right[ROUTE_ID_SIZE];
    snprintf(right, sizeof(right), "%.*s", (int)strcspn(id + 6, "\""), id + 6);
    skip_messages(link);
    /* Another id; a path through ourselves. */
    sim_sayf(&h->relays[0], link,
             "{\"RouteResponse\":{\"fingerprint\":\"x\",\"found\":true,\"relay_chain\":[],"
             "\"chappe\":{\"id\":\"other\",\"path\":[\"%s\"]}}}",
             harness_fingerprint(7));
    cJSON *route = core_route(h->relays[0].core, NOBODY, h->now);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(route, "route")), "asking");
    cJSON_Delete(route);
    sim_sayf(&h->relays[0], link,
             "{\"RouteResponse\":{\"fingerprint\":\"x\",\"found\":true,\"relay_chain\":[],"
             "\"chappe\":{\"id\":\"%s\",\"path\":[\"%s\",\"%s\"]}}}",
             right, harness_fingerprint(7), harness_fingerprint(0));
    expect_route(h, 0, NOBODY, "not_found", -1);
    harness_free(h);
}

/* Caps: more than so many at a time are not passed on. */
static void test_queries_are_capped(void **state)
{
    (void)state;
    struct fake_connection *link;
    struct harness *h = with_puppet(&link);
    for (int i = 0; i < ROUTE_OF_LINK_MAX + 3; i++) {
        char id[16];
        snprintf(id, sizeof(id), "q%d", i);
        query(h, link, NOBODY, id, 3);
    }
    assert_int_equal(core_counters(h->relays[0].core)->routes_refused, 3);
    harness_pass(h, ROUTE_KEPT_NS + CLOCK_SECOND);
    skip_messages(link);
    query(h, link, NOBODY, "later", 3);
    expect_message(link, "RouteResponse", "\"found\":false", NULL);
    assert_int_equal(core_counters(h->relays[0].core)->routes_refused, 3);
    harness_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_presence_knows),
        cmocka_unit_test(test_names_of_an_auth_service),
        cmocka_unit_test(test_beyond_the_hop_limit),
        cmocka_unit_test(test_a_ring_does_not_go_round),
        cmocka_unit_test(test_only_delegates_are_asked),
        cmocka_unit_test(test_silence_is_no_answer),
        cmocka_unit_test(test_adoption_on_the_way),
        cmocka_unit_test(test_a_query_is_answered_once),
        cmocka_unit_test(test_forged_answers),
        cmocka_unit_test(test_queries_are_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
