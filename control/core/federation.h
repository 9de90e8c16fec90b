/*
 * What is known of the federation's rooms, and how relays of ours tell each other (federation.md;
 * on the wire: common/EXTENSION.md). The parts:
 *
 *   topic        what one publisher says of one origin in one global room
 *   entry        one topic as one link announces it: a path (trail.h) and a version
 *   outgoing     one topic as we have announced it to one link (announce.h)
 *   demand       a link that wants one origin's media of a room from us, and the label it gave
 *   original     what a peer that is an original says of one room, and hears of it (original.h)
 *   global_room  the room that all of these are about
 *
 * A topic's settling (topic.c), once at the end of each transaction that changed it, picks the
 * path in use, tells the links what changed for them, and puts its media's routes.
 *
 * A relay publishes one topic for each of its global rooms, also without members: thus the way of
 * its media is made before anybody speaks. And one without a room: its registered phones
 * (presence.h), whose list is not `list` but a set of its own.
 */
#ifndef CHAPPE_CONTROL_CORE_FEDERATION_H
#define CHAPPE_CONTROL_CORE_FEDERATION_H

#include "control/core/hold.h"
#include "control/core/participant.h"
#include "control/core/peers.h"
#include "control/core/rooms.h"
#include "control/core/trail.h"

#define FEDERATION_PATH_MAX 16               /* relays in a path, whatever the config allows */
#define FEDERATION_ENTRIES_MAX 16384         /* of one link */
#define FEDERATION_DEMANDS_MAX 16384         /* of one link */
#define FEDERATION_LINGER_NS CLOCK_SECOND    /* the old path's media, after a change of paths */
#define FEDERATION_ORIGINALS_MAX 64          /* that a neighbour says it is linked with */
#define FEDERATION_GATHER_NS (20 * CLOCK_MS) /* changes elsewhere that make one RoomUpdate */

struct federation_link;
struct original;
struct presence;
struct topic;

struct version {
    uint64_t start;   /* the publisher's data epoch: ms since 1970 at its start */
    uint64_t counter; /* within it */
};
int version_compare(const struct version *a, const struct version *b);

struct path {
    struct fingerprint_tls relays[FEDERATION_PATH_MAX]; /* from the neighbour to the origin */
    size_t count;
};
bool path_contains(const struct path *path, const struct fingerprint_tls *relay);

struct entry {
    struct topic *topic;
    struct federation_link *link;
    struct version version;
    uint64_t digest; /* of its list, participants_digest; of presence 0 */
    struct trail *path;
    uint32_t generation; /* of the link's listing in which it was last said */
    bool wanted;         /* its media is routed: under `label`, or first-hand */
    struct ipc_tag label;
    uint64_t route; /* digest of the route as it was put; 0: none */
    struct deferred record;
    struct entry *prev, *next;           /* in the topic */
    struct entry *link_prev, *link_next; /* in the link */
};

struct topic_key {
    struct global_room *room; /* NULL: presence */
    struct fingerprint_tls publisher;
    struct fingerprint_tls origin; /* the publisher itself, or an original that it is linked with */
};

/* A topic on one link: both NULL, unless something was said. */
struct topic_side {
    struct entry *heard;
    struct outgoing *told;
};

struct topic {
    struct topic_key key;
    bool own;                 /* we publish it */
    struct version version;   /* what is shown; see topic_source */
    struct participants list; /* in that version */
    uint64_t digest;          /* of the list, if an entry gave it */
    struct entry *entries;
    struct entry *best;       /* the path in use; NULL: none, or own */
    struct trail *announced;  /* see topic_announced */
    struct topic_side *sides; /* by the links' slots */
    size_t side_count;
    size_t told_count;         /* sides with something told */
    bool changed_list;         /* since it settled last */
    struct presence *presence; /* without a room; else NULL */
    struct deferred settle;
    struct deferred media;
    struct deferred record;
    struct hold hold;
    struct timer linger;       /* the path before `best` goes then */
    struct topic *prev, *next; /* in the room */
    struct origin *group;
    struct topic *group_prev, *group_next; /* of the same origin */
    UT_hash_handle hh;
};

/* The topics of one origin in a room: one, or for an original one of each publisher. */
struct origin {
    struct fingerprint_tls fingerprint;
    struct topic *topics;
    UT_hash_handle hh;
};

struct demander {
    struct demand *demand;
    struct federation_link *link;
    struct ipc_tag tag; /* what its datagrams carry */
    uint32_t generation;
    struct demander *prev, *next;           /* in the demand */
    struct demander *link_prev, *link_next; /* in the link */
};

struct demand {
    struct global_room *room;
    struct fingerprint_tls origin;
    struct demander *demanders;
    UT_hash_handle hh;
};

struct global_room {
    char name[ROOM_NAME_SIZE];
    char hashed[ROOM_HASHED_SIZE];
    struct ipc_tag tag;
    bool occupied; /* has members here, as last seen */
    struct topic *own;
    struct topic *topics;       /* all, own too */
    struct origin *origins;     /* the same, by origin */
    struct original *originals; /* those that are linked; utlist */
    struct demand *demands;     /* by origin */
    struct deferred members;    /* somebody joined or left here */
    struct deferred media;      /* the egress, the neighbours' first-hand routes */
    struct deferred roster;     /* somebody elsewhere did */
    uint64_t egress;            /* digest of the egress as last put */
    bool retired;               /* no longer global: it only winds up */
    uint64_t told;              /* digest of the remote list as last told */
    struct timer tell;          /* it is another one: the members are told then */
    UT_hash_handle hh;
    UT_hash_handle hh_hashed;
};

