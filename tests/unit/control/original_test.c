/*
 * Originals in global rooms: what they say is read as federation.md says, and what they hear is
 * said by one relay of ours only. Their words are the tests', in the manner of protocol.md 5.11.
 */
#include "mesh.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(n) (1u << (n))
#define O 7 /* the original; P is another one */
#define P 6
#define OLGA "0a0a:0a0a:0a0a:0a0a:0a0a:0a0a:0a0a:0a0a"
#define OTTO "0b0b:0b0b:0b0b:0b0b:0b0b:0b0b:0b0b:0b0b"
#define PAUL "0c0c:0c0c:0c0c:0c0c:0c0c:0c0c:0c0c:0c0c"

static const struct mesh_edge pair[] = {{0, 1}};
static const struct mesh_edge triangle[] = {{0, 1}, {1, 2}, {0, 2}};
static const struct mesh_edge chain[] = {{0, 1}, {1, 2}};
static const struct mesh_edge chain_of_five[] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}};
static const uint8_t general_tag[] = {0x0f, 0xea, 0xe1, 0x6d, 0x55, 0x36, 0x5a, 0xcf};

/* One entry of a list; `label` NULL: its own phone. */
static const char *one(const char *name, const char *label)
{
    static char text[8][256];
    static int turn;
    char *out = text[turn++ % 8];
    if (label == NULL)
        snprintf(out, sizeof(text[0]), "{\"fingerprint\":\"%s\",\"alias\":null}", name);
    else
        snprintf(out, sizeof(text[0]),
                 "{\"fingerprint\":\"%s\",\"alias\":null,\"relay_label\":\"%s\"}", name, label);
    return out;
}

static void say_active(struct relay *r, struct fake_connection *o, const char *room, const char *a,
                       const char *b)
{
    sim_sayf(r, o, "{\"GlobalRoomActive\":{\"room\":\"%s\",\"participants\":[%s%s%s]}}", room,
             a == NULL ? "" : a, b == NULL ? "" : ",", b == NULL ? "" : b);
}

static void say_inactive(struct relay *r, struct fake_connection *o, const char *room)
{
    sim_sayf(r, o, "{\"GlobalRoomInactive\":{\"room\":\"%s\"}}", room);
}

static void settle(struct harness *h)
{
    harness_pass(h, 3 * CLOCK_SECOND);
}

static bool shows(const struct mesh_person *p, const char *name)
{
    return strstr(mesh_roster(p->member), name) != NULL;
}

/* What the original was told last: "" if nothing since the last look. */
static const char *told(struct fake_connection *o)
{
    const char *text = "";
    for (size_t i = o->taken; i < o->message_count; i++) {
        if (strncmp(o->messages[i].text, "{\"GlobalRoom", 12) == 0)
            text = o->messages[i].text;
        if (strstr(o->messages[i].text, "chappe") != NULL)
            fail_msg("an original is told %s", o->messages[i].text);
    }
    skip_messages(o);
    return text;
}

static size_t count_told(const struct fake_connection *o)
{
    size_t n = 0;
    for (size_t i = o->taken; i < o->message_count; i++)
        n += strncmp(o->messages[i].text, "{\"GlobalRoom", 12) == 0;
    return n;
}

/* One relay of ours, one original, somebody in the room. */
struct scene {
    struct harness *h;
    struct relay *r;
    struct fake_connection *o;
    struct mesh_person a;
};

static struct scene scene_new(bool delegate)
{
    struct scene s = {.h = mesh_new_beside(1, NULL, 0, 2, delegate, BIT(O) | BIT(P))};
    s.r = &s.h->relays[0];
    s.o = puppet_link(s.r, O, false);
    s.a = mesh_enter(s.h, 0, 1, "general");
    settle(s.h);
    told(s.o);
    return s;
}

/* ---- what it says ---- */

static void test_lists_replace_one_another(void **state)
{
    (void)state;
    struct scene s = scene_new(false);
    say_active(s.r, s.o, "general", one(OLGA, NULL), one(OTTO, NULL));
    settle(s.h);
    assert_true(shows(&s.a, OLGA) && shows(&s.a, OTTO));
    assert_non_null(strstr(mesh_roster(s.a.member), "\"relay_label\":\"relay-7\""));
    say_active(s.r, s.o, "general", one(PAUL, "p"), NULL); /* forwarded: leaves its own alone */
    settle(s.h);
    assert_true(shows(&s.a, OLGA) && !shows(&s.a, PAUL)); /* delegate is false */
    say_active(s.r, s.o, "general", NULL, NULL);
    settle(s.h);
    assert_true(shows(&s.a, OLGA));
    say_active(s.r, s.o, "general", one(OTTO, NULL), one(PAUL, "p"));
    settle(s.h);
    assert_true(!shows(&s.a, OLGA) && shows(&s.a, OTTO));
    say_inactive(s.r, s.o, "general");
    settle(s.h);
    assert_false(shows(&s.a, OTTO));
    harness_free(s.h);
}

