/*
 * Calls between relays that are not neighbours (federation.md, "Calls"): whole relays of ours, from
 * presence to media.
 */
#include "mesh.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOBODY "0000:0000:0000:0000:0000:0000:0000:0000"

static const struct mesh_edge chain[] = {{0, 1}, {1, 2}, {2, 3}};
static const struct mesh_edge triangle[] = {{0, 1}, {1, 2}, {0, 2}};

struct scene {
    struct harness *h;
    struct caller a, b;
};

static void settle(struct scene *s)
{
    harness_pass(s->h, 2 * CLOCK_SECOND);
}

/* Alice at relay 0, Bob at relay `callee`, and presence knows it. */
static struct scene scene_new(const struct mesh_edge *edges, size_t edge_count, int relays,
                              int callee)
{
    struct scene s = {.h = mesh_new(relays, edges, edge_count, relays, true)};
    s.a = phone_new(&s.h->relays[0], 1);
    s.b = phone_new(&s.h->relays[callee], 2);
    settle(&s);
    return s;
}

static struct scene chain_new(void)
{
    return scene_new(chain, COUNT(chain), 4, 3);
}

/* Nothing of any call is left anywhere. */
static void expect_no_calls(struct scene *s)
{
    for (int i = 0; i < s->h->relay_count; i++) {
        struct relay *r = &s->h->relays[i];
        assert_int_equal(view_count(core_view_calls(r->core)), 0);
        assert_int_equal(fake_plane_records_of(&r->plane, "call/"), 0);
        for (size_t k = 0; k < r->plane.route_count; k++)
            assert_string_equal(r->plane.routes[k].room, "general");
    }
}

static void scene_end(struct scene *s)
{
    expect_no_calls(s);
    harness_free(s->h);
}

static void ring_bob(struct scene *s, const char *id)
{
    phone_offer(&s->a, s->b.name, id);
    expect_message(s->b.conn, "DirectCallOffer", id, "\"kept\":1", NULL);
    expect_message(s->a.conn, "CallRinging", id, NULL);
}

static void answer(struct scene *s, struct caller *who, const char *id)
{
    phone_answer(who, id, "AcceptTrusted");
    expect_message(s->a.conn, "DirectCallAnswer", id, NULL);
    expect_message(s->a.conn, "CallSetup", id, NULL);
    expect_message(who->conn, "CallSetup", id, NULL);
}

/* Each is heard once at the other's relay, and nowhere else. */
static void expect_media(struct scene *s, const char *room, const struct caller *a,
                         const struct caller *b)
{
    const struct relay *ends[] = {a->relay, b->relay};
    for (int i = 0; i < 2; i++) {
        int heard[HARNESS_RELAYS_MAX];
        mesh_talk(s->h, ends[i]->number, room, heard);
        for (int at = 0; at < s->h->relay_count; at++)
            assert_int_equal(heard[at], at == ends[1 - i]->number);
    }
}

static void expect_hangups(struct scene *s, const char *reason)
{
    expect_message(s->a.conn, "Hangup", reason, "c1", NULL);
    expect_message(s->b.conn, "Hangup", reason, "c1", NULL);
    expect_silence(s->a.conn);
    expect_silence(s->b.conn);
}

/* ---- three links ---- */

static void talk(struct scene *s)
{
    char label[64]; /* the callee's relay, not the next one */
    snprintf(label, sizeof(label), "\"relay_label\":\"relay-%d\"", s->b.relay->number);
    ring_bob(s, "c1");
    answer(s, &s->b, "c1");
    struct fake_connection *x = phone_join(&s->a, "call-c1");
    struct fake_connection *y = phone_join(&s->b, "call-c1");
    settle(s);
    expect_media(s, "call-c1", &s->a, &s->b);
    assert_non_null(strstr(mesh_roster(x), s->b.name));
    assert_non_null(strstr(mesh_roster(x), label));
    assert_non_null(strstr(mesh_roster(y), s->a.name));
    assert_non_null(strstr(mesh_roster(y), "\"relay_label\":\"relay-0\""));
}

