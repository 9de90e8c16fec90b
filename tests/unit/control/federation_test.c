/* Global rooms between relays of ours: who sees whom, and which way media goes. */
#include "common/error.h"
#include "control/core/federation.h"
#include "mesh.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct mesh_edge pair[] = {{0, 1}};
static const struct mesh_edge triangle[] = {{0, 1}, {1, 2}, {0, 2}};
static const struct mesh_edge chain[] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}};
static const struct mesh_edge ring[] = {{0, 1}, {1, 2}, {2, 3}, {0, 3}};
static const struct mesh_edge star[] = {{1, 0}, {2, 0}, {3, 0}, {4, 0}};

static void settle(struct harness *h)
{
    harness_pass(h, 3 * CLOCK_SECOND);
}

/* Defect 28: both spellings are one room. Defect 31: nobody gets his own users back. */
static void defect_28_both_spellings_are_one_room(void **state)
{
    (void)state;
    struct harness *h = mesh_new(2, pair, COUNT(pair), 2, false);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    settle(h);
    skip_messages(a.member);
    struct mesh_person b = mesh_enter(h, 1, 2, MESH_HASHED_GENERAL);
    settle(h);
    expect_message(a.member, "RoomUpdate", "\"count\":2", a.phone.name, b.phone.name,
                   "\"relay_label\":\"relay-1\"", NULL);
    expect_silence(a.member);
    mesh_expect_sees(&b, &a, true);
    mesh_expect_all_hear(h, 3);
    sim_hang(b.phone.relay, b.member);
    settle(h);
    expect_message(a.member, "RoomUpdate", "\"count\":1", a.phone.name, NULL);
    expect_silence(a.member);
    mesh_expect_all_hear(h, 1);
    harness_free(h);
}

/* Announcements since the last call for the same `so_far`, all of which the other relay has read.
 */
static uint64_t announced(struct harness *h, uint64_t *so_far)
{
    settle(h);
    uint64_t before = *so_far;
    *so_far = mesh_announcements(h);
    return *so_far - before;
}

/* Defect 26: each join and leave is announced, not only the first and the last. */
static void defect_26_every_change_is_announced(void **state)
{
    (void)state;
    struct harness *h = mesh_new(2, pair, COUNT(pair), 2, false);
    uint64_t so_far = 0;
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    announced(h, &so_far);
    struct mesh_person b = mesh_enter(h, 1, 2, "general");
    assert_int_equal(announced(h, &so_far), 1);
    mesh_expect_sees(&a, &b, true);
    struct mesh_person b2 = mesh_enter(h, 1, 3, "general"); /* neither the first nor the last */
    assert_int_equal(announced(h, &so_far), 1);
    mesh_expect_sees(&a, &b, true);
    mesh_expect_sees(&a, &b2, true);
    sim_hang(b.phone.relay, b.member);
    assert_int_equal(announced(h, &so_far), 1);
    mesh_expect_sees(&a, &b, false);
    mesh_expect_sees(&a, &b2, true);
    sim_hang(b2.phone.relay, b2.member);
    assert_int_equal(announced(h, &so_far), 1);
    mesh_expect_sees(&a, &b2, false);
    assert_int_equal(announced(h, &so_far), 0);
    harness_free(h);
}

static void defect_27_who_stays_still_sees_those_elsewhere(void **state)
{
    (void)state;
    struct harness *h = mesh_new(2, pair, COUNT(pair), 2, false);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    struct mesh_person b = mesh_enter(h, 1, 2, "general");
    struct mesh_person b2 = mesh_enter(h, 1, 3, "general");
    settle(h);
    skip_messages(b2.member);
    sim_hang(b.phone.relay, b.member);
    expect_message(b2.member, "RoomUpdate", "\"count\":2", a.phone.name, b2.phone.name, NULL);
    harness_free(h);
}

/* More joins and leaves at once than any queue of events would hold: what counts is who is there.
 */