/* Defect 28: an original keeps both spellings apart; one Inactive must not erase the other. */
static void defect_28_an_original_says_two_spellings(void **state)
{
    (void)state;
    struct scene s = scene_new(false);
    say_active(s.r, s.o, "general", one(OLGA, NULL), NULL);
    settle(s.h);
    say_active(s.r, s.o, MESH_HASHED_GENERAL, one(OTTO, NULL), NULL);
    settle(s.h);
    assert_true(shows(&s.a, OLGA) && shows(&s.a, OTTO));
    say_inactive(s.r, s.o, "General");
    settle(s.h);
    assert_true(!shows(&s.a, OLGA) && shows(&s.a, OTTO));
    assert_int_equal(s.r->plane.rooms[0].hop_count, 1); /* it still hears us */
    say_inactive(s.r, s.o, MESH_HASHED_GENERAL);
    settle(s.h);
    assert_false(shows(&s.a, OTTO));
    assert_int_equal(s.r->plane.rooms[0].hop_count, 0);
    harness_free(s.h);
}

static void test_who_is_behind_it_needs_delegate(void **state)
{
    (void)state;
    struct scene s = scene_new(true);
    say_active(s.r, s.o, "general", one(PAUL, "relay-p"), one(s.a.phone.name, "relay-0"));
    settle(s.h);
    assert_true(shows(&s.a, PAUL));
    assert_non_null(strstr(mesh_roster(s.a.member), "\"relay_label\":\"relay-p\""));
    /* Its own list, after somebody's Inactive, names all who are left. */
    say_active(s.r, s.o, "general", one(OLGA, NULL), NULL);
    settle(s.h);
    assert_true(shows(&s.a, PAUL));
    say_active(s.r, s.o, "general", one(OLGA, NULL), NULL);
    settle(s.h);
    assert_true(!shows(&s.a, PAUL) && shows(&s.a, OLGA));
    /* Its last phone leaves, others remain; then nobody is left. */
    say_active(s.r, s.o, "general", one(PAUL, "relay-p"), NULL);
    settle(s.h);
    say_inactive(s.r, s.o, "general");
    settle(s.h);
    assert_true(shows(&s.a, PAUL) && !shows(&s.a, OLGA));
    say_inactive(s.r, s.o, "general");
    settle(s.h);
    assert_false(shows(&s.a, PAUL));
    harness_free(s.h);
}

/* Defect 31: it gives us our own phones back, also those that have left by now. */
static void defect_31_an_echo_is_no_ghost(void **state)
{
    (void)state;
    struct scene s = scene_new(true);
    struct mesh_person b = mesh_enter(s.h, 0, 2, "general");
    settle(s.h);
    sim_hang(s.r, b.member);
    settle(s.h);
    say_active(s.r, s.o, "general", one(s.a.phone.name, "relay-0"), one(b.phone.name, "relay-0"));
    settle(s.h);
    assert_false(shows(&s.a, b.phone.name));
    assert_int_equal(s.r->plane.rooms[0].hop_count, 1);
    harness_free(s.h);
}

/* Somebody who was behind it comes to us and goes again: his echo is one, too. */
static void test_who_comes_to_us_is_not_behind_it(void **state)
{
    (void)state;
    struct scene s = scene_new(true);
    struct mesh_person b = mesh_enter(s.h, 0, 2, "other");
    say_active(s.r, s.o, "general", one(b.phone.name, "relay-p"), NULL);
    settle(s.h);
    assert_true(shows(&s.a, b.phone.name));
    struct fake_connection *member = phone_join(&b.phone, "general");
    settle(s.h);
    sim_hang(s.r, member);
    settle(s.h);
    assert_false(shows(&s.a, b.phone.name));
    harness_free(s.h);
}

