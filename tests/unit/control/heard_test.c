/* What peers announce: whose version counts, and what is refused. */
#include "control/core/announce.h"
#include "control/core/state.h"
#include "mesh.h"

/* One relay with a member, and puppets: 5 is an origin, 6 and 7 are delegates, 4 only listens. */
enum { LISTENER = 4, ORIGIN = 5, LOW = 6, HIGH = 7 };

#define FORGED UINT64_C(0x4000000000000000)

struct scene {
    struct harness *h;
    struct relay *relay;
    struct mesh_person member;
    struct fake_connection *links[8]; /* by number */
    bool at_once;                     /* no time passes after what is said */
    bool of_original; /* what is said: the publisher is the one before the last of the path */
};

static void link_puppet(struct scene *s, int n)
{
    s->links[n] = puppet_link(s->relay, n, true);
    sim_sayf(s->relay, s->links[n],
             "{\"FederationHello\":{\"tls_fingerprint\":\"%s\",\"chappe\":{\"v\":1,\"hops\":9,"
             "\"accepts_forwarded\":%s}}}",
             harness_fingerprint(n), n == LISTENER ? "true" : "false");
    harness_pass(s->h, CLOCK_SECOND);
    skip_messages(s->links[n]);
}

static struct scene scene_new(int hops)
{
    struct scene s = {.h = harness_new()};
    char yaml[1024] = "";
    snprintf(yaml, sizeof(yaml),
             "global_rooms: [general]\nlimits: { federation_hops: %d }\ntrusted:\n", hops);
    for (int n = LISTENER; n <= HIGH; n++)
        strcat(yaml, harness_trusted(n, n == ORIGIN ? "" : ", delegate: true"));
    s.relay = harness_relay(s.h, yaml);
    s.member = mesh_enter(s.h, 0, 1, "general");
    link_puppet(&s, LISTENER);
    link_puppet(&s, LOW);
    link_puppet(&s, HIGH);
    return s;
}

/* Of relays by their numbers: "65" is LOW, then ORIGIN. Relay 0 is the one that is tested. */
static void put_path(struct buffer *out, const char *path)
{
    for (; *path != '\0'; path++)
        buffer_printf(out, "\"%s\"%s", harness_fingerprint(*path - '0'),
                      path[1] == '\0' ? "" : ",");
}

static void say_over(const struct scene *s, struct fake_connection *conn, const char *path,
                     uint64_t start, uint64_t counter, const char *names)
{
    struct buffer text = {0};
    size_t last = strlen(path) - 1;
    const char *origin = harness_fingerprint(path[last] - '0');
    const char *publisher = harness_fingerprint(path[last - s->of_original] - '0');
    buffer_append_string(&text, "{\"GlobalRoomActive\":{\"room\":\"general\",\"participants\":[");
    for (const char *c = names; *c != '\0'; c++)
        buffer_printf(&text, "%s{\"fingerprint\":\"user-%c\",\"alias\":null}",
                      c == names ? "" : ",", *c);
    buffer_printf(&text,
                  "],\"chappe\":{\"version\":{\"start\":%llu,\"counter\":%llu},\"origin\":\"%s\","
                  "\"publisher\":\"%s\",\"path\":[",
                  (unsigned long long)start, (unsigned long long)counter, origin, publisher);
    put_path(&text, path);
    buffer_append_string(&text, "]}}}");
    buffer_append_u8(&text, 0);
    sim_say(s->relay, conn, (const char *)text.data);
    buffer_free(&text);
    harness_pass(s->h, s->at_once ? CLOCK_MS : 200 * CLOCK_MS);
}

/* Over the link of the first in the path. Each letter in `names` is somebody. */
static void say(const struct scene *s, const char *path, uint64_t start, uint64_t counter,
                const char *names)
{
    say_over(s, s->links[path[0] - '0'], path, start, counter, names);
}

