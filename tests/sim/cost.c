#include "tests/sim/cost.h"

#include <stdio.h>
#include <time.h>

#define QUIET (4 * CLOCK_SECOND)
#define LONGEST (300 * CLOCK_SECOND)

struct meter {
    const char *what;
    uint64_t began; /* virtual */
    clock_t cpu;
};

static void begin(struct world *w, struct meter *m, const char *what)
{
    m->what = what;
    m->began = w->net.now;
    m->cpu = clock();
    net_reset_counts(&w->net);
    w->net.last_message = w->net.now;
}

/* Lets time pass until nothing was said for QUIET. */
static void settle(struct world *w)
{
    uint64_t until = w->net.now + LONGEST;
    do
        world_pass(w, QUIET);
    while (w->net.now - w->net.last_message < QUIET && w->net.now < until);
}

static void end(struct world *w, const struct meter *m)
{
    settle(w);
    double relays = w->shape.relays;
    printf("%-34s %9llu %11llu %9.1f %8.2f %8.2f\n", m->what, (unsigned long long)w->net.messages,
           (unsigned long long)w->net.bytes, (double)w->net.messages / relays,
           (double)(w->net.last_message - m->began) / CLOCK_SECOND,
           (double)(clock() - m->cpu) / CLOCKS_PER_SEC);
    fflush(stdout);
}

void cost_report(struct world *w)
{
    struct meter m;
    int last = w->options.relays - 1;
    printf("%s of %d relays, %d hops\n%-34s %9s %11s %9s %8s %8s\n", shape_name(w->options.shape),
           w->options.relays, w->options.hops, "", "messages", "bytes", "a relay", "until s",
           "CPU s");
    settle(w);
    begin(w, &m, "first person joins at relay 0");
    world_join(w, 0, 0, 0);
    end(w, &m);
    begin(w, &m, "second person joins at the last");
    world_join(w, 1, last, 0);
    end(w, &m);
    begin(w, &m, "third person joins at relay 0");
    world_join(w, 2, 0, 0);
    end(w, &m);
    begin(w, &m, "third person leaves");
    world_leave(w, 2);
    end(w, &m);
    begin(w, &m, "a phone registers at relay 0");
    world_register(w, 0, 0);
    end(w, &m);
    begin(w, &m, "another at the last");
    world_register(w, 1, last);
    end(w, &m);
    begin(w, &m, "they call, and talk");
    world_call(w, 0, 1);
    end(w, &m);
    if (w->phones[1]->call != PHONE_TALKS)
        puts("  they cannot: the one is too far from the other");
    begin(w, &m, "and hang up");
    phone_hang_up(w->phones[0]);
    end(w, &m);
    begin(w, &m, "the last relay dies");
    world_stop(w, last);
    end(w, &m);
    begin(w, &m, "and comes back");
    world_start(w, last);
    end(w, &m);
}
