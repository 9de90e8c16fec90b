#include "mesh_flows.h"

#include "outcome.h"

/* ---- shapes ---- */

enum { PAIR = 1, CHAIN = 2, TRIANGLE = 4, FAR = 8, PROBING = 16, TWICE = 32 };
#define ROOMS (PAIR | CHAIN | TRIANGLE)
#define LONG (300 * CLOCK_SECOND)
#define SOON (5 * CLOCK_SECOND)
#define A7 "a7a7a7a7a7a7a7a7"
#define TRUSTS_7 "trusted:\n  - { fingerprint: \"" A7 A7 A7 A7 "\", label: relay-7 }\n"
#define PROBES_1 "probe_targets: [\"127.0.1.2:4433\"]\n"

const struct mesh_shape mesh_shapes[] = {
    {"pair", 2, {{0, 1}}, 1, 2, 1, 1, {0, 1}, TRUSTS_7, false, LONG},
    {"chain", 3, {{0, 1}, {1, 2}}, 2, 2, 2, 1, {1, 2}, "", false, LONG},
    {"triangle", 3, {{0, 1}, {1, 2}, {0, 2}}, 3, 2, 1, 2, {0, 1}, "", false, LONG},
    {"beyond the hop limit", 4, {{0, 1}, {1, 2}, {2, 3}}, 3, 1, 3, 1, {1, 2}, "", false, LONG},
    {"probing", 2, {{0, 1}}, 1, 2, 1, 1, {0, 1}, PROBES_1, true, SOON},
    {"both dial", 2, {{0, 1}, {1, 0}}, 2, 2, 1, 1, {0, 1}, "", false, LONG},
};
const size_t mesh_shape_count = sizeof(mesh_shapes) / sizeof(mesh_shapes[0]);

/* ---- steps ---- */

static struct relay *relay_c(struct flow_world *w)
{
    return &w->h->relays[w->shape->c];
}

static bool shows(struct fake_connection *member, const struct caller *p)
{
    return strstr(mesh_roster(member), p->name) != NULL;
}

static void await_sees(struct flow_world *w, struct fake_connection *member, const struct caller *p,
                       bool sees)
{
    for (uint64_t waited = 0; shows(member, p) != sees; waited += STEP_PAUSE) {
        if (waited > STEP_PATIENCE)
            fail_msg("%s %s: %s", p->name, sees ? "is not seen" : "is seen", mesh_roster(member));
        harness_pass(w->h, STEP_PAUSE);
    }
}

/* The relays that have the phone, as this one knows. */
static int count_places(const struct relay *r, const char *name)
{
    cJSON *view = core_view_presence(r->core);
    const cJSON *entry;
    int count = 0;
    cJSON_ArrayForEach(entry, view)
    {
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(entry, "fingerprint"));
        count += strcmp(text, name) == 0;
    }
    cJSON_Delete(view);
    return count;
}

static void await_places(struct flow_world *w, const struct relay *r, const char *name, int places)
{
    for (uint64_t waited = 0; count_places(r, name) != places; waited += STEP_PAUSE) {
        if (waited > STEP_PATIENCE)
            fail_msg("%s is at %d relays, says relay %d", name, count_places(r, name), r->number);
        harness_pass(w->h, STEP_PAUSE);
    }
}

static void cut(struct flow_world *w)
{
    step_cut(w, w->shape->cut.a, w->shape->cut.b);
}

static void mend(struct flow_world *w)
{
    step_mend(w, w->shape->cut.a, w->shape->cut.b);
}

/* ---- rooms ---- */

struct pair {
    struct fake_connection *a, *b;
};

static struct pair meet(struct flow_world *w)
{
    struct pair p = {step_join(w, &w->a, "general"), step_join(w, &w->b, "general")};
    await_sees(w, p.a, &w->b, true);
    await_sees(w, p.b, &w->a, true);
    step_look(w, "together");
    return p;
}

static void people_come_and_go(struct flow_world *w)
{
    struct pair p = meet(w);
    struct caller c = step_come(w, relay_c(w), 3);
    struct fake_connection *z = step_join(w, &c, "general");
    await_sees(w, p.a, &c, true);
    await_sees(w, z, &w->b, true);
    step_look(w, "three");
    sim_hang(w->rb, p.b);
    await_sees(w, p.a, &w->b, false);
    await_sees(w, z, &w->b, false);
    step_look(w, "two left");
    sim_hang(w->ra, p.a);
    sim_hang(relay_c(w), z);
}