static void withdraw(const struct scene *s, int from)
{
    sim_sayf(s->relay, s->links[from],
             "{\"GlobalRoomInactive\":{\"room\":\"general\",\"chappe\":{\"origin\":\"%s\","
             "\"publisher\":\"%s\"}}}",
             harness_fingerprint(ORIGIN), harness_fingerprint(ORIGIN));
    harness_pass(s->h, 200 * CLOCK_MS);
}

static void mark(const struct scene *s, struct fake_connection *conn, int n, const char *what)
{
    sim_sayf(s->relay, conn,
             "{\"FederationHello\":{\"tls_fingerprint\":\"%s\",\"chappe\":{\"v\":1,\"hops\":9,"
             "\"%s\":true}}}",
             harness_fingerprint(n), what);
}

/* How often it was asked for everything since the messages that were looked at. */
static void expect_asked(const struct scene *s, int n, int times)
{
    struct fake_connection *conn = s->links[n];
    for (; conn->taken < conn->message_count; conn->taken++)
        times -= strstr(conn->messages[conn->taken].text, "\"resync\":true") != NULL;
    assert_int_equal(times, 0);
}

/* It was asked for everything, and says this. */
static void answer(const struct scene *s, const char *path, uint64_t start, uint64_t counter,
                   const char *names)
{
    struct fake_connection *conn = s->links[path[0] - '0'];
    expect_asked(s, path[0] - '0', 1);
    mark(s, conn, path[0] - '0', "begin");
    say(s, path, start, counter, names);
    mark(s, conn, path[0] - '0', "end");
    harness_pass(s->h, 200 * CLOCK_MS);
    expect_asked(s, path[0] - '0', 0);
}

/* The member sees these, and nobody else. */
static void expect_seen(const struct scene *s, const char *names)
{
    const char *roster = mesh_roster(s->member.member);
    for (char name = 'a'; name <= 'z'; name++) {
        char text[16];
        snprintf(text, sizeof(text), "\"user-%c\"", name);
        if ((strstr(roster, text) != NULL) != (strchr(names, name) != NULL))
            fail_msg("%s, not as expected (%s): %s", text, names, roster);
    }
}

static void expect_told(const struct scene *s, uint64_t start, uint64_t counter, const char *name)
{
    char version[80];
    snprintf(version, sizeof(version), "\"version\":{\"start\":%llu,\"counter\":%llu}",
             (unsigned long long)start, (unsigned long long)counter);
    expect_message(s->links[LISTENER], "GlobalRoomActive", version, name, NULL);
    expect_silence(s->links[LISTENER]);
}

/* ---- versions ---- */

static void test_an_origin_speaks_for_itself(void **state)
{
    (void)state;
    struct scene s = scene_new(9);
    link_puppet(&s, ORIGIN);
    say(&s, "5", 10, 1, "a");
    expect_told(&s, 10, 1, "user-a");
    say(&s, "65", FORGED, 1, "g");
    say(&s, "75", 10, FORGED, "g");
    expect_seen(&s, "a");
    say(&s, "5", 10, 2, "ab");
    expect_seen(&s, "ab");
    expect_told(&s, 10, 2, "user-b");
    withdraw(&s, LOW);
    sim_hang(s.relay, s.links[LOW]);
    sim_hang(s.relay, s.links[HIGH]);
    expect_seen(&s, "ab");
    say(&s, "5", 10, 3, "b");
    expect_seen(&s, "b");
    expect_told(&s, 10, 3, "user-b");
    expect_asked(&s, ORIGIN, 0);
    harness_free(s.h);
}

/* The same of an original: its publisher does. */
static void test_a_publisher_speaks_for_its_original(void **state)
{
    (void)state;
    struct scene s = scene_new(9);
    s.of_original = true;
    say(&s, "63", 10, 1, "a");
    say(&s, "763", 10, FORGED, "g");
    expect_seen(&s, "a");
    say(&s, "63", 10, 2, "b");
    expect_seen(&s, "b");
    harness_free(s.h);
}

