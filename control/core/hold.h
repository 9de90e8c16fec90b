/*
 * What is not believed for a while (federation.md, "Announcements", 6: ghost flushing).
 *
 * A relay that dies is missed by its neighbours one after another, within half a second
 * (link.h: LINK_PING_AFTER_MS). Those who have not missed it yet still announce it, and each relay
 * that loses its path finds one of theirs: a ghost. Announced on, it would come back from somewhere
 * else, a little longer each time, up to the hop limit. So bad news is passed on at once, but a
 * topic whose path vanished or became longer is held: no link is told that there is another path
 * until there was no more bad news for HOLD_NS. This relay itself uses what it has at once: that
 * it is a ghost harms nobody.
 *
 * A path as short as the one that was lost is no ghost of it and ends the hold. A topic without any
 * path stays until its hold is over, so that it is known what was lost.
 */
#ifndef CHAPPE_CONTROL_CORE_HOLD_H
#define CHAPPE_CONTROL_CORE_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/clock.h"

/* As long as two neighbours of a dead relay may differ. */
#define HOLD_NS (500 * CLOCK_MS)
#define HOLD_MAX 16384 /* topics at a time; more are announced as they are */

struct core;
struct topic;

/* In each topic. Zero-initialised: not held. */
struct hold {
    size_t hops;    /* the length of the path in use when the topic settled last; 0: none */
    size_t lost;    /* while held: the shortest path that was lost */
    uint64_t until; /* ns; 0: not held */
    struct topic *prev, *next; /* in federation->held */
};

bool hold_is_on(const struct topic *topic);
/* The topic settles, with a path of that length in use; 0: none. */
void hold_settle(struct core *c, struct topic *topic, size_t hops);
/* Ends it without a word. */
void hold_cancel(struct core *c, struct topic *topic);
/* In the topic's record, whichever it has. */
void hold_put(struct buffer *out, const struct topic *topic);
/* Holds it as its record says; `topic` is not held yet. */
void hold_get(struct core *c, struct reader *r, struct topic *topic);
/* Before the first topic. */
void hold_init(struct core *c);

#endif
