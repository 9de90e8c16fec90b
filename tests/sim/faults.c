#include "tests/sim/faults.h"

#include <stdlib.h>

#include "tests/sim/net_connection.h"

#define PAUSE (3 * CLOCK_SECOND)    /* at most, from one thing to the next */
#define ABSENCE (30 * CLOCK_SECOND) /* at most: of a plane, of a link */
#define SLOWNESS (10 * CLOCK_SECOND)
#define HEALING (150 * CLOCK_SECOND) /* a dial may wait 60 s, and be unlucky then */

#define RINGING (70 * CLOCK_SECOND) /* what rings ends by itself */

/* What is healed when its time has come, or at the end. */
struct healing {
    struct net_timer timer;
    struct world *world;
    int relay;               /* that starts again; -1: none */
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
    if (h->relay >= 0) {
        world_trace(w, "relay %d starts", h->relay);
        world_start(w, h->relay);
    }
    if (h->edge != NULL) {
        world_trace(w, "relays %d and %d reach each other again", h->edge->a, h->edge->b);
        net_cut(world_endpoint(w, h->edge->a), world_endpoint(w, h->edge->b), false);
    }
    h->relay = -1;
    h->edge = NULL;
}

static void heal_now(struct net_timer *timer)
{
    heal(heap_entry(timer, struct healing, timer));
}

static void heal_later(struct world *w, int relay, const struct edge *edge, uint64_t after)
{
    struct healing *h = sim_alloc(sizeof(*h));
    *h = (struct healing){
        .timer.due = heal_now, .world = w, .relay = relay, .edge = edge, .next = w->healings};
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
    heal_later(w, -1, e, time);
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

static void do_control(struct world *w)
{
    int relay = any_relay(w);
    if (world_is_original(w, relay))
        return; /* it has none */
    uint64_t headless = dice_one_in(&w->dice, 2) ? 0 : any_time(w, ABSENCE);
    world_trace(w, "the control plane of relay %d dies, for %.3f s", relay,
                (double)headless / CLOCK_SECOND);
    relay_kill_control(w->relays[relay], headless);
}

static void do_restart(struct world *w)
{
    int relay = any_relay(w);
    world_trace(w, "relay %d dies", relay);
    w->restarts++;
    world_stop(w, relay);
    heal_later(w, relay, NULL, any_time(w, dice_one_in(&w->dice, 2) ? CLOCK_SECOND : ABSENCE));
}

static void do_slow(struct world *w)
{
    int relay = any_relay(w);
    world_trace(w, "relay %d reads slowly", relay);
    world_endpoint(w, relay)->busy_until = w->net.now + any_time(w, SLOWNESS);
}

static void do_lossy(struct world *w)
{
    world_trace(w, "datagrams are lost");
    w->net.lose_one_in = 20;
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

/* Everybody says something new; nobody may hear it twice, whatever happens to links. */
static void talk(struct world *w, uint32_t number)
{
    for (int i = 0; i < w->options.people; i++)
        person_say(w->people[i], number);
}

static void judge_talk(struct world *w)
{
    for (int i = 0; i < w->options.people; i++) {
        if (w->people[i]->doubled > 0 && w->restarts == 0)
            world_wrong(w, "person %d heard %llu packets twice while links changed", i,
                        (unsigned long long)w->people[i]->doubled);
        person_deafen(w->people[i]);
    }
}

/* An original whose old connection times out forgets the new one (defect 21), and nobody can tell:
   its links are made anew. */
static void heal_originals(struct world *w)
{
    world_pass(w, 2 * NET_IDLE_TIMEOUT);
    for (size_t i = 0; i < w->shape.count; i++) {
        const struct edge *e = &w->shape.edges[i];
        if (world_is_original(w, e->a) || world_is_original(w, e->b))
            net_part(world_endpoint(w, e->a), world_endpoint(w, e->b));
    }
}

void faults_run(struct world *w, int things)
{
    w->restarts = 0;
    for (int i = 0; i < w->options.people; i++)
        person_deafen(w->people[i]);
    for (int i = 0; i < things; i++) {
        anything(w);
        world_pass(w, any_time(w, PAUSE));
        if (i < PERSON_PACKETS_MAX)
            talk(w, (uint32_t)i);
    }
    heal_all(w);
    if (w->options.originals > 0 && !w->options.keep_links)
        heal_originals(w);
    world_pass(w, HEALING);
    for (int i = 0; i < w->options.phones; i++)
        phone_hang_up(w->phones[i]);
    world_pass(w, RINGING);
    judge_talk(w);
}
