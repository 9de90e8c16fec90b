/* Where phones are: what relays tell each other, in which form, and what is left of it. */
#include "control/core/presence.h"
#include "mesh.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct mesh_edge pair[] = {{0, 1}};
static const struct mesh_edge triangle[] = {{0, 1}, {1, 2}, {0, 2}};
static const struct mesh_edge chain[] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}};
static const struct mesh_edge ring[] = {{0, 1}, {1, 2}, {2, 3}, {0, 3}};

static void settle(struct harness *h)
{
    harness_pass(h, CLOCK_SECOND);
}

/* Hops from a relay to the nearest that has the phone; 0: it knows of none. */
static size_t hops_to(struct harness *h, int at, const char *name)
{
    struct presence_place place;
    return presence_find(h->relays[at].core, name, &place, 1) == 0 ? 0 : place.hops;
}

static void expect_hops(struct harness *h, int at, const char *name, size_t hops)
{
    size_t found = hops_to(h, at, name);
    if (found != hops)
        fail_msg("relay %d finds %s in %zu hops, not %zu", at, name, found, hops);
}

static uint64_t sent(const struct harness *h)
{
    uint64_t sum = 0;
    for (int i = 0; i < h->relay_count; i++)
        sum += core_counters(h->relays[i].core)->presence_sent;
    return sum;
}

/* The last update that this relay sent to the other; "" if none. */
static const char *last_update(struct harness *h, int from, int to)
{
    const struct fake_connection *link = sim_link_connection(&h->relays[from], to);
    for (size_t i = link->message_count; i > 0; i--) {
        if (strncmp(link->messages[i - 1].text, "{\"PresenceUpdate\"", 17) == 0)
            return link->messages[i - 1].text;
    }
    return "";
}

static void test_pair(void **state)
{
    (void)state;
    struct harness *h = mesh_new(2, pair, COUNT(pair), 2, false);
    struct caller a = phone_new(&h->relays[0], 1);
    expect_hops(h, 1, a.name, 0);
    settle(h);
    expect_hops(h, 1, a.name, 1);
    expect_hops(h, 0, a.name, 0); /* never oneself */
    struct presence_place place;
    assert_int_equal(presence_find(h->relays[1].core, a.name, &place, 1), 1);
    assert_int_equal(place.origin.bytes[0], 0xa0);
    assert_string_equal(place.next->label, "relay-0");
    sim_hang(a.relay, a.conn);
    settle(h);
    expect_hops(h, 1, a.name, 0);
    harness_free(h);
}

/* Each registration is one message over each link, not the whole set; then there is silence. */
static void test_deltas(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, triangle, COUNT(triangle), 2, true);
    struct caller people[20];
    for (int i = 0; i < 20; i++)
        people[i] = phone_new(&h->relays[0], i + 1);
    settle(h);
    uint64_t before = sent(h);
    struct caller late = phone_new(&h->relays[0], 30);
    settle(h);
    expect_hops(h, 1, late.name, 1);
    const char *update = last_update(h, 0, 1);
    assert_non_null(strstr(update, late.name));
    assert_non_null(strstr(update, "\"base\":{\"start\":1,\"counter\":20}"));
    assert_null(strstr(update, people[0].name));
    assert_in_range(sent(h) - before, 2, 4);
    before = sent(h);
    harness_pass(h, 60 * CLOCK_SECOND);
    assert_int_equal(sent(h), before);
    sim_hang(people[3].relay, people[3].conn);
    settle(h);
    update = last_update(h, 0, 1);
    assert_non_null(strstr(update, "\"fingerprints\":[]"));
    assert_non_null(strstr(update, people[3].name));
    expect_hops(h, 2, people[3].name, 0);
    expect_hops(h, 2, people[4].name, 1);
    harness_free(h);
}

/* The same phone, registered anew over another connection, is no news. */
static void test_renewal_is_silent(void **state)
{
    (void)state;
    struct harness *h = mesh_new(2, pair, COUNT(pair), 2, true);
    struct caller a = phone_new(&h->relays[0], 1);
    settle(h);
    uint64_t before = sent(h);
    phone_new(&h->relays[0], 1);
    settle(h);
    assert_int_equal(sent(h), before);
    expect_hops(h, 1, a.name, 1);
    harness_free(h);
}