static void defect_36_a_crowd_is_announced_as_it_is_in_the_end(void **state)
{
    (void)state;
    struct harness *h = mesh_new(2, pair, COUNT(pair), 2, false);
    struct mesh_person a = mesh_enter(h, 0, 1, "general"), p[40];
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 40; i++)
            p[i] = mesh_enter(h, 1, 10 + i, "general");
        for (int i = turn == 2; i < 40; i++) {
            sim_hang(p[i].phone.relay, p[i].member);
            sim_hang(p[i].phone.relay, p[i].phone.conn);
        }
    }
    settle(h);
    mesh_expect_sees(&a, &p[0], true);
    for (int i = 1; i < 40; i++)
        mesh_expect_sees(&a, &p[i], false);
    harness_free(h);
}

/* Exactly once each, in both directions. */
static void expect_talk(struct harness *h, int a, int b)
{
    int heard[HARNESS_RELAYS_MAX];
    mesh_talk(h, a, "general", heard);
    assert_int_equal(heard[b], 1);
    mesh_talk(h, b, "general", heard);
    assert_int_equal(heard[a], 1);
}

/*
 * Defect 32: an end of an announcement and an announcement took the same two locks in different
 * orders, after which media and signals stood still. The core takes none
 * (tests/checks/test_media_path). What is to be: while both kinds cross, links come and go and
 * lists change, those who stay hear each other all the time, and phones are answered.
 */
static void defect_32_nothing_stands_still_when_announcements_cross(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, triangle, COUNT(triangle), 2, true);
    struct caller phone = phone_new(&h->relays[0], 9);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    struct mesh_person b = mesh_enter(h, 1, 2, "general");
    settle(h);
    for (int turn = 0; turn < 20; turn++) {
        struct mesh_person p[3];
        for (int i = 0; i < 3; i++)
            p[i] = mesh_enter(h, i, i + 3, turn % 2 == 0 ? "general" : MESH_HASHED_GENERAL);
        expect_talk(h, 0, 1);
        harness_cut(h, turn % 2, 2);
        for (int i = 0; i < 3; i++) {
            sim_hang(p[i].phone.relay, p[i].member);
            sim_hang(p[i].phone.relay, p[i].phone.conn);
        }
        expect_talk(h, 0, 1);
        harness_pass(h, 10 * CLOCK_MS);
        sim_say(&h->relays[0], phone.conn, "{\"Ping\":{\"timestamp_ms\":1}}");
        expect_message(phone.conn, "Pong", NULL);
        expect_talk(h, 0, 1);
    }
    struct mesh_person c = mesh_enter(h, 2, 3, "general");
    harness_pass(h, 60 * CLOCK_SECOND);
    mesh_expect_sees(&a, &b, true);
    mesh_expect_sees(&b, &c, true);
    mesh_expect_all_hear(h, 7);
    harness_free(h);
}

/* Defect 24: a lost link takes those behind it along, and they come back with it. */
static void defect_24_a_lost_link_withdraws(void **state)
{
    (void)state;
    struct harness *h = mesh_new(2, pair, COUNT(pair), 2, false);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    struct mesh_person b = mesh_enter(h, 1, 2, "general");
    settle(h);
    harness_cut(h, 0, 1);
    harness_pass(h, FEDERATION_GATHER_NS);
    mesh_expect_sees(&a, &b, false);
    mesh_expect_sees(&b, &a, false);
    settle(h);
    mesh_expect_sees(&a, &b, true);
    mesh_expect_sees(&b, &a, true);
    mesh_expect_all_hear(h, 3);
    harness_free(h);
}

/* Defect 30: one join in a triangle, which made 11,000 messages a second for ever. */
static void defect_30_a_join_in_a_triangle_costs_six_messages(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, triangle, COUNT(triangle), 2, true);
    uint64_t before = mesh_announcements(h);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    harness_pass(h, 60 * CLOCK_SECOND);
    assert_in_range(mesh_announcements(h) - before, 2, 6);
    struct mesh_person b = mesh_enter(h, 1, 2, "general");
    struct mesh_person d = mesh_enter(h, 2, 3, "general");
    settle(h);
    mesh_expect_sees(&a, &b, true);
    mesh_expect_sees(&b, &d, true);
    mesh_expect_sees(&d, &a, true);
    mesh_expect_all_hear(h, 7);
    harness_free(h);
}