/* Defect 30: a cycle of originals behind us repeats old and new lists for ever. */
static void defect_30_a_storm_behind_us_is_not_passed_on(void **state)
{
    (void)state;
    struct harness *h = mesh_new_beside(2, pair, COUNT(pair), 2, true, BIT(O));
    struct relay *r = &h->relays[0];
    struct fake_connection *o = puppet_link(r, O, false);
    struct mesh_person b = mesh_enter(h, 1, 2, "general");
    settle(h);
    uint64_t before = mesh_announcements(h);
    size_t updates = b.member->message_count;
    for (int i = 0; i < 1000; i++) {
        say_active(r, o, "general", one(i % 2 == 0 ? OLGA : OTTO, NULL), NULL);
        harness_pass(h, 10 * CLOCK_MS);
    }
    assert_in_range(mesh_announcements(h) - before, 5, 12); /* in 10 s */
    assert_in_range(b.member->message_count - updates, 5, 12);
    settle(h);
    assert_true(!shows(&b, OLGA) && shows(&b, OTTO)); /* what it said last */
    before = mesh_announcements(h);
    for (int i = 0; i < 300; i++) {
        say_active(r, o, "general", one(OTTO, NULL), NULL);
        harness_pass(h, 10 * CLOCK_MS);
    }
    assert_int_equal(mesh_announcements(h), before);
    harness_free(h);
}

/* Defect 80: lists have a cap, and names and labels are checked. */
static void defect_80_an_originals_list_is_checked(void **state)
{
    (void)state;
    struct scene s = scene_new(true);
    struct buffer message = {0};
    char name[64];
    buffer_append_string(&message,
                         "{\"GlobalRoomActive\":{\"room\":\"general\",\"participants\":[");
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "0000:0000:0000:0000:0000:0000:0000:%04x", i);
        buffer_append_string(&message, i == 0 ? "" : ",");
        buffer_append_string(&message, one(name, i % 2 == 0 ? NULL : "bad\\u0007label"));
    }
    buffer_append_string(&message, "]}}");
    buffer_append_u8(&message, 0);
    sim_say(s.r, s.o, (const char *)message.data);
    buffer_free(&message);
    settle(s.h);
    assert_null(strchr(mesh_roster(s.a.member), '\a'));
    assert_true(shows(&s.a, "0000:03ff") && !shows(&s.a, "0000:0400"));
    assert_false(core_failed(s.r->core));
    harness_free(s.h);
}

/* ---- what we make of it for others ---- */

static void test_its_phones_are_published(void **state)
{
    (void)state;
    struct harness *h = mesh_new_beside(3, chain, COUNT(chain), 4, true, BIT(O));
    struct fake_connection *o = puppet_link(&h->relays[0], O, false);
    struct mesh_person d = mesh_enter(h, 2, 3, "general");
    settle(h);
    int heard[HARNESS_RELAYS_MAX];
    mesh_original_talks(h, O, general_tag, heard); /* the way is made before anybody speaks */
    assert_int_equal(heard[2], 1);
    assert_int_equal(heard[0] + heard[1], 0);
    say_active(&h->relays[0], o, "general", one(OLGA, NULL), one(PAUL, "relay-p"));
    settle(h);
    assert_true(shows(&d, OLGA) && !shows(&d, PAUL)); /* nobody's first-hand */
    assert_non_null(strstr(told(o), d.phone.name));
    mesh_talk(h, 2, "general", heard);
    assert_int_equal(heard[O], 1);
    sim_hang(&h->relays[0], o);
    settle(h);
    assert_false(shows(&d, OLGA));
    mesh_talk(h, 2, "general", heard);
    assert_int_equal(heard[O], 0);
    sim_hang(d.phone.relay, d.member);
    settle(h);
    for (int i = 0; i < 3; i++)
        assert_int_equal(h->relays[i].plane.route_count, 0);
    harness_free(h);
}

/* Without delegate only first-hand counts: not the phones of an original behind a neighbour. */
static void test_published_phones_need_delegate(void **state)
{
    (void)state;
    struct harness *h = mesh_new_beside(2, pair, COUNT(pair), 4, false, BIT(O));
    struct fake_connection *o = puppet_link(&h->relays[0], O, false);
    struct mesh_person b = mesh_enter(h, 1, 2, "general");
    say_active(&h->relays[0], o, "general", one(OLGA, NULL), NULL);
    settle(h);
    assert_false(shows(&b, OLGA));
    harness_free(h);
}

