/* Ghosts: what those say of a dead relay who have not missed it yet. */
#include "control/core/federation.h"
#include "mesh.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CLIQUE 7

/* One after another misses the last relay of a clique, within half a second: what they announce is
   its end, and nothing comes back from anybody. */
static void test_a_death_is_said_once(void **state)
{
    (void)state;
    struct mesh_edge edges[CLIQUE * CLIQUE];
    size_t n = 0;
    uint64_t before = 0, after = 0;
    for (int a = 0; a < CLIQUE; a++) {
        for (int b = a + 1; b < CLIQUE; b++)
            edges[n++] = (struct mesh_edge){a, b};
    }
    struct harness *h = mesh_new(CLIQUE, edges, n, 7, true);
    struct mesh_person last = mesh_enter(h, CLIQUE - 1, 9, "general");
    struct mesh_person first = mesh_enter(h, 0, 1, "general");
    harness_pass(h, 3 * CLOCK_SECOND);
    mesh_expect_sees(&first, &last, true);
    for (int i = 0; i < CLIQUE - 1; i++)
        before += core_counters(h->relays[i].core)->announcements_sent;
    h->relays[CLIQUE - 1].down = true;
    for (int i = 0; i < CLIQUE - 1; i++) {
        mesh_expect_sees(&first, &last, true);
        harness_cut(h, i, CLIQUE - 1);
        harness_pass(h, 80 * CLOCK_MS);
    }
    mesh_expect_sees(&first, &last, false);
    harness_pass(h, 3 * CLOCK_SECOND);
    for (int i = 0; i < CLIQUE - 1; i++)
        after += core_counters(h->relays[i].core)->announcements_sent;
    assert_int_equal(after - before, (CLIQUE - 1) * (CLIQUE - 2));
    harness_free(h);
}

/* Relay 3 hears of relay 1 through relay 0 alone, which hears of it through relay 2 as well. */
static void test_a_longer_path_is_announced_later(void **state)
{
    (void)state;
    static const struct mesh_edge edges[] = {{0, 1}, {0, 2}, {2, 1}, {3, 0}};
    struct harness *h = mesh_new(4, edges, COUNT(edges), 4, true);
    struct mesh_person near = mesh_enter(h, 0, 1, "general");
    struct mesh_person lost = mesh_enter(h, 1, 2, "general");
    struct mesh_person far = mesh_enter(h, 3, 3, "general");
    harness_pass(h, 3 * CLOCK_SECOND);
    mesh_expect_sees(&far, &lost, true);
    h->relays[1].down = true;
    harness_cut(h, 0, 1);
    harness_pass(h, FEDERATION_GATHER_NS);
    mesh_expect_sees(&near, &lost, true);
    mesh_expect_sees(&far, &lost, false);
    harness_pass(h, HOLD_NS - 10 * CLOCK_MS - FEDERATION_GATHER_NS);
    mesh_expect_sees(&far, &lost, false);
    harness_pass(h, 100 * CLOCK_MS);
    mesh_expect_sees(&far, &lost, true);
    mesh_expect_all_hear(h, 1 | 2 | 8);
    harness_free(h);
}

/* ---- what one relay does with what others announce ---- */

struct scene {
    struct harness *h;
    struct fake_connection *listener; /* puppet 6 */
    struct fake_connection *speaker;  /* puppet 7 */
};

static struct scene scene_new(void)
{
    struct scene s = {.h = harness_new()};
    char yaml[1024];
    snprintf(yaml, sizeof(yaml),
             "global_rooms: [general]\nlimits: { federation_hops: 9 }\ntrusted:\n%s%s",
             harness_trusted(7, ", delegate: true"), harness_trusted(6, ", delegate: true"));
    harness_relay(s.h, yaml);
    s.listener = puppet_link(&s.h->relays[0], 6, true);
    s.speaker = puppet_link(&s.h->relays[0], 7, true);
    sim_sayf(&s.h->relays[0], s.listener,
             "{\"FederationHello\":{\"tls_fingerprint\":\"%s\",\"chappe\":{\"v\":1,\"hops\":9,"
             "\"accepts_forwarded\":true}}}",
             harness_fingerprint(6));
    harness_pass(s.h, CLOCK_SECOND);
    skip_messages(s.listener);
    return s;
}

/* The speaker's path to relay 5, of `hops` relays; 0: it has none any more. */
static void announce(const struct scene *s, int hops)
{
    struct buffer text = {0};
    buffer_printf(&text, "{\"GlobalRoom%s\":{\"room\":\"general\",",
                  hops > 0 ? "Active" : "Inactive");
    if (hops > 0)
        buffer_append_string(&text, "\"participants\":[],");
    buffer_printf(&text,
                  "\"chappe\":{\"version\":{\"start\":5,\"counter\":1},\"origin\":\"%s\","
                  "\"publisher\":\"%s\"",
                  harness_fingerprint(5), harness_fingerprint(5));
    for (int i = 0; i < hops; i++)
        buffer_printf(&text, "%s\"%s\"", i == 0 ? ",\"path\":[" : ",",
                      harness_fingerprint(i == 0          ? 7
                                          : i == hops - 1 ? 5
                                                          : 7 + i));
    buffer_append_string(&text, hops > 0 ? "]}}}" : "}}}");
    buffer_append_u8(&text, 0);
    sim_say(&s->h->relays[0], s->speaker, (const char *)text.data);
    buffer_free(&text);
    harness_pass(s->h, 60 * CLOCK_MS);
}