static void test_chain_needs_delegate(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, chain, 2, 2, false);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    struct mesh_person b = mesh_enter(h, 1, 2, "general");
    struct mesh_person d = mesh_enter(h, 2, 3, "general");
    settle(h);
    mesh_expect_sees(&a, &b, true);
    mesh_expect_sees(&a, &d, false);
    mesh_expect_sees(&d, &a, false);
    int heard[HARNESS_RELAYS_MAX];
    mesh_talk(h, 0, "general", heard);
    assert_int_equal(heard[1], 1);
    assert_int_equal(heard[2], 0);
    harness_free(h);
}

/* Defect 47: the relay in the middle has nobody, and passes on what those behind it want. */
static void defect_47_media_goes_where_somebody_listens(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, chain, 2, 2, true);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    settle(h);
    int heard[HARNESS_RELAYS_MAX];
    mesh_talk(h, 0, "general", heard);
    assert_int_equal(h->relays[0].plane.rooms[0].hop_count, 0); /* nobody is there to hear it */
    struct mesh_person d = mesh_enter(h, 2, 3, "general");
    settle(h);
    mesh_expect_sees(&a, &d, true);
    mesh_expect_sees(&d, &a, true);
    mesh_expect_all_hear(h, 5);
    sim_hang(d.phone.relay, d.member);
    settle(h);
    assert_int_equal(h->relays[0].plane.rooms[0].hop_count, 0);
    harness_free(h);
}

static void test_hop_limit(void **state)
{
    (void)state;
    struct harness *h = mesh_new(5, chain, COUNT(chain), 3, true);
    struct mesh_person p[5];
    for (int i = 0; i < 5; i++)
        p[i] = mesh_enter(h, i, i + 1, "general");
    settle(h);
    for (int i = 0; i < 5; i++) {
        int heard[HARNESS_RELAYS_MAX];
        mesh_talk(h, i, "general", heard);
        for (int k = 0; k < 5; k++) {
            if (i == k)
                continue;
            mesh_expect_sees(&p[i], &p[k], abs(i - k) <= 3);
            assert_int_equal(heard[k], abs(i - k) <= 3);
        }
    }
    harness_free(h);
}

static void expect_full(struct harness *h, struct mesh_person *p, int count, unsigned there)
{
    mesh_expect_all_hear(h, there);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < count; k++) {
            if (i != k && (there >> i & 1) != 0)
                mesh_expect_sees(&p[i], &p[k], (there >> k & 1) != 0);
        }
    }
}

static void everybody(const struct mesh_edge *edges, size_t edge_count, int count)
{
    struct harness *h = mesh_new(count, edges, edge_count, 4, true);
    struct mesh_person p[HARNESS_RELAYS_MAX];
    for (int i = 0; i < count; i++)
        p[i] = mesh_enter(h, i, i + 1, "general");
    settle(h);
    expect_full(h, p, count, (1u << count) - 1);
    harness_free(h);
}

/* Defect 45: no loops and no copies, in whatever shape. */
static void defect_45_no_loops_and_no_copies_in_any_shape(void **state)
{
    (void)state;
    struct mesh_edge full[21];
    size_t n = 0;
    for (int a = 0; a < 7; a++) {
        for (int b = a + 1; b < 7; b++)
            full[n++] = (struct mesh_edge){a, b};
    }
    everybody(triangle, COUNT(triangle), 3);
    everybody(chain, COUNT(chain), 5);
    everybody(ring, COUNT(ring), 4);
    everybody(star, COUNT(star), 5);
    everybody(full, n, 7);
}

static void silence(struct harness *h, int relay)
{
    h->relays[relay].down = true;
    for (int i = 0; i < h->relay_count; i++) {
        if (i != relay)
            harness_cut(h, i, relay);
    }
}

