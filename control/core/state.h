/*
 * The core from the inside: where all its tables meet. Only the files of control/core include this.
 *
 * How an input becomes a transaction: core.c notes the time in `now`, finds the connection and
 * hands the input to the module of the connection's purpose (phone.c, room_join.c, link.c, ...);
 * these change objects, add items to `transaction` and mark what they changed for the end
 * (deferred.h); core_commit runs the deferred work and sends the row.
 */
#ifndef CHAPPE_CONTROL_CORE_STATE_H
#define CHAPPE_CONTROL_CORE_STATE_H

#include "common/clock.h"
#include "control/core/core.h"
#include "control/core/deferred.h"
#include "control/core/drain.h"
#include "control/core/question.h"
#include "control/core/report.h"
#include "control/core/timer.h"
#include "control/core/transaction.h"

struct adoption;
struct call;
struct connection;
struct ended;
struct envelope_seen;
struct federation;
struct peer;
struct phone;
struct probe_said;
struct probe_target;
struct replay;
struct room;
struct route_query;
struct transit;

struct core {
    struct core_settings settings;
    char tls_text[FINGERPRINT_TLS_TEXT]; /* settings.tls, as the hello has it */
    uint64_t now;                        /* of the call that is being handled */
    bool failed;                         /* see core_failed */
    bool live;                           /* adopted; false until core_adopted */
    uint64_t last_order;                 /* of core_order */

    struct transaction transaction;
    struct deferred *deferred; /* utlist */
    struct heap timers;
    struct question *questions; /* by id */
    uint64_t last_question;

    struct connection *connections; /* by number */
    struct phone *phones;           /* the registry, by fingerprint */
    size_t phone_count;             /* phones that have registered, listed or not */
    struct room *rooms;             /* by name */
    size_t session_count;           /* members of all rooms */
    struct call *calls;             /* by id, in the order of their offers */
    struct transit *transits;       /* routes of calls between others, by tag */
    struct envelope_seen *seen;     /* ids of forwarded messages */
    struct ended *ended;            /* ended calls by id, oldest first */
    struct timer ended_timer;
    struct replay *replays; /* seen CallOffers, oldest first */
    struct timer replay_timer;
    struct peer *peers; /* by TLS fingerprint, in the order in which a config named them */
    struct drain drain;
    struct federation *federation;
    struct route_query *routes; /* by id */
    struct probe_target *probe_targets;
    struct probe_said *probe_said; /* by TLS fingerprint */
    struct adoption *adoption;     /* what was installed, while adopting */

    struct core_counters counters;
    struct report_limits report_limits;
};

/*
 * A number greater than all before, also than those that a core before this one gave: the time, or
 * one more than the last. Objects that have an order among themselves get one, and dials their id.
 */
uint64_t core_order(struct core *c);

/*
 * Ends the transaction: deferred work, then the row goes to the rim, if there is anything in it. If
 * that work makes it long (a thousand records of large objects) several rows go, one after another.
 */
void core_commit(struct core *c);
/* Ends it if its row is longer than so many bytes: more goes into another one. */
void core_split(struct core *c, size_t max);

#endif
