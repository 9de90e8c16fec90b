#include "tests/sim/judge_orphans.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/net_connection.h"

#define FORGETTING (200 * CLOCK_SECOND) /* ended calls are remembered for 120 s */

/* Records that follow from who is where; others are of the past. A relay keeps the count of its own
   announcements, also of what it has nobody to announce for any more. */
static const struct kind {
    const char *name;
    size_t own; /* of these there may be more */
} kinds[] = {{"topic/", WORLD_ROOMS - 1},
             {"presence/", 1},
             {"entry/", 0},
             {"demand/", 0},
             {"names/", 0},
             {"call/", 0},
             {"route/", 0},
             {"queue/", 0},
             {"peer/", 0},
             {"original/", 0}};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct holdings {
    size_t connections, rooms, routes, records[KINDS];
};

static struct holdings *look(const struct world *w)
{
    struct holdings *all = sim_alloc((size_t)w->options.relays * sizeof(*all));
    for (int i = 0; i < w->options.relays; i++) {
        const struct plane *plane = w->relays[i]->plane;
        struct plane_census census = plane_census(plane);
        all[i] = (struct holdings){census.connections, census.rooms, census.routes, {0}};
        for (size_t k = 0; k < KINDS; k++)
            all[i].records[k] = plane_records_of(plane, kinds[k].name);
    }
    return all;
}

static void compare(struct world *w, int relay, const char *what, size_t had, size_t needs,
                    size_t own)
{
    if (had < needs || had > needs + own)
        world_wrong(w, "relay %d: %zu %s, and %zu after all started anew", relay, had, what, needs);
}

static void compare_all(struct world *w, int relay, const struct holdings *had,
                        const struct holdings *needs)
{
    compare(w, relay, "connections", had->connections, needs->connections, 0);
    compare(w, relay, "rooms", had->rooms, needs->rooms, 0);
    compare(w, relay, "routes", had->routes, needs->routes, 0);
    for (size_t k = 0; k < KINDS; k++)
        compare(w, relay, kinds[k].name, had->records[k], needs->records[k], kinds[k].own);
}

void judge_orphans(struct world *w)
{
    if (w->options.originals > 0)
        return;
    world_pass(w, FORGETTING);
    struct holdings *had = look(w);
    world_trace(w, "all relays start anew");
    for (int i = 0; i < w->options.relays; i++)
        world_stop(w, i);
    world_pass(w, CLOCK_SECOND);
    for (int i = 0; i < w->options.relays; i++)
        world_start(w, i);
    world_pass(w, FORGETTING);
    struct holdings *needs = look(w);
    for (int i = 0; i < w->options.relays; i++)
        compare_all(w, i, &had[i], &needs[i]);
    free(had);
    free(needs);
}
