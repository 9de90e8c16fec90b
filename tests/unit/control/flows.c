#include "flows.h"

#define ID "c1"
#define ROOM "call-c1"
#define PAUSE (100 * CLOCK_MS)

/* ---- the steps of a flow ---- */

static bool has_come(struct fake_connection *conn, const char *start)
{
    for (; conn->taken < conn->message_count; conn->taken++) {
        if (strncmp(conn->messages[conn->taken].text, start, strlen(start)) == 0) {
            conn->taken++;
            return true;
        }
    }
    return false;
}

static void await(struct flow_world *w, struct fake_connection *conn, const char *variant)
{
    char start[64];
    snprintf(start, sizeof(start), "{\"%s\":", variant);
    harness_settle(w->h);
    for (uint64_t waited = 0; !has_come(conn, start); waited += PAUSE) {
        if (waited > FLOW_PATIENCE)
            fail_msg("waited in vain for %s", variant);
        harness_pass(w->h, PAUSE);
    }
}

static int text_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

#define ENTRIES_MAX 64

/* Its entries, in an order of our own: a view has none. */
static void print_view(struct buffer *out, const char *name, cJSON *view)
{
    char *lines[ENTRIES_MAX];
    size_t count = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, view)
    {
        assert_true(count < ENTRIES_MAX);
        lines[count++] = cJSON_PrintUnformatted(entry);
    }
    qsort(lines, count, sizeof(lines[0]), text_order);
    for (size_t i = 0; i < count; i++) {
        buffer_printf(out, "%s %s\n", name, lines[i]);
        free(lines[i]);
    }
    cJSON_Delete(view);
}

/* What is there now: on the wire so far, in the data planes, and what operators are shown. */
static void look(struct flow_world *w, const char *when)
{
    harness_pass(w->h, w->rest);
    for (int i = 0; i < w->h->relay_count; i++) {
        const struct relay *r = &w->h->relays[i];
        buffer_printf(w->seen, "== %s, relay %d\n", when, i);
        fake_plane_print(&r->plane, w->seen);
        print_view(w->seen, "session", core_view_sessions(r->core));
        print_view(w->seen, "room", core_view_rooms(r->core));
        print_view(w->seen, "call", core_view_calls(r->core));
        print_view(w->seen, "presence", core_view_presence(r->core));
    }
}

static struct caller come(struct flow_world *w, struct relay *r, int n)
{
    struct caller p = phone_register_as(r, n, 0, 0);
    await(w, p.conn, "RegisterPresenceAck");
    return p;
}

static void ring(struct flow_world *w)
{
    phone_offer(&w->a, w->b.name, ID);
    await(w, w->b.conn, "DirectCallOffer");
    await(w, w->a.conn, "CallRinging");
}

static void answer(struct flow_world *w, const char *mode)
{
    phone_answer(&w->b, ID, mode);
    await(w, w->a.conn, "CallSetup");
    await(w, w->b.conn, "CallSetup");
}

static struct fake_connection *join(struct flow_world *w, struct caller *p, const char *room)
{
    struct fake_connection *conn = phone_join(p, room);
    await(w, conn, "CallAnswer");
    await(w, conn, "RoomUpdate");
    return conn;
}

struct media {
    struct fake_connection *a, *b;
};

static struct media talk(struct flow_world *w)
{
    struct media m;
    ring(w);
    answer(w, "AcceptTrusted");
    m.a = join(w, &w->a, ROOM);
    harness_pass(w->h, w->rest); /* news of it is there before the other comes */
    m.b = join(w, &w->b, ROOM);
    await(w, m.a, "RoomUpdate");
    look(w, "talking");
    return m;
}

/* How often a dial fails depends on the time, so where time may differ it gets no answer. */
static void silence(struct flow_world *w)
{
    w->ra->down = w->rb->down = w->rest == 0;
    w->h->hold_dials = w->rest > 0;
    harness_cut(w->h, 0, 1);
}

static void link_again(struct flow_world *w)
{
    w->ra->down = w->rb->down = w->h->hold_dials = false;
    harness_settle(w->h);
    for (int i = 0; i < 100 && sim_link_connection(w->ra, 1) == NULL; i++)
        harness_pass(w->h, CLOCK_SECOND);
    assert_non_null(sim_link_connection(w->ra, 1));
    harness_pass(w->h, w->rest); /* repeats come first */
}

/* What is sent to somebody who has gone meanwhile is sent to nobody: the others are told first. */
static void gone(struct flow_world *w, struct relay *r, struct fake_connection *conn)
{
    sim_hang(r, conn);
    harness_pass(w->h, w->rest);
}

