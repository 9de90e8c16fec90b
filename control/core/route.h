/*
 * The way to a phone as operators and other relays ask for it (protocol.md 5.14, RouteQuery and
 * RouteResponse; between relays of ours: common/EXTENSION.md). What presence knows is answered at
 * once. Beyond the hop limit a query goes from relay to relay, as far as its ttl; the first relay
 * that knows the phone answers, and the answer goes back the way that the query came.
 *
 *   asked by an operator, a call of ours, a link, or a `_probe` connection
 *        |  known here, or nobody to ask: answered at once
 *        v
 *   waits for those that it was passed on to ---> found, or all said no, or the time is over
 *
 * A query is passed on only to relays with `delegate: true`: whatever they answer is forwarded
 * news. Each relay handles a query (its id) once. A query that waits for others has a record.
 */
#ifndef CHAPPE_CONTROL_CORE_ROUTE_H
#define CHAPPE_CONTROL_CORE_ROUTE_H

#include "control/core/federation.h"

#define ROUTE_QUERIES_MAX 1024 /* at a time */
#define ROUTE_OF_LINK_MAX 128  /* of one link; connections of `_probe` together count as one */
#define ROUTE_TTL_MAX 15       /* links beyond the first relay */
#define ROUTE_HOP_NS (400 * CLOCK_MS)    /* time for each link that it may still travel */
#define ROUTE_KEPT_NS (5 * CLOCK_SECOND) /* an id is remembered, an operator's answer kept */
#define ROUTE_ID_SIZE 65                 /* with the NUL */

struct route {
    bool found;
    struct path path; /* from the first other relay to the one that has it; count 0: we have it */
    char addresses[FEDERATION_PATH_MAX][ADDRESS_TEXT]; /* of these; "": not known */
};

enum route_asker { ROUTE_OPERATOR = 1, ROUTE_LINK = 2, ROUTE_PROBE = 3, ROUTE_CALL = 4 };

struct route_query {
    char id[ROUTE_ID_SIZE];
    char name[CONNECTION_NAME_SIZE];
    enum route_asker asker;
    struct fingerprint_tls link; /* LINK */
    uint64_t connection;         /* PROBE */
    struct fingerprint_tls *asked;
    size_t asked_count; /* that have not answered */
    bool done;
    struct route result; /* OPERATOR, CALL: done */
    uint64_t deadline;   /* of the answer; done: it is forgotten then */
    struct timer timer;
    struct deferred record;
    UT_hash_handle hh;
};

/* What is known here: our registry, presence, what probes told. */
void route_known(const struct core *c, const char *name, struct route *out);
/* `conn` is a `_probe` connection of a peer that has proven itself. */
void route_asked_by_probe(struct core *c, const struct connection *conn,
                          const struct signal_route_query *m);
void route_asked_by_link(struct core *c, struct peer *peer, const struct signal_route_query *m);
void route_answered(struct core *c, struct peer *peer, const struct signal_route_response *m);
/* Whoever was asked over it will not answer any more. */
void route_link_down(struct core *c, const struct federation_link *link);
/*
 * An operator asks. True: `out` is the answer. False: others are being asked; to be asked again. An
 * answer that was waited for is given once.
 */
bool route_asked_by_operator(struct core *c, const char *name, struct route *out);
/* The same for a call whose callee is nowhere to be found. Only relays of ours count. */
bool route_asked_by_call(struct core *c, const char *name, struct route *out);

void route_forget_all(struct core *c);
int route_restore(struct core *c, struct bytes name, struct bytes value);
/* After adoption: the times run on. */
void route_adopted(struct core *c);

#endif