static void test_hop_limit(void **state)
{
    (void)state;
    struct harness *h = mesh_new(8, chain, COUNT(chain), 3, true);
    struct caller a = phone_new(&h->relays[0], 1);
    settle(h);
    for (int i = 1; i < 8; i++)
        expect_hops(h, i, a.name, i <= 3 ? (size_t)i : 0);
    struct presence_place place;
    assert_int_equal(presence_find(h->relays[3].core, a.name, &place, 1), 1);
    assert_string_equal(place.next->label, "relay-2");
    assert_int_equal(place.origin.bytes[0], 0xa0);
    harness_free(h);
}

static void test_delegate(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, chain, 2, 4, false);
    struct caller a = phone_new(&h->relays[0], 1);
    settle(h);
    expect_hops(h, 1, a.name, 1);
    expect_hops(h, 2, a.name, 0);
    harness_free(h);
}

/* A lost link takes away at once what came over it; those behind it are told at once, too. */
static void test_link_lost(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, chain, 2, 2, true);
    struct caller a = phone_new(&h->relays[0], 1);
    settle(h);
    expect_hops(h, 2, a.name, 2);
    h->relays[0].down = h->relays[1].down = true;
    harness_cut(h, 0, 1);
    expect_hops(h, 1, a.name, 0);
    expect_hops(h, 2, a.name, 0);
    h->relays[0].down = h->relays[1].down = false;
    harness_pass(h, 70 * CLOCK_SECOND);
    expect_hops(h, 2, a.name, 2);
    harness_free(h);
}

static void test_other_way_round(void **state)
{
    (void)state;
    struct harness *h = mesh_new(4, ring, COUNT(ring), 3, true);
    struct caller a = phone_new(&h->relays[0], 1);
    settle(h);
    expect_hops(h, 1, a.name, 1);
    h->relays[0].down = h->relays[1].down = true;
    harness_cut(h, 0, 1);
    settle(h);
    expect_hops(h, 1, a.name, 3);
    harness_free(h);
}

/* Two places: the nearer first. */
static void test_two_places(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, chain, 2, 2, true);
    struct caller a = phone_new(&h->relays[2], 1);
    phone_new(&h->relays[1], 1);
    settle(h);
    struct presence_place places[3];
    assert_int_equal(presence_find(h->relays[0].core, a.name, places, 3), 2);
    assert_int_equal(places[0].hops, 1);
    assert_int_equal(places[1].hops, 2);
    assert_int_equal(presence_find(h->relays[0].core, a.name, places, 1), 1);
    assert_int_equal(places[0].hops, 1);
    struct presence_place way;
    assert_true(presence_way(h->relays[0].core, &places[1].origin, &way));
    assert_int_equal(way.hops, 2);
    harness_free(h);
}

/* ---- with a puppet ---- */

#define VERSION(counter) "\"version\":{\"start\":5,\"counter\":" #counter "}"
#define BASE(counter) "\"base\":{\"start\":5,\"counter\":" #counter "}"

static struct harness *with_puppet(struct fake_connection **link)
{
    struct harness *h = harness_new();
    char yaml[1024];
    snprintf(yaml, sizeof(yaml), "limits: { federation_hops: 2 }\ntrusted:\n%s%s",
             harness_trusted(7, ""), harness_trusted(6, ", delegate: true"));
    harness_relay(h, yaml);
    *link = puppet_link(&h->relays[0], 7, true);
    settle(h);
    skip_messages(*link);
    return h;
}

/* `members` of the chappe object of an update with these names. */
static void tell(struct harness *h, struct fake_connection *link, int origin, const char *names,
                 const char *members)
{
    sim_sayf(&h->relays[0], link,
             "{\"PresenceUpdate\":{\"fingerprints\":[%s],\"relay_addr\":\"192.0.2.7:4433\","
             "\"chappe\":{\"origin\":\"%s\",%s}}}",
             names, harness_fingerprint(origin), members);
}

#define PATH7 "\"path\":[\"a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7\"]"