static void test_a_call_over_three_links(void **state)
{
    (void)state;
    struct scene s = chain_new();
    talk(&s);
    sim_say(s.a.relay, s.a.conn,
            "{\"MediaPathReport\":{\"call_id\":\"c1\",\"direct_ok\":false,\"race_winner\":\"x\"}}");
    sim_say(s.b.relay, s.b.conn,
            "{\"MediaPathReport\":{\"call_id\":\"c1\",\"direct_ok\":true,\"race_winner\":\"y\"}}");
    expect_message(s.a.conn, "MediaPathReport", "\"y\"", NULL);
    phone_hangup(&s.a, "c1");
    expect_message(s.b.conn, "Hangup", "Normal", "c1", NULL);
    settle(&s);
    scene_end(&s);
}

/* The same with control planes that live for so many events only. */
static void test_control_planes_come_and_go_meanwhile(void **state)
{
    (void)state;
    for (size_t every = 1; every <= 7; every++) {
        struct scene s = chain_new();
        s.h->adopt_every = every;
        talk(&s);
        phone_hangup(&s.b, "c1");
        expect_message(s.a.conn, "Hangup", "Normal", "c1", NULL);
        settle(&s);
        for (int i = 0; i < 4; i++)
            assert_int_equal(s.h->relays[i].plane.swept, 0);
        scene_end(&s);
    }
}

static void test_ends_of_all_kinds_over_three_links(void **state)
{
    (void)state;
    struct scene s = chain_new();
    ring_bob(&s, "c1");
    phone_answer(&s.b, "c1", "Reject");
    expect_message(s.a.conn, "Hangup", "Declined", "c1", NULL);
    ring_bob(&s, "c2");
    phone_hangup(&s.a, "c2");
    expect_message(s.b.conn, "Hangup", "Normal", "c2", NULL);
    ring_bob(&s, "c3");
    harness_pass(s.h, 61 * CLOCK_SECOND);
    expect_message(s.a.conn, "Hangup", "Timeout", "c3", NULL);
    expect_message(s.b.conn, "Hangup", "Timeout", "c3", NULL);
    ring_bob(&s, "c4");
    answer(&s, &s.b, "c4");
    sim_hang(s.b.relay, s.b.conn);
    expect_message(s.a.conn, "Hangup", "Normal", "c4", "relay", NULL);
    expect_silence(s.a.conn);
    settle(&s);
    phone_offer(&s.a, NOBODY, "c5");
    harness_pass(s.h, CLOCK_SECOND / 10); /* as soon as nobody knows a way to him */
    expect_message(s.a.conn, "Hangup", "Normal", "c5", NULL);
    settle(&s);
    scene_end(&s);
}

/* ---- where presence has him ---- */

static void test_a_callee_at_two_relays(void **state)
{
    (void)state;
    struct scene s = chain_new();
    struct caller b = phone_new(&s.h->relays[2], 2); /* on the way to the other */
    settle(&s);
    for (int i = 0; i < 2; i++) {
        const char *id = i == 0 ? "c1" : "c2";
        struct caller *winner = i == 0 ? &s.b : &b, *other = i == 0 ? &b : &s.b;
        phone_offer(&s.a, s.b.name, id);
        expect_message(s.b.conn, "DirectCallOffer", id, NULL);
        expect_message(b.conn, "DirectCallOffer", id, NULL);
        expect_message(s.a.conn, "CallRinging", id, NULL);
        expect_silence(s.a.conn);
        answer(&s, winner, id);
        expect_message(other->conn, "Hangup", "Normal", id, NULL);
        phone_join(&s.a, i == 0 ? "call-c1" : "call-c2");
        phone_join(winner, i == 0 ? "call-c1" : "call-c2");
        expect_media(&s, i == 0 ? "call-c1" : "call-c2", &s.a, winner);
        phone_answer(other, id, "AcceptTrusted"); /* too late */
        expect_message(other->conn, "Hangup", id, NULL);
        phone_hangup(winner, id);
        expect_message(s.a.conn, "Hangup", id, NULL);
        expect_silence(other->conn);
        settle(&s);
    }
    phone_offer(&s.a, s.b.name, "c3");
    expect_message(s.b.conn, "DirectCallOffer", NULL);
    sim_hang(s.b.relay, s.b.conn); /* one of them goes, the other still rings */
    expect_message(s.a.conn, "CallRinging", NULL);
    expect_silence(s.a.conn);
    expect_message(b.conn, "DirectCallOffer", "c3", NULL);
    answer(&s, &b, "c3");
    phone_hangup(&b, "c3");
    settle(&s);
    scene_end(&s);
}

