#include "tests/sim/judge.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/judge_calls.h"
#include "tests/sim/leftover.h"
#include "tests/sim/names.h"
#include "tests/sim/judge_probes.h"
#include "tests/sim/judge_routes.h"
#include "tests/sim/net_connection.h"

#define SILENCE (5 * CLOCK_SECOND)      /* without a message */
#define FORGETTING (200 * CLOCK_SECOND) /* ended calls are remembered for 120 s */
#define PACKETS 3u

/* ---- who is to see whom ---- */

static bool is_global(const char *room)
{
    return strcmp(room, world_rooms[WORLD_ROOMS - 1]) != 0;
}

/* Whether `viewer` is to see and hear `other`. */
static bool should_see(const struct views *v, const struct person *viewer,
                       const struct person *other)
{
    if (viewer->relay < 0 || other->relay < 0 || strcmp(viewer->room, other->room) != 0)
        return false;
    return viewer->relay == other->relay ||
           (is_global(viewer->room) && views_distance(v, other->relay, viewer->relay) != VIEWS_FAR);
}

/* Whether `viewer` may hear what comes from `other`, though it does not see them. */
static bool may_hear(const struct views *v, const struct person *viewer, const struct person *other)
{
    return viewer != other && viewer->relay >= 0 && other->relay >= 0 &&
           strcmp(viewer->room, other->room) == 0 && is_global(viewer->room) &&
           views_overhears(v, other->relay, viewer->relay);
}

/*
 * What a pair of originals repeats of the one's people may come first at a relay that sees both:
 * then it is taken for the other's, and whoever sees only the first may miss it.
 */
static bool is_repeated(const struct world *w, const struct views *v, const struct person *viewer,
                        const struct person *talker)
{
    if (!w->options.paired || !world_is_original(w, talker->relay))
        return false;
    for (int o = w->options.relays; o < w->shape.relays; o++) {
        if (o != talker->relay && views_overhears(v, talker->relay, o) &&
            views_distance(v, o, viewer->relay) == VIEWS_FAR)
            return true;
    }
    return false;
}

/* The relay of ours with the lowest fingerprint that is linked with the original, and is near
   enough to speak for the origin, or is not; -1: none. */
static int lowest_of(const struct world *w, const struct views *v, int original, int origin,
                     bool near)
{
    int lowest = -1;
    for (size_t i = 0; i < w->shape.count; i++) {
        const struct edge *e = &w->shape.edges[i];
        int relay = e->a == original ? e->b : e->b == original ? e->a : -1;
        if (relay < 0 || world_is_original(w, relay) ||
            (views_distance(v, origin, relay) < w->options.hops) != near)
            continue;
        struct fingerprint_tls a = name_relay(relay), b = name_relay(lowest);
        if (lowest < 0 || fingerprint_tls_compare(&a, &b) < 0)
            lowest = relay;
    }
    return lowest;
}

/*
 * Whether a relay has `delegate` for another is known to these two. Who speaks to an original may
 * be silent for an origin, because one with a lower fingerprint is believed to have it, which has
 * not (control/core/original.h).
 */
static bool is_believed_told(const struct world *w, const struct views *v,
                             const struct person *viewer, const struct person *talker)
{
    if (w->options.trusting || !world_is_original(w, viewer->relay) ||
        views_distance(v, talker->relay, viewer->relay) == 1)
        return false;
    int speaker = lowest_of(w, v, viewer->relay, talker->relay, true);
    int other = lowest_of(w, v, viewer->relay, talker->relay, false);
    struct fingerprint_tls a = name_relay(speaker), b = name_relay(other);
    return speaker >= 0 && other >= 0 && fingerprint_tls_compare(&b, &a) < 0;
}

static bool may_miss(const struct world *w, const struct views *v, const struct person *viewer,
                     const struct person *talker)
{
    return is_repeated(w, v, viewer, talker) || is_believed_told(w, v, viewer, talker);
}

/* ---- rooms ---- */

static bool is_in(const char (*names)[FINGERPRINT_USER_TEXT], size_t count, const char *name)
{
    return bsearch(name, names, count, sizeof(names[0]),
                   (int (*)(const void *, const void *))strcmp) != NULL;
}

