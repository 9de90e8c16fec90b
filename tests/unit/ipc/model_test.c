/*
 * Random schedules: inputs, faults, cuts and deaths in every order, then peace. Whatever happened,
 * both planes end in the same state and every input was answered once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "planes.h"

#ifdef __SANITIZE_ADDRESS__
#define SCHEDULES 3000
#else
#define SCHEDULES 20000
#endif
#define STEPS 150

/* Which faults a family of schedules has. */
struct family {
    unsigned drop, duplicate, reorder; /* per mille */
    unsigned cut;                      /* per mille of the steps begin or end one */
    unsigned kill_data, kill_control;  /* likewise, a death each */
    unsigned fragile, busy, poison;    /* per mille of the inputs */
};

static void random_cut(struct planes *p)
{
    struct channel *all[] = {&p->requests, &p->replies, &p->events, &p->commands};
    struct channel *c = all[rng_next(&p->rng) % 4];
    c->cut = !c->cut;
    if (c->cut && rng_chance(&p->rng, 500))
        channel_clear(c);
}

static void random_death(struct planes *p, const struct family *f)
{
    if (p->data.side == NULL)
        planes_start_data(p);
    else if (rng_chance(&p->rng, f->kill_data))
        planes_kill_data(p);
    if (p->control.side == NULL)
        planes_start_control(p);
    else if (rng_chance(&p->rng, f->kill_control))
        planes_kill_control(p);
}

static void random_input(struct planes *p, const struct family *f)
{
    uint64_t id = p->data.count == 0 ? 0 : 1 + rng_next(&p->rng) % p->data.count;
    switch (rng_next(&p->rng) % 8) {
    case 0:
        planes_open(p);
        break;
    case 1:
        planes_close(p, id);
        break;
    default:
        if (rng_chance(&p->rng, f->poison))
            planes_signal_poison(p, id);
        else
            planes_signal(p, id);
    }
}

static void random_step(struct planes *p, const struct family *f)
{
    struct channel *all[] = {&p->requests, &p->replies, &p->events, &p->commands};
    random_death(p, f);
    if (rng_chance(&p->rng, f->cut))
        random_cut(p);
    switch (rng_next(&p->rng) % 8) {
    case 0:
        planes_tick(p);
        break;
    case 1:
        planes_finish_busy(p);
        break;
    case 2:
    case 3:
        random_input(p, f);
        break;
    default:
        planes_deliver(p, all[rng_next(&p->rng) % 4], 1 + rng_next(&p->rng) % 6);
    }
}

static void set_faults(struct planes *p, const struct family *f)
{
    struct channel *all[] = {&p->requests, &p->replies, &p->events, &p->commands};
    for (size_t i = 0; i < 4; i++) {
        all[i]->drop = f->drop;
        all[i]->duplicate = f->duplicate;
        all[i]->reorder = f->reorder;
    }
    p->control.fragile = f->fragile;
    p->control.busy = f->busy;
}

static void run(uint64_t seed, const struct family *f)
{
    struct planes p;
    planes_init(&p, seed);
    set_faults(&p, f);
    for (int step = 0; step < STEPS; step++)
        random_step(&p, f);
    bool settled = planes_settle(&p);
    bool agree = settled && planes_agree(&p);
    if (!agree)
        print_error("seed %llu: %s\n", (unsigned long long)seed,
                    settled ? "the planes differ" : "no end");
    planes_free(&p);
    assert_true(agree);
}

static void run_family(const struct family *f, uint64_t first, int count)
{
    for (int i = 0; i < count; i++)
        run(first + (uint64_t)i, f);
}

static void without_faults(void **state)
{
    (void)state;
    run_family(&(struct family){.busy = 100}, 1, SCHEDULES / 20);
}

static void lossy_channels(void **state)
{
    (void)state;
    run_family(&(struct family){.drop = 150, .duplicate = 100, .reorder = 200, .busy = 100}, 100000,
               SCHEDULES / 4);
}

static void cuts(void **state)
{
    (void)state;
    run_family(&(struct family){.cut = 60, .busy = 100}, 200000, SCHEDULES / 10);
}

static void deaths_of_control(void **state)
{
    (void)state;
    run_family(&(struct family){.kill_control = 25, .fragile = 15, .busy = 100}, 300000,
               SCHEDULES / 5);
}

static void deaths_of_data(void **state)
{
    (void)state;
    run_family(&(struct family){.kill_data = 15, .busy = 100}, 400000, SCHEDULES / 10);
}

static void poison(void **state)
{
    (void)state;
    run_family(&(struct family){.poison = 60, .drop = 50, .kill_control = 5}, 500000,
               SCHEDULES / 10);
}

static void everything(void **state)
{
    (void)state;
    run_family(&(struct family){.drop = 80,
                                .duplicate = 80,
                                .reorder = 100,
                                .cut = 20,
                                .kill_data = 4,
                                .kill_control = 12,
                                .fragile = 8,
                                .poison = 8,
                                .busy = 100},
               600000, SCHEDULES / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults), cmocka_unit_test(lossy_channels),
        cmocka_unit_test(cuts),           cmocka_unit_test(deaths_of_control),
        cmocka_unit_test(deaths_of_data), cmocka_unit_test(poison),
        cmocka_unit_test(everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