/* The nearest of several publishers counts, and the other one when that is gone. */
static void test_nearest_publisher(void **state)
{
    (void)state;
    struct harness *h = mesh_new_beside(3, triangle, COUNT(triangle), 4, true, BIT(O));
    struct fake_connection *o0 = puppet_link(&h->relays[0], O, false);
    struct fake_connection *o1 = puppet_link(&h->relays[1], O, false);
    struct mesh_person d = mesh_enter(h, 2, 3, "general");
    settle(h);
    say_active(&h->relays[1], o1, "general", one(OTTO, NULL), NULL);
    say_active(&h->relays[0], o0, "general", one(OLGA, NULL), NULL);
    settle(h);
    assert_true(shows(&d, OLGA) && !shows(&d, OTTO));
    int heard[HARNESS_RELAYS_MAX];
    mesh_original_talks(h, O, general_tag, heard);
    assert_int_equal(heard[2], 1);
    sim_hang(&h->relays[0], o0);
    settle(h);
    assert_true(!shows(&d, OLGA) && shows(&d, OTTO));
    mesh_original_talks(h, O, general_tag, heard);
    assert_int_equal(heard[2], 1);
    harness_free(h);
}

/* ---- what it hears ---- */

static void test_one_plain_list(void **state)
{
    (void)state;
    struct harness *h = mesh_new_beside(2, pair, COUNT(pair), 2, false, BIT(O));
    struct fake_connection *o = puppet_link(&h->relays[0], O, false);
    struct mesh_person a = mesh_enter(h, 0, 1, MESH_HASHED_GENERAL);
    assert_int_equal(count_told(o), 1);
    expect_message(o, "GlobalRoomActive", "\"room\":\"general\"", a.phone.name, NULL);
    assert_int_equal(core_counters(h->relays[0].core)->announcements_sent_legacy, 1);
    struct mesh_person b = mesh_enter(h, 1, 2, "general");
    struct mesh_person c = mesh_enter(h, 0, 3, "general");
    harness_pass(h, 900 * CLOCK_MS);
    expect_silence(o);
    harness_pass(h, 200 * CLOCK_MS);
    expect_message(o, "GlobalRoomActive", a.phone.name, b.phone.name, c.phone.name,
                   "\"relay_label\":\"relay-1\"", NULL);
    settle(h);
    expect_silence(o);
    say_active(&h->relays[0], o, "general", one(OLGA, NULL), NULL);
    settle(h);
    expect_silence(o); /* what came from it does not go back */
    sim_hang(a.phone.relay, a.member);
    sim_hang(b.phone.relay, b.member);
    sim_hang(c.phone.relay, c.member);
    settle(h);
    expect_message(o, "GlobalRoomActive", c.phone.name, NULL); /* and a second later: */
    expect_message(o, "GlobalRoomInactive", "\"room\":\"general\"", NULL);
    expect_silence(o);
    harness_free(h);
}

/* Defect 33: what an original that reads nothing has not read yet is replaced. */
static void defect_33_a_deaf_original_costs_one_message(void **state)
{
    (void)state;
    struct scene s = scene_new(false);
    struct mesh_person b = mesh_enter(s.h, 0, 2, "general");
    settle(s.h);
    sim_hang(s.r, b.member);
    settle(s.h);
    uint64_t key = 0;
    for (size_t i = s.o->taken; i < s.o->message_count; i++) {
        assert_int_not_equal(s.o->messages[i].replace_key, 0);
        assert_true(key == 0 || key == s.o->messages[i].replace_key);
        key = s.o->messages[i].replace_key;
    }
    assert_int_equal(s.o->message_count - s.o->taken, 2);
    harness_free(s.h);
}

/* Defect 47: media goes where there are listeners. */
static void defect_47_an_original_without_the_room_gets_no_media(void **state)
{
    (void)state;
    struct scene s = scene_new(false);
    const struct fake_room *room = &s.r->plane.rooms[0];
    assert_int_equal(room->hop_count, 0);
    say_active(s.r, s.o, "general", one(OLGA, NULL), NULL);
    assert_int_equal(room->hop_count, 1);
    assert_memory_equal(room->hops[0].tag, general_tag, sizeof(general_tag));
    say_inactive(s.r, s.o, "general");
    assert_int_equal(room->hop_count, 0);
    /* Somebody is behind it: its Inactive says nothing of them. */
    say_active(s.r, s.o, "general", one(PAUL, "p"), NULL);
    say_inactive(s.r, s.o, "general");
    assert_int_equal(room->hop_count, 1);
    harness_free(s.h);
}

