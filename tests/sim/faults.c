#include "tests/sim/faults.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/judge_calls.h"
#include "tests/sim/net_connection.h"

#define PAUSE (3 * CLOCK_SECOND)    /* at most, from one thing to the next */
#define ABSENCE (30 * CLOCK_SECOND) /* at most: of a plane, of a link */
#define SLOWNESS (10 * CLOCK_SECOND)
#define LATENESS (200 * CLOCK_MS) /* at most, of a datagram */
#define TALK_EVERY (200 * CLOCK_MS)
#define AFTERWARDS (10 * CLOCK_SECOND) /* in which links come back and are talked over */
#define HEALING (150 * CLOCK_SECOND)   /* a dial may wait 60 s, and be unlucky then */

#define RINGING (70 * CLOCK_SECOND) /* what rings ends by itself */

/* What is healed when its time has come, or at the end. */
struct healing {
    struct net_timer timer;
    struct world *world;
    int relay; /* whose planes start again */
    bool control, data;
    const struct edge *edge; /* that passes again; NULL: none */
    struct healing *next;
};

static uint64_t any_time(struct world *w, uint64_t most)
{
    return 1 + dice_below(&w->dice, most);
}

static int any_relay(struct world *w)
{
    return (int)dice_below(&w->dice, (uint64_t)w->shape.relays);
}

static const struct edge *any_edge(struct world *w)
{
    return &w->shape.edges[dice_below(&w->dice, w->shape.count)];
}

/* ---- healing ---- */

static void heal(struct healing *h)
{
    struct world *w = h->world;
    if (h->data) {
        world_trace(w, "the data plane of relay %d starts", h->relay);
        world_start_data(w, h->relay);
    }
    if (h->control) {
        world_trace(w, "the control plane of relay %d starts", h->relay);
        world_start_control(w, h->relay);
    }
    if (h->edge != NULL) {
        world_trace(w, "relays %d and %d reach each other again", h->edge->a, h->edge->b);
        net_cut(world_endpoint(w, h->edge->a), world_endpoint(w, h->edge->b), false);
    }
    h->control = h->data = false;
    h->edge = NULL;
}

static void heal_now(struct net_timer *timer)
{
    heal(heap_entry(timer, struct healing, timer));
}

static void heal_later(struct world *w, const struct healing *what, uint64_t after)
{
    struct healing *h = sim_alloc(sizeof(*h));
    *h = *what;
    h->timer.due = heal_now;
    h->world = w;
    h->next = w->healings;
    w->healings = h;
    net_timer_set(&w->net, &h->timer, w->net.now + after);
}

static void heal_all(struct world *w)
{
    while (w->healings != NULL) {
        struct healing *h = w->healings;
        w->healings = h->next;
        net_timer_stop(&w->net, &h->timer);
        heal(h);
        free(h);
    }
    for (int i = 0; i < w->shape.relays; i++)
        net_set_island(world_endpoint(w, i), 0);
    net_uncut_all(&w->net);
    w->net.lose_one_in = 0;
    w->net.jitter = 0;
    world_trace(w, "all is healed");
}

/* ---- what happens ---- */

static void do_call(struct world *w)
{
    if (w->options.phones == 0)
        return;
    int from = (int)dice_below(&w->dice, (uint64_t)w->options.phones);
    int to = (int)dice_below(&w->dice, (uint64_t)w->options.phones);
    if (w->phones[from]->call == PHONE_FREE) {
        world_call(w, from, to);
        return;
    }
    world_trace(w, "phone %d hangs up", from);
    phone_hang_up(w->phones[from]);
}

static void do_move(struct world *w)
{
    if (w->options.phones == 0)
        return;
    world_register(w, (int)dice_below(&w->dice, (uint64_t)w->options.phones),
                   (int)dice_below(&w->dice, (uint64_t)w->options.relays));
}

static void do_join(struct world *w)
{
    int person = (int)dice_below(&w->dice, (uint64_t)w->options.people);
    int relay = any_relay(w);
    world_join(w, person, relay, (int)dice_below(&w->dice, WORLD_ROOMS));
}

static void do_leave(struct world *w)
{
    world_leave(w, (int)dice_below(&w->dice, (uint64_t)w->options.people));
}

static void do_cut(struct world *w)
{
    const struct edge *e = any_edge(w);
    uint64_t time = any_time(w, ABSENCE);
    world_trace(w, "relays %d and %d are cut off from each other", e->a, e->b);
    net_cut(world_endpoint(w, e->a), world_endpoint(w, e->b), true);
    heal_later(w, &(struct healing){.edge = e}, time);
}

static void do_part(struct world *w)
{
    const struct edge *e = any_edge(w);
    world_trace(w, "the link of relays %d and %d is closed", e->a, e->b);
    net_part(world_endpoint(w, e->a), world_endpoint(w, e->b));
}

static void do_island(struct world *w)
{
    uint64_t one_in = 1 + dice_below(&w->dice, 4);
    for (int i = 0; i < w->shape.relays; i++)
        net_set_island(world_endpoint(w, i), dice_one_in(&w->dice, one_in));
    world_trace(w, "about one in %llu relays is on an island", (unsigned long long)one_in);
}

/* Half of the time at once. */
static uint64_t any_absence(struct world *w)
{
    return dice_one_in(&w->dice, 2) ? 1 : any_time(w, ABSENCE);
}