/* The ring opens at one relay: the others go the other way round, and nothing is left of it. */
static void test_ring_loses_a_relay(void **state)
{
    (void)state;
    struct harness *h = mesh_new(4, ring, COUNT(ring), 4, true);
    struct mesh_person p[4];
    for (int i = 0; i < 4; i++)
        p[i] = mesh_enter(h, i, i + 1, "general");
    settle(h);
    uint64_t before = mesh_announcements(h);
    silence(h, 3);
    settle(h);
    assert_in_range(mesh_announcements(h) - before, 1, 40);
    mesh_expect_sees(&p[0], &p[3], false);
    mesh_expect_sees(&p[1], &p[3], false);
    mesh_expect_sees(&p[2], &p[3], false);
    mesh_expect_all_hear(h, 7);
    before = mesh_announcements(h);
    harness_pass(h, CLOCK_SECOND);
    assert_int_equal(mesh_announcements(h), before);
    harness_free(h);
}

/* The nearest path takes over before the farther one is given up. */
static void test_path_change(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, triangle, COUNT(triangle), 3, true);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    struct mesh_person d = mesh_enter(h, 2, 3, "general");
    settle(h);
    mesh_expect_all_hear(h, 5);
    h->relays[2].down = true; /* the direct link stays away */
    harness_cut(h, 0, 2);
    harness_pass(h, 900 * CLOCK_MS);
    mesh_expect_sees(&a, &d, true);
    mesh_expect_all_hear(h, 5);
    h->relays[2].down = false;
    harness_pass(h, 60 * CLOCK_SECOND);
    assert_non_null(sim_link_connection(&h->relays[0], 2));
    mesh_expect_all_hear(h, 5);
    assert_int_equal(h->relays[1].plane.route_count, 0);
    harness_free(h);
}

/* Defect 80: neither implausible nor endless lists; whose relay they are on is always said. */
static void defect_80_lists_are_checked(void **state)
{
    (void)state;
    struct harness *h = mesh_new(2, pair, COUNT(pair), 2, false);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    settle(h);
    struct fake_connection *link = sim_link_connection(&h->relays[0], 1);
    const char *from = harness_fingerprint(1);
    skip_messages(a.member);
    sim_sayf(
        &h->relays[0], link,
        "{\"GlobalRoomActive\":{\"room\":\"general\",\"participants\":["
        "{\"fingerprint\":\"\",\"alias\":null},{\"fingerprint\":\"good\",\"alias\":\"x\\u0007\"},"
        "{\"fingerprint\":\"no good\",\"alias\":null}],\"chappe\":{\"version\":{\"start\":9,"
        "\"counter\":9},\"origin\":\"%s\",\"publisher\":\"%s\",\"path\":[\"%s\"]}}}",
        from, from, from);
    harness_pass(h, FEDERATION_GATHER_NS);
    expect_message(a.member, "RoomUpdate", "\"count\":2",
                   "{\"fingerprint\":\"good\",\"alias\":null,\"relay_label\":\"relay-1\"}", NULL);
    /* Defect 13: rooms that are not global, and call rooms, are nobody's business. */
    sim_sayf(&h->relays[0], link,
             "{\"GlobalRoomActive\":{\"room\":\"kitchen\",\"participants\":[],\"chappe\":{"
             "\"version\":{\"start\":9,\"counter\":9},\"origin\":\"%s\",\"publisher\":\"%s\","
             "\"path\":[\"%s\"]}}}",
             from, from, from);
    assert_int_equal(core_counters(h->relays[0].core)->announcements_not_global, 1);
    /* In another relay's name. */
    sim_sayf(&h->relays[0], link,
             "{\"GlobalRoomActive\":{\"room\":\"general\",\"participants\":[],\"chappe\":{"
             "\"version\":{\"start\":9,\"counter\":9},\"origin\":\"%s\",\"publisher\":\"%s\","
             "\"path\":[\"%s\",\"%s\"]}}}",
             harness_fingerprint(5), harness_fingerprint(5), from, harness_fingerprint(5));
    assert_int_equal(core_counters(h->relays[0].core)->announcements_refused, 1);
    expect_silence(a.member);
    harness_free(h);
}

