#include "flows.h"

/* ---- the flows ---- */

static void callee_hangs_up_without_id(struct flow_world *w)
{
    step_talk(w);
    phone_hangup(&w->b, NULL);
    step_await(w, w->a.conn, "Hangup");
}

static void privacy(struct flow_world *w)
{
    step_ring(w);
    step_answer(w, "AcceptGeneric");
    step_look(w, "set up");
    phone_hangup(&w->a, STEP_ID);
    step_await(w, w->b.conn, "Hangup");
}

static void rejected(struct flow_world *w)
{
    step_ring(w);
    phone_answer(&w->b, STEP_ID, "Reject");
    step_await(w, w->a.conn, "Hangup");
}

static void cancelled(struct flow_world *w)
{
    step_ring(w);
    phone_hangup(&w->a, STEP_ID);
    step_await(w, w->b.conn, "Hangup");
}

/* Without waiting for CallRinging. To be headless for a while would change the flow: which of the
   two is first depends on their connections. */
static void cancelled_at_once(struct flow_world *w)
{
    if (w->rest > 0)
        return;
    phone_offer(&w->a, w->b.name, STEP_ID);
    phone_hangup(&w->a, STEP_ID);
    step_await(w, w->b.conn, "Hangup");
}

static void unanswered(struct flow_world *w)
{
    step_ring(w);
    step_look(w, "ringing");
    harness_pass(w->h, 61 * CLOCK_SECOND);
    step_await(w, w->a.conn, "Hangup");
    step_await(w, w->b.conn, "Hangup");
}

static void nobody_there(struct flow_world *w)
{
    phone_offer(&w->a, "0123:4567:89ab:cdef:0123:4567:89ab:cdef", STEP_ID);
    step_await(w, w->a.conn, "Hangup");
}

static void caller_lost_ringing(struct flow_world *w)
{
    step_ring(w);
    step_gone(w, w->ra, w->a.conn);
    step_await(w, w->b.conn, "Hangup");
}

static void callee_lost_ringing(struct flow_world *w)
{
    step_ring(w);
    step_gone(w, w->rb, w->b.conn);
    step_await(w, w->a.conn, "Hangup");
}

static void caller_lost_talking(struct flow_world *w)
{
    struct step_media m = step_talk(w);
    step_gone(w, w->ra, m.a);
    step_gone(w, w->ra, w->a.conn);
    step_await(w, w->b.conn, "Hangup");
}

static void callee_lost_talking(struct flow_world *w)
{
    step_talk(w);
    step_gone(w, w->rb, w->b.conn);
    step_await(w, w->a.conn, "Hangup");
}

static void both_lost(struct flow_world *w)
{
    struct step_media m = step_talk(w);
    step_gone(w, w->ra, w->a.conn);
    step_gone(w, w->rb, w->b.conn);
    step_gone(w, w->rb, m.b);
    step_gone(w, w->ra, m.a);
}

static void registers_again(struct flow_world *w)
{
    step_ring(w);
    w->b = step_come(w, w->rb, 2);
    step_await(w, w->b.conn, "DirectCallOffer");
    step_answer(w, "AcceptTrusted");
    w->a = step_come(w, w->ra, 1);
    step_look(w, "moved");
    phone_hangup(&w->a, STEP_ID);
    step_await(w, w->b.conn, "Hangup");
}

static void they_call_each_other(struct flow_world *w)
{
    phone_offer(&w->a, w->b.name, STEP_ID);
    step_await(w, w->b.conn, "DirectCallOffer");
    phone_offer(&w->b, w->a.name, "c2");
    step_await(w, w->a.conn, "DirectCallOffer");
    phone_answer(&w->b, STEP_ID, "AcceptTrusted");
    step_await(w, w->b.conn, "CallSetup");
    step_look(w, "one of two");
    phone_hangup(&w->b, "c2");
    step_await(w, w->a.conn, "Hangup");
    phone_hangup(&w->a, NULL);
    step_await(w, w->b.conn, "Hangup");
}