/* He goes to another relay; news of it are as late as may be: the offer is on its way before. */
static void move(struct scene *s, int to)
{
    sim_hang(s->b.relay, s->b.conn);
    s->b = phone_new(&s->h->relays[to], 2);
}

static void test_the_callee_moves_before_the_offer(void **state)
{
    (void)state;
    for (int to = 0; to < 3; to++) {
        struct scene s = chain_new();
        move(&s, to);
        phone_offer(&s.a, s.b.name, "c1"); /* presence still has him at relay 3 */
        settle(&s);
        expect_message(s.b.conn, "DirectCallOffer", "c1", NULL);
        expect_silence(s.b.conn);
        expect_message(s.a.conn, "CallRinging", NULL);
        answer(&s, &s.b, "c1");
        phone_join(&s.a, "call-c1");
        phone_join(&s.b, "call-c1");
        if (to > 0)
            expect_media(&s, "call-c1", &s.a, &s.b);
        phone_hangup(&s.b, "c1");
        expect_message(s.a.conn, "Hangup", NULL);
        settle(&s);
        scene_end(&s);
    }
}

static void test_the_callee_is_gone_for_good(void **state)
{
    (void)state;
    struct scene s = chain_new();
    sim_hang(s.b.relay, s.b.conn);
    phone_offer(&s.a, s.b.name, "c1");
    settle(&s);
    expect_message(s.a.conn, "Hangup", "Normal", "c1", "relay", NULL);
    expect_silence(s.a.conn);
    scene_end(&s);
}

/* Presence reaches two links, queries for a route any number. */
static void test_beyond_the_reach_of_presence(void **state)
{
    (void)state;
    static const struct mesh_edge longer[] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}};
    struct scene s = {.h = mesh_new(6, longer, COUNT(longer), 2, true)};
    s.a = phone_new(&s.h->relays[0], 1);
    s.b = phone_new(&s.h->relays[5], 2);
    settle(&s);
    phone_offer(&s.a, s.b.name, "c1");
    settle(&s);
    expect_message(s.b.conn, "DirectCallOffer", "c1", NULL);
    expect_message(s.a.conn, "CallRinging", "c1", NULL);
    answer(&s, &s.b, "c1");
    phone_join(&s.a, "call-c1");
    phone_join(&s.b, "call-c1");
    settle(&s);
    expect_media(&s, "call-c1", &s.a, &s.b);
    phone_hangup(&s.b, "c1");
    expect_message(s.a.conn, "Hangup", "Normal", "c1", NULL);
    phone_offer(&s.a, NOBODY, "c2");
    settle(&s);
    expect_message(s.a.conn, "Hangup", "Normal", "c2", NULL);
    s.h->adopt_every = 3; /* the answer may come to another control plane than asked */
    phone_offer(&s.a, s.b.name, "c3");
    settle(&s);
    expect_message(s.b.conn, "DirectCallOffer", "c3", NULL);
    phone_hangup(&s.a, "c3");
    expect_message(s.b.conn, "Hangup", "c3", NULL);
    scene_end(&s);
}

/* ---- originals ---- */

#define REMOTE "1111:1111:1111:1111:1111:1111:1111:1111"
#define ACCEPT "{\"DirectCallAnswer\":{\"call_id\":\"c1\",\"accept_mode\":\"AcceptTrusted\"}}"

struct original_scene {
    struct scene s;
    struct fake_connection *at[3]; /* its links; NULL: none */
};