/* What was announced over a connection that is gone is said again over the one that is left. */
static void test_listing_replaces(void **state)
{
    (void)state;
    struct harness *h = mesh_new(2, pair, COUNT(pair), 2, false);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    struct mesh_person b = mesh_enter(h, 1, 2, "general");
    settle(h);
    h->swallow = true; /* the leave is lost */
    sim_hang(b.phone.relay, b.member);
    settle(h);
    h->swallow = false;
    mesh_expect_sees(&a, &b, true);
    struct fake_connection *link = sim_link_connection(&h->relays[1], 0);
    sim_sayf(&h->relays[1], link,
             "{\"FederationHello\":{\"tls_fingerprint\":\"%s\",\"chappe\":{\"v\":1,\"hops\":2,"
             "\"resync\":true}}}",
             harness_fingerprint(0));
    settle(h);
    mesh_expect_sees(&a, &b, false);
    harness_free(h);
}

/* Where in what was said after the first `from` messages this is; fails if it is not. */
static size_t said_at(const struct fake_connection *conn, size_t from, const char *text)
{
    for (size_t i = from; i < conn->message_count; i++) {
        if (strstr(conn->messages[i].text, text) != NULL)
            return i;
    }
    fail_msg("not said: %s", text);
    return 0;
}

/* The relay in the middle hears its neighbours for those behind it, or for its own member; when the
 * one takes over from the other there is no moment in which it wants nothing. */
static void test_no_pause_between_two_reasons_to_hear(void **state)
{
    (void)state;
    static const struct mesh_edge edges[] = {{1, 0}, {1, 2}};
    struct harness *h = mesh_new(3, edges, COUNT(edges), 2, true);
    mesh_enter(h, 0, 1, "general");
    mesh_enter(h, 2, 2, "general");
    settle(h);
    struct fake_connection *link = sim_link_connection(&h->relays[1], 0);
    size_t before = link->message_count;
    struct mesh_person m = mesh_enter(h, 1, 3, "general");
    settle(h);
    assert_true(said_at(link, before, m.phone.name) < said_at(link, before, "\"off\":true"));
    before = link->message_count;
    sim_hang(m.phone.relay, m.member);
    settle(h);
    assert_true(said_at(link, before, "\"want\"") <
                said_at(link, before, "\"participants\":[],\"chappe\":{\"version\""));
    for (int turn = 0; turn < 3; turn++) { /* faster than it is said */
        m.member = phone_join(&m.phone, "general");
        sim_hang(m.phone.relay, m.member);
        settle(h);
        assert_int_equal(h->relays[0].plane.rooms[0].hop_count, 1);
    }
    mesh_expect_all_hear(h, 1 | 4);
    harness_free(h);
}

/* ---- adoption ---- */

static void live(struct harness *h)
{
    struct mesh_person p[4];
    for (int i = 0; i < 4; i++)
        p[i] = mesh_enter(h, i, i + 1, i % 2 == 0 ? "general" : MESH_HASHED_GENERAL);
    harness_pass(h, 70 * CLOCK_MS);
    sim_hang(p[2].phone.relay, p[2].member);
    harness_pass(h, 30 * CLOCK_MS);
    harness_cut(h, 0, 1);
    harness_pass(h, 300 * CLOCK_MS);
    p[2].member = phone_join(&p[2].phone, "general");
    harness_pass(h, 2 * CLOCK_SECOND);
    harness_cut(h, 2, 3);
    harness_pass(h, 20 * CLOCK_SECOND);
    expect_full(h, p, 4, 15);
}

/* Tells where two outcomes part, which is more use than that they do. */
/* A relay dies and dials again before we notice: what it wanted in its last life holds no more, and
   nothing goes over what that left. */
static void test_next_life_is_asked_what_holds(void **state)
{
    (void)state;
    static const struct mesh_edge edges[] = {{1, 0}, {1, 2}};
    struct harness *h = mesh_new(3, edges, COUNT(edges), 2, true);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    struct mesh_person b = mesh_enter(h, 2, 2, "general");
    settle(h);
    mesh_expect_sees(&a, &b, true);
    const struct fake_room *room = &h->relays[0].plane.rooms[0];
    assert_int_equal(room->hop_count, 1);
    struct fake_connection *old = sim_link_connection(&h->relays[0], 1);
    h->relays[2].down = true;
    sim_restart(&h->relays[1]);
    settle(h);
    expect_closed(old, "the peer was restarted");
    expect_open(sim_link_connection(&h->relays[0], 1));
    assert_int_equal(room->hop_count, 0); /* nobody is behind it */
    mesh_expect_sees(&a, &b, false);
    harness_free(h);
}