static void kill_control(struct world *w, int relay)
{
    uint64_t absence = any_absence(w);
    world_trace(w, "the control plane of relay %d dies, for %.3f s", relay,
                (double)absence / CLOCK_SECOND);
    world_stop_control(w, relay);
    heal_later(w, &(struct healing){.relay = relay, .control = true}, absence);
}

static void kill_data(struct world *w, int relay)
{
    uint64_t absence = any_absence(w);
    world_trace(w, "the data plane of relay %d dies, for %.3f s", relay,
                (double)absence / CLOCK_SECOND);
    world_stop_data(w, relay);
    heal_later(w, &(struct healing){.relay = relay, .data = true}, absence);
}

static void do_control(struct world *w)
{
    kill_control(w, any_relay(w));
}

static void do_data(struct world *w)
{
    kill_data(w, any_relay(w));
}

static void do_restart(struct world *w)
{
    int relay = any_relay(w);
    kill_data(w, relay);
    kill_control(w, relay);
}

static void do_slow(struct world *w)
{
    int relay = any_relay(w);
    world_trace(w, "relay %d reads slowly", relay);
    world_endpoint(w, relay)->busy_until = w->net.now + any_time(w, SLOWNESS);
}

static void do_lossy(struct world *w)
{
    world_trace(w, "datagrams are lost, and overtake each other");
    w->net.lose_one_in = 20;
    w->net.jitter = any_time(w, LATENESS);
}

static const struct fault {
    unsigned weight;
    void (*happen)(struct world *w);
} faults[] = {
#define X(name, weight, text) {weight, do_##name},
    FAULTS(X)
#undef X
};

static void anything(struct world *w)
{
    uint64_t n = dice_below(&w->dice, 100);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (n < faults[i].weight) {
            faults[i].happen(w);
            return;
        }
        n -= faults[i].weight;
    }
}

/* ---- what is heard meanwhile ---- */

/* People in their rooms, and phones in their calls. */
static struct person *any_ear(const struct world *w, int i)
{
    return i < w->options.people ? w->people[i] : w->phones[i - w->options.people]->media;
}

static int ears(const struct world *w)
{
    return w->options.people + w->options.phones;
}

/* Time passes, in which everybody talks. */
static void pass_talking(struct world *w, uint64_t ns)
{
    uint64_t end = w->net.now + ns;
    while (w->net.now < end) {
        for (int i = 0; i < ears(w); i++)
            person_say(any_ear(w, i), w->said);
        w->said++;
        net_run(&w->net, w->net.now + TALK_EVERY < end ? w->net.now + TALK_EVERY : end);
    }
}

static void judge_ear(struct world *w, const struct person *p)
{
    const struct packet *last = NULL;
    size_t wrong = world_odd(w, p, w->options.originals > 1, &last);
    if (wrong > 0)
        world_wrong(w,
                    "person %d at relay %d heard %zu packets twice in trouble, or what was not for "
                    "it: number %u of person %d at relay %d",
                    p->number, p->relay, wrong, last->number, (int)last->from, (int)last->relay);
}

static void judge_talk(struct world *w)
{
    for (int i = 0; i < ears(w); i++) {
        judge_ear(w, any_ear(w, i));
        person_deafen(any_ear(w, i));
    }
    echo_free_all(&w->echoes);
}

/* An original tells of who comes first, and not that those who timed out have left (defect 26):
   when they have, its people leave and come back. Its links are not touched. */
static void enter_originals_anew(struct world *w)
{
    world_pass(w, 2 * NET_IDLE_TIMEOUT);
    for (int i = 0; i < w->options.people; i++) {
        struct person *p = w->people[i];
        int relay = p->relay;
        char room[sizeof(p->room)];
        if (relay < 0 || !world_is_original(w, relay))
            continue;
        memcpy(room, p->room, sizeof(room));
        person_leave(p);
        world_pass(w, CLOCK_SECOND);
        person_join(p, relay, world_endpoint(w, relay), room);
    }
}

/* Every other phone calls the next one. */
static void call_around(struct world *w)
{
    for (int i = 0; i + 1 < w->options.phones; i += 2)
        world_call(w, i, i + 1);
}

/* Nobody makes these links anew when one end has forgotten them (defect 21). */
static void part_originals(struct world *w)
{
    for (size_t i = 0; i < w->shape.count; i++) {
        const struct edge *e = &w->shape.edges[i];
        if (world_is_original(w, e->a) && world_is_original(w, e->b))
            net_part(world_endpoint(w, e->a), world_endpoint(w, e->b));
    }
}

void faults_run(struct world *w, int things)
{
    call_around(w);
    for (int i = 0; i < ears(w); i++)
        person_deafen(any_ear(w, i));
    for (int i = 0; i < things; i++) {
        anything(w);
        pass_talking(w, any_time(w, PAUSE));
    }
    heal_all(w);
    pass_talking(w, AFTERWARDS);
    if (w->options.originals > 0)
        enter_originals_anew(w);
    part_originals(w);
    world_pass(w, HEALING);
    judge_talk(w);
    judge_kept_calls(w);
    for (int i = 0; i < w->options.phones; i++)
        phone_hang_up(w->phones[i]);
    world_pass(w, RINGING);
}