static void judge_roster(struct world *w, const struct views *v, const struct person *p)
{
    size_t count, wanted = 0;
    char(*names)[FINGERPRINT_USER_TEXT] = person_sees(p, &count);
    for (int i = 0; i < w->options.people; i++) {
        const struct person *other = w->people[i];
        bool should = should_see(v, p, other), does = is_in(names, count, other->name);
        wanted += should;
        if (should != does)
            world_wrong(w, "person %d at relay %d %s person %d at relay %d in %s", p->number,
                        p->relay, should ? "does not see" : "sees", i, other->relay, p->room);
    }
    if (count != wanted)
        world_wrong(w, "person %d at relay %d sees %zu in %s, not %zu", p->number, p->relay, count,
                    p->room, wanted);
    free(names);
}

static void judge_rooms(struct world *w, const struct views *v)
{
    for (int i = 0; i < w->options.people; i++) {
        const struct person *p = w->people[i];
        if (p->relay >= 0 && !p->joined)
            world_wrong(w, "person %d is not in %s at relay %d", i, p->room, p->relay);
        else if (p->relay >= 0 && !world_is_original(w, p->relay)) /* those have ghosts */
            judge_roster(w, v, p);
    }
}

/* ---- media ---- */

static void talk(struct world *w, int talkers)
{
    int step = w->options.people > talkers ? w->options.people / talkers : 1;
    for (int i = 0; i < w->options.people; i++)
        person_deafen(w->people[i]);
    echo_free_all(&w->echoes);
    for (unsigned number = 0; number < PACKETS; number++) {
        for (int i = 0; i < w->options.people; i += step)
            person_say(w->people[i], number);
        world_pass(w, CLOCK_SECOND);
    }
    world_pass(w, 2 * CLOCK_SECOND);
}

static void judge_media(struct world *w, const struct views *v, int talkers)
{
    int step = w->options.people > talkers ? w->options.people / talkers : 1;
    talk(w, talkers);
    for (int i = 0; i < w->options.people; i++) {
        const struct person *p = w->people[i];
        for (int k = 0; k < w->options.people; k += step) {
            const struct person *talker = w->people[k];
            unsigned wanted = k != i && should_see(v, p, talker) ? PACKETS : 0;
            unsigned heard = person_heard(p, k);
            bool may =
                heard == PACKETS ? may_hear(v, p, talker) : wanted > 0 && may_miss(w, v, p, talker);
            if (heard != wanted && !may)
                world_wrong(w, "person %d at relay %d hears %u of %u packets of %d at relay %d", i,
                            p->relay, heard, wanted, k, talker->relay);
        }
        const struct packet *last = NULL;
        size_t odd = world_odd(w, p, w->options.paired, &last);
        if (odd > 0)
            world_wrong(
                w, "person %d at relay %d hears %zu packets twice, or what is not for it (of %u)",
                i, p->relay, odd, last->from);
    }
}

/* ---- silence, and what is left ---- */

static void judge_silence(struct world *w)
{
    uint64_t since = w->net.now;
    world_pass(w, SILENCE);
    if (w->net.last_message >= since)
        world_wrong(w, "messages go on between relays");
}

static void judge_relays(struct world *w)
{
    for (int i = 0; i < w->options.relays; i++) {
        struct relay *r = w->relays[i];
        struct plane_census census = plane_census(r->plane);
        struct core_gauges gauges = core_gauges(r->core);
        if (census.unacknowledged > 0)
            world_wrong(w, "relay %d: %zu inputs are not acknowledged", i, census.unacknowledged);
        if (gauges.calls > 0 || plane_records_of(r->plane, "call/") > 0)
            world_wrong(w, "relay %d: a call is left", i);
    }
}

void judge_emptiness(struct world *w)
{
    for (int i = 0; i < w->options.people; i++)
        person_leave(w->people[i]);
    for (int i = 0; i < w->options.phones; i++)
        phone_unregister(w->phones[i]);
    world_trace(w, "all go");
    world_pass(w, FORGETTING);
    leftover_judge(w);
}

void judge(struct world *w, int talkers)
{
    struct views views;
    views_init(&views, w);
    judge_silence(w);
    judge_rooms(w, &views);
    judge_media(w, &views, talkers);
    judge_presence(w, &views);
    judge_routes(w, &views);
    judge_probes(w);
    judge_calls(w, &views);
    judge_relays(w);
    views_free(&views);
}
