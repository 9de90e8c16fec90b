/*
 * A control plane dies at any point of what goes on between several relays: rooms that span them,
 * presence, questions for a way, probes, calls over relays in between (mesh_flows.h; the calls of
 * flows.h that make sense over several links, too). As kill_test.c, which compares every message;
 * here the exact messages depend on when each relay learned of what, so compared is what it comes
 * to (outcome.h), and besides:
 *
 * - if successors adopt at once, phones get no more RoomUpdates: nobody seems to leave who stays;
 * - relays say no more than MESSAGES_A_DEATH for each death besides what they say without one;
 * - when nobody dies any more they fall silent.
 *
 * Of the kill points one in THIN is taken, another one from flow to flow; CHAPPE_KILL_POINTS=all
 * takes all, under a sanitizer more. KILL_TEST_FLOW chooses a flow by its name, KILL_TEST_VERBOSE
 * names each run.
 */
#include "deaths.h"
#include "flows.h"
#include "mesh_flows.h"
#include "outcome.h"

#define MESSAGES_A_DEATH 15
#define HEADLESS CLOCK_SECOND
#define APART 2 /* steps from one death to the next, at most */
#ifdef __SANITIZE_ADDRESS__
#define THIN 60
#define THIN_ALL 12
#define SEEDS 1
#else
#define THIN 9
#define THIN_ALL 1
#define SEEDS 5
#endif

/* A flow in a shape, and what it comes to if nobody dies. */
struct trial {
    const struct mesh_shape *shape;
    const char *name;
    void (*play)(struct flow_world *w);
    bool headless;
    struct mesh_result plain;
    double most; /* messages a death */
};

static void describe(const struct trial *t, const struct deaths of[HARNESS_RELAYS_MAX])
{
    print_error("%s, %s:", t->shape->name, t->name);
    deaths_describe(of);
}

static size_t play_and_compare(void *context, const struct deaths of[HARNESS_RELAYS_MAX])
{
    struct trial *t = context;
    struct mesh_result r;
    if (getenv("KILL_TEST_VERBOSE") != NULL)
        describe(t, of);
    mesh_play(t->shape, t->play, of, &r);
    if (!outcome_same((const char *)t->plain.seen.data, (const char *)r.seen.data)) {
        describe(t, of);
        fail();
    }
    if (!t->headless && r.updates > t->plain.updates) {
        describe(t, of);
        fail_msg("%zu RoomUpdates, %zu without %zu deaths", r.updates, t->plain.updates, r.died);
    }
    if (r.messages > t->plain.messages + r.died * MESSAGES_A_DEATH) {
        describe(t, of);
        fail_msg("%zu messages, %zu without %zu deaths", r.messages, t->plain.messages, r.died);
    }
    if (r.died > 0 && r.messages > t->plain.messages) {
        double each = (double)(r.messages - t->plain.messages) / (double)r.died;
        t->most = each > t->most ? each : t->most;
    }
    buffer_free(&r.seen);
    return r.died;
}

typedef void variation(struct deaths_of *d);

static bool is_chosen(const char *name)
{
    const char *chosen = getenv("KILL_TEST_FLOW");
    return chosen == NULL || strcmp(chosen, name) == 0;
}

static void each_way(struct deaths_of *d, struct trial *t, variation *vary)
{
    if (!is_chosen(t->name))
        return;
    static const struct deaths none[HARNESS_RELAYS_MAX];
    mesh_play(t->shape, t->play, none, &t->plain);
    assert_int_equal(t->plain.died, 0);
    d->relays = t->shape->relays;
    memcpy(d->steps, t->plain.steps, sizeof(d->steps));
    d->context = t;
    vary(d);
    buffer_free(&t->plain.seen);
}

/* On the chain and the triangle; what is about a link in the middle only on the chain. */
static void each_call(struct deaths_of *d, struct trial *t, variation *vary)
{
    for (size_t i = 0; i < flow_count; i++) {
        t->name = flows[i].name;
        t->play = flows[i].play;
        if (t->shape->relays == 3 && flows[i].chain && (flows[i].two || t->shape->edge_count == 2))
            each_way(d, t, vary);
    }
}

static bool takes_all(void)
{
    const char *points = getenv("CHAPPE_KILL_POINTS");
    return points != NULL && strcmp(points, "all") == 0;
}

static void each_flow(const char *what, uint64_t headless, variation *vary)
{
    struct deaths_of d = {
        .headless = headless, .thin = takes_all() ? THIN_ALL : THIN, .try = play_and_compare};
    struct trial t = {.headless = headless > 0};
    for (size_t s = 0; s < mesh_shape_count; s++) {
        t.shape = &mesh_shapes[s];
        for (size_t i = 0; i < mesh_flow_count; i++) {
            t.name = mesh_flows[i].name;
            t.play = mesh_flows[i].play;
            if ((mesh_flows[i].shapes >> s & 1) != 0 && !(mesh_flows[i].at_once && headless > 0))
                each_way(&d, &t, vary);
        }
        each_call(&d, &t, vary);
    }
    print_message("%s: %zu runs, %zu deaths, at most %.1f messages a death\n", what, d.tried,
                  d.died, t.most);
}

static void test_one_death(void **state)
{
    (void)state;
    each_flow("one death", 0, deaths_once);
}

static void test_one_death_and_headless_for_a_while(void **state)
{
    (void)state;
    each_flow("one death, headless", HEADLESS, deaths_once);
}

static void die_twice(struct deaths_of *d)
{
    deaths_twice(d, APART);
}

static void test_two_deaths_the_second_soon(void **state)
{
    (void)state;
    each_flow("two deaths", 0, die_twice);
}

static void test_two_deaths_and_headless_both_times(void **state)
{
    (void)state;
    each_flow("two deaths, headless", HEADLESS, die_twice);
}

static void die_at_random(struct deaths_of *d)
{
    deaths_at_random(d, SEEDS);
}

static void test_deaths_of_all_at_random(void **state)
{
    (void)state;
    each_flow("deaths at random", 0, die_at_random);
}

static void test_deaths_of_all_at_random_and_headless_for_a_moment(void **state)
{
    (void)state;
    each_flow("deaths at random, headless", HEADLESS / 10, die_at_random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_death),
        cmocka_unit_test(test_one_death_and_headless_for_a_while),
        cmocka_unit_test(test_two_deaths_the_second_soon),
        cmocka_unit_test(test_two_deaths_and_headless_both_times),
        cmocka_unit_test(test_deaths_of_all_at_random),
        cmocka_unit_test(test_deaths_of_all_at_random_and_headless_for_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