/* The forger's path is the one in use: its word counts, and no longer than it says it. */
static void test_another_life_goes_with_who_told_of_it(void **state)
{
    (void)state;
    struct scene s = scene_new(9);
    say(&s, "75", 10, 1, "a");
    expect_told(&s, 10, 1, "user-a");
    say(&s, "65", FORGED, 1, "g");
    expect_seen(&s, "g");
    expect_told(&s, FORGED, 1, "user-g");
    withdraw(&s, LOW);
    expect_silence(s.links[LISTENER]); /* nothing to say in that path's name */
    answer(&s, "75", 10, 1, "a");
    expect_seen(&s, "a");
    expect_told(&s, 10, 1, "user-a");
    harness_free(s.h);
}

/* The same version and another list. */
static void test_a_forged_list_goes_with_who_told_of_it(void **state)
{
    (void)state;
    struct scene s = scene_new(9);
    say(&s, "75", 10, 1, "a");
    say(&s, "65", 10, 1, "g");
    expect_seen(&s, "g");
    sim_hang(s.relay, s.links[LOW]);
    answer(&s, "75", 10, 1, "a");
    expect_seen(&s, "a");
    harness_free(s.h);
}

/* Several of its lists are missing: it is asked for everything once, and again when more are. */
static void test_a_link_is_asked_once_at_a_time(void **state)
{
    (void)state;
    struct scene s = scene_new(9);
    say(&s, "75", 10, 1, "a");
    say(&s, "73", 10, 1, "c");
    for (int turn = 0; turn < 2; turn++) {
        say(&s, "65", FORGED, 1, "g");
        say(&s, "63", FORGED, 1, "h");
        skip_messages(s.links[HIGH]);
        sim_hang(s.relay, s.links[LOW]);
        expect_asked(&s, HIGH, 1);
        sim_adopt(s.relay);
        say(&s, "72", 10, 1, "d");
        expect_asked(&s, HIGH, 0);
        mark(&s, s.links[HIGH], HIGH, "begin");
        say(&s, "75", 10, 1, "a");
        say(&s, "73", 10, 1, "c");
        mark(&s, s.links[HIGH], HIGH, "end");
        harness_pass(s.h, CLOCK_SECOND);
        expect_seen(&s, "ac");
        link_puppet(&s, LOW);
    }
    harness_free(s.h);
}

/* Not the path in use, and a higher counter: shown, but not passed on in the other path's name. */
static void test_a_higher_counter_is_shown_but_not_passed_on(void **state)
{
    (void)state;
    struct scene s = scene_new(9);
    say(&s, "65", 10, 1, "a");
    expect_told(&s, 10, 1, "user-a");
    say(&s, "75", FORGED, 1, "g"); /* of another life: not shown */
    expect_seen(&s, "a");
    say(&s, "75", 10, FORGED, "g");
    expect_seen(&s, "g");
    say(&s, "65", 10, 2, "b");
    expect_seen(&s, "g");
    expect_silence(s.links[LISTENER]);
    sim_adopt(s.relay); /* the next control plane knows it, too */
    skip_messages(s.links[LISTENER]);
    skip_messages(s.links[LOW]);
    sim_hang(s.relay, s.links[HIGH]);
    harness_pass(s.h, CLOCK_SECOND);
    answer(&s, "65", 10, 2, "b");
    expect_seen(&s, "b");
    expect_told(&s, 10, 2, "user-b");
    harness_free(s.h);
}

static void test_a_stale_version_replaces_nothing(void **state)
{
    (void)state;
    struct scene s = scene_new(9);
    say(&s, "75", 10, 5, "e");
    expect_told(&s, 10, 5, "user-e");
    say(&s, "65", 10, 4, "d"); /* the path in use from now on */
    expect_seen(&s, "e");
    expect_silence(s.links[LISTENER]);
    say(&s, "65", 10, 5, "e");
    expect_seen(&s, "e");
    expect_told(&s, 10, 5, "user-e");
    say(&s, "75", 9, 9, "c");
    say(&s, "75", 10, 4, "d");
    expect_seen(&s, "e");
    expect_silence(s.links[LISTENER]);
    sim_hang(s.relay, s.links[HIGH]);
    harness_pass(s.h, CLOCK_SECOND);
    expect_seen(&s, "e");
    expect_asked(&s, LOW, 0);
    expect_silence(s.links[LISTENER]);
    harness_free(s.h);
}