/* Nobody has heard of it when he is back. */
static void somebody_rejoins(struct flow_world *w)
{
    struct pair p = meet(w);
    sim_hang(w->rb, p.b);
    p.b = step_join(w, &w->b, "general");
    await_sees(w, p.b, &w->a, true);
    step_look(w, "back");
    sim_hang(w->ra, p.a);
    p.a = step_join(w, &w->a, "general");
    await_sees(w, p.b, &w->a, true);
    step_look(w, "both back");
    sim_hang(w->ra, p.a);
    sim_hang(w->rb, p.b);
}

static void only_one_there(struct flow_world *w)
{
    struct fake_connection *x = step_join(w, &w->a, "general");
    step_look(w, "alone");
    sim_hang(w->ra, x);
    step_look(w, "nobody");
    x = step_join(w, &w->b, "general");
    step_look(w, "the other alone");
    sim_hang(w->rb, x);
}

static void link_lost_in_a_room(struct flow_world *w)
{
    struct pair p = meet(w);
    cut(w);
    step_look(w, "apart");
    mend(w);
    await_sees(w, p.a, &w->b, true);
    await_sees(w, p.b, &w->a, true);
    step_look(w, "together again");
    sim_hang(w->ra, p.a);
    await_sees(w, p.b, &w->a, false);
    sim_hang(w->rb, p.b);
}

static void link_lost_for_a_moment(struct flow_world *w)
{
    struct pair p = meet(w);
    harness_cut(w->h, w->shape->cut.a, w->shape->cut.b);
    mend(w);
    await_sees(w, p.a, &w->b, true);
    await_sees(w, p.b, &w->a, true);
    step_look(w, "together again");
    sim_hang(w->ra, p.a);
    sim_hang(w->rb, p.b);
}

/* The other one speaks for the link from then on. */
static void hang_oldest(struct flow_world *w)
{
    struct fake_connection *x = sim_link_connection(w->ra, w->rb->number);
    struct fake_connection *y = fake_plane_connection(&w->rb->plane, x->other.connection);
    sim_hang(w->ra, x);
    sim_hang(w->rb, y);
    assert_non_null(sim_link_connection(w->ra, w->rb->number));
}

static void oldest_connection_lost(struct flow_world *w)
{
    struct pair p = meet(w);
    struct caller c = step_come(w, w->rb, 3);
    hang_oldest(w);
    struct fake_connection *z = step_join(w, &c, "general");
    await_sees(w, p.a, &c, true);
    await_sees(w, z, &w->a, true);
    step_look(w, "three");
    sim_hang(w->rb, p.b);
    sim_hang(w->rb, z);
    await_sees(w, p.a, &w->b, false);
    sim_hang(w->ra, p.a);
}

static void others_while_apart(struct flow_world *w)
{
    struct pair p = meet(w);
    struct caller c = step_come(w, w->rb, 3);
    cut(w);
    sim_hang(w->rb, p.b);
    struct fake_connection *z = step_join(w, &c, "general");
    step_look(w, "apart");
    mend(w);
    await_sees(w, p.a, &c, true);
    await_sees(w, p.a, &w->b, false);
    await_sees(w, z, &w->a, true);
    step_look(w, "together");
    sim_hang(w->rb, z);
    sim_hang(w->ra, p.a);
}

static void last_leaves_while_apart(struct flow_world *w)
{
    struct pair p = meet(w);
    cut(w);
    sim_hang(w->rb, p.b);
    sim_hang(w->rb, w->b.conn);
    step_look(w, "apart");
    mend(w);
    await_sees(w, p.a, &w->b, false);
    step_look(w, "alone");
    sim_hang(w->ra, p.a);
}

/* ---- presence ---- */

static void somebody_registers_and_goes(struct flow_world *w)
{
    struct caller c = step_come(w, w->rb, 3);
    await_places(w, w->ra, c.name, 1);
    step_look(w, "there");
    sim_hang(w->rb, c.conn);
    await_places(w, w->ra, c.name, 0);
    step_look(w, "gone");
    c = step_come(w, w->rb, 3);
    await_places(w, w->ra, c.name, 1);
}