/* ---- the flows ---- */

static void caller_hangs_up(struct flow_world *w)
{
    struct media m = talk(w);
    phone_hangup(&w->a, ID);
    await(w, w->b.conn, "Hangup");
    gone(w, w->ra, m.a);
    gone(w, w->rb, m.b);
}

static void callee_hangs_up_without_id(struct flow_world *w)
{
    talk(w);
    phone_hangup(&w->b, NULL);
    await(w, w->a.conn, "Hangup");
}

static void privacy(struct flow_world *w)
{
    ring(w);
    answer(w, "AcceptGeneric");
    look(w, "set up");
    phone_hangup(&w->a, ID);
    await(w, w->b.conn, "Hangup");
}

static void rejected(struct flow_world *w)
{
    ring(w);
    phone_answer(&w->b, ID, "Reject");
    await(w, w->a.conn, "Hangup");
}

static void cancelled(struct flow_world *w)
{
    ring(w);
    phone_hangup(&w->a, ID);
    await(w, w->b.conn, "Hangup");
}

/* Without waiting for CallRinging. To be headless for a while would change the flow: which of the
   two is first depends on their connections. */
static void cancelled_at_once(struct flow_world *w)
{
    if (w->rest > 0)
        return;
    phone_offer(&w->a, w->b.name, ID);
    phone_hangup(&w->a, ID);
    await(w, w->b.conn, "Hangup");
}

static void unanswered(struct flow_world *w)
{
    ring(w);
    look(w, "ringing");
    harness_pass(w->h, 61 * CLOCK_SECOND);
    await(w, w->a.conn, "Hangup");
    await(w, w->b.conn, "Hangup");
}

static void nobody_there(struct flow_world *w)
{
    phone_offer(&w->a, "0123:4567:89ab:cdef:0123:4567:89ab:cdef", ID);
    await(w, w->a.conn, "Hangup");
}

static void caller_lost_ringing(struct flow_world *w)
{
    ring(w);
    gone(w, w->ra, w->a.conn);
    await(w, w->b.conn, "Hangup");
}

static void callee_lost_ringing(struct flow_world *w)
{
    ring(w);
    gone(w, w->rb, w->b.conn);
    await(w, w->a.conn, "Hangup");
}

static void caller_lost_talking(struct flow_world *w)
{
    struct media m = talk(w);
    gone(w, w->ra, m.a);
    gone(w, w->ra, w->a.conn);
    await(w, w->b.conn, "Hangup");
}

static void callee_lost_talking(struct flow_world *w)
{
    talk(w);
    gone(w, w->rb, w->b.conn);
    await(w, w->a.conn, "Hangup");
}

static void both_lost(struct flow_world *w)
{
    struct media m = talk(w);
    gone(w, w->ra, w->a.conn);
    gone(w, w->rb, w->b.conn);
    gone(w, w->rb, m.b);
    gone(w, w->ra, m.a);
}

static void registers_again(struct flow_world *w)
{
    ring(w);
    w->b = come(w, w->rb, 2);
    await(w, w->b.conn, "DirectCallOffer");
    answer(w, "AcceptTrusted");
    w->a = come(w, w->ra, 1);
    look(w, "moved");
    phone_hangup(&w->a, ID);
    await(w, w->b.conn, "Hangup");
}

static void they_call_each_other(struct flow_world *w)
{
    phone_offer(&w->a, w->b.name, ID);
    await(w, w->b.conn, "DirectCallOffer");
    phone_offer(&w->b, w->a.name, "c2");
    await(w, w->a.conn, "DirectCallOffer");
    phone_answer(&w->b, ID, "AcceptTrusted");
    await(w, w->b.conn, "CallSetup");
    look(w, "one of two");
    phone_hangup(&w->b, "c2");
    await(w, w->a.conn, "Hangup");
    phone_hangup(&w->a, NULL);
    await(w, w->b.conn, "Hangup");
}

static void two_calls_in_a_row(struct flow_world *w)
{
    ring(w);
    phone_answer(&w->b, ID, "Reject");
    await(w, w->a.conn, "Hangup");
    phone_offer(&w->a, w->b.name, ID); /* refused: used before */
    phone_offer(&w->a, w->b.name, "c2");
    await(w, w->b.conn, "DirectCallOffer");
    phone_answer(&w->b, "c2", "AcceptTrusted");
    await(w, w->a.conn, "CallSetup");
    phone_hangup(&w->a, "c2");
    await(w, w->b.conn, "Hangup");
}