/* A chain of three; an original, number 7, is linked with those in `linked` (a bit each). */
static struct original_scene original_new(unsigned linked)
{
    struct original_scene o = {.s = {.h = harness_new()}};
    for (int n = 0; n < 3; n++) {
        char yaml[2048] = "global_rooms: [general]\nlimits: { federation_hops: 4 }\n";
        size_t at = strlen(yaml);
        if (n < 2)
            at += (size_t)snprintf(yaml + at, sizeof(yaml) - at, "peers:\n%s",
                                   harness_peer(n + 1, ", delegate: true"));
        at += (size_t)snprintf(yaml + at, sizeof(yaml) - at, "trusted:\n%s",
                               harness_trusted(7, ", legacy: true, address: \"192.0.2.7\""));
        if (n > 0)
            snprintf(yaml + at, sizeof(yaml) - at, "%s",
                     harness_trusted(n - 1, ", delegate: true"));
        harness_relay(o.s.h, yaml);
    }
    harness_pass(o.s.h, 5 * CLOCK_SECOND);
    for (int n = 0; n < 3; n++) {
        if ((linked >> n & 1) != 0)
            o.at[n] = puppet_link(&o.s.h->relays[n], 7, false);
    }
    o.s.a = phone_new(&o.s.h->relays[0], 1);
    settle(&o.s);
    return o;
}

static bool was_offered(struct fake_connection *original)
{
    for (; original != NULL && original->taken < original->message_count; original->taken++) {
        if (strstr(original->messages[original->taken].text, "DirectCallOffer") != NULL)
            return true;
    }
    return false;
}

static void test_an_original_gets_one_copy_by_who_speaks_with_it(void **state)
{
    (void)state;
    for (unsigned linked = 1; linked < 8; linked++) {
        struct original_scene o = original_new(linked);
        /* Its neighbour, else the publisher with the lowest fingerprint. */
        int speaker = (linked & 1) != 0 ? 0 : (linked & 2) != 0 ? 1 : 2;
        phone_offer(&o.s.a, REMOTE, "c1");
        settle(&o.s);
        for (int n = 0; n < 3; n++)
            assert_int_equal(was_offered(o.at[n]), n == speaker);
        expect_message(o.s.a.conn, "CallRinging", "c1", NULL); /* it may have him */
        puppet_forward(&o.s.h->relays[speaker], o.at[speaker], 7, ACCEPT);
        expect_message(o.s.a.conn, "DirectCallAnswer", NULL);
        expect_message(o.s.a.conn, "CallSetup", NULL);
        phone_hangup(&o.s.a, "c1");
        settle(&o.s);
        scene_end(&o.s);
    }
}

static void test_an_original_calls_somebody_behind_us(void **state)
{
    (void)state;
    struct original_scene o = original_new(4);
    struct relay *r = &o.s.h->relays[2];
    puppet_forward(r, o.at[2], 7, offer_json(REMOTE, o.s.a.name, "c1"));
    expect_message(o.s.a.conn, "DirectCallOffer", "c1", NULL);
    skip_messages(o.at[2]);
    phone_answer(&o.s.a, "c1", "AcceptTrusted");
    expect_message(o.s.a.conn, "CallSetup", NULL);
    expect_message(o.at[2], "FederatedSignalForward", "DirectCallAnswer", harness_fingerprint(2),
                   NULL);
    phone_hangup(&o.s.a, "c1");
    expect_message(o.at[2], "FederatedSignalForward", "Hangup", "c1", NULL);
    puppet_forward(r, o.at[2], 7, offer_json(REMOTE, NOBODY, "c2"));
    expect_silence(o.at[2]); /* it would not understand a "not here" */
    settle(&o.s);
    scene_end(&o.s);
}

/* ---- who may ---- */

static void test_without_delegate_only_neighbours_are_called(void **state)
{
    (void)state;
    struct scene s = {.h = mesh_new(3, chain, 2, 4, false)};
    s.a = phone_new(&s.h->relays[0], 1);
    s.b = phone_new(&s.h->relays[2], 2);
    settle(&s);
    phone_offer(&s.a, s.b.name, "c1");
    settle(&s);
    expect_message(s.a.conn, "Hangup", "Normal", "c1", NULL);
    expect_silence(s.b.conn);
    move(&s, 1);
    settle(&s);
    phone_offer(&s.a, s.b.name, "c2");
    expect_message(s.b.conn, "DirectCallOffer", NULL);
    phone_hangup(&s.a, "c2");
    scene_end(&s);
}

