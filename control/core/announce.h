/*
 * What each link of ours has been told, and what it is still to be told (federation.md,
 * "Announcements", 5 and 6). A link's queue is a set of topics; each is said as it is when its turn
 * comes, so that a slow peer costs bounded memory and gets only the newest.
 *
 * Bad news goes at once: a path that vanishes or grows is withdrawn. A longer one is announced when
 * its hold is over (hold.h), everything else at the next flush: at once if the last is
 * ANNOUNCE_FLUSH_NS ago. At most ANNOUNCE_BURST messages go in one flush, which keeps the data
 * plane's queue for the connection short.
 */
#ifndef CHAPPE_CONTROL_CORE_ANNOUNCE_H
#define CHAPPE_CONTROL_CORE_ANNOUNCE_H

#include "control/core/federation.h"

#define ANNOUNCE_FLUSH_NS (50 * CLOCK_MS)
#define ANNOUNCE_BURST 48

struct outgoing {
    struct topic *topic;
    struct federation_link *link;
    bool sent; /* it has it, in this version, by a path of that length */
    struct version version;
    struct trail *path; /* as it was sent: it starts with us; NULL: never */
    bool queued;
    struct outgoing *prev, *next;           /* in link->ready */
    struct outgoing *link_prev, *link_next; /* in link->all */
};

/* The link was told of it, and not that it is gone. */
bool announce_is_told(const struct topic *topic, const struct federation_link *link);
/* The topic may have changed: queues what this link is to be told. */
void announce_topic(struct core *c, struct topic *topic, struct federation_link *link);
/* The same for a topic that the link was told as it is, by our predecessor. */
void announce_assume(struct core *c, struct topic *topic, struct federation_link *link);
/* True if a link of ours may have the topic from us, now or when it is no longer held. */
bool announce_reaches(const struct topic *topic, const struct federation_link *link);
/* As its record says: a topic that waits in the link's queue. */
void announce_restore(struct core *c, const struct outgoing *from);
/* Everything again, between a beginning and an end. */
void announce_all(struct core *c, struct federation_link *link);
/* Tells the neighbour to send us an origin's media, or no longer. */
void announce_want(struct core *c, struct federation_link *link, struct global_room *room,
                   const struct fingerprint_tls *origin, const struct ipc_tag *label, bool off);
/* Forgets the link's queue. */
void announce_free(struct core *c, struct federation_link *link);
void announce_init(struct federation_link *link);

#endif