/* Everything that a phone can ask besides, in one go. */
static void questions(struct flow_world *w)
{
    sim_say(w->ra, w->a.conn, "{\"Ping\":{\"timestamp_ms\":1}}");
    sim_say(w->ra, w->a.conn, "\"Reflect\"");
    sim_say(w->ra, w->a.conn, "{\"NoSuchVariant\":{}}");
    sim_say(w->ra, w->a.conn, "not even JSON");
    sim_say(w->ra, w->a.conn, "{\"Ping\":{\"timestamp_ms\":2}}");
    await(w, w->a.conn, "Pong");
    await(w, w->a.conn, "Pong");
    talk(w);
    sim_say(w->rb, w->b.conn,
            "{\"MediaPathReport\":{\"call_id\":\"c1\",\"direct_ok\":true,\"race_winner\":\"x\"}}");
    harness_pass(w->h, CLOCK_SECOND);
}

static void room(struct flow_world *w)
{
    struct fake_connection *x = join(w, &w->a, "general");
    struct fake_connection *y = join(w, &w->b, "general");
    await(w, x, "RoomUpdate");
    look(w, "together");
    gone(w, w->rb, y);
    await(w, x, "RoomUpdate");
    gone(w, w->ra, x);
}

/* Both relays tell their own when the other's comes and goes. */
static void federated_room(struct flow_world *w)
{
    room(w);
}

static void federated_room_apart(struct flow_world *w)
{
    struct fake_connection *x = join(w, &w->a, "general");
    struct fake_connection *y = join(w, &w->b, "general");
    await(w, x, "RoomUpdate");
    silence(w);
    await(w, x, "RoomUpdate");
    await(w, y, "RoomUpdate");
    look(w, "apart");
    link_again(w);
    await(w, x, "RoomUpdate");
    await(w, y, "RoomUpdate");
    look(w, "together");
    gone(w, w->ra, x);
    await(w, y, "RoomUpdate");
    gone(w, w->rb, y);
}

static void stranger_in_call_room(struct flow_world *w)
{
    struct media m = talk(w);
    struct caller c = come(w, w->ra, 3);
    struct fake_connection *conn = phone_join(&c, ROOM);
    for (int i = 0; i < 100 && !conn->closing; i++)
        harness_pass(w->h, CLOCK_SECOND);
    assert_true(conn->closing);
    gone(w, w->ra, m.a);
    await(w, m.b, "RoomUpdate");
}

static void link_lost_ringing(struct flow_world *w)
{
    ring(w);
    silence(w);
    look(w, "apart");
    link_again(w);
    answer(w, "AcceptTrusted");
    phone_hangup(&w->b, ID);
    await(w, w->a.conn, "Hangup");
}

static void answered_without_link(struct flow_world *w)
{
    ring(w);
    silence(w);
    phone_answer(&w->b, ID, "AcceptTrusted");
    await(w, w->b.conn, "CallSetup");
    look(w, "apart");
    link_again(w);
    await(w, w->a.conn, "CallSetup");
    look(w, "together");
    phone_hangup(&w->b, ID);
    await(w, w->a.conn, "Hangup");
}

static void hung_up_without_link(struct flow_world *w)
{
    talk(w);
    silence(w);
    phone_hangup(&w->a, ID);
    harness_pass(w->h, CLOCK_SECOND);
    look(w, "apart");
    link_again(w);
    await(w, w->b.conn, "Hangup");
}

static void link_lost_for_good(struct flow_world *w)
{
    talk(w);
    silence(w);
    harness_pass(w->h, 31 * CLOCK_SECOND);
    await(w, w->a.conn, "Hangup");
    await(w, w->b.conn, "Hangup");
    link_again(w);
    harness_pass(w->h, 60 * CLOCK_SECOND); /* media connections are closed */
}

static void link_lost_for_a_moment(struct flow_world *w)
{
    ring(w);
    harness_cut(w->h, 0, 1);
    link_again(w);
    answer(w, "AcceptTrusted");
    phone_hangup(&w->b, ID);
    await(w, w->a.conn, "Hangup");
}