/* In a mesh full of cycles an offer and all that follows take each link once. */
static void test_no_message_goes_round(void **state)
{
    (void)state;
    struct scene s = scene_new(triangle, COUNT(triangle), 3, 2);
    ring_bob(&s, "c1");
    answer(&s, &s.b, "c1");
    assert_int_equal(view_count(core_view_calls(s.h->relays[1].core)), 0);
    phone_hangup(&s.a, "c1");
    settle(&s);
    for (int i = 0; i < 3; i++)
        assert_int_equal(core_counters(s.h->relays[i].core)->forwards_repeated, 0);
    scene_end(&s);
}

/* ---- links and relays that go away ---- */

static void test_the_middle_dies_while_it_rings(void **state)
{
    (void)state;
    struct scene s = chain_new();
    ring_bob(&s, "c1");
    for (int i = 0; i < 4; i++)
        s.h->relays[i].down = true;
    harness_cut(s.h, 0, 1);
    harness_cut(s.h, 1, 2);
    sim_restart(&s.h->relays[1]);
    harness_pass(s.h, 61 * CLOCK_SECOND);
    expect_hangups(&s, "Timeout");
    harness_pass(s.h, 70 * CLOCK_SECOND);
    scene_end(&s);
}

static void test_the_middle_dies_while_they_talk(void **state)
{
    (void)state;
    struct scene s = chain_new();
    talk(&s);
    for (int i = 0; i < 4; i++)
        s.h->relays[i].down = true;
    harness_cut(s.h, 0, 1);
    harness_cut(s.h, 1, 2);
    sim_restart(&s.h->relays[1]);
    harness_pass(s.h, 31 * CLOCK_SECOND);
    expect_hangups(&s, "Error");
    harness_pass(s.h, 70 * CLOCK_SECOND);
    scene_end(&s);
}

/* ---- another way ---- */

static void expect_rerouted(struct scene *s)
{
    expect_silence(s->a.conn);
    expect_silence(s->b.conn);
    expect_media(s, "call-c1", &s->a, &s->b);
    if (s->h->adopt_every == 0) /* counts end with the control plane */
        assert_true(core_counters(s->h->relays[0].core)->calls_rerouted > 0);
}

/* The call is over at once, and after a while nothing is left of it, wherever it has been. */
static void end_call(struct scene *s)
{
    phone_hangup(&s->b, "c1");
    expect_message(s->a.conn, "Hangup", "Normal", "c1", NULL);
    expect_silence(s->a.conn);
    harness_pass(s->h, 130 * CLOCK_SECOND);
    scene_end(s);
}

static void test_the_middle_restarts_while_they_talk(void **state)
{
    (void)state;
    for (size_t every = 0; every <= 3; every++) {
        struct scene s = chain_new();
        s.h->adopt_every = every;
        talk(&s);
        harness_cut(s.h, 0, 1);
        harness_cut(s.h, 1, 2);
        sim_restart(&s.h->relays[1]);
        harness_pass(s.h, 10 * CLOCK_SECOND); /* it has never heard of the call */
        expect_rerouted(&s);
        harness_pass(s.h, 40 * CLOCK_SECOND);
        expect_rerouted(&s);
        end_call(&s);
    }
}

static const struct mesh_edge square[] = {{0, 1}, {1, 2}, {2, 3}, {0, 3}};

static void test_a_relay_on_the_way_dies(void **state)
{
    (void)state;
    for (size_t every = 0; every <= 3; every++) {
        struct scene s = scene_new(square, COUNT(square), 4, 2);
        s.h->adopt_every = every;
        talk(&s);
        for (int i = 0; i < 3; i++)
            s.h->relays[i].down = true;
        harness_cut(s.h, 0, 1);
        harness_cut(s.h, 1, 2);
        sim_restart(&s.h->relays[1]);
        harness_pass(s.h, CLOCK_SECOND);
        expect_rerouted(&s);
        end_call(&s);
    }
}