static void expect_same(size_t every, const char *a, const char *b)
{
    while (*a != '\0' || *b != '\0') {
        size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");
        if (la != lb || memcmp(a, b, la) != 0)
            fail_msg("adopted before every %zu.: %.*s | %.*s", every, (int)la, a, (int)lb, b);
        a += la + (a[la] == '\n');
        b += lb + (b[lb] == '\n');
    }
}

/* A control plane that adopts before every nth event says and installs what the first would have.
 */
static void test_adoption_changes_nothing(void **state)
{
    (void)state;
    static const size_t every[] = {0, 1, 2, 5};
    struct buffer outcome[COUNT(every)] = {0};
    for (size_t i = 0; i < COUNT(every); i++) {
        struct harness *h = mesh_new(4, ring, COUNT(ring), 4, true);
        h->adopt_every = every[i];
        live(h);
        for (int n = 0; n < 4; n++) {
            fake_plane_print(&h->relays[n].plane, &outcome[i]);
            assert_int_equal(h->relays[n].plane.swept, 0);
        }
        buffer_append_u8(&outcome[i], 0);
        expect_same(every[i], (const char *)outcome[0].data, (const char *)outcome[i].data);
        harness_free(h);
    }
    for (size_t i = 0; i < COUNT(every); i++)
        buffer_free(&outcome[i]);
}

static char *rooms_of(const struct relay *r)
{
    cJSON *view = core_view_rooms(r->core);
    char *text = cJSON_PrintUnformatted(view);
    cJSON_Delete(view);
    return text;
}

/* ---- what operators see of a room ---- */

static cJSON *view_of(struct harness *h, int relay, const char *name)
{
    cJSON *view = NULL;
    assert_int_equal(core_view_room(h->relays[relay].core, name, &view), 0);
    assert_non_null(view);
    return view;
}

/* The row of the table whose `key` is `value`, as text; of the only one. */
static const char *row_of(const cJSON *view, const char *table, const char *key, const char *value)
{
    static char text[1024];
    const cJSON *row, *rows = cJSON_GetObjectItemCaseSensitive(view, table);
    text[0] = '\0';
    cJSON_ArrayForEach(row, rows)
    {
        const cJSON *cell = cJSON_GetObjectItemCaseSensitive(row, key);
        if (!cJSON_IsString(cell) || strcmp(cell->valuestring, value) != 0)
            continue;
        assert_string_equal(text, "");
        assert_true(cJSON_PrintPreallocated((cJSON *)(uintptr_t)row, text, sizeof(text), false));
    }
    return text;
}

static void expect_row(const cJSON *view, const char *table, const char *key, const char *value,
                       const char *part)
{
    const char *row = row_of(view, table, key, value);
    if (strstr(row, part) == NULL)
        fail_msg("%s %s=%s without %s: %s", table, key, value, part, row);
}