static void rim_is_slow(struct flow_world *w)
{
    ring(w);
    answer(w, "AcceptTrusted");
    w->ra->hold_answers = true;
    struct fake_connection *x = phone_join(&w->a, ROOM);
    sim_say(w->ra, x, "{\"Ping\":{\"timestamp_ms\":3}}");
    sim_say(w->ra, w->a.conn, "{\"Ping\":{\"timestamp_ms\":4}}");
    await(w, w->a.conn, "Pong");
    w->ra->hold_answers = false;
    await(w, x, "CallAnswer");
    join(w, &w->b, ROOM);
    await(w, x, "RoomUpdate");
    look(w, "talking");
    phone_hangup(&w->a, ID);
    await(w, w->b.conn, "Hangup");
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
    phone_offer(&w->a, STRANGER, ID);
    await(w, original, "FederatedSignalForward");
    await(w, w->a.conn, "CallRinging");
    original_says(w, original,
                  "{\"DirectCallAnswer\":{\"call_id\":\"" ID
                  "\",\"accept_mode\":\"AcceptTrusted\"}}");
    await(w, w->a.conn, "CallSetup");
    look(w, "set up");
    original_says(w, original, "{\"Hangup\":{\"reason\":\"Normal\"}}");
    await(w, w->a.conn, "Hangup");
    gone(w, w->ra, original);
}

static void original_calls(struct flow_world *w)
{
    struct fake_connection *original = original_links(w);
    char offer[2048];
    snprintf(offer, sizeof(offer),
             "{\"DirectCallOffer\":{\"caller_fingerprint\":\"" STRANGER "\",\"caller_alias\":null,"
             "\"target_fingerprint\":\"%s\",\"call_id\":\"" ID "\",\"identity_pub\":%s,"
             "\"ephemeral_pub\":%s,\"signature\":[],\"supported_profiles\":[]}}",
             w->b.name, key_json(0), key_json(0));
    original_says(w, original, offer);
    await(w, w->b.conn, "DirectCallOffer");
    phone_answer(&w->b, ID, "AcceptTrusted");
    await(w, original, "FederatedSignalForward");
    await(w, w->b.conn, "CallSetup");
    join(w, &w->b, ROOM);
    look(w, "set up");
    phone_hangup(&w->b, ID);
    await(w, original, "FederatedSignalForward");
}

/* ---- over three links ---- */

static void cut_middle(struct flow_world *w)
{
    for (int i = 1; i < 3; i++)
        w->h->relays[i].down = w->rest == 0;
    w->h->hold_dials = w->rest > 0;
    harness_cut(w->h, 1, 2);
}

static void join_middle(struct flow_world *w)
{
    struct relay *r = &w->h->relays[1];
    r->down = w->h->relays[2].down = w->h->hold_dials = false;
    harness_settle(w->h);
    for (int i = 0; i < 100 && sim_link_connection(r, 2) == NULL; i++)
        harness_pass(w->h, CLOCK_SECOND);
    assert_non_null(sim_link_connection(r, 2));
    harness_pass(w->h, w->rest);
}

static void middle_lost_talking(struct flow_world *w)
{
    talk(w);
    cut_middle(w);
    look(w, "apart");
    harness_pass(w->h, 31 * CLOCK_SECOND);
    await(w, w->a.conn, "Hangup");
    await(w, w->b.conn, "Hangup");
    join_middle(w);
    harness_pass(w->h, 60 * CLOCK_SECOND); /* media connections are closed */
}

static void hung_up_without_middle(struct flow_world *w)
{
    ring(w);
    answer(w, "AcceptTrusted");
    cut_middle(w);
    phone_hangup(&w->a, ID);
    harness_pass(w->h, CLOCK_SECOND);
    look(w, "apart");
    join_middle(w);
    await(w, w->b.conn, "Hangup");
}

const struct flow flows[] = {
    {"caller hangs up", caller_hangs_up, true, true, true},
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
    w->a = come(w, w->ra, 1);
    w->b = come(w, w->rb, 2);
    if (w->h->relay_count > 2)
        harness_pass(w->h, 2 * CLOCK_SECOND); /* for presence */
}

/* What happens on several links of a chain at a time has no order, so control planes die from the
   first call on. */
void flow_play(const struct flow_run *run, struct buffer *seen, size_t steps[FLOW_RELAYS_MAX],
               size_t *died)
{
    struct flow_world w = {.h = harness_new(), .rest = run->rest, .seen = seen};
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
    look(&w, "over");
    harness_pass(w.h, 300 * CLOCK_SECOND);
    look(&w, "long over");
    *died = 0;
    for (int i = 0; i < w.h->relay_count; i++) {
        steps[i] = w.h->relays[i].steps;
        *died += w.h->relays[i].died;
        assert_int_equal(w.h->relays[i].plane.swept, 0);
    }
    buffer_append_u8(seen, 0);
    harness_free(w.h);
}
