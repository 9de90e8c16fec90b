/*
 * What flows are made of (flows.h, mesh_flows.h): steps that wait for what they react to, so that
 * they also work while control planes die.
 */
#ifndef CHAPPE_TESTS_UNIT_CONTROL_STEPS_H
#define CHAPPE_TESTS_UNIT_CONTROL_STEPS_H

#include "harness.h"

/* The time that a control plane may be gone in all before a step gives up. */
#define STEP_PATIENCE (40 * CLOCK_SECOND)
#define STEP_PAUSE (100 * CLOCK_MS)
#define STEP_ID "c1" /* of the call from a to b */
#define STEP_ROOM "call-c1"

struct mesh_shape;

struct flow_world {
    struct harness *h;
    struct relay *ra, *rb; /* of the caller, of the callee; the same in a call on one relay; the
                              ends of a chain */
    struct caller a, b;    /* registered */
    uint64_t rest;         /* ns that are waited before each look */
    const struct mesh_shape *shape; /* of mesh_flows.h; NULL for those of flows.h */
    struct buffer *seen;            /* what the flow's looks have seen */
    /* All that a look sees of a relay. */
    void (*print)(struct relay *r, struct buffer *out);
};

/* What is there now goes into `seen`. */
void step_look(struct flow_world *w, const char *when);
/* The next message of this variant; those before it count as read. */
void step_await(struct flow_world *w, struct fake_connection *conn, const char *variant);
/* Phone n is registered at the relay. */
struct caller step_come(struct flow_world *w, struct relay *r, int n);
/* The call from a to b rings; b answers it, and both have set it up. */
void step_ring(struct flow_world *w);
void step_answer(struct flow_world *w, const char *mode);
/* The phone has joined a room, and got its list. */
struct fake_connection *step_join(struct flow_world *w, struct caller *p, const char *room);
/* The media connections of a call that is set up. */
struct step_media {
    struct fake_connection *a, *b;
};
struct step_media step_talk(struct flow_world *w);
/* What is sent to somebody who has gone meanwhile is sent to nobody: the others are told first. */
void step_gone(struct flow_world *w, struct relay *r, struct fake_connection *conn);
/* They talk, until the caller hangs up. */
void step_whole_call(struct flow_world *w);
/* No connection between two relays, until they are joined again. */
void step_cut(struct flow_world *w, int a, int b);
void step_mend(struct flow_world *w, int a, int b);
/* The entries of a view as lines, in an order of our own: a view has none. Frees the view. */
void step_print_view(struct buffer *out, const char *name, cJSON *view);

#endif