/* A chain of three whose middle has nobody: the room is in transit there. */
static void test_a_room_in_full_also_in_transit(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, chain, 2, 2, true);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    struct mesh_person b = mesh_enter(h, 2, 2, "general");
    settle(h);
    char *list = rooms_of(&h->relays[1]);
    assert_string_equal(list, "[{\"name\":\"general\",\"members\":[],\"links\":[\"relay-0\","
                              "\"relay-2\"],\"elsewhere\":2}]");
    free(list);

    cJSON *end = view_of(h, 0, MESH_HASHED_GENERAL);
    cJSON *middle = view_of(h, 1, "General");
    expect_row(middle, "elsewhere", "fingerprint", a.phone.name,
               "\"label\":\"relay-0\",\"origin\":\"relay-0\",\"path\":[\"relay-0\"],\"version\"");
    expect_row(middle, "elsewhere", "fingerprint", b.phone.name, "\"path\":[\"relay-2\"]");
    expect_row(middle, "links", "link", "relay-0", "\"sends\":false,\"takes\":true");
    expect_row(middle, "heard", "link", "relay-2", "\"origin\":\"relay-2\",");
    expect_row(middle, "heard", "link", "relay-2", "\"in_use\":true");
    expect_row(middle, "wants", "link", "relay-2", "\"origin\":\"relay-0\",\"label\":\"");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(middle, "members")), 0);

    expect_row(end, "members", "fingerprint", a.phone.name, "\"alias\"");
    expect_row(end, "elsewhere", "fingerprint", b.phone.name,
               "\"path\":[\"relay-1\",\"a2a2a2a2a2a2a2a2\"]");
    expect_row(end, "origins", "origin", "relay-1", "\"people\":0");
    expect_row(end, "told", "link", "relay-1", "\"queued\":false");
    expect_row(end, "heard", "origin", "a2a2a2a2a2a2a2a2", "\"wanted\":true");
    expect_row(end, "links", "link", "relay-1", "\"sends\":true");

    /* The label under which the end wants the other end's media is what the middle sends. */
    char label[64];
    const char *at = strstr(row_of(end, "heard", "origin", "a2a2a2a2a2a2a2a2"), "\"label\":");
    snprintf(label, sizeof(label), "%.26s", at);
    expect_row(middle, "wants", "link", "relay-0", label);
    cJSON_Delete(end);
    cJSON_Delete(middle);

    sim_hang(a.phone.relay, a.member);
    sim_hang(b.phone.relay, b.member);
    settle(h);
    assert_int_equal(view_count(core_view_rooms(h->relays[1].core)), 0);
    cJSON *none;
    assert_int_equal(core_view_room(h->relays[1].core, "kitchen", &none), ERR_NOT_FOUND);
    assert_int_equal(core_view_room(h->relays[1].core, "my room", &none), ERR_SYNTAX);
    assert_int_equal(core_view_room(h->relays[1].core, "", &none), ERR_SYNTAX);
    harness_free(h);
}

/* The link that came up last is the first one of the config. */
static void test_links_are_in_the_same_order_after_adoption(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, chain, 2, 2, true);
    for (int i = 0; i < 3; i++)
        mesh_enter(h, i, i + 1, "general");
    harness_cut(h, 0, 1);
    harness_pass(h, 5 * CLOCK_SECOND);
    char *before = rooms_of(&h->relays[1]);
    assert_non_null(strstr(before, "\"links\":[\"relay-0\",\"relay-2\"]"));
    sim_adopt(&h->relays[1]);
    char *after = rooms_of(&h->relays[1]);
    assert_string_equal(after, before);
    free(before);
    free(after);
    harness_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defect_28_both_spellings_are_one_room),
        cmocka_unit_test(defect_26_every_change_is_announced),
        cmocka_unit_test(defect_27_who_stays_still_sees_those_elsewhere),
        cmocka_unit_test(defect_36_a_crowd_is_announced_as_it_is_in_the_end),
        cmocka_unit_test(defect_32_nothing_stands_still_when_announcements_cross),
        cmocka_unit_test(defect_24_a_lost_link_withdraws),
        cmocka_unit_test(defect_30_a_join_in_a_triangle_costs_six_messages),
        cmocka_unit_test(test_chain_needs_delegate),
        cmocka_unit_test(defect_47_media_goes_where_somebody_listens),
        cmocka_unit_test(test_hop_limit),
        cmocka_unit_test(defect_45_no_loops_and_no_copies_in_any_shape),
        cmocka_unit_test(test_ring_loses_a_relay),
        cmocka_unit_test(test_path_change),
        cmocka_unit_test(defect_80_lists_are_checked),
        cmocka_unit_test(test_listing_replaces),
        cmocka_unit_test(test_no_pause_between_two_reasons_to_hear),
        cmocka_unit_test(test_next_life_is_asked_what_holds),
        cmocka_unit_test(test_adoption_changes_nothing),
        cmocka_unit_test(test_a_room_in_full_also_in_transit),
        cmocka_unit_test(test_links_are_in_the_same_order_after_adoption),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