/* Whichever link of the way is cut: it is bypassed, by a way that may share relays with the old. */
static void test_a_link_on_the_way_is_cut(void **state)
{
    (void)state;
    static const struct mesh_edge ladder[] = {{0, 1}, {1, 2}, {2, 3}, {0, 4}, {4, 1},
                                              {4, 2}, {2, 5}, {5, 3}, {1, 5}};
    for (int link = 0; link < 3; link++) {
        for (size_t every = 0; every <= 2; every++) {
            struct scene s = {.h = mesh_new(6, ladder, COUNT(ladder), 5, true)};
            s.a = phone_new(&s.h->relays[0], 1);
            s.b = phone_new(&s.h->relays[3], 2);
            settle(&s);
            s.h->adopt_every = every;
            talk(&s);
            s.h->relays[link].down = s.h->relays[link + 1].down = true;
            harness_cut(s.h, link, link + 1);
            harness_pass(s.h, 2 * CLOCK_SECOND);
            expect_rerouted(&s);
            harness_pass(s.h, 40 * CLOCK_SECOND); /* what is left of the old way ends */
            expect_media(&s, "call-c1", &s.a, &s.b);
            expect_silence(s.a.conn);
            end_call(&s);
        }
    }
}

/* `from` says to `to` that the way between them is over, because of this attempt. */
static void end_way(struct scene *s, int from, int to, int again)
{
    const char *relay = harness_fingerprint(from);
    sim_sayf(&s->h->relays[to], sim_link_connection(&s->h->relays[to], from),
             "{\"FederatedSignalForward\":{\"inner\":{\"Hangup\":{\"reason\":\"Normal\","
             "\"call_id\":\"c1\",\"chappe\":{\"by\":\"relay\"}}},\"origin_relay_fp\":\"%s\","
             "\"chappe\":{\"origin\":\"%s\",\"hops\":3,\"id\":\"end-%d\",\"again\":%d}}}",
             relay, relay, again, again);
}

/* A late offer made a way that the caller's relay no longer tried: the way that it has is over. */
static void test_the_callee_has_taken_an_older_way(void **state)
{
    (void)state;
    struct scene s = scene_new(triangle, COUNT(triangle), 3, 2);
    talk(&s);
    harness_cut(s.h, 0, 2);
    harness_pass(s.h, 3 * CLOCK_SECOND);
    expect_rerouted(&s);
    uint64_t before = core_counters(s.h->relays[0].core)->calls_rerouted;
    end_way(&s, 1, 0, 1);
    harness_pass(s.h, 3 * CLOCK_SECOND);
    assert_int_equal(core_counters(s.h->relays[0].core)->calls_rerouted, before + 1);
    harness_pass(s.h, 40 * CLOCK_SECOND);
    expect_rerouted(&s);
    end_call(&s);
}

/* The caller's relay has other plans, which do not reach the callee's: that waits, and ends. */
static void test_the_caller_has_tried_a_newer_way(void **state)
{
    (void)state;
    struct scene s = scene_new(triangle, COUNT(triangle), 3, 2);
    talk(&s);
    end_way(&s, 0, 2, 7);
    harness_pass(s.h, 20 * CLOCK_SECOND);
    expect_silence(s.a.conn);
    expect_media(&s, "call-c1", &s.a, &s.b);
    harness_pass(s.h, 15 * CLOCK_SECOND);
    expect_hangups(&s, "Error");
    harness_pass(s.h, 130 * CLOCK_SECOND);
    scene_end(&s);
}

/* The way is cut again while another one is looked for: that begins anew, and does end. */
static void test_cut_twice(void **state)
{
    (void)state;
    static const struct mesh_edge edges[] = {{1, 0}, {1, 2}, {0, 3}};
    struct scene s = scene_new(edges, COUNT(edges), 4, 2);
    talk(&s);
    s.h->relays[0].down = true;
    harness_cut(s.h, 0, 1);
    harness_pass(s.h, 20 * CLOCK_SECOND);
    s.h->relays[0].down = false;
    sim_restart(&s.h->relays[2]);
    sim_restart(&s.h->relays[1]); /* it has lost the call */
    harness_pass(s.h, 15 * CLOCK_SECOND);
    harness_cut(s.h, 0, 3);
    expect_silence(s.a.conn);
    harness_pass(s.h, 20 * CLOCK_SECOND);
    expect_message(s.a.conn, "Hangup", "Error", "c1", NULL);
    harness_pass(s.h, 130 * CLOCK_SECOND);
    scene_end(&s);
}