/* Registered at another relay before the first one hears that he has gone; and after that. */
static void somebody_moves(struct flow_world *w)
{
    struct caller c = step_come(w, w->rb, 3);
    await_places(w, w->ra, c.name, 1);
    struct caller moved = step_come(w, relay_c(w), 3);
    step_look(w, "twice");
    sim_hang(w->rb, c.conn);
    step_look(w, "moved");
    sim_hang(relay_c(w), moved.conn);
    step_come(w, w->ra, 3);
    await_places(w, w->rb, c.name, 1);
}

static void many_register_at_once(struct flow_world *w)
{
    struct caller people[8];
    for (int i = 0; i < 8; i++)
        people[i] = phone_register_as(i % 2 == 0 ? w->ra : w->rb, 10 + i, 0, 0);
    for (int i = 0; i < 8; i++)
        await_places(w, relay_c(w), people[i].name, 1);
    for (int i = 0; i < 8; i += 3)
        sim_hang(people[i].relay, people[i].conn);
    step_look(w, "some left");
}

static void link_lost_under_presence(struct flow_world *w)
{
    struct caller c = step_come(w, w->rb, 3);
    await_places(w, w->ra, c.name, 1);
    cut(w);
    struct caller d = step_come(w, w->rb, 4);
    sim_hang(w->rb, c.conn);
    step_look(w, "apart");
    mend(w);
    await_places(w, w->ra, d.name, 1);
    await_places(w, w->ra, c.name, 0);
}

/* ---- the way to a phone ---- */

#define FORGOTTEN (20 * CLOCK_SECOND) /* a query's deadline, and its id */
#define NOBODY "0123:4567:89ab:cdef:0123:4567:89ab:cdef"

/* NULL: others are being asked. */
static char *route_to(struct flow_world *w, const char *name)
{
    cJSON *route = core_route(w->ra->core, name, w->h->now);
    char *text = cJSON_PrintUnformatted(route);
    cJSON_Delete(route);
    if (strstr(text, "\"asking\"") == NULL)
        return text;
    free(text);
    return NULL;
}

/* As chappectl does: until there is an answer. A question dies with its control plane, or is too
   old when somebody on the way lives again: it is asked anew, and in the end nobody dies any more.
 */
static void ask(struct flow_world *w, const char *name, bool is_there)
{
    for (uint64_t waited = 0; waited < STEP_PATIENCE; waited += STEP_PAUSE) {
        char *route = route_to(w, name);
        bool answered = route != NULL && (strstr(route, "not_found") == NULL || !is_there);
        if (answered)
            buffer_printf(w->seen, "route %s\n", route);
        free(route);
        if (answered)
            return;
        harness_settle(w->h);
        harness_pass(w->h, STEP_PAUSE);
        for (int i = 0; i < w->h->relay_count && waited > STEP_PATIENCE / 2; i++)
            w->h->relays[i].deaths.one_in = 0;
    }
    fail_msg("no answer about %s", name);
}

static void operator_asks(struct flow_world *w)
{
    ask(w, w->b.name, true);
    ask(w, NOBODY, false);
    harness_pass(w->h, FORGOTTEN);
    step_look(w, "asked");
}

/* A relay that our neighbour trusts to be the neighbour's own. */
static void prober_asks(struct flow_world *w)
{
    struct fake_connection *p = sim_connect_from(w->ra, "_probe", "127.0.0.9:7", 0xa1);
    sim_sayf(w->ra, p, "{\"RouteQuery\":{\"fingerprint\":\"%s\",\"ttl\":9}}", w->b.name);
    step_await(w, p, "RouteResponse");
    sim_say(w->ra, p, "{\"RouteQuery\":{\"fingerprint\":\"" NOBODY "\",\"ttl\":9}}");
    step_await(w, p, "RouteResponse");
    sim_say(w->ra, p, "{\"Ping\":{\"timestamp_ms\":5}}");
    step_await(w, p, "Pong");
    harness_pass(w->h, FORGOTTEN);
    step_look(w, "asked");
    sim_hang(w->ra, p);
}

