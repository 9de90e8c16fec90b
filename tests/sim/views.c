#include "tests/sim/views.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/net_connection.h"

#define PATH_MAX_RELAYS 16 /* whatever federation_hops says (common/EXTENSION.md) */

/* A link as one relay has it. */
struct arc {
    int to;
    bool delegate;
};

struct graph {
    int relays;
    size_t *first; /* of each relay's arcs; relays + 1 */
    struct arc *arcs;
};

static void graph_init(struct graph *g, const struct shape *shape)
{
    size_t at = 0;
    g->relays = shape->relays;
    g->first = sim_alloc(((size_t)g->relays + 1) * sizeof(*g->first));
    g->arcs = sim_alloc((2 * shape->count + 1) * sizeof(*g->arcs));
    for (size_t i = 0; i < shape->count; i++) {
        g->first[shape->edges[i].a + 1]++;
        g->first[shape->edges[i].b + 1]++;
    }
    for (int i = 0; i < g->relays; i++)
        g->first[i + 1] += g->first[i];
    size_t *next = sim_alloc((size_t)g->relays * sizeof(*next));
    memcpy(next, g->first, (size_t)g->relays * sizeof(*next));
    for (; at < shape->count; at++) {
        const struct edge *e = &shape->edges[at];
        g->arcs[next[e->a]++] = (struct arc){e->b, e->a_delegate};
        g->arcs[next[e->b]++] = (struct arc){e->a, e->b_delegate};
    }
    free(next);
}

static void graph_free(struct graph *g)
{
    free(g->first);
    free(g->arcs);
}

/* Whether `relay` takes from a neighbour at `level` - 1 what that one has of the origin. */
static bool takes(const struct graph *g, int relay, const int *distance, int level)
{
    for (size_t i = g->first[relay]; i < g->first[relay + 1]; i++) {
        const struct arc *arc = &g->arcs[i];
        if (distance[arc->to] == level - 1 && (level == 1 || arc->delegate))
            return true;
    }
    return false;
}

/* How many links away each relay sees the origin; VIEWS_FAR: it does not. */
static void search(const struct graph *g, int origin, int hops, int *distance)
{
    for (int i = 0; i < g->relays; i++)
        distance[i] = i == origin ? 0 : VIEWS_FAR;
    bool more = true;
    for (int level = 1; more && level <= hops && level <= PATH_MAX_RELAYS; level++) {
        more = false;
        for (int i = 0; i < g->relays; i++) {
            if (distance[i] == VIEWS_FAR && takes(g, i, distance, level)) {
                distance[i] = level;
                more = true;
            }
        }
    }
}

static void search_once(struct views *v, const struct graph *g, int origin, int hops)
{
    if (origin < 0 || views_distance(v, origin, origin) == 0)
        return;
    search(g, origin, hops, v->distance + (size_t)origin * (size_t)v->relays);
}

/* ---- by way of originals ---- */

static bool sees(const struct views *v, int origin, int viewer)
{
    return views_distance(v, origin, viewer) != VIEWS_FAR;
}

static int first_original(const struct views *v)
{
    return v->relays - v->originals;
}

static bool *heard_at(const struct views *v, int origin, int original)
{
    size_t column = (size_t)(original - first_original(v));
    return &v->over_links[(size_t)origin * (size_t)v->originals + column];
}

/* The original hears it itself, or another original that it hears does. */
static bool is_brought(const struct views *v, int origin, int original)
{
    bool brought = sees(v, origin, original);
    for (int other = first_original(v); other < v->relays && !brought; other++)
        brought = other != original && *heard_at(v, origin, other) && sees(v, other, original);
    return brought;
}

static void spread(struct views *v, int origin)
{
    bool more = true;
    while (more) {
        more = false;
        for (int o = first_original(v); o < v->relays; o++) {
            bool *heard = heard_at(v, origin, o);
            if (!*heard && is_brought(v, origin, o))
                *heard = more = true;
        }
    }
}

bool views_overhears(const struct views *v, int origin, int viewer)
{
    bool over = false;
    for (int o = first_original(v); o < v->relays && !over; o++)
        over = *heard_at(v, origin, o) && (o == viewer || sees(v, o, viewer));
    return over;
}

void views_init(struct views *v, const struct world *w)
{
    struct graph g;
    size_t n = (size_t)w->shape.relays, originals = (size_t)w->shape.originals;
    *v = (struct views){.relays = w->shape.relays, .originals = w->shape.originals};
    v->distance = sim_alloc(n * n * sizeof(*v->distance));
    v->over_links = sim_alloc((n * originals + 1) * sizeof(*v->over_links));
    for (size_t i = 0; i < n * n; i++)
        v->distance[i] = VIEWS_FAR;
    graph_init(&g, &w->shape);
    for (int i = first_original(v); i < v->relays; i++)
        search_once(v, &g, i, w->options.hops);
    for (int i = 0; i < w->options.people; i++)
        search_once(v, &g, w->people[i]->relay, w->options.hops);
    for (int i = 0; i < w->options.phones; i++)
        search_once(v, &g, w->phones[i]->relay, w->options.hops);
    for (int i = 0; i < v->relays && v->originals > 0; i++)
        spread(v, i);
    graph_free(&g);
}

void views_free(struct views *v)
{
    free(v->distance);
    free(v->over_links);
}

int views_distance(const struct views *v, int origin, int viewer)
{
    return v->distance[(size_t)origin * (size_t)v->relays + (size_t)viewer];
}