/* An origin comes back with its clock set back, before its old connection is missed. */
static void test_a_clock_that_was_set_back(void **state)
{
    (void)state;
    struct scene s = scene_new(9);
    link_puppet(&s, ORIGIN);
    say(&s, "5", 10, 5, "a");
    expect_told(&s, 10, 5, "user-a");
    struct fake_connection *second = puppet_link(s.relay, ORIGIN, true);
    mark(&s, second, ORIGIN, "begin");
    say_over(&s, second, "5", 9, 1, "b");
    mark(&s, second, ORIGIN, "end");
    expect_seen(&s, "b");
    sim_hang(s.relay, s.links[ORIGIN]);
    harness_pass(s.h, CLOCK_SECOND);
    expect_seen(&s, "b");
    say_over(&s, second, "5", 9, 2, "c");
    expect_seen(&s, "c");
    skip_messages(s.links[LISTENER]);
    say_over(&s, second, "5", 8, 1, "d");
    expect_seen(&s, "d");
    expect_told(&s, 8, 1, "user-d");
    harness_free(s.h);
}

/* Behind the neighbour it is the same: what a link says last is what it says. */
static void test_a_clock_that_was_set_back_farther_away(void **state)
{
    (void)state;
    struct scene s = scene_new(9);
    say(&s, "65", 10, 5, "a");
    say(&s, "75", 10, 5, "a");
    skip_messages(s.links[LISTENER]);
    say(&s, "75", 9, 1, "b");
    expect_seen(&s, "a"); /* the path in use has not heard of it */
    say(&s, "65", 9, 1, "b");
    expect_seen(&s, "b");
    expect_told(&s, 9, 1, "user-b");
    harness_free(s.h);
}

/* ---- two that hear the same liar ---- */

static void test_two_do_not_believe_it_of_each_other(void **state)
{
    (void)state;
    struct scene s[2];
    struct harness *h = harness_new();
    for (int i = 0; i < 2; i++) {
        char yaml[1024];
        snprintf(yaml, sizeof(yaml),
                 "global_rooms: [general]\nlimits: { federation_hops: 9 }\n%s%strusted:\n%s%s%s",
                 i == 0 ? "peers:\n" : "", i == 0 ? harness_peer(1, ", delegate: true") : "",
                 i == 1 ? harness_trusted(0, ", delegate: true") : "",
                 harness_trusted(LOW, ", delegate: true"),
                 harness_trusted(HIGH, ", delegate: true"));
        s[i] = (struct scene){.h = h, .relay = harness_relay(h, yaml)};
    }
    harness_pass(h, 3 * CLOCK_SECOND);
    for (int i = 0; i < 2; i++) {
        s[i].member = mesh_enter(h, i, i + 1, "general");
        link_puppet(&s[i], LOW);
        link_puppet(&s[i], HIGH);
    }
    for (int i = 0; i < 2; i++) {
        say(&s[i], "65", 10, 1, "a");
        say(&s[i], "75", 10, FORGED, "g");
        expect_seen(&s[i], "g");
    }
    for (int i = 0; i < 2; i++)
        withdraw(&s[i], HIGH);
    for (int i = 0; i < 2; i++) {
        skip_messages(s[i].links[LOW]);
        say(&s[i], "65", 10, 2, "b");
    }
    harness_pass(h, CLOCK_SECOND);
    for (int i = 0; i < 2; i++)
        expect_seen(&s[i], "b");
    for (int i = 0; i < 2; i++) /* its clock was set back: neither holds the other up */
        say(&s[i], "65", 9, 1, "c");
    for (int i = 0; i < 2; i++)
        expect_seen(&s[i], "c");
    harness_free(h);
}