/* Whoever lacks what a change is based on asks, takes the parts in their order, and is right. */
static void test_gap_is_asked_for(void **state)
{
    (void)state;
    struct fake_connection *link;
    struct harness *h = with_puppet(&link);
    tell(h, link, 7, "\"aa\"", PATH7 "," VERSION(1));
    expect_hops(h, 0, "aa", 1);
    expect_silence(link);
    tell(h, link, 7, "\"dd\"", PATH7 "," VERSION(4) "," BASE(3));
    expect_message(link, "PresenceUpdate", "\"ask\":0", NULL);
    expect_hops(h, 0, "dd", 0);
    expect_hops(h, 0, "aa", 1);
    /* The buckets of aa, dd, ee, ff are below 128, those of bb and gg are not. */
    tell(h, link, 7, "\"dd\",\"ff\",\"gg\"", "\"first\":0,\"last\":127," VERSION(4));
    expect_message(link, "PresenceUpdate", "\"ask\":128", NULL);
    expect_hops(h, 0, "aa", 0);
    tell(h, link, 7, "\"ee\"", PATH7 "," VERSION(5) "," BASE(4)); /* meanwhile */
    tell(h, link, 7, "\"bb\"", "\"first\":128,\"last\":255," VERSION(5));
    expect_silence(link);
    expect_hops(h, 0, "bb", 1);
    expect_hops(h, 0, "dd", 1);
    expect_hops(h, 0, "ee", 1);
    expect_hops(h, 0, "gg", 0); /* it does not belong where it was listed */
    tell(h, link, 7, "", PATH7 "," VERSION(6) "," BASE(5) ",\"gone\":[\"dd\"]");
    expect_hops(h, 0, "dd", 0);
    expect_hops(h, 0, "ee", 1);
    tell(h, link, 7, "", "\"off\":true");
    expect_hops(h, 0, "ee", 0);
    harness_free(h);
}

/* What is newer than its own listing says is not asked for for ever. */
static void test_liar_is_asked_once(void **state)
{
    (void)state;
    struct fake_connection *link;
    struct harness *h = with_puppet(&link);
    tell(h, link, 7, "", PATH7 "," VERSION(9) "," BASE(9));
    expect_message(link, "PresenceUpdate", "\"ask\":0", NULL);
    tell(h, link, 7, "\"aa\"", "\"first\":0,\"last\":255," VERSION(2));
    expect_silence(link);
    expect_hops(h, 0, "aa", 1);
    harness_free(h);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    struct fake_connection *link;
    struct harness *h = with_puppet(&link);
    tell(h, link, 7, "\"aa\"", PATH7);
    tell(h, link, 7, "\"aa\"", VERSION(1));
    tell(h, link, 6, "\"aa\"", PATH7 "," VERSION(1));
    char path[256];
    snprintf(path, sizeof(path), "\"path\":[\"%s\",\"%s\"]," VERSION(1), harness_fingerprint(7),
             harness_fingerprint(5));
    tell(h, link, 5, "\"aa\"", path);                                   /* not delegate */
    tell(h, link, 7, "\"aa\"", "\"first\":0,\"last\":255," VERSION(1)); /* nobody asked */
    sim_say(&h->relays[0], link,
            "{\"PresenceUpdate\":{\"fingerprints\":[\"aa\"],\"relay_addr\":\"x\"}}");
    expect_hops(h, 0, "aa", 0);
    assert_int_equal(core_counters(h->relays[0].core)->announcements_refused, 5);
    tell(h, link, 7, "\"a\\u0007\",\"\",\"ok\"", PATH7 "," VERSION(1));
    expect_hops(h, 0, "ok", 1);
    expect_hops(h, 0, "a\007", 0);
    assert_int_equal(core_counters(h->relays[0].core)->presence_refused, 2);
    expect_open(link);
    harness_free(h);
}

/* ---- whose version counts: puppets 6 and 7 tell of relay 5, which may be linked itself ---- */

#define FORGED "\"version\":{\"start\":4611686018427387904,\"counter\":1}"
#define ALL "\"first\":0,\"last\":255,"

struct versions {
    struct harness *h;
    struct fake_connection *links[8];
    char paths[8][256]; /* of each, to relay 5 */
};

