/* bin/sim: one run of the simulated federation. README.md says what it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/options.h"
#include "tests/sim/cost.h"
#include "tests/sim/faults.h"
#include "tests/sim/judge.h"
#include "tests/sim/judge_orphans.h"

#define THINGS 40 /* that happen in an hour of trouble */

struct arguments {
    const char *seed, *table_key, *shape, *relays, *originals, *people, *phones, *hops, *hours,
        *talkers;
    bool paired, trusting, verbose, cost;
    int hour_count, talker_count;
    struct world_options world;
};

static int read_number(const struct options *o, const char *name, const char *text, int low,
                       int high, int *out)
{
    char *end;
    if (text == NULL)
        return OPTIONS_RUN;
    long n = strtol(text, &end, 10);
    if (end == text || *end != '\0' || n < low || n > high)
        return options_wrong(o, stderr, "--%s: not a number from %d to %d: \"%s\"", name, low, high,
                             text);
    *out = (int)n;
    return OPTIONS_RUN;
}

static int check(const struct options *o, struct arguments *a)
{
    struct world_options *w = &a->world;
    int rc = read_number(o, "relays", a->relays, 1, 2000, &w->relays);
    if (rc == OPTIONS_RUN)
        rc = read_number(o, "originals", a->originals, 0, 1000, &w->originals);
    w->people = w->relays * 2 < 100 ? w->relays * 2 : 100;
    if (rc == OPTIONS_RUN)
        rc = read_number(o, "people", a->people, 1, 2000, &w->people);
    w->phones = w->people / 2;
    if (rc == OPTIONS_RUN)
        rc = read_number(o, "phones", a->phones, 0, 2000, &w->phones);
    if (rc == OPTIONS_RUN)
        rc = read_number(o, "hops", a->hops, 1, 16, &w->hops);
    if (rc == OPTIONS_RUN)
        rc = read_number(o, "hours", a->hours, 0, 1000000, &a->hour_count);
    if (rc == OPTIONS_RUN)
        rc = read_number(o, "talkers", a->talkers, 1, 2000, &a->talker_count);
    if (rc == OPTIONS_RUN && a->shape != NULL && !shape_parse(a->shape, &w->shape))
        rc = options_wrong(o, stderr, "--shape: star, tree, ring, chain, random or cliques");
    w->seed = a->seed == NULL ? 1 : strtoull(a->seed, NULL, 0);
    w->table_key = a->table_key == NULL ? 0 : strtoull(a->table_key, NULL, 0);
    w->paired = a->paired;
    w->trusting = a->trusting;
    w->verbose = a->verbose;
    return rc;
}

/* Everybody is somewhere. */
static void populate(struct world *w)
{
    for (int i = 0; i < w->options.people; i++)
        world_join(w, i, (int)dice_below(&w->dice, (uint64_t)w->shape.relays),
                   (int)dice_below(&w->dice, WORLD_ROOMS));
    for (int i = 0; i < w->options.phones; i++)
        world_register(w, i, (int)dice_below(&w->dice, (uint64_t)w->options.relays));
    world_pass(w, 20 * CLOCK_SECOND);
}

static int report(const struct arguments *a, struct world *w, int hour)
{
    const struct world_options *o = &w->options;
    if (w->wrongs == 0) {
        printf("ok: %s of %d relays, %d people, %d hops, seed %llu: %d hours, %llu messages, "
               "%llu packets between relays, trace %016llx\n",
               shape_name(o->shape), o->relays, o->people, o->hops, (unsigned long long)o->seed,
               hour, (unsigned long long)w->net.messages, (unsigned long long)w->net.media,
               (unsigned long long)w->net.digest);
        return EXIT_DONE;
    }
    fwrite(w->trace.data, 1, w->trace.len, stdout);
    printf("\n%u things are wrong in hour %d, trace %016llx:\n", w->wrongs, hour,
           (unsigned long long)w->net.digest);
    fwrite(w->wrong.data, 1, w->wrong.len, stdout);
    printf("\nagain: sim --seed %llu --shape %s --relays %d --originals %d --people %d --phones "
           "%d --hops %d --hours %d --talkers %d%s%s\n",
           (unsigned long long)o->seed, shape_name(o->shape), o->relays, o->originals, o->people,
           o->phones, o->hops, hour, a->talker_count, o->trusting ? " --trusting" : "",
           o->paired ? " --paired" : "");
    return EXIT_FAILED;
}

static int run_cost(struct arguments *a)
{
    struct world w;
    a->world.global_rooms = 1;
    a->world.people = 3;
    a->world.phones = 2;
    a->world.trusting = true;
    world_init(&w, &a->world);
    cost_report(&w);
    world_free(&w);
    return EXIT_DONE;
}

static int run(struct arguments *a)
{
    struct world w;
    int hour = 0;
    world_init(&w, &a->world);
    populate(&w);
    judge(&w, a->talker_count);
    while (w.wrongs == 0 && hour < a->hour_count) {
        hour++;
        world_trace(&w, "hour %d", hour);
        faults_run(&w, THINGS);
        judge(&w, a->talker_count);
    }
    if (w.wrongs == 0)
        judge_orphans(&w);
    if (w.wrongs == 0)
        judge_emptiness(&w);
    int rc = report(a, &w, hour);
    world_free(&w);
    return rc;
}

int main(int argc, char **argv)
{
    struct arguments a = {.hour_count = 3,
                          .talker_count = 50,
                          .world = {.shape = SHAPE_RANDOM,
                                    .relays = 12,
                                    .hops = 4,
                                    .global_rooms = WORLD_ROOMS - 1,
                                    .room_pps = 100,
                                    .latency = 20 * CLOCK_MS}};
    const struct options_entry entries[] = {
        {.name = "seed", .argument = "N", .help = "of everything that is random", .value = &a.seed},
        {.name = "table-key",
         .argument = "N",
         .help = "of hash tables: changes nothing but their order",
         .value = &a.table_key},
        {.name = "shape",
         .argument = "NAME",
         .help = "star, tree, ring, chain, random or cliques",
         .value = &a.shape},
        {.name = "relays", .argument = "N", .help = "how many", .value = &a.relays},
        {.name = "originals", .argument = "N", .help = "more, at the edge", .value = &a.originals},
        {.name = "paired", .help = "originals know each other, two and two", .flag = &a.paired},
        {.name = "people", .argument = "N", .help = "in three rooms", .value = &a.people},
        {.name = "phones", .argument = "N", .help = "registered ones", .value = &a.phones},
        {.name = "hops", .argument = "N", .help = "federation_hops of all", .value = &a.hops},
        {.name = "hours", .argument = "N", .help = "of trouble, each judged", .value = &a.hours},
        {.name = "talkers", .argument = "N", .help = "who are judged", .value = &a.talkers},
        {.name = "trusting", .help = "all have delegate", .flag = &a.trusting},
        {.name = "cost", .help = "measures one join, one call, ...", .flag = &a.cost},
        {.name = "verbose", .help = "says all to standard error", .flag = &a.verbose},
    };
    const struct options options = {"sim",   "a federation of many relays in one process", "",
                                    entries, sizeof(entries) / sizeof(entries[0]),         0,
                                    0};
    int operand, rc = options_parse(&options, argc, argv, stdout, stderr, &operand);
    if (rc == OPTIONS_RUN)
        rc = check(&options, &a);
    if (rc != OPTIONS_RUN)
        return rc;
    return a.cost ? run_cost(&a) : run(&a);
}
