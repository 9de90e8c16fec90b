/*
 * Topics: which path to an origin is in use (federation.md, "Announcements", 3 to 5).
 */
#ifndef CHAPPE_CONTROL_CORE_TOPIC_H
#define CHAPPE_CONTROL_CORE_TOPIC_H

#include "control/core/announce.h"

struct topic *topic_find(const struct core *c, const struct topic_key *key);
/* Finds or makes it; NULL without memory. */
struct topic *topic_obtain(struct core *c, const struct topic_key *key);
/* The topics of one origin in a room (group_next), whoever publishes them; NULL: none. */
struct topic *topic_first_of(const struct global_room *room, const struct fingerprint_tls *origin);
/* An order of topics that does not depend on how they came. */
int topic_compare(const struct topic *a, const struct topic *b);
/* Brings all topics into that order. */
void topics_sort(struct core *c);
/* Something about it changed: settles at the end of the transaction. */
void topic_changed(struct core *c, struct topic *topic);
/* Only who wants its media did: routes and wants follow, nothing is announced. */
void topic_demanded(struct core *c, struct topic *topic);
/* Memory and queue entries only. */
void topic_free(struct core *c, struct topic *topic);

struct entry *entry_find(const struct topic *topic, const struct federation_link *link);
struct entry *entry_add(struct core *c, struct topic *topic, struct federation_link *link,
                        const struct path *path);
/* It is announced once more, perhaps by another path. */
void entry_move(struct core *c, struct entry *entry, const struct path *path);
/* The link no longer has it. The topic settles. */
void entry_remove(struct core *c, struct entry *entry);

/* The topic on this link, in memory that may move when sides are made; NULL: nothing was said. */
struct topic_side *topic_side(const struct topic *topic, const struct federation_link *link);
/* The same, made; NULL without memory. */
struct topic_side *topic_make_side(struct core *c, struct topic *topic,
                                   const struct federation_link *link);

/*
 * Whose list is to be shown; NULL: we publish it, or nobody has it. A publisher that is linked with
 * us speaks for itself. Else the path in use tells which life of the publisher counts (the start in
 * its version), and the highest counter of that life that any entry has is shown. So a version that
 * is too high, by malice or by a clock that was wrong, lives no longer than who says it.
 */
struct entry *topic_source(const struct topic *topic);
/* What is stored is what this entry says. */
bool topic_holds(const struct topic *topic, const struct entry *entry);
/* The same of the path in use, or we publish it: only then it is told to links. What other paths
   say is shown, and not passed on as if it had come by the path in use: two relays could believe
   it of each other for ever. */
bool topic_is_current(const struct topic *topic);

/* The relays in the path as a link of ours is told it, with us in front; 0: there is none. */
size_t topic_hops(const struct topic *topic);
/* True if this other relay is one of them. */
bool topic_leads_through(const struct topic *topic, const struct fingerprint_tls *relay);
/* That path, which there is; the topic's. NULL without memory. */
struct trail *topic_announced(struct core *c, struct topic *topic);
/* True if this is the topic whose list is shown for its origin: of the nearest publisher. */
bool topic_is_shown(const struct topic *topic);

#endif