static void two_calls_in_a_row(struct flow_world *w)
{
    step_ring(w);
    phone_answer(&w->b, STEP_ID, "Reject");
    step_await(w, w->a.conn, "Hangup");
    phone_offer(&w->a, w->b.name, STEP_ID); /* refused: used before */
    phone_offer(&w->a, w->b.name, "c2");
    step_await(w, w->b.conn, "DirectCallOffer");
    phone_answer(&w->b, "c2", "AcceptTrusted");
    step_await(w, w->a.conn, "CallSetup");
    phone_hangup(&w->a, "c2");
    step_await(w, w->b.conn, "Hangup");
}

/* Everything that a phone can ask besides, in one go. */
static void questions(struct flow_world *w)
{
    sim_say(w->ra, w->a.conn, "{\"Ping\":{\"timestamp_ms\":1}}");
    sim_say(w->ra, w->a.conn, "\"Reflect\"");
    sim_say(w->ra, w->a.conn, "{\"NoSuchVariant\":{}}");
    sim_say(w->ra, w->a.conn, "not even JSON");
    sim_say(w->ra, w->a.conn, "{\"Ping\":{\"timestamp_ms\":2}}");
    step_await(w, w->a.conn, "Pong");
    step_await(w, w->a.conn, "Pong");
    step_talk(w);
    sim_say(w->rb, w->b.conn,
            "{\"MediaPathReport\":{\"call_id\":\"c1\",\"direct_ok\":true,\"race_winner\":\"x\"}}");
    harness_pass(w->h, CLOCK_SECOND);
}

static void room(struct flow_world *w)
{
    struct fake_connection *x = step_join(w, &w->a, "general");
    struct fake_connection *y = step_join(w, &w->b, "general");
    step_await(w, x, "RoomUpdate");
    step_look(w, "together");
    step_gone(w, w->rb, y);
    step_await(w, x, "RoomUpdate");
    step_gone(w, w->ra, x);
}

/* Both relays tell their own when the other's comes and goes. */
static void federated_room(struct flow_world *w)
{
    room(w);
}

static void federated_room_apart(struct flow_world *w)
{
    struct fake_connection *x = step_join(w, &w->a, "general");
    struct fake_connection *y = step_join(w, &w->b, "general");
    step_await(w, x, "RoomUpdate");
    step_cut(w, 0, 1);
    step_await(w, x, "RoomUpdate");
    step_await(w, y, "RoomUpdate");
    step_look(w, "apart");
    step_mend(w, 0, 1);
    step_await(w, x, "RoomUpdate");
    step_await(w, y, "RoomUpdate");
    step_look(w, "together");
    step_gone(w, w->ra, x);
    step_await(w, y, "RoomUpdate");
    step_gone(w, w->rb, y);
}

static void stranger_in_call_room(struct flow_world *w)
{
    struct step_media m = step_talk(w);
    struct caller c = step_come(w, w->ra, 3);
    struct fake_connection *conn = phone_join(&c, STEP_ROOM);
    for (int i = 0; i < 100 && !conn->closing; i++)
        harness_pass(w->h, CLOCK_SECOND);
    assert_true(conn->closing);
    step_gone(w, w->ra, m.a);
    step_await(w, m.b, "RoomUpdate");
}

static void link_lost_ringing(struct flow_world *w)
{
    step_ring(w);
    step_cut(w, 0, 1);
    step_look(w, "apart");
    step_mend(w, 0, 1);
    step_answer(w, "AcceptTrusted");
    phone_hangup(&w->b, STEP_ID);
    step_await(w, w->a.conn, "Hangup");
}

