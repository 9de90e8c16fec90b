/*
 * Where registered phones are: the relays of the federation that have them, as far as these tell
 * (federation.md, "Announcements", 9; on the wire: common/EXTENSION.md).
 *
 * Each relay of ours publishes one topic without a room (federation.h): the names of the phones in
 * its registry. It reaches all within its and their hop limits, by the same paths as rooms. Only
 * relays of ours that have proven themselves say anything, and forwarded news count only from those
 * with `delegate: true`. A link's loss takes away at once what came over it.
 *
 * A topic is announced with what changed since the version that the link has; a relay that lacks
 * that version, and everybody who hears of a big set for the first time, asks one of those who
 * announce the newest version to list all names, bucket by bucket (presence_heard.h).
 *
 * A name is not unique: a phone may be registered at several relays, and a relay may say what is
 * not true. Whoever asks a place for a phone must be ready for "not here".
 */
#ifndef CHAPPE_CONTROL_CORE_PRESENCE_H
#define CHAPPE_CONTROL_CORE_PRESENCE_H

#include "control/core/federation.h"
#include "control/core/presence_set.h"

#define PRESENCE_TOTAL_MAX 1048576 /* names of all other relays together */

struct presence_change; /* a phone here that came or went in this transaction */

/* What a topic without a room is about. */
struct presence {
    struct topic *topic;
    struct presence_set names;
    char address[ADDRESS_TEXT]; /* of the origin, as it says; "" for our own */

    /* Of another relay: the listing of all its names that is under way. */
    struct entry *asked;    /* who lists them; NULL: nobody */
    struct version listing; /* what the set will be; start 0: the first part has not come */
    unsigned bucket;        /* the next one */
    bool mixed;             /* a listing was given up: some names are of another version */
    bool restored;          /* adopted, and its records fit together */

    /* Our own. */
    struct presence_change *changes; /* utlist */
    struct deferred apply;
    struct presence *prev, *next; /* in federation->presences */
};

struct presence_place {
    struct peer *next;             /* the neighbour on the path in use; it is linked */
    struct fingerprint_tls origin; /* the relay that has the phone */
    size_t hops;                   /* links to it: 1 = it is the neighbour itself */
    const struct trail *path;      /* from the neighbour to it, as it is now */
};

/*
 * The relays that have a phone of this name, never ourselves: the nearest first, then the lower
 * fingerprints. Fills in at most `max` and returns how many there are of them in `out`.
 */
size_t presence_find(const struct core *c, const char *name, struct presence_place *out,
                     size_t max);
/* The path in use to a relay, whether it has phones or not. False: none is known. */
bool presence_way(const struct core *c, const struct fingerprint_tls *relay,
                  struct presence_place *out);

/* ---- for the registry ---- */
/* A phone of that name may have come or gone. */
void presence_registered(struct core *c, const char *name);

/* ---- for topics ---- */
/* Makes and frees what belongs to a topic without a room. */
bool presence_add(struct core *c, struct topic *topic); /* false without memory */
void presence_free(struct core *c, struct topic *topic);
/* Our own topic, as after a start. */
void presence_add_own(struct core *c);
struct presence *presence_of(const struct core *c, const struct fingerprint_tls *origin);
/* Another path is in use, or none; asks for the names that it lacks. */
void presence_settle(struct core *c, struct topic *topic, struct entry *best);
/* Its names are those of the topic's version. */
bool presence_is_whole(const struct presence *p);
/* Our own names are those in the registry (adoption). */
void presence_take_registry(struct core *c);
/* Our own address as we tell it over this connection: the one that phones are to use (defect 67);
   "" if it is not known. */
void presence_address(const struct core *c, const struct connection *conn, char text[ADDRESS_TEXT]);

#endif