static void expect_one_speaks(bool delegate)
{
    struct harness *h = mesh_new_beside(2, pair, COUNT(pair), 4, delegate, BIT(O));
    struct fake_connection *o[2];
    struct mesh_person p[2];
    int heard[HARNESS_RELAYS_MAX];
    for (int i = 0; i < 2; i++) {
        o[i] = puppet_link(&h->relays[i], O, false);
        say_active(&h->relays[i], o[i], "general", one(OLGA, NULL), NULL);
        p[i] = mesh_enter(h, i, i + 1, "general");
    }
    settle(h);
    for (int i = 0; i < 2; i++) {
        const char *text = told(o[i]);
        assert_non_null(strstr(text, p[i].phone.name));
        assert_null(strstr(text, p[1 - i].phone.name));
        mesh_talk(h, i, "general", heard);
        assert_int_equal(heard[O], 1);
        assert_int_equal(heard[1 - i], 1);
        mesh_expect_sees(&p[i], &p[1 - i], true);
        assert_true(shows(&p[i], OLGA));
    }
    mesh_original_talks(h, O, general_tag, heard);
    assert_int_equal(heard[0], 1);
    assert_int_equal(heard[1], 1);
    sim_hang(&h->relays[0], o[0]); /* now the other one speaks for both */
    settle(h);
    assert_non_null(strstr(told(o[1]), p[0].phone.name));
    mesh_talk(h, 0, "general", heard);
    assert_int_equal(heard[O], 1);
    assert_true(shows(&p[0], OLGA) == delegate);
    harness_free(h);
}

/* Two of ours and an original, all linked. Defects 31, 45: nothing takes two ways. */
static void test_triangle(void **state)
{
    (void)state;
    expect_one_speaks(true);
    expect_one_speaks(false);
}

/* A relay without a link to the original: the lower one of its two neighbours speaks for it. */
static void test_lowest_publisher_speaks(void **state)
{
    (void)state;
    struct harness *h = mesh_new_beside(3, triangle, COUNT(triangle), 4, true, BIT(O));
    struct fake_connection *o[3] = {NULL, puppet_link(&h->relays[1], O, false),
                                    puppet_link(&h->relays[2], O, false)};
    for (int i = 1; i < 3; i++)
        say_active(&h->relays[i], o[i], "general", one(OLGA, NULL), NULL);
    settle(h);
    struct mesh_person a = mesh_enter(h, 0, 1, "general");
    settle(h);
    int heard[HARNESS_RELAYS_MAX];
    assert_non_null(strstr(told(o[1]), a.phone.name));
    assert_string_equal(told(o[2]), "");
    mesh_talk(h, 0, "general", heard);
    assert_int_equal(heard[O], 1);
    sim_hang(&h->relays[1], o[1]);
    settle(h);
    assert_non_null(strstr(told(o[2]), a.phone.name));
    mesh_talk(h, 0, "general", heard);
    assert_int_equal(heard[O], 1);
    harness_free(h);
}

/* The lower one has no delegate for the other: it cannot speak for who is behind that. */
static void test_who_cannot_know_does_not_count(void **state)
{
    (void)state;
    struct harness *h = mesh_new_beside(3, chain, COUNT(chain), 4, true, BIT(O));
    struct fake_connection *o[2];
    char yaml[1024];
    snprintf(yaml, sizeof(yaml), "global_rooms: [general]\npeers:\n%strusted:\n%s",
             harness_peer(1, ""), harness_trusted(O, ", legacy: true, address: \"192.0.2.7\""));
    harness_configure(&h->relays[0], yaml, true);
    for (int i = 0; i < 2; i++) {
        o[i] = puppet_link(&h->relays[i], O, false);
        say_active(&h->relays[i], o[i], "general", one(OLGA, NULL), NULL);
    }
    struct mesh_person c = mesh_enter(h, 2, 3, "general");
    settle(h);
    assert_string_equal(told(o[0]), "");
    assert_non_null(strstr(told(o[1]), c.phone.name));
    int heard[HARNESS_RELAYS_MAX];
    mesh_talk(h, 2, "general", heard);
    assert_int_equal(heard[O], 1);
    harness_free(h);
}

