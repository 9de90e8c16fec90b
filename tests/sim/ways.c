#include "tests/sim/ways.h"

#include <stdlib.h>

#include "tests/sim/net_connection.h"

#define ROUTE_LINKS_MAX 15 /* of a query, and of a way that is answered */

static const struct edge *edge_of(const struct world *w, int a, int b)
{
    for (size_t i = 0; i < w->shape.count; i++) {
        const struct edge *e = &w->shape.edges[i];
        if ((e->a == a && e->b == b) || (e->a == b && e->b == a))
            return e;
    }
    return NULL;
}

bool ways_linked(const struct world *w, int a, int b)
{
    return edge_of(w, a, b) != NULL;
}

bool ways_trusts(const struct world *w, int a, int b)
{
    const struct edge *e = edge_of(w, a, b);
    return e != NULL && (e->a == a ? e->a_delegate : e->b_delegate);
}

bool ways_is_sound(const struct world *w, int from, const struct way *way)
{
    for (int i = 0, at = from; i < way->count; at = way->relays[i++]) {
        int next = way->relays[i];
        bool last = i == way->count - 1;
        if (!ways_linked(w, at, next) || (!last && !ways_trusts(w, at, next)) || next == from)
            return false;
        for (int k = 0; k < i; k++) {
            if (way->relays[k] == next)
                return false;
        }
    }
    return true;
}

bool ways_carries_offer(const struct world *w, int from, const struct way *way)
{
    for (int i = 1, at = from; i < way->count; i++) {
        at = way->relays[i - 1];
        if (!ways_trusts(w, way->relays[i], at))
            return false;
    }
    return true;
}

/* ---- searches ---- */

/* One step of a breadth-first search: from a relay at `level` - 1 over an edge. */
typedef bool step(const struct world *w, int from, int to, const struct edge *e, int level);

static bool is_ours(const struct world *w, const struct edge *e)
{
    return !world_is_original(w, e->a) && !world_is_original(w, e->b);
}

/* Adds those at `level`; false: there is none. */
static bool grow(const struct world *w, int *distance, int level, step *may)
{
    bool more = false;
    for (size_t i = 0; i < 2 * w->shape.count; i++) {
        const struct edge *e = &w->shape.edges[i / 2];
        int from = i % 2 == 0 ? e->a : e->b, to = i % 2 == 0 ? e->b : e->a;
        if (is_ours(w, e) && distance[from] == level - 1 && distance[to] == VIEWS_FAR &&
            may(w, from, to, e, level)) {
            distance[to] = level;
            more = true;
        }
    }
    return more;
}

static int *begin(const struct world *w, int from)
{
    int *distance = sim_alloc((size_t)w->shape.relays * sizeof(*distance));
    for (int i = 0; i < w->shape.relays; i++)
        distance[i] = i == from ? 0 : VIEWS_FAR;
    return distance;
}

static bool is_asked(const struct world *w, int from, int to, const struct edge *e, int level)
{
    (void)w;
    (void)to;
    (void)level;
    return e->a == from ? e->a_delegate : e->b_delegate;
}

int ways_asked(const struct world *w, const struct views *v, int from, int to)
{
    int best = VIEWS_FAR, *distance = begin(w, from);
    for (int level = 1; level <= ROUTE_LINKS_MAX && grow(w, distance, level, is_asked); level++) {
        for (int i = 0; i < w->options.relays; i++) {
            int rest = views_distance(v, to, i);
            if (distance[i] == level && rest != VIEWS_FAR && level + rest < best)
                best = level + rest;
        }
    }
    free(distance);
    return best <= ROUTE_LINKS_MAX ? best : VIEWS_FAR;
}

/* On the way: what is behind is believed, and what comes is let through. */
static bool carries(const struct world *w, int from, int to, const struct edge *e, int level)
{
    (void)w;
    (void)to;
    return (e->a == from ? e->a_delegate : e->b_delegate) &&
           (level == 1 || (e->a == from ? e->b_delegate : e->a_delegate));
}

int ways_of_call(const struct world *w, int from, int to)
{
    if (ways_linked(w, from, to))
        return 1;
    int best = VIEWS_FAR, *distance = begin(w, from);
    for (int level = 1; level < ROUTE_LINKS_MAX && grow(w, distance, level, carries); level++) {
        for (int i = 0; i < w->options.relays && best == VIEWS_FAR; i++) {
            if (distance[i] == level && ways_trusts(w, to, i))
                best = level + 1;
        }
    }
    free(distance);
    return best;
}