/* ---- what is refused ---- */

static uint64_t refused(const struct scene *s)
{
    return core_counters(s->relay->core)->announcements_refused;
}

/* Counted, and nothing is taken of it; and it takes back what the link said before. */
static void expect_refused(const struct scene *s, const char *path)
{
    uint64_t before = refused(s);
    say(s, path, 10, 2, "z");
    assert_int_equal(refused(s), before + 1);
    assert_null(strstr(mesh_roster(s->member.member), "user-z"));
    expect_silence(s->links[LISTENER]);
}

static void test_rules_of_paths(void **state)
{
    (void)state;
    struct scene s = scene_new(3);
    link_puppet(&s, ORIGIN);
    say(&s, "635", 10, 1, "a"); /* as far as it may come */
    expect_seen(&s, "a");
    assert_int_equal(refused(&s), 0);
    skip_messages(s.links[LISTENER]);
    say(&s, "6325", 10, 2, "z"); /* too far */
    assert_int_equal(refused(&s), 1);
    expect_seen(&s, "");
    expect_message(s.links[LISTENER], "GlobalRoomInactive", NULL);
    expect_refused(&s, "6325");
    expect_refused(&s, "605"); /* through us */
    expect_refused(&s, "650"); /* of us */
    expect_refused(&s, "775"); /* twice through one relay */
    expect_refused(&s, "56");  /* forwarded by one that is no delegate */
    assert_int_equal(fake_plane_records_of(&s.relay->plane, "entry/"), 0);
    harness_free(s.h);
}

static void test_cap_of_a_link(void **state)
{
    (void)state;
    struct scene s = scene_new(9);
    struct federation_link *low = NULL;
    say(&s, "75", 10, 1, "a");
    say(&s, "63", 10, 1, "c");
    skip_messages(s.links[LISTENER]);
    for (struct federation_link *l = s.relay->core->federation->links; l != NULL; l = l->next)
        low = l->fingerprint.bytes[0] == 0xa0 + LOW ? l : low;
    assert_non_null(low);
    size_t count = low->entry_count;
    low->entry_count = FEDERATION_ENTRIES_MAX;
    expect_refused(&s, "62");
    expect_refused(&s, "65");  /* also if somebody else has announced it */
    say(&s, "63", 10, 2, "d"); /* which it has */
    expect_seen(&s, "ad");
    low->entry_count = count;
    harness_free(s.h);
}

/* ---- what members are told ---- */

/* How many RoomUpdates the member got since the messages that were looked at. */
static int updates(const struct scene *s)
{
    int count = 0;
    for (; s->member.member->taken < s->member.member->message_count; s->member.member->taken++)
        count += strncmp(s->member.member->messages[s->member.member->taken].text,
                         "{\"RoomUpdate\"", 13) == 0;
    return count;
}

/* Whoever is elsewhere keeps his place, whichever way his relay is reached. */
static void test_the_order_does_not_depend_on_paths(void **state)
{
    (void)state;
    struct scene s = scene_new(9);
    say(&s, "75", 10, 1, "db");
    say(&s, "7", 10, 1, "c");
    say(&s, "6", 10, 1, "ea");
    expect_seen(&s, "abcde");
    char before[4096];
    snprintf(before, sizeof(before), "%s", mesh_roster(s.member.member));
    char *at[5];
    for (int i = 0; i < 5; i++) {
        char text[16];
        snprintf(text, sizeof(text), "\"user-%c\"", "abcde"[i]);
        assert_non_null(at[i] = strstr(before, text));
        assert_true(i == 0 || at[i - 1] < at[i]);
    }
    updates(&s);
    say(&s, "65", 10, 1, "db"); /* a better path */
    withdraw(&s, HIGH);
    say(&s, "75", 10, 1, "db");
    withdraw(&s, LOW);
    link_puppet(&s, ORIGIN);
    say(&s, "5", 10, 1, "db");
    assert_int_equal(updates(&s), 0);
    assert_string_equal(mesh_roster(s.member.member), before);
    harness_free(s.h);
}