static void test_what_was_lost_is_remembered(void **state)
{
    (void)state;
    struct scene s = scene_new();
    announce(&s, 2);
    expect_message(s.listener, "GlobalRoomActive", NULL);
    announce(&s, 0);
    expect_message(s.listener, "GlobalRoomInactive", NULL);
    announce(&s, 4); /* a ghost */
    announce(&s, 3); /* another */
    expect_silence(s.listener);
    announce(&s, 0); /* bad news once more: the wait begins anew */
    announce(&s, 3);
    harness_pass(s.h, HOLD_NS - 200 * CLOCK_MS);
    expect_silence(s.listener);
    harness_pass(s.h, 100 * CLOCK_MS);
    expect_message(s.listener, "GlobalRoomActive", NULL);
    expect_silence(s.listener);
    announce(&s, 0);
    expect_message(s.listener, "GlobalRoomInactive", NULL);
    assert_int_equal(fake_plane_records_of(&s.h->relays[0].plane, "topic/"), 1);
    harness_pass(s.h, CLOCK_SECOND); /* now it is forgotten */
    assert_int_equal(fake_plane_records_of(&s.h->relays[0].plane, "topic/"), 0);
    announce(&s, 4);
    expect_message(s.listener, "GlobalRoomActive", NULL);
    harness_free(s.h);
}

static void test_as_short_a_path_is_no_ghost(void **state)
{
    (void)state;
    struct scene s = scene_new();
    announce(&s, 3);
    expect_message(s.listener, "GlobalRoomActive", NULL);
    announce(&s, 4);
    expect_message(s.listener, "GlobalRoomInactive", NULL);
    announce(&s, 3);
    expect_message(s.listener, "GlobalRoomActive", NULL);
    announce(&s, 0);
    expect_message(s.listener, "GlobalRoomInactive", NULL);
    announce(&s, 2);
    expect_message(s.listener, "GlobalRoomActive", NULL);
    harness_pass(s.h, CLOCK_SECOND);
    expect_silence(s.listener);
    harness_free(s.h);
}

/* A new control plane knows what is held, and for how long. */
static void test_adoption(void **state)
{
    (void)state;
    struct scene s = scene_new();
    announce(&s, 2);
    announce(&s, 0);
    skip_messages(s.listener);
    sim_adopt(&s.h->relays[0]);
    announce(&s, 3);
    skip_messages(s.listener); /* its hello */
    sim_adopt(&s.h->relays[0]);
    harness_pass(s.h, HOLD_NS - 200 * CLOCK_MS);
    skip_messages(s.listener);
    harness_pass(s.h, 200 * CLOCK_MS);
    expect_message(s.listener, "GlobalRoomActive", NULL);
    expect_silence(s.listener);
    assert_int_equal(core_counters(s.h->relays[0].core)->records_unreadable, 0);
    harness_free(s.h);
}

#define ROOM_END 10 /* of an entry's record: version, length and name of `general` */

/* With publisher, origin and link, without the byte that tells whose topic it is and the digest. */
static void make_old_entry(struct fake_record *r)
{
    uint8_t *value = malloc(r->len + 95);
    r->len -= 8;
    assert_non_null(value);
    memcpy(value, r->value, ROOM_END);
    memset(value + ROOM_END, 0xa5, 64);
    memset(value + ROOM_END + 64, 0xa7, 32);
    memcpy(value + ROOM_END + 96, r->value + ROOM_END + 1, r->len - ROOM_END - 1);
    free(r->value);
    r->value = value;
    r->len += 95;
    value[0] = 1;
}

/* Records as the version before wrote them: without holds; queues with what was held. */
static void test_older_records(void **state)
{
    (void)state;
    struct scene s = scene_new();
    struct fake_plane *plane = &s.h->relays[0].plane;
    unsigned changed = 0;
    phone_new(&s.h->relays[0], 1);
    announce(&s, 2);
    for (size_t i = 0; i < plane->record_count; i++) {
        struct fake_record *r = &plane->records[i];
        if (strncmp(r->key, "topic/", 6) == 0 || strncmp(r->key, "presence/", 9) == 0) {
            r->len -= r->key[0] == 't' ? 25 : 10;
            r->value[0] = 1;
            changed |= r->key[0] == 't' ? 1 : 2;
        } else if (strncmp(r->key, "queue/", 6) == 0) {
            r->value = realloc(r->value, r->len + 3);
            assert_non_null(r->value);
            memset(r->value + r->len - 1, 0, 4);
            r->len += 3;
            r->value[0] = 2;
            changed |= 4;
        } else if (strncmp(r->key, "entry/", 6) == 0) {
            make_old_entry(r);
            changed |= 8;
        }
    }
    assert_int_equal(changed, 15);
    sim_adopt(&s.h->relays[0]);
    assert_int_equal(core_counters(s.h->relays[0].core)->records_unreadable, 0);
    harness_pass(s.h, CLOCK_SECOND);
    skip_messages(s.listener);
    announce(&s, 0);
    expect_message(s.listener, "GlobalRoomInactive", NULL);
    harness_free(s.h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_death_is_said_once),
        cmocka_unit_test(test_a_longer_path_is_announced_later),
        cmocka_unit_test(test_what_was_lost_is_remembered),
        cmocka_unit_test(test_as_short_a_path_is_no_ghost),
        cmocka_unit_test(test_adoption),
        cmocka_unit_test(test_older_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