/* A relay that is not linked; it tells of somebody. */
static void prober_tells(struct flow_world *w)
{
    struct fake_connection *p = sim_connect_from(w->ra, "_probe", "127.0.0.9:7", 0xa7);
    sim_say(w->ra, p,
            "{\"PresenceUpdate\":{\"fingerprints\":[\"" NOBODY
            "\"],\"relay_addr\":\"127.0.1.8:4433\"}}");
    step_await(w, p, "PresenceUpdate");
    await_places(w, w->ra, NOBODY, 1);
    step_look(w, "told");
    harness_pass(w->h, 45 * CLOCK_SECOND);
    step_look(w, "expired");
    sim_hang(w->ra, p);
}

static bool target_is_up(const struct relay *r)
{
    cJSON *view = core_view_probes(r->core, r->harness->now);
    const cJSON *state = cJSON_GetObjectItem(cJSON_GetArrayItem(view, 0), "state");
    bool up = strcmp(cJSON_GetStringValue(state), "up") == 0;
    cJSON_Delete(view);
    return up;
}

static void await_target(struct flow_world *w, bool up)
{
    for (uint64_t waited = 0; target_is_up(w->ra) != up; waited += STEP_PAUSE) {
        assert_true(waited < STEP_PATIENCE);
        harness_pass(w->h, STEP_PAUSE);
    }
}

/* It is dialed when the flow begins; what it has told by its 10th ping holds. */
static void target_is_measured(struct flow_world *w)
{
    await_target(w, true);
    harness_pass(w->h, 10 * CLOCK_SECOND);
    step_look(w, "up");
    step_cut(w, 0, 1);
    await_target(w, false);
    step_mend(w, 0, 1);
    await_target(w, true);
}

/* ---- calls ---- */

static void callee_at_two_relays(struct flow_world *w)
{
    struct caller other = step_come(w, relay_c(w), 2);
    await_places(w, w->ra, other.name, 2);
    phone_offer(&w->a, w->b.name, STEP_ID);
    step_await(w, w->b.conn, "DirectCallOffer");
    step_await(w, other.conn, "DirectCallOffer");
    step_await(w, w->a.conn, "CallRinging");
    step_look(w, "both ring");
    step_answer(w, "AcceptTrusted");
    step_await(w, other.conn, "Hangup");
    step_join(w, &w->a, STEP_ROOM);
    harness_pass(w->h, w->rest); /* news of it is there before the other comes */
    step_join(w, &w->b, STEP_ROOM);
    step_look(w, "one has answered");
    phone_hangup(&w->b, STEP_ID);
    step_await(w, w->a.conn, "Hangup");
}

/* Presence still has him where he was. */
static void callee_moves_before_the_offer(struct flow_world *w)
{
    sim_hang(w->rb, w->b.conn);
    w->rb = relay_c(w);
    w->b = phone_register_as(w->rb, 2, 0, 0);
    phone_offer(&w->a, w->b.name, STEP_ID);
    step_await(w, w->b.conn, "DirectCallOffer");
    step_await(w, w->a.conn, "CallRinging");
    step_answer(w, "AcceptTrusted");
    step_look(w, "set up");
    phone_hangup(&w->a, STEP_ID);
    step_await(w, w->b.conn, "Hangup");
}

static void nobody_there(struct flow_world *w)
{
    phone_offer(&w->a, NOBODY, STEP_ID);
    step_await(w, w->a.conn, "Hangup");
}

static void cut_while_talking(struct flow_world *w)
{
    step_talk(w);
    cut(w);
    step_look(w, "cut");
    harness_pass(w->h, 31 * CLOCK_SECOND);
    step_look(w, "30 s later");
    mend(w);
}

static void cut_for_a_moment_while_talking(struct flow_world *w)
{
    step_talk(w);
    harness_cut(w->h, w->shape->cut.a, w->shape->cut.b);
    mend(w);
    step_look(w, "mended");
    phone_hangup(&w->b, STEP_ID);
    step_await(w, w->a.conn, "Hangup");
}

static void hung_up_while_cut(struct flow_world *w)
{
    step_talk(w);
    cut(w);
    phone_hangup(&w->b, STEP_ID);
    step_look(w, "cut");
    mend(w);
    step_await(w, w->a.conn, "Hangup");
}

static void cut_while_ringing(struct flow_world *w)
{
    step_ring(w);
    cut(w);
    step_look(w, "cut");
    mend(w);
    step_look(w, "mended");
    step_answer(w, "AcceptTrusted");
    phone_hangup(&w->a, STEP_ID);
    step_await(w, w->b.conn, "Hangup");
}