/* What the new way leaves of the old one is over at once, though no link of it is lost. */
static void test_the_rest_of_the_old_way_is_told(void **state)
{
    (void)state;
    static const struct mesh_edge shortcut[] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {0, 5}, {5, 3}};
    struct scene s = {.h = mesh_new(6, shortcut, COUNT(shortcut), 5, true)};
    s.h->relays[5].down = true;
    harness_cut(s.h, 0, 5);
    s.a = phone_new(&s.h->relays[0], 1);
    s.b = phone_new(&s.h->relays[4], 2);
    settle(&s);
    talk(&s);
    s.h->relays[5].down = false;
    harness_pass(s.h, 70 * CLOCK_SECOND);
    s.h->relays[0].down = s.h->relays[1].down = true;
    harness_cut(s.h, 0, 1);
    settle(&s);
    expect_rerouted(&s);
    for (int i = 1; i <= 2; i++)
        assert_int_equal(view_count(core_view_calls(s.h->relays[i].core)), 0);
    end_call(&s);
}

static void test_each_link_may_be_lost_for_a_moment(void **state)
{
    (void)state;
    for (int link = 0; link < 3; link++) {
        struct scene s = chain_new();
        ring_bob(&s, "c1");
        harness_cut(s.h, link, link + 1);
        harness_pass(s.h, 3 * CLOCK_SECOND);
        answer(&s, &s.b, "c1");
        phone_join(&s.a, "call-c1");
        phone_join(&s.b, "call-c1");
        settle(&s);
        harness_cut(s.h, link, link + 1);
        harness_pass(s.h, 40 * CLOCK_SECOND);
        expect_silence(s.a.conn);
        expect_media(&s, "call-c1", &s.a, &s.b);
        phone_hangup(&s.a, "c1");
        expect_message(s.b.conn, "Hangup", NULL);
        settle(&s);
        scene_end(&s);
    }
}

static void test_said_while_a_link_was_down(void **state)
{
    (void)state;
    for (int link = 0; link < 3; link++) {
        struct scene s = chain_new();
        ring_bob(&s, "c1");
        harness_cut(s.h, link, link + 1);
        phone_answer(&s.b, "c1", "AcceptTrusted");
        harness_pass(s.h, 3 * CLOCK_SECOND);
        expect_message(s.b.conn, "CallSetup", NULL);
        expect_message(s.a.conn, "DirectCallAnswer", NULL);
        expect_message(s.a.conn, "CallSetup", NULL);
        harness_cut(s.h, link, link + 1);
        phone_hangup(&s.a, "c1");
        harness_pass(s.h, 3 * CLOCK_SECOND);
        expect_message(s.b.conn, "Hangup", "Normal", "c1", NULL);
        scene_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_over_three_links),
        cmocka_unit_test(test_control_planes_come_and_go_meanwhile),
        cmocka_unit_test(test_ends_of_all_kinds_over_three_links),
        cmocka_unit_test(test_a_callee_at_two_relays),
        cmocka_unit_test(test_the_callee_moves_before_the_offer),
        cmocka_unit_test(test_the_callee_is_gone_for_good),
        cmocka_unit_test(test_beyond_the_reach_of_presence),
        cmocka_unit_test(test_an_original_gets_one_copy_by_who_speaks_with_it),
        cmocka_unit_test(test_an_original_calls_somebody_behind_us),
        cmocka_unit_test(test_without_delegate_only_neighbours_are_called),
        cmocka_unit_test(test_no_message_goes_round),
        cmocka_unit_test(test_the_middle_dies_while_it_rings),
        cmocka_unit_test(test_the_middle_dies_while_they_talk),
        cmocka_unit_test(test_the_middle_restarts_while_they_talk),
        cmocka_unit_test(test_a_relay_on_the_way_dies),
        cmocka_unit_test(test_a_link_on_the_way_is_cut),
        cmocka_unit_test(test_the_callee_has_taken_an_older_way),
        cmocka_unit_test(test_the_caller_has_tried_a_newer_way),
        cmocka_unit_test(test_cut_twice),
        cmocka_unit_test(test_the_rest_of_the_old_way_is_told),
        cmocka_unit_test(test_each_link_may_be_lost_for_a_moment),
        cmocka_unit_test(test_said_while_a_link_was_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