static struct versions with_delegates(void)
{
    struct versions v = {.h = harness_new()};
    char yaml[1024] = "limits: { federation_hops: 4 }\ntrusted:\n";
    for (int n = 4; n < 8; n++)
        strcat(yaml, harness_trusted(n, ", delegate: true"));
    harness_relay(v.h, yaml);
    for (int n = 4; n < 8; n++) {
        v.links[n] = n == 5 ? NULL : puppet_link(&v.h->relays[0], n, true);
        snprintf(v.paths[n], sizeof(v.paths[n]),
                 n == 5 ? "\"path\":[\"%s\"]," : "\"path\":[\"%s\",", harness_fingerprint(n));
        if (n != 5)
            sprintf(v.paths[n] + strlen(v.paths[n]), "\"%s\"],", harness_fingerprint(5));
    }
    sim_sayf(&v.h->relays[0], v.links[4],
             "{\"FederationHello\":{\"tls_fingerprint\":\"%s\",\"chappe\":{\"v\":1,\"hops\":9,"
             "\"accepts_forwarded\":true}}}",
             harness_fingerprint(4));
    settle(v.h);
    for (int n = 4; n < 8; n++) {
        if (v.links[n] != NULL)
            skip_messages(v.links[n]);
    }
    return v;
}

static void say(struct versions *v, int n, const char *names, const char *members)
{
    char all[512];
    snprintf(all, sizeof(all), "%s%s", v->paths[n], members);
    tell(v->h, v->links[n], 5, names, all);
    harness_pass(v->h, 100 * CLOCK_MS);
}

static void test_an_origin_speaks_for_itself(void **state)
{
    (void)state;
    struct versions v = with_delegates();
    v.links[5] = puppet_link(&v.h->relays[0], 5, true);
    say(&v, 5, "\"aa\"", VERSION(1));
    say(&v, 6, "\"gg\"", FORGED);
    say(&v, 7, "\"gg\"", VERSION(99));
    expect_hops(v.h, 0, "aa", 1);
    expect_hops(v.h, 0, "gg", 0);
    say(&v, 5, "\"bb\"", VERSION(2) "," BASE(1));
    expect_hops(v.h, 0, "bb", 1);
    say(&v, 5, "\"cc\"", "\"version\":{\"start\":4,\"counter\":1}"); /* its clock was set back */
    expect_hops(v.h, 0, "cc", 1);
    expect_hops(v.h, 0, "bb", 0);
    harness_free(v.h);
}

/* Whoever told of a version that is too high has gone: the others are asked for what they have. */
static void test_too_high_a_version_goes_with_who_told_of_it(void **state)
{
    (void)state;
    struct versions v = with_delegates();
    say(&v, 7, "\"aa\"", VERSION(1));
    expect_message(v.links[4], "PresenceUpdate", "aa", VERSION(1), NULL);
    say(&v, 6, "\"gg\"", FORGED); /* the path in use from now on */
    expect_message(v.links[4], "PresenceUpdate", "gg", FORGED, NULL);
    say(&v, 6, "\"gg\"", "\"off\":true");
    expect_message(v.links[7], "PresenceUpdate", "\"ask\":0", NULL);
    expect_silence(v.links[4]);
    tell(v.h, v.links[7], 5, "\"aa\"", ALL VERSION(1));
    settle(v.h);
    expect_silence(v.links[7]);
    expect_hops(v.h, 0, "gg", 0);
    expect_hops(v.h, 0, "aa", 2);
    expect_message(v.links[4], "PresenceUpdate", "aa", VERSION(1), NULL);
    say(&v, 7, "\"bb\"", VERSION(2) "," BASE(1)); /* the old numbers count again */
    expect_hops(v.h, 0, "bb", 2);
    expect_message(v.links[4], "PresenceUpdate", "bb", VERSION(2), BASE(1), NULL);
    harness_free(v.h);
}