const struct mesh_flow mesh_flows[] = {
    {"people come and go", people_come_and_go, ROOMS, false},
    {"somebody rejoins", somebody_rejoins, ROOMS, false},
    {"only one there", only_one_there, ROOMS, false},
    {"a link lost in a room", link_lost_in_a_room, ROOMS, false},
    {"a link lost for a moment", link_lost_for_a_moment, ROOMS, false},
    {"the oldest connection lost", oldest_connection_lost, TWICE, false},
    {"others while apart", others_while_apart, ROOMS, false},
    {"the last leaves while apart", last_leaves_while_apart, ROOMS, false},
    {"somebody registers and goes", somebody_registers_and_goes, ROOMS, false},
    {"somebody moves", somebody_moves, CHAIN | TRIANGLE, false},
    {"many register at once", many_register_at_once, ROOMS, false},
    {"a link lost under presence", link_lost_under_presence, ROOMS, false},
    {"an operator asks", operator_asks, ROOMS | FAR, false},
    {"a prober asks", prober_asks, ROOMS | FAR, false},
    {"a prober tells", prober_tells, PAIR, false},
    {"a target is measured", target_is_measured, PROBING, false},
    {"a call to two relays", callee_at_two_relays, CHAIN | TRIANGLE, false},
    {"the callee moves before the offer", callee_moves_before_the_offer, CHAIN | TRIANGLE, true},
    {"a call and its media", step_whole_call, FAR, false},
    {"a call to nobody", nobody_there, CHAIN | FAR, false},
    {"cut while talking", cut_while_talking, CHAIN | TRIANGLE | FAR, false},
    {"cut for a moment while talking", cut_for_a_moment_while_talking, CHAIN | FAR, false},
    {"cut for a moment, with another way", cut_for_a_moment_while_talking, TRIANGLE, true},
    {"hung up while cut", hung_up_while_cut, CHAIN, false},
    {"hung up while cut, with another way", hung_up_while_cut, TRIANGLE, true},
    {"cut while ringing", cut_while_ringing, CHAIN | TRIANGLE | FAR, false},
};
const size_t mesh_flow_count = sizeof(mesh_flows) / sizeof(mesh_flows[0]);

/* ---- playing ---- */

static void set_deaths(struct harness *h, const struct deaths *deaths)
{
    for (int i = 0; i < h->relay_count; i++) {
        h->relays[i].deaths = deaths == NULL ? (struct deaths){0} : deaths[i];
        h->relays[i].steps = deaths == NULL ? h->relays[i].steps : 0;
    }
}

/* Nobody dies any more, and nobody has anything to say. */
static void expect_peace(struct harness *h)
{
    set_deaths(h, NULL);
    harness_pass(h, MESH_REST);
    size_t before = outcome_messages(h);
    harness_pass(h, 60 * CLOCK_SECOND);
    assert_int_equal(outcome_messages(h), before);
}

void mesh_play(const struct mesh_shape *shape, void (*play)(struct flow_world *w),
               const struct deaths deaths[HARNESS_RELAYS_MAX], struct mesh_result *result)
{
    *result = (struct mesh_result){0};
    struct flow_world w = {.h = mesh_new_with(shape->relays, shape->edges, shape->edge_count,
                                              shape->hops, true, shape->extra),
                           .shape = shape,
                           .rest = MESH_REST,
                           .seen = &result->seen,
                           .print = outcome_print};
    w.ra = &w.h->relays[0];
    w.rb = &w.h->relays[shape->b];
    w.a = step_come(&w, w.ra, 1);
    w.b = step_come(&w, w.rb, 2);
    harness_pass(w.h, 2 * CLOCK_SECOND); /* for presence */
    set_deaths(w.h, deaths);
    size_t before = outcome_messages(w.h);
    play(&w);
    step_look(&w, "over");
    harness_pass(w.h, shape->quiet);
    step_look(&w, "long over");
    result->messages = outcome_messages(w.h) - before;
    result->updates = outcome_updates(w.h);
    for (int i = 0; i < w.h->relay_count; i++) {
        result->steps[i] = w.h->relays[i].steps;
        result->died += w.h->relays[i].died;
        assert_int_equal(w.h->relays[i].plane.swept, 0);
    }
    if (!shape->talkative)
        expect_peace(w.h);
    buffer_append_u8(&result->seen, 0);
    harness_free(w.h);
}