/* What three links say at once, and the loss of two of them, is one RoomUpdate each. */
static void test_changes_at_once_make_one_update(void **state)
{
    (void)state;
    for (int adopt = 0; adopt < 2; adopt++) {
        struct scene s = scene_new(9);
        updates(&s);
        s.at_once = true;
        say(&s, "4", 10, 1, "a");
        say(&s, "6", 10, 1, "b");
        if (adopt) /* the next control plane tells it, at the same time */
            sim_adopt(s.relay);
        say(&s, "7", 10, 1, "c");
        assert_int_equal(updates(&s), 0);
        harness_pass(s.h, FEDERATION_GATHER_NS);
        assert_int_equal(updates(&s), 1);
        expect_seen(&s, "abc");
        sim_hang(s.relay, s.links[LOW]);
        sim_hang(s.relay, s.links[HIGH]);
        if (adopt)
            sim_adopt(s.relay);
        harness_pass(s.h, CLOCK_SECOND);
        assert_int_equal(updates(&s), 1);
        expect_seen(&s, "a");
        harness_free(s.h);
    }
}

/* Who joins here is told of all at once, and nothing is said again. */
static void test_a_join_tells_what_was_gathered(void **state)
{
    (void)state;
    struct scene s = scene_new(9);
    s.at_once = true;
    updates(&s);
    say(&s, "6", 10, 1, "b");
    mesh_enter(s.h, 0, 2, "general");
    expect_seen(&s, "b");
    harness_pass(s.h, CLOCK_SECOND);
    assert_int_equal(updates(&s), 1);
    harness_free(s.h);
}

/* ---- how much is said at a time ---- */

static void test_burst(void **state)
{
    (void)state;
    struct buffer yaml = {0};
    struct scene s = {.h = harness_new()};
    buffer_append_string(&yaml, "global_rooms: [");
    for (int i = 0; i < 120; i++)
        buffer_printf(&yaml, "room%d, ", i);
    buffer_printf(&yaml, "general]\ntrusted:\n%s", harness_trusted(LISTENER, ""));
    buffer_append_u8(&yaml, 0);
    s.relay = harness_relay(s.h, (const char *)yaml.data);
    struct fake_connection *link = puppet_link(s.relay, LISTENER, true);
    harness_pass(s.h, 10 * CLOCK_MS);
    size_t before = link->taken, turns = 0;
    assert_in_range(link->message_count - before, 0, 48);
    while (link->message_count < before + 122 && turns++ < 10) { /* presence, too */
        size_t count = link->message_count;
        harness_pass(s.h, 50 * CLOCK_MS);
        assert_in_range(link->message_count - count, 1, 48);
    }
    assert_int_equal(link->message_count - before, 122);
    buffer_free(&yaml);
    harness_free(s.h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_origin_speaks_for_itself),
        cmocka_unit_test(test_a_publisher_speaks_for_its_original),
        cmocka_unit_test(test_another_life_goes_with_who_told_of_it),
        cmocka_unit_test(test_a_forged_list_goes_with_who_told_of_it),
        cmocka_unit_test(test_a_link_is_asked_once_at_a_time),
        cmocka_unit_test(test_a_higher_counter_is_shown_but_not_passed_on),
        cmocka_unit_test(test_a_stale_version_replaces_nothing),
        cmocka_unit_test(test_a_clock_that_was_set_back),
        cmocka_unit_test(test_a_clock_that_was_set_back_farther_away),
        cmocka_unit_test(test_two_do_not_believe_it_of_each_other),
        cmocka_unit_test(test_rules_of_paths),
        cmocka_unit_test(test_cap_of_a_link),
        cmocka_unit_test(test_the_order_does_not_depend_on_paths),
        cmocka_unit_test(test_changes_at_once_make_one_update),
        cmocka_unit_test(test_a_join_tells_what_was_gathered),
        cmocka_unit_test(test_burst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
