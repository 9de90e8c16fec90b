/*
 * What people on relays of a federation can go through: rooms that span it, presence, questions for
 * the way to a phone, calls over relays in between. As flows.h, in several shapes, and looked at by
 * what they come to (outcome.h).
 */
#ifndef CHAPPE_TESTS_UNIT_CONTROL_MESH_FLOWS_H
#define CHAPPE_TESTS_UNIT_CONTROL_MESH_FLOWS_H

#include "mesh.h"
#include "steps.h"

/* All is said then, nobody is headless any more, and the rooms of ended calls are empty. */
#define MESH_REST (8 * CLOCK_SECOND)

struct mesh_shape {
    const char *name;
    int relays;
    struct mesh_edge edges[3];
    size_t edge_count;
    int hops;             /* the limit */
    int b, c;             /* where callees are, and others; callers are at relay 0 */
    struct mesh_edge cut; /* the link that a flow may lose */
    const char *extra;    /* config of relay 0 */
    bool talkative;       /* relays say something for ever */
    uint64_t quiet;       /* ns from the end of a flow to the last look */
};

extern const struct mesh_shape mesh_shapes[];
extern const size_t mesh_shape_count;

struct mesh_flow {
    const char *name;
    void (*play)(struct flow_world *w);
    unsigned shapes; /* in which it makes sense: bits */
    bool at_once;    /* who is headless for a while hears in another order of what decides */
};

extern const struct mesh_flow mesh_flows[];
extern const size_t mesh_flow_count;

struct mesh_result {
    struct buffer seen; /* NUL-terminated lines, freed by the caller with buffer_free */
    size_t steps[HARNESS_RELAYS_MAX];
    size_t died;
    size_t messages; /* that relays sent each other */
    size_t updates;  /* RoomUpdates that phones got */
};
/* Links are there and both phones registered before the first step. In the end no relay says
   anything any more, or the test fails. */
void mesh_play(const struct mesh_shape *shape, void (*play)(struct flow_world *w),
               const struct deaths deaths[HARNESS_RELAYS_MAX], struct mesh_result *result);

#endif