static void answered_without_link(struct flow_world *w)
{
    step_ring(w);
    step_cut(w, 0, 1);
    phone_answer(&w->b, STEP_ID, "AcceptTrusted");
    step_await(w, w->b.conn, "CallSetup");
    step_look(w, "apart");
    step_mend(w, 0, 1);
    step_await(w, w->a.conn, "CallSetup");
    step_look(w, "together");
    phone_hangup(&w->b, STEP_ID);
    step_await(w, w->a.conn, "Hangup");
}

static void hung_up_without_link(struct flow_world *w)
{
    step_talk(w);
    step_cut(w, 0, 1);
    phone_hangup(&w->a, STEP_ID);
    harness_pass(w->h, CLOCK_SECOND);
    step_look(w, "apart");
    step_mend(w, 0, 1);
    step_await(w, w->b.conn, "Hangup");
}

static void link_lost_for_good(struct flow_world *w)
{
    step_talk(w);
    step_cut(w, 0, 1);
    harness_pass(w->h, 31 * CLOCK_SECOND);
    step_await(w, w->a.conn, "Hangup");
    step_await(w, w->b.conn, "Hangup");
    step_mend(w, 0, 1);
    harness_pass(w->h, 60 * CLOCK_SECOND); /* media connections are closed */
}

static void link_lost_for_a_moment(struct flow_world *w)
{
    step_ring(w);
    harness_cut(w->h, 0, 1);
    step_mend(w, 0, 1);
    step_answer(w, "AcceptTrusted");
    phone_hangup(&w->b, STEP_ID);
    step_await(w, w->a.conn, "Hangup");
}

static void rim_is_slow(struct flow_world *w)
{
    step_ring(w);
    step_answer(w, "AcceptTrusted");
    w->ra->hold_answers = true;
    struct fake_connection *x = phone_join(&w->a, STEP_ROOM);
    sim_say(w->ra, x, "{\"Ping\":{\"timestamp_ms\":3}}");
    sim_say(w->ra, w->a.conn, "{\"Ping\":{\"timestamp_ms\":4}}");
    step_await(w, w->a.conn, "Pong");
    w->ra->hold_answers = false;
    step_await(w, x, "CallAnswer");
    step_join(w, &w->b, STEP_ROOM);
    step_await(w, x, "RoomUpdate");
    step_look(w, "talking");
    phone_hangup(&w->a, STEP_ID);
    step_await(w, w->b.conn, "Hangup");
}

/* ---- with a relay of the original kind ---- */

#define STRANGER "0123:4567:89ab:cdef:0123:4567:89ab:cdef"

static struct fake_connection *original_links(struct flow_world *w)
{
    struct fake_connection *conn = sim_connect_from(w->ra, "_federation", "192.0.2.7:4433", 0);
    sim_sayf(w->ra, conn, "{\"FederationHello\":{\"tls_fingerprint\":\"%s\"}}",
             harness_fingerprint(9));
    harness_pass(w->h, w->rest); /* it says nothing that could be waited for */
    return conn;
}

static void original_says(struct flow_world *w, struct fake_connection *conn, const char *inner)
{
    sim_sayf(w->ra, conn, "{\"FederatedSignalForward\":{\"inner\":%s,\"origin_relay_fp\":\"%s\"}}",
             inner, harness_fingerprint(9));
}

static void original_is_called(struct flow_world *w)
{
    struct fake_connection *original = original_links(w);
    phone_offer(&w->a, STRANGER, STEP_ID);
    step_await(w, original, "FederatedSignalForward");
    step_await(w, w->a.conn, "CallRinging");
    original_says(w, original,
                  "{\"DirectCallAnswer\":{\"call_id\":\"" STEP_ID
                  "\",\"accept_mode\":\"AcceptTrusted\"}}");
    step_await(w, w->a.conn, "CallSetup");
    step_look(w, "set up");
    original_says(w, original, "{\"Hangup\":{\"reason\":\"Normal\"}}");
    step_await(w, w->a.conn, "Hangup");
    step_gone(w, w->ra, original);
}

