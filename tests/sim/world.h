/*
 * A federation: relays in a shape, people in rooms, and what happens to them.
 */
#ifndef CHAPPE_TESTS_SIM_WORLD_H
#define CHAPPE_TESTS_SIM_WORLD_H

#include "common/bytes.h"
#include "tests/sim/echo.h"
#include "tests/sim/legacy.h"
#include "tests/sim/person.h"
#include "tests/sim/phone.h"
#include "tests/sim/relay.h"
#include "tests/sim/shape.h"

#define WORLD_ROOMS 3 /* the last is not global */

struct world_options {
    uint64_t seed;
    uint64_t table_key; /* of the data planes' hash tables: what happens does not depend on it */
    enum shape_kind shape;
    int relays;    /* ours */
    int originals; /* their numbers follow */
    bool paired;   /* every second original is linked with the one before it */
    int people;
    int phones;
    int global_rooms;  /* 1 or 2 */
    int hops;          /* federation_hops of all */
    bool trusting;     /* all have delegate; else one side in six has not */
    uint32_t room_pps; /* federation_room_pps */
    uint64_t latency;  /* ns of a relay's line at most; the least is a tenth */
    bool verbose;      /* the trace and all logs go to standard error */
};

struct world {
    struct world_options options;
    struct net net;
    struct dice dice; /* of what happens; the net has its own */
    struct shape shape;
    struct relay **relays;     /* NULL for originals */
    struct legacy **originals; /* NULL for ours */
    struct person **people;
    struct phone **phones;    /* their numbers follow those of the people */
    unsigned calls;           /* so far */
    struct healing *healings; /* what is to be healed (faults.c) */
    uint32_t said;            /* packets of each in trouble, so far */
    struct echo *echoes;      /* what came back to originals, since it was judged last */
    struct buffer trace;      /* what was done, a line each */
    struct buffer wrong;      /* what was found wrong */
    unsigned wrongs;
};

extern const char *const world_rooms[WORLD_ROOMS];

/* All relays run and have had time to link. */
void world_init(struct world *w, const struct world_options *options);
void world_free(struct world *w);
void world_pass(struct world *w, uint64_t ns);
bool world_is_original(const struct world *w, int relay);
/* The relay that this one of ours probes; -1: none. */
int world_probed_by(const struct world *w, int relay);
/* A plane dies, and starts again; an original is a data plane only. */
void world_stop_control(struct world *w, int relay);
void world_start_control(struct world *w, int relay);
void world_stop_data(struct world *w, int relay);
void world_start_data(struct world *w, int relay);
/* Both planes. */
void world_stop(struct world *w, int relay);
void world_start(struct world *w, int relay);
struct quic_endpoint *world_endpoint(const struct world *w, int relay);
/* An original tells of the first in a room only: there is never a second. */
void world_join(struct world *w, int person, int relay, int room);
void world_register(struct world *w, int phone, int relay);
/* One phone calls another, if it is free. */
void world_call(struct world *w, int from, int to);
void world_call_between(struct world *w, struct phone *from, struct phone *to);
void world_leave(struct world *w, int person);
/* How much this person heard twice, or that was not for it, but for what came back to an original
   if that may be (echo.h); and the last of it. */
size_t world_odd(const struct world *w, const struct person *p, bool echoes,
                 const struct packet **last);
/* A line of the trace, with the time. */
void world_trace(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Something is not as it should be. */
void world_wrong(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