/* A neighbour of ours in one room: its first-hand media, under the room's own tag. */
struct neighbour {
    struct global_room *room;
    struct federation_link *link;
    bool asked;     /* it was told that we want it though we have no members */
    uint64_t route; /* digest, as in entry */
    UT_hash_handle hh;
};

/* A want on its way to the neighbour; in the order in which they arose. */
struct want {
    struct global_room *room;
    struct fingerprint_tls origin;
    struct ipc_tag label; /* zeros: none */
    bool off;
    struct want *prev, *next;
};

/*
 * A peer while it is linked. Of an original (`legacy`) there are only the rooms, what it is to hear
 * (`demanders`, made here) and `neighbours`.
 */
struct federation_link {
    struct peer *peer;
    struct fingerprint_tls fingerprint;
    size_t slot; /* a small number, of this link alone */
    bool legacy;
    struct fingerprint_tls originals[FEDERATION_ORIGINALS_MAX]; /* that it is linked with itself */
    size_t original_count;
    uint32_t hops;          /* the longest path that it takes */
    bool accepts_forwarded; /* it takes more than first-hand from us */
    uint32_t generation;    /* of what it says */
    uint32_t told_hops;     /* what our hello told it */
    bool told_forwarded;
    struct entry *entries;
    size_t entry_count;
    struct demander *demanders;
    size_t demander_count;
    struct neighbour *neighbours; /* by room */

    struct want *wants;
    struct outgoing *ready; /* to be said at the next flush, bad news first */
    struct outgoing *all;
    size_t unsaid;   /* wants and ready ones */
    unsigned budget; /* messages that may go before the next flush */
    bool end_owed;   /* a listing is under way */
    bool asked;      /* to say everything again, and has not ended that yet */
    bool recorded;   /* there is a record of it */
    bool say_all;    /* adopted: its predecessor's queue was too long to be recorded */
    struct deferred record;
    uint64_t flushed; /* when it was flushed last */
    struct timer flush;
    struct federation_link *prev, *next;
};

struct federation {
    uint64_t start; /* the data epoch */
    struct global_room *rooms;
    struct global_room *hashed;
    struct global_room *retired; /* uthash, by address */
    bool say_all;                /* adopted: the config is another one */
    uint64_t terms;              /* digest of it as recorded, see federation_terms.h */
    struct topic *topics;
    struct topic *held; /* utlist, see hold.h */
    size_t held_count;
    struct timer hold;              /* the first of them is over */
    struct federation_link *links;  /* by fingerprint: the same order after adoption */
    struct federation_link **slots; /* of the links; NULL: free */
    size_t slot_count;
    struct presence *presences; /* of all relays, utlist */
    struct presence *own;       /* ours */
    size_t presence_names;      /* of the others */
};

/* 0 or ERR_MEMORY. Makes the rooms of the config and their own topics. */
int federation_init(struct core *c);
void federation_free(struct core *c);
/* Forgets all but the config: before adoption. */
void federation_forget(struct core *c, uint64_t data_epoch);

/* ---- reload ---- */
/* The config's rooms, hops and trust may be others: what no longer counts goes. */
void federation_reload(struct core *c);
/* Rates are others: all routes and rooms are put anew. */
void federation_reload_rates(struct core *c);

/* ---- links ---- */
struct federation_link *federation_link_of(const struct core *c, const struct peer *peer);
/* The peer is linked, or another of its connections speaks for the link now: it gets what it may
   have, as a relay of ours or as an original. */
void federation_link_up(struct core *c, struct peer *peer);
/* Signals may have been lost on the way: it gets everything again. */
void federation_link_repeat(struct core *c, struct peer *peer);
void federation_link_down(struct core *c, struct peer *peer);
/* A hello of a relay of ours, which is linked: which originals it knows itself. */
void federation_originals(struct core *c, struct peer *peer,
                          const struct signal_hello_extension *m);
/* A hello on a live link. */
void federation_hello(struct core *c, struct peer *peer, const struct signal_hello_extension *m);

/* ---- adoption ---- */
int federation_restore_topic(struct core *c, struct bytes name, struct bytes value);
int federation_restore_entry(struct core *c, struct bytes name, struct bytes value);
int federation_restore_demand(struct core *c, struct bytes name, struct bytes value);
int federation_restore_queue(struct core *c, struct bytes name, struct bytes value);
/* All links are there, no topic is: before the records of topics and the rest. */
void federation_adopt_links(struct core *c);
/* All records are there: settles, and sends again what its predecessor may not have sent. */
void federation_adopted(struct core *c);
/* True if a route that was found installed is one of the federation's. */
bool federation_claims(const struct core *c, const struct fingerprint_tls *link,
                       const struct ipc_tag *tag, const struct fingerprint_tls *origin,
                       const char *room);

#endif