static void original_calls(struct flow_world *w)
{
    struct fake_connection *original = original_links(w);
    char offer[2048];
    snprintf(offer, sizeof(offer),
             "{\"DirectCallOffer\":{\"caller_fingerprint\":\"" STRANGER "\",\"caller_alias\":null,"
             "\"target_fingerprint\":\"%s\",\"call_id\":\"" STEP_ID "\",\"identity_pub\":%s,"
             "\"ephemeral_pub\":%s,\"signature\":[],\"supported_profiles\":[]}}",
             w->b.name, key_json(0), key_json(0));
    original_says(w, original, offer);
    step_await(w, w->b.conn, "DirectCallOffer");
    phone_answer(&w->b, STEP_ID, "AcceptTrusted");
    step_await(w, original, "FederatedSignalForward");
    step_await(w, w->b.conn, "CallSetup");
    step_join(w, &w->b, STEP_ROOM);
    step_look(w, "set up");
    phone_hangup(&w->b, STEP_ID);
    step_await(w, original, "FederatedSignalForward");
}

/* ---- over three links ---- */

static void middle_lost_talking(struct flow_world *w)
{
    step_talk(w);
    step_cut(w, 1, 2);
    step_look(w, "apart");
    harness_pass(w->h, 31 * CLOCK_SECOND);
    step_await(w, w->a.conn, "Hangup");
    step_await(w, w->b.conn, "Hangup");
    step_mend(w, 1, 2);
    harness_pass(w->h, 60 * CLOCK_SECOND); /* media connections are closed */
}

static void hung_up_without_middle(struct flow_world *w)
{
    step_ring(w);
    step_answer(w, "AcceptTrusted");
    step_cut(w, 1, 2);
    phone_hangup(&w->a, STEP_ID);
    harness_pass(w->h, CLOCK_SECOND);
    step_look(w, "apart");
    step_mend(w, 1, 2);
    step_await(w, w->b.conn, "Hangup");
}

const struct flow flows[] = {
    {"caller hangs up", step_whole_call, true, true, true},
    {"callee hangs up without an id", callee_hangs_up_without_id, true, true, true},
    {"privacy", privacy, true, true, false},
    {"rejected", rejected, true, true, true},
    {"cancelled", cancelled, true, true, true},
    {"cancelled at once", cancelled_at_once, true, true, false},
    {"unanswered", unanswered, true, true, true},
    {"nobody there", nobody_there, true, true, false},
    {"caller lost, ringing", caller_lost_ringing, true, true, true},
    {"callee lost, ringing", callee_lost_ringing, true, true, true},
    {"caller lost, talking", caller_lost_talking, true, true, true},
    {"callee lost, talking", callee_lost_talking, true, true, true},
    {"both lost", both_lost, true, true, false},
    {"registers again", registers_again, true, true, true},
    {"they call each other", they_call_each_other, true, true, false},
    {"two calls in a row", two_calls_in_a_row, true, true, false},
    {"questions", questions, true, true, true},
    {"room", room, true, false, false},
    {"federated room", federated_room, false, true, false},
    {"federated room, the link lost", federated_room_apart, false, true, false},
    {"stranger in a call room", stranger_in_call_room, true, true, false},
    {"link lost, ringing", link_lost_ringing, false, true, true},
    {"answered without a link", answered_without_link, false, true, false},
    {"hung up without a link", hung_up_without_link, false, true, false},
    {"link lost for good", link_lost_for_good, false, true, false},
    {"link lost for a moment", link_lost_for_a_moment, false, true, true},
    {"the rim is slow", rim_is_slow, true, true, false},
    {"an original is called", original_is_called, true, false, false},
    {"an original calls", original_calls, true, false, false},
    {"a link in the middle lost, talking", middle_lost_talking, false, false, true},
    {"hung up without a link in the middle", hung_up_without_middle, false, false, true},
};
const size_t flow_count = sizeof(flows) / sizeof(flows[0]);