static void test_a_stale_version_replaces_nothing(void **state)
{
    (void)state;
    struct versions v = with_delegates();
    say(&v, 7, "\"ee\"", VERSION(5));
    expect_message(v.links[4], "PresenceUpdate", "ee", NULL);
    say(&v, 6, "\"dd\"", VERSION(4)); /* the path in use, which is late */
    expect_hops(v.h, 0, "ee", 2);
    expect_hops(v.h, 0, "dd", 0);
    expect_silence(v.links[4]);
    say(&v, 6, "\"ee\"", VERSION(5) "," BASE(4) ",\"gone\":[\"dd\"]");
    expect_message(v.links[4], "PresenceUpdate", VERSION(5), harness_fingerprint(6), NULL);
    say(&v, 7, "\"dd\"", VERSION(4));
    say(&v, 7, "\"dd\"", "\"version\":{\"start\":4,\"counter\":9}");
    expect_hops(v.h, 0, "ee", 2);
    expect_hops(v.h, 0, "dd", 0);
    expect_silence(v.links[4]);
    expect_silence(v.links[6]);
    expect_silence(v.links[7]);
    harness_free(v.h);
}

/* Half of a listing has come when its relay goes: what is left of the set is of no version. */
static void half_a_listing(bool adopt)
{
    struct versions v = with_delegates();
    say(&v, 7, "\"aa\",\"bb\"", VERSION(1));
    say(&v, 6, "", VERSION(3) "," BASE(3));
    expect_message(v.links[6], "PresenceUpdate", "\"ask\":0", NULL);
    tell(v.h, v.links[6], 5, "\"gg\"", "\"first\":0,\"last\":127," VERSION(3));
    expect_hops(v.h, 0, "aa", 0);
    if (adopt)
        sim_adopt(&v.h->relays[0]);
    settle(v.h);
    skip_messages(v.links[6]);
    sim_hang(&v.h->relays[0], v.links[6]);
    v.links[7]->taken = v.links[7]->message_count - 1;
    expect_message(v.links[7], "PresenceUpdate", "\"ask\":0", NULL);
    tell(v.h, v.links[7], 5, "\"aa\",\"bb\"", ALL VERSION(1));
    expect_hops(v.h, 0, "aa", 2);
    expect_hops(v.h, 0, "bb", 2);
    expect_hops(v.h, 0, "gg", 0);
    harness_free(v.h);
}

static void test_half_a_listing_is_asked_for_again(void **state)
{
    (void)state;
    half_a_listing(false);
    half_a_listing(true);
}

/* Defect 16: whoever has not proven who it is learns nothing and changes nothing. */
static void test_defect_16_strangers_and_originals(void **state)
{
    (void)state;
    struct harness *h = harness_new();
    char yaml[1024];
    snprintf(yaml, sizeof(yaml), "trusted:\n%s",
             harness_trusted(7, ", legacy: true, address: 192.0.2.7"));
    harness_relay(h, yaml);
    struct caller a = phone_new(&h->relays[0], 1);
    struct fake_connection *original = puppet_link(&h->relays[0], 7, false);
    settle(h);
    for (size_t i = 0; i < original->message_count; i++)
        assert_null(strstr(original->messages[i].text, a.name));
    tell(h, original, 7, "\"aa\"", PATH7 "," VERSION(1));
    expect_hops(h, 0, "aa", 0);
    expect_open(original);
    harness_free(h);
}

/* ---- sizes ---- */

static void register_many(struct harness *h, int relay, int count, struct caller *out)
{
    for (int i = 0; i < count; i++)
        out[i] = phone_new(&h->relays[relay], i + 1);
}

/* A set that is not told whole is asked for when a link comes up. */
static void test_big_set_is_asked_for(void **state)
{
    (void)state;
    char list[8192] = "";
    struct fake_connection *link;
    struct harness *h = with_puppet(&link);
    for (int i = 0; i < 400; i++)
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s\"n%d\"", i == 0 ? "" : ",",
                 i);
    tell(h, link, 7, list, PATH7 "," VERSION(1));
    struct fake_connection *other = puppet_link(&h->relays[0], 6, true);
    sim_sayf(&h->relays[0], other,
             "{\"FederationHello\":{\"tls_fingerprint\":\"%s\",\"chappe\":{\"v\":1,\"hops\":4,"
             "\"accepts_forwarded\":true}}}",
             harness_fingerprint(6));
    skip_messages(other);
    settle(h);
    other->taken += strstr(other->messages[other->taken].text, harness_fingerprint(0)) != NULL;
    expect_message(other, "PresenceUpdate", "\"fingerprints\":[]", BASE(1), VERSION(1), NULL);
    tell(h, other, 7, "", "\"ask\":0");
    size_t seen = 0;
    assert_int_equal(other->message_count - other->taken, 1);
    const char *answer = other->messages[other->taken].text;
    for (int i = 0; i < 400; i++) {
        char quoted[16];
        snprintf(quoted, sizeof(quoted), "\"n%d\"", i);
        seen += strstr(answer, quoted) != NULL;
    }
    assert_int_equal(seen, 400);
    assert_non_null(strstr(answer, "\"last\":255"));
    harness_free(h);
}

