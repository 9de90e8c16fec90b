#include "tests/sim/shape.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/net_connection.h"

#define BRANCHES 4
#define CLIQUE 30
#define CYCLES 3 /* of random shapes: two links each */

static const char *const names[] = {
#define X(upper, lower, text) #lower,
    SHAPES(X)
#undef X
};

const char *shape_name(enum shape_kind kind)
{
    return names[kind];
}

bool shape_parse(const char *name, enum shape_kind *kind)
{
    for (int i = 0; i < SHAPE_KINDS; i++) {
        if (strcmp(names[i], name) == 0) {
            *kind = (enum shape_kind)i;
            return true;
        }
    }
    return false;
}

static void link_up(struct shape *s, int a, int b)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct edge *e = &s->edges[i];
        if ((e->a == a && e->b == b) || (e->a == b && e->b == a))
            return;
    }
    if (a != b)
        s->edges[s->count++] = (struct edge){a, b, true, true};
}

static void random_cycle(struct shape *s, struct dice *dice)
{
    int *order = sim_alloc((size_t)s->relays * sizeof(*order));
    for (int i = 0; i < s->relays; i++) {
        int j = (int)dice_below(dice, (uint64_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (int i = 0; i < s->relays; i++)
        link_up(s, order[i], order[(i + 1) % s->relays]);
    free(order);
}

static void cliques(struct shape *s)
{
    for (int i = 0; i < s->relays; i++) {
        for (int first = i / CLIQUE * CLIQUE, j = first; j < i; j++)
            link_up(s, i, j);
        int group = i / CLIQUE;
        if (i % CLIQUE == 0 && group > 0)
            link_up(s, i, (group - 1) / BRANCHES * CLIQUE);
    }
}

void shape_make(struct shape *s, enum shape_kind kind, int relays, struct dice *dice)
{
    size_t max = (size_t)relays * (CLIQUE + CYCLES);
    *s = (struct shape){.relays = relays, .edges = sim_alloc(max * sizeof(struct edge))};
    for (int i = 1; i < relays && kind != SHAPE_RANDOM && kind != SHAPE_CLIQUES; i++)
        link_up(s, i, kind == SHAPE_STAR ? 0 : kind == SHAPE_TREE ? (i - 1) / BRANCHES : i - 1);
    if (kind == SHAPE_RING)
        link_up(s, 0, relays - 1);
    for (int i = 0; i < CYCLES && kind == SHAPE_RANDOM; i++)
        random_cycle(s, dice);
    if (kind == SHAPE_CLIQUES)
        cliques(s);
}

void shape_add_originals(struct shape *s, int count, bool paired, struct dice *dice)
{
    int ours = s->relays;
    s->edges = realloc(s->edges, (s->count + 3 * (size_t)count) * sizeof(*s->edges));
    if (s->edges == NULL && count > 0)
        sim_broken("no memory");
    s->relays += count;
    s->originals = count;
    for (int i = ours; i < s->relays; i++) {
        for (uint64_t links = 1 + dice_below(dice, 2); links > 0; links--) {
            int at = (int)dice_below(dice, (uint64_t)ours);
            if (dice_one_in(dice, 2))
                link_up(s, i, at);
            else
                link_up(s, at, i);
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        struct edge *e = &s->edges[i];
        e->a_delegate &= e->b < ours;
        e->b_delegate &= e->a < ours;
    }
    for (int i = ours + 1; i < s->relays && paired; i += 2)
        link_up(s, i, i - 1); /* these believe all */
}

void shape_free(struct shape *shape)
{
    free(shape->edges);
    *shape = (struct shape){0};
}
