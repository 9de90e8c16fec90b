/*
 * Originals: peers that know nothing of paths and versions (federation.md, "What an original says,
 * and how to read it"; protocol.md 5.11). One object for each that is linked and each global room.
 *
 * What it says is kept per spelling of the room. Its own phones (entries without a label) are
 * published as an origin of ours, path [us, original]. Those behind it (with a label) are shown to
 * our own members only, and only with `delegate`: they are nobody's first-hand, and could be ours.
 * Of each name that we announced to it, the labelled echo is dropped. A change is acted on at once,
 * the next one ORIGINAL_PACE_NS later: a cycle of originals repeats old and new lists for ever.
 *
 * What it hears is one plain list of everybody but its own, at most every ORIGINAL_PACE_NS and only
 * if it is another than before. Exactly one relay of ours speaks for each origin towards it (list
 * and media): see original_hears.
 */
#ifndef CHAPPE_CONTROL_CORE_ORIGINAL_H
#define CHAPPE_CONTROL_CORE_ORIGINAL_H

#include "control/core/federation.h"

#define ORIGINAL_PACE_NS CLOCK_SECOND
#define ORIGINAL_NAMES_MAX 2048 /* announced to it in a room; the oldest are forgotten */

/* The names under which it may announce a room (defect 28). */
enum { ORIGINAL_RAW, ORIGINAL_HASHED, ORIGINAL_SPELLINGS };

struct original_list {
    bool open;                  /* it was announced, and media there has listeners */
    struct participants here;   /* its own phones */
    struct participants behind; /* with labels */
};

struct original_name {
    char name[CONNECTION_NAME_SIZE];
    UT_hash_handle hh;
};

struct original {
    struct federation_link *link;
    struct global_room *room;
    struct topic *topic; /* its own phones, as we publish them */
    struct original_list lists[ORIGINAL_SPELLINGS];
    bool labelled;              /* it has ever announced somebody with a label */
    struct participants behind; /* as last acted on; of its own phones: the topic's list */
    bool fresh;                 /* the lists are to be acted on */
    uint64_t acted;             /* when that was last done; 0: never */
    struct timer act;

    uint64_t said; /* digest of what we announced last; 0: nobody, or nothing yet */
    uint64_t said_at;
    struct timer say;
    struct original_name *names; /* everybody whom we announced, the least recent first; uthash */

    unsigned changed;  /* what is to be recorded, see original_record.c */
    unsigned recorded; /* what is */
    struct deferred settle;
    struct deferred record;
    struct original *prev, *next; /* in the room */
};

/* ---- life: of all rooms of a link ---- */
/* The original is linked: an object and a topic for each global room. */
void originals_add(struct core *c, struct federation_link *link);
/* The same if that is in the records of our predecessor. */
void originals_adopt(struct core *c, struct federation_link *link);
/* It is linked no longer: what we said of it is withdrawn. */
void originals_remove(struct core *c, struct federation_link *link);
/* It may have forgotten what we said: all is said again. */
void originals_say_again(struct core *c, struct federation_link *link);
/* Rooms may have become global, and `delegate` another. */
void originals_reload(struct core *c, struct federation_link *link);

/* ---- life: of one ---- */
/* The same as originals_remove when the room is global no longer. */
void original_remove(struct core *c, struct original *o);
void original_free(struct core *c, struct original *o); /* memory only */
struct original *original_find(const struct global_room *room, const struct federation_link *link);

/* ---- what it says ---- */
void original_active(struct core *c, struct original *o, const struct signal_global_room_active *m);
void original_inactive(struct core *c, struct original *o, struct signal_text room);

/* ---- what it hears ---- */
/* It has announced the room: media there has listeners behind it. */
bool original_is_open(const struct original *o);
/* Something in the room changed: who hears what is settled at the end of the transaction. */
void originals_of_room_changed(struct core *c, const struct global_room *room);
/*
 * True if it is us who tell this original of the topic's origin: that is ourselves; or it is near
 * enough (federation_hops, in which the link to the original counts), not linked with the original
 * itself, and no relay with a lower fingerprint than ours is, which has the origin near enough to
 * speak for it as well as we can tell: by its publication of the original, or its hello.
 *
 * Where we cannot tell, both speak. That is so for a neighbour of two relays that are linked with
 * the original, if these are not linked with each other or neither has `delegate` for the other:
 * what the one has at first hand the other is not told, and who keeps silent for somebody who does
 * not have the origin makes the original deaf to it. It costs what is said twice: the original
 * drops the second copy of a packet within 2 s, before it counts its rate (protocol.md 5.12), so
 * nobody there or behind it hears it twice, and shows a name in two lists once (5.6).
 *
 * What cannot be known is whether a relay that is no neighbour of ours has `delegate` for those on
 * the way to it. It is believed to, else all publishers of an original would speak wherever they
 * are not neighbours. If it has not, the original is deaf to who is beyond: among the relays that
 * are linked with an original, the one with the lowest fingerprint is to have `delegate`.
 *
 * The topic is one that topic_is_shown(): our own, or there is a path to its origin.
 */
bool original_hears(const struct core *c, const struct federation_link *link,
                    const struct topic *topic);

/* ---- between its files ---- */
/* original_heard.c: acts on what it said, if it is time to. */
void original_act(struct core *c, struct original *o);
/* original_told.c */
void original_demand(struct core *c, struct original *o);
void original_tell(struct core *c, struct original *o);
void original_say(struct core *c, struct original *o, const struct participants *list);
void original_note_name(struct core *c, struct original *o, const char *name);
void original_forget_name(struct original *o, struct original_name *name);
/* original.c: sets one of its timers, UINT64_MAX: stops it. */
void original_wait(struct core *c, struct original *o, struct timer *timer, uint64_t at);

#endif
