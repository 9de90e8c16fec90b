/*
 * Who is linked with whom.
 */
#ifndef CHAPPE_TESTS_SIM_SHAPE_H
#define CHAPPE_TESTS_SIM_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/sim/dice.h"

/* name on the command line, what it is */
#define SHAPES(X)                                                                                  \
    X(STAR, star, "all dial relay 0")                                                              \
    X(TREE, tree, "each has four below it")                                                        \
    X(RING, ring, "a circle")                                                                      \
    X(CHAIN, chain, "a line")                                                                      \
    X(RANDOM, random, "six links each, at random")                                                 \
    X(CLIQUES, cliques, "groups of 30 in which all know each other, their first ones a tree")

enum shape_kind {
#define X(upper, lower, text) SHAPE_##upper,
    SHAPES(X)
#undef X
        SHAPE_KINDS
};

const char *shape_name(enum shape_kind kind);
/* False: there is no such shape. */
bool shape_parse(const char *name, enum shape_kind *kind);

struct edge {
    int a, b;        /* a dials b */
    bool a_delegate; /* a accepts what b forwards */
    bool b_delegate;
};

struct shape {
    int relays; /* all; the last `originals` of them are originals */
    int originals;
    struct edge *edges; /* owned; no pair twice */
    size_t count;
};

/* All with delegate. */
void shape_make(struct shape *shape, enum shape_kind kind, int relays, struct dice *dice);
/* Each is linked with one or two relays that are there already, which believe nothing that it
   forwards; if `paired`, also every second one with the one before it. */
void shape_add_originals(struct shape *shape, int count, bool paired, struct dice *dice);
void shape_free(struct shape *shape);

#endif
