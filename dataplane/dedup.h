/*
 * Which packets were seen in which room lately, and whence: drops the copies that reach us over two
 * paths of the federation (federation.md, "Dedup").
 *
 * A packet is known by a keyed 64-bit hash of its bytes and its room. A copy is dropped only if an
 * earlier one of the same origin came over another link, or if one of the two is of another origin
 * that is an original, which passes on what others said and names nobody. Identical packets of two
 * talkers, or of one who starts anew, thus pass. An original's echo may also come first: then the
 * packet itself is for those behind us only.
 *
 * What is remembered is two generations of 2 s: each entry carries the number of the generation in
 * which it was stored, and counts while that is the current or the previous one. The table is made
 * of sets of eight entries, in which a new one takes the place of an outdated one or else of the
 * oldest: looking up and storing touch one set, whatever the load, and nothing is ever cleared.
 */
#ifndef CHAPPE_DATAPLANE_DEDUP_H
#define CHAPPE_DATAPLANE_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "dataplane/siphash.h"

#define DEDUP_GENERATION (2 * CLOCK_SECOND)
#define DEDUP_LINK_MAX ((1u << 19) - 1)
#define DEDUP_ENTRIES_MAX (1u << 20) /* 16 MiB */

struct dedup_entry {
    uint64_t hash; /* 0 = empty */
    uint32_t origin;
    uint32_t generation : 12;
    uint32_t legacy : 1;
    uint32_t link : 19;
};

struct dedup {
    struct siphash_key key;
    struct dedup_entry *entries; /* a power of two */
    size_t count;
    uint64_t evicted; /* entries that were overwritten before their time */
};

/* Where a copy comes from. */
struct dedup_source {
    uint32_t link;   /* 0 = our own phones, else a number of the link's, at most DEDUP_LINK_MAX */
    uint32_t origin; /* a number that stands for the relay whose media it is */
    bool legacy;     /* that is an original, or it came over a link to one */
};

/* 0 or ERR_MEMORY. */
int dedup_init(struct dedup *d, const struct siphash_key *key);
void dedup_free(struct dedup *d);

/*
 * Grows the table to what `packets_per_second` (all token buckets together) fill at most, up to
 * DEDUP_ENTRIES_MAX; it never shrinks. 0, or ERR_MEMORY: it stays as it is.
 */
int dedup_reserve(struct dedup *d, uint64_t packets_per_second, uint64_t now);

enum dedup_verdict {
    DEDUP_NEW,
    DEDUP_ECHOED, /* an original's echo of it came before: members have heard it, but those behind
                     us who want its origin have not */
    DEDUP_COPY,   /* to be dropped */
};
/* What is no copy is noted. `room`: a number that stands for the room. */
enum dedup_verdict dedup_look(struct dedup *d, uint64_t room, struct bytes packet,
                              const struct dedup_source *source, uint64_t now);

#endif