/* 1 and 2 are linked with the original and with 0, which is not; `yaml` is 1's config, if any. */
static void expect_speakers(const char *yaml, bool first, bool second)
{
    struct harness *h = mesh_new_beside(3, triangle, COUNT(triangle), 4, false, BIT(O));
    struct fake_connection *o[2];
    if (yaml != NULL)
        harness_configure(&h->relays[1], yaml, true);
    for (int i = 0; i < 2; i++) {
        o[i] = puppet_link(&h->relays[i + 1], O, false);
        say_active(&h->relays[i + 1], o[i], "general", one(OLGA, NULL), NULL);
    }
    struct mesh_person p = mesh_enter(h, 0, 1, "general");
    settle(h);
    assert_int_equal(strstr(told(o[0]), p.phone.name) != NULL, first);
    assert_int_equal(strstr(told(o[1]), p.phone.name) != NULL, second);
    int heard[HARNESS_RELAYS_MAX];
    mesh_talk(h, 0, "general", heard);
    assert_int_equal(heard[O], first + second);
    harness_free(h);
}

/* Without `delegate` nobody knows whom the other one has at first hand: better twice than never.
   With it on one side, the hello says enough. */
static void test_speakers_without_delegate(void **state)
{
    (void)state;
    char yaml[1024];
    expect_speakers(NULL, true, true);
    snprintf(yaml, sizeof(yaml),
             "global_rooms: [general]\nlimits: { federation_hops: 4 }\npeers:\n%strusted:\n%s%s",
             harness_peer(2, ", delegate: true"), harness_trusted(0, ""),
             harness_trusted(O, ", legacy: true, address: \"192.0.2.7\""));
    expect_speakers(yaml, true, false);
}

/* The link to the original is one of federation_hops: whom its phones hear, those hear them. */
static void test_the_hop_limit_holds_towards_it(void **state)
{
    (void)state;
    struct harness *h = mesh_new_beside(3, chain, COUNT(chain), 2, true, BIT(O));
    struct fake_connection *o = puppet_link(&h->relays[2], O, false);
    struct mesh_person p[2] = {mesh_enter(h, 0, 1, "general"), mesh_enter(h, 1, 2, "general")};
    say_active(&h->relays[2], o, "general", one(OLGA, NULL), NULL);
    settle(h);
    const char *text = told(o);
    assert_true(strstr(text, p[1].phone.name) != NULL && strstr(text, p[0].phone.name) == NULL);
    int heard[HARNESS_RELAYS_MAX];
    mesh_talk(h, 1, "general", heard);
    assert_int_equal(heard[O], 1);
    mesh_talk(h, 0, "general", heard);
    assert_int_equal(heard[O], 0);
    mesh_original_talks(h, O, general_tag, heard);
    assert_int_equal(heard[1], 1);
    assert_int_equal(heard[0], 0);
    assert_true(shows(&p[1], OLGA) && !shows(&p[0], OLGA));
    harness_free(h);
}

/* The lower one of two that are linked with it is too far from who is behind the other. */
static void test_who_is_too_far_does_not_count(void **state)
{
    (void)state;
    struct harness *h = mesh_new_beside(5, chain_of_five, COUNT(chain_of_five), 3, true, BIT(O));
    struct fake_connection *o[2] = {puppet_link(&h->relays[0], O, false),
                                    puppet_link(&h->relays[2], O, false)};
    for (int i = 0; i < 2; i++)
        say_active(&h->relays[2 * i], o[i], "general", one(OLGA, NULL), NULL);
    struct mesh_person p[2] = {mesh_enter(h, 4, 1, "general"), mesh_enter(h, 1, 2, "general")};
    settle(h);
    const char *text = told(o[0]);
    assert_true(strstr(text, p[0].phone.name) == NULL && strstr(text, p[1].phone.name) != NULL);
    text = told(o[1]);
    assert_true(strstr(text, p[0].phone.name) != NULL && strstr(text, p[1].phone.name) == NULL);
    int heard[HARNESS_RELAYS_MAX];
    mesh_talk(h, 4, "general", heard);
    assert_int_equal(heard[O], 1);
    mesh_talk(h, 1, "general", heard);
    assert_int_equal(heard[O], 1);
    harness_free(h);
}

/* Who speaks to it drops its own packet that comes back over another original, though nobody there
   or behind hears it. */
static void test_who_speaks_knows_what_it_says(void **state)
{
    (void)state;
    struct harness *h = mesh_new_beside(3, chain, COUNT(chain), 4, true, BIT(O));
    for (int i = 0; i < 2; i++) {
        struct fake_connection *o = puppet_link(&h->relays[i], O, false);
        say_active(&h->relays[i], o, "general", one(OLGA, NULL), NULL);
    }
    const struct fake_plane *p = &h->relays[0].plane;
    settle(h);
    bool known = false;
    for (size_t i = 0; i < p->route_count; i++) {
        known |= p->routes[i].link.bytes[0] == 0xa0 + O && p->routes[i].hop_count == 0 &&
                 memcmp(p->routes[i].tag.bytes, general_tag, sizeof(general_tag)) == 0;
    }
    assert_true(known);
    harness_free(h);
}

