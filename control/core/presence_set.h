/*
 * The names of the phones that are registered at one relay, with the order in which they changed,
 * so that a change can be told without telling all (common/EXTENSION.md, "PresenceUpdate").
 *
 * A set has versions: numbers that grow with each change. Every name knows the version of its last
 * change; names that are gone are remembered for a while, so that what happened since an older
 * version can be listed. Applied to a set of any version between the two, such a list makes the
 * newer one.
 *
 * The names lie in buckets by a hash that all relays share. A big set is transferred and recorded
 * bucket by bucket. A bucket exists while it has names or is dirty, so that a relay that knows a
 * thousand small sets does not pay for big ones.
 */
#ifndef CHAPPE_CONTROL_CORE_PRESENCE_SET_H
#define CHAPPE_CONTROL_CORE_PRESENCE_SET_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#include "common/bytes.h"

#define PRESENCE_BUCKETS 256
#define PRESENCE_NAMES_MAX 65536 /* in one set */
#define PRESENCE_BUCKET_MAX 4096 /* in one bucket */
#define PRESENCE_GONE_MAX 4096   /* remembered in one set; then the oldest are forgotten */

struct presence_name {
    uint64_t changed;                                /* the set's version then */
    bool here;                                       /* false: it is gone, and remembered */
    bool keep;                                       /* while a bucket is replaced */
    struct presence_name *prev, *next;               /* in set->log */
    struct presence_name *bucket_prev, *bucket_next; /* in its bucket */
    char text[];
};

struct presence_bucket {
    struct presence_name *names; /* utlist, in the order of the texts */
    uint32_t size;               /* names in it, gone ones too */
    uint8_t number;
    bool dirty; /* who is here changed since presence_set_clean */
};

/* Zero-initialised is valid and empty. */
struct presence_set {
    struct presence_name *log;       /* utlist, the newest change last */
    struct presence_bucket *buckets; /* those that exist, by number */
    size_t bucket_count;
    size_t bucket_room;
    size_t count;    /* here */
    size_t gone;     /* remembered */
    uint64_t digest; /* of the names that are here */
    uint64_t floor;  /* what changed since an older version than this is not known */
};

void presence_set_free(struct presence_set *set);
/* FNV-1a, 32 bits, of the name; its lowest 8 bits. */
unsigned presence_bucket(const char *name);
bool presence_set_has(const struct presence_set *set, const char *name);
/* The first name of a bucket; go on with `bucket_next`. NULL: there is none. */
const struct presence_name *presence_set_bucket(const struct presence_set *set, unsigned bucket);
/* No bucket is dirty any more. */
void presence_set_clean(struct presence_set *set);

/*
 * The name came or went with this version, which is not lower than any before. 0, also if it was so
 * before (the name is changed all the same); ERR_TOO_LARGE if the set or the bucket is full and the
 * name is left out; ERR_MEMORY.
 */
int presence_set_put(struct presence_set *set, const char *name, bool here, uint64_t version);
/* Like a bucket's names are said anew: between begin and end each of them is said to be here; at
   the end all others in buckets first to last go. Same errors. */
void presence_set_begin(struct presence_set *set, unsigned first, unsigned last);
int presence_set_say(struct presence_set *set, const char *name, uint64_t version);
void presence_set_end(struct presence_set *set, unsigned first, unsigned last);
/* The set is as of this version, and nothing older is known: forgets who is gone. */
void presence_set_raise(struct presence_set *set, uint64_t floor);

/* The first change after this version, or NULL; go on with `next`. */
const struct presence_name *presence_set_since(const struct presence_set *set, uint64_t version);

#endif