/* ---- playing ---- */

/* On the wire so far, in the data planes, and what operators are shown. */
static void print_all(struct relay *r, struct buffer *out)
{
    fake_plane_print(&r->plane, out);
    step_print_view(out, "session", core_view_sessions(r->core));
    step_print_view(out, "room", core_view_rooms(r->core));
    step_print_view(out, "call", core_view_calls(r->core));
    step_print_view(out, "presence", core_view_presence(r->core));
}

/* What is announced for a global room and for a call has no order, so where time may differ there
   is no global room across the relays. */
static void make_relays(struct flow_world *w, bool across)
{
    const char *rooms = w->rest == 0 ? "global_rooms: [general]\n" : "";
    char yaml[512];
    snprintf(yaml, sizeof(yaml), "peers:\n%s%s", harness_peer(1, ""), rooms);
    if (!across)
        snprintf(yaml, sizeof(yaml), "trusted:\n%sglobal_rooms: [general]\n",
                 harness_trusted(9, ", legacy: true, address: \"192.0.2.7\""));
    w->ra = w->rb = harness_relay(w->h, yaml);
    if (!across)
        return;
    snprintf(yaml, sizeof(yaml), "trusted:\n%s%s", harness_trusted(0, ""), rooms);
    w->rb = harness_relay(w->h, yaml);
}

bool flow_federates(const struct flow *flow)
{
    return flow->play == federated_room || flow->play == federated_room_apart;
}

/* Each dials the next one. */
static void make_chain(struct flow_world *w, int count)
{
    static const char more[] = ", delegate: true";
    char yaml[1024];
    for (int i = 0; i < count; i++) {
        snprintf(yaml, sizeof(yaml), "limits: { federation_hops: 3 }\n");
        size_t at = strlen(yaml);
        if (i + 1 < count)
            at += (size_t)snprintf(yaml + at, sizeof(yaml) - at, "peers:\n%s",
                                   harness_peer(i + 1, more));
        if (i > 0)
            snprintf(yaml + at, sizeof(yaml) - at, "trusted:\n%s", harness_trusted(i - 1, more));
        w->rb = harness_relay(w->h, yaml);
    }
    w->ra = &w->h->relays[0];
}

static void count_steps(struct flow_world *w, const struct flow_run *run)
{
    for (int i = 0; i < w->h->relay_count; i++) {
        w->h->relays[i].deaths = run->deaths[i];
        w->h->relays[i].steps = 0;
    }
}

static void come_and_wait(struct flow_world *w)
{
    harness_pass(w->h, CLOCK_SECOND + w->rest);
    w->a = step_come(w, w->ra, 1);
    w->b = step_come(w, w->rb, 2);
    if (w->h->relay_count > 2)
        harness_pass(w->h, 2 * CLOCK_SECOND); /* for presence */
}

/* What happens on several links of a chain at a time has no order, so control planes die from the
   first call on. */
void flow_play(const struct flow_run *run, struct buffer *seen, size_t steps[HARNESS_RELAYS_MAX],
               size_t *died)
{
    struct flow_world w = {.h = harness_new(), .rest = run->rest, .seen = seen, .print = print_all};
    if (run->relays > 2) {
        make_chain(&w, run->relays);
        come_and_wait(&w);
        count_steps(&w, run);
    } else {
        make_relays(&w, run->relays == 2);
        count_steps(&w, run);
        come_and_wait(&w);
    }
    run->flow->play(&w);
    step_look(&w, "over");
    harness_pass(w.h, 300 * CLOCK_SECOND);
    step_look(&w, "long over");
    *died = 0;
    for (int i = 0; i < w.h->relay_count; i++) {
        steps[i] = w.h->relays[i].steps;
        *died += w.h->relays[i].died;
        assert_int_equal(w.h->relays[i].plane.swept, 0);
    }
    buffer_append_u8(seen, 0);
    harness_free(w.h);
}