/* Two originals that do not know each other meet through us. */
static void test_two_originals(void **state)
{
    (void)state;
    struct harness *h = mesh_new_beside(2, pair, COUNT(pair), 4, true, BIT(O) | BIT(P));
    struct fake_connection *o = puppet_link(&h->relays[0], O, false);
    struct fake_connection *p = puppet_link(&h->relays[1], P, false);
    say_active(&h->relays[0], o, "general", one(OLGA, NULL), NULL);
    say_active(&h->relays[1], p, "general", one(PAUL, NULL), NULL);
    settle(h);
    const char *text = told(o);
    assert_true(strstr(text, PAUL) != NULL && strstr(text, OLGA) == NULL);
    text = told(p);
    assert_true(strstr(text, OLGA) != NULL && strstr(text, PAUL) == NULL);
    int heard[HARNESS_RELAYS_MAX];
    mesh_original_talks(h, O, general_tag, heard);
    assert_int_equal(heard[P], 1);
    mesh_original_talks(h, P, general_tag, heard);
    assert_int_equal(heard[O], 1);
    harness_free(h);
}

/* Defect 21: with a second connection it forgets what it was told over the first. */
static void defect_21_another_connection_is_told_all_again(void **state)
{
    (void)state;
    struct scene s = scene_new(false);
    struct fake_connection *second = puppet_link(s.r, O, false);
    settle(s.h);
    expect_silence(s.o);
    second->taken = 0;
    assert_non_null(strstr(told(second), s.a.phone.name));
    harness_free(s.h);
}

static void test_operators_see_it(void **state)
{
    (void)state;
    struct scene s = scene_new(false);
    for (int open = 0; open < 2; open++) {
        cJSON *view = core_view_peers(s.r->core, s.h->now);
        const cJSON *o = cJSON_GetArrayItem(view, cJSON_GetArraySize(view) - 1);
        assert_string_equal(cJSON_GetObjectItem(o, "label")->valuestring, "relay-7");
        assert_true(cJSON_IsTrue(cJSON_GetObjectItem(o, "legacy")));
        assert_int_equal(cJSON_GetObjectItem(o, "announced")->valueint, open);
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(o, "rooms")), open);
        cJSON_Delete(view);
        say_active(s.r, s.o, "general", one(OLGA, NULL), NULL);
    }
    harness_free(s.h);
}

static void test_a_room_that_is_no_longer_global(void **state)
{
    (void)state;
    struct scene s = scene_new(false);
    char yaml[1024];
    say_active(s.r, s.o, "general", one(OLGA, NULL), NULL);
    settle(s.h);
    for (int i = 0; i < 2; i++) {
        snprintf(yaml, sizeof(yaml), "global_rooms: [%s]\ntrusted:\n%s", i == 0 ? "" : "general",
                 harness_trusted(O, ", legacy: true, address: \"192.0.2.7\""));
        harness_configure(s.r, yaml, true);
        settle(s.h);
        assert_false(shows(&s.a, OLGA));
        assert_int_equal(s.r->plane.rooms[0].hop_count, 0);
        assert_int_equal(fake_plane_records_of(&s.r->plane, "original/"), i);
        const char *text = told(s.o);
        assert_non_null(strstr(text, i == 0 ? "GlobalRoomInactive" : s.a.phone.name));
    }
    harness_free(s.h);
}

/* ---- adoption ---- */

static void live(struct harness *h)
{
    struct mesh_person p[3];
    struct fake_connection *o[3];
    for (int i = 0; i < 3; i++) {
        o[i] = puppet_link(&h->relays[i], i == 2 ? P : O, false);
        p[i] = mesh_enter(h, i, i + 1, i == 0 ? MESH_HASHED_GENERAL : "general");
    }
    for (int i = 0; i < 20; i++) {
        say_active(&h->relays[0], o[0], "general", one(i % 2 == 0 ? OLGA : OTTO, NULL),
                   one(p[i % 3].phone.name, "relay-1"));
        harness_pass(h, 70 * CLOCK_MS);
        say_active(&h->relays[2], o[2], MESH_HASHED_GENERAL, one(PAUL, NULL), NULL);
    }
    sim_hang(p[1].phone.relay, p[1].member);
    say_inactive(&h->relays[2], o[2], MESH_HASHED_GENERAL);
    harness_pass(h, 300 * CLOCK_MS);
    harness_cut(h, 0, 1);
    harness_pass(h, 2 * CLOCK_SECOND);
    sim_hang(&h->relays[2], o[2]);
    harness_pass(h, 20 * CLOCK_SECOND);
    assert_true(shows(&p[0], OTTO));
}