/* ---- after a death ---- */

static void test_adoption(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, chain, 2, 2, true);
    struct caller a = phone_new(&h->relays[0], 1);
    struct caller b = phone_new(&h->relays[1], 2);
    settle(h);
    uint64_t before = 0;
    for (int i = 0; i < 3; i++)
        sim_adopt(&h->relays[i]);
    before = sent(h);
    expect_hops(h, 1, a.name, 1);
    expect_hops(h, 2, a.name, 2);
    expect_hops(h, 2, b.name, 1);
    expect_hops(h, 0, b.name, 1);
    settle(h);
    assert_int_equal(sent(h), before); /* nothing is said again */
    assert_int_equal(core_counters(h->relays[2].core)->records_unreadable, 0);
    struct caller d = phone_new(&h->relays[0], 3);
    sim_hang(b.relay, b.conn);
    settle(h);
    expect_hops(h, 2, d.name, 2);
    expect_hops(h, 2, b.name, 0);
    expect_hops(h, 2, a.name, 2);
    harness_free(h);
}

/* The control planes die before every event. */
static void test_adopt_before_every_event(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, chain, 2, 2, true);
    h->adopt_every = 1;
    struct caller people[12];
    register_many(h, 0, 12, people);
    settle(h);
    for (int i = 0; i < 12; i += 2)
        sim_hang(people[i].relay, people[i].conn);
    settle(h);
    for (int i = 0; i < 12; i++)
        expect_hops(h, 2, people[i].name, i % 2 == 0 ? 0 : 2);
    harness_cut(h, 1, 2);
    harness_pass(h, 5 * CLOCK_SECOND);
    for (int i = 0; i < 12; i++)
        expect_hops(h, 2, people[i].name, i % 2 == 0 ? 0 : 2);
    harness_free(h);
}

/* A data plane that starts anew has no phones; its versions are higher all the same. */
static void test_restart(void **state)
{
    (void)state;
    struct harness *h = mesh_new(3, chain, 2, 2, true);
    struct caller a = phone_new(&h->relays[0], 1);
    struct caller people[5];
    register_many(h, 0, 5, people);
    settle(h);
    harness_cut(h, 0, 1);
    sim_restart(&h->relays[0]);
    harness_pass(h, 5 * CLOCK_SECOND);
    expect_hops(h, 2, a.name, 0);
    struct caller b = phone_new(&h->relays[0], 9);
    settle(h);
    expect_hops(h, 2, b.name, 2);
    harness_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pair),
        cmocka_unit_test(test_deltas),
        cmocka_unit_test(test_renewal_is_silent),
        cmocka_unit_test(test_hop_limit),
        cmocka_unit_test(test_delegate),
        cmocka_unit_test(test_link_lost),
        cmocka_unit_test(test_other_way_round),
        cmocka_unit_test(test_two_places),
        cmocka_unit_test(test_gap_is_asked_for),
        cmocka_unit_test(test_liar_is_asked_once),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_an_origin_speaks_for_itself),
        cmocka_unit_test(test_too_high_a_version_goes_with_who_told_of_it),
        cmocka_unit_test(test_a_stale_version_replaces_nothing),
        cmocka_unit_test(test_half_a_listing_is_asked_for_again),
        cmocka_unit_test(test_defect_16_strangers_and_originals),
        cmocka_unit_test(test_big_set_is_asked_for),
        cmocka_unit_test(test_adoption),
        cmocka_unit_test(test_adopt_before_every_event),
        cmocka_unit_test(test_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