static void expect_same(size_t fate, const char *a, const char *b)
{
    while (*a != '\0' || *b != '\0') {
        size_t la = strcspn(a, "\n"), lb = strcspn(b, "\n");
        if (la != lb || memcmp(a, b, la) != 0)
            fail_msg("fate %zu: %.*s | %.*s", fate, (int)la, a, (int)lb, b);
        a += la + (a[la] == '\n');
        b += lb + (b[lb] == '\n');
    }
}

struct fate {
    size_t adopt_every;
    unsigned dies_one_in; /* steps, each relay */
    uint64_t random;
};

static void play(const struct fate *fate, struct buffer *outcome)
{
    struct harness *h = mesh_new_beside(3, triangle, COUNT(triangle), 4, true, BIT(O) | BIT(P));
    h->adopt_every = fate->adopt_every;
    for (int n = 0; n < 3; n++)
        h->relays[n].deaths = (struct deaths){.one_in = fate->dies_one_in,
                                              .random = fate->random * (uint64_t)(n + 1)};
    live(h);
    for (int n = 0; n < 3; n++) {
        fake_plane_print(&h->relays[n].plane, outcome);
        assert_int_equal(h->relays[n].plane.swept, 0);
        assert_true(h->relays[n].died > 0 || fate->dies_one_in == 0);
    }
    buffer_append_u8(outcome, 0);
    harness_free(h);
}

/* A control plane that adopts before every nth event, or after any transaction, says and installs
   what the first would have. */
static void test_adoption_changes_nothing(void **state)
{
    (void)state;
    static const struct fate fates[] = {{.adopt_every = 1},
                                        {.adopt_every = 2},
                                        {.adopt_every = 5},
                                        {.dies_one_in = 3, .random = 7919},
                                        {.dies_one_in = 5, .random = 104729},
                                        {.dies_one_in = 20, .random = 1299709}};
    struct buffer plain = {0};
    play(&(struct fate){0}, &plain);
    for (size_t i = 0; i < COUNT(fates); i++) {
        struct buffer outcome = {0};
        play(&fates[i], &outcome);
        expect_same(i, (const char *)plain.data, (const char *)outcome.data);
        buffer_free(&outcome);
    }
    buffer_free(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_replace_one_another),
        cmocka_unit_test(defect_28_an_original_says_two_spellings),
        cmocka_unit_test(test_who_is_behind_it_needs_delegate),
        cmocka_unit_test(defect_31_an_echo_is_no_ghost),
        cmocka_unit_test(test_who_comes_to_us_is_not_behind_it),
        cmocka_unit_test(defect_30_a_storm_behind_us_is_not_passed_on),
        cmocka_unit_test(defect_80_an_originals_list_is_checked),
        cmocka_unit_test(test_its_phones_are_published),
        cmocka_unit_test(test_published_phones_need_delegate),
        cmocka_unit_test(test_nearest_publisher),
        cmocka_unit_test(test_one_plain_list),
        cmocka_unit_test(defect_33_a_deaf_original_costs_one_message),
        cmocka_unit_test(defect_47_an_original_without_the_room_gets_no_media),
        cmocka_unit_test(test_triangle),
        cmocka_unit_test(test_lowest_publisher_speaks),
        cmocka_unit_test(test_who_cannot_know_does_not_count),
        cmocka_unit_test(test_speakers_without_delegate),
        cmocka_unit_test(test_the_hop_limit_holds_towards_it),
        cmocka_unit_test(test_who_is_too_far_does_not_count),
        cmocka_unit_test(test_who_speaks_knows_what_it_says),
        cmocka_unit_test(test_two_originals),
        cmocka_unit_test(defect_21_another_connection_is_told_all_again),
        cmocka_unit_test(test_operators_see_it),
        cmocka_unit_test(test_a_room_that_is_no_longer_global),
        cmocka_unit_test(test_adoption_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
