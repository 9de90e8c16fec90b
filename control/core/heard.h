/*
 * What peers announce (originals: original.h). What relays of ours do: checks and stores it
 * (federation.md, "Announcements", 3). An announcement that cannot be accepted takes back what the
 * link said of that topic before.
 */
#ifndef CHAPPE_CONTROL_CORE_HEARD_H
#define CHAPPE_CONTROL_CORE_HEARD_H

#include "control/core/federation.h"

void heard_active(struct core *c, struct peer *peer, const struct signal_global_room_active *m);
void heard_inactive(struct core *c, struct peer *peer, const struct signal_global_room_inactive *m);
/* A listing begins; ends: what was not repeated in it is gone. */
void heard_begin(struct core *c, struct federation_link *link);
void heard_end(struct core *c, struct federation_link *link);

/* ---- for those that read announcements ---- */
void heard_refuse(struct core *c, const struct peer *peer, struct signal_text about,
                  const char *why);
/* False if it cannot be read, is too long or has a relay twice. */
bool heard_path(struct path *path, const struct signal_texts *texts);
/* Reads the path. Why the link may not announce the topic by it; NULL: it may. */
const char *heard_judge(const struct core *c, const struct federation_link *link,
                        const struct topic_key *key, const struct signal_texts *texts,
                        struct path *path);
/* Stores an announcement that was judged, but for its list; NULL without memory. */
struct entry *heard_store(struct core *c, struct federation_link *link, const struct topic_key *key,
                          const struct path *path, const struct version *version);
/* The link has a list that is to be shown and was not kept: it is asked for everything, once. */
void heard_ask_again(struct core *c, struct federation_link *link);
/* Takes back what the link said of the topic. */
void heard_forget(struct core *c, struct federation_link *link, const struct topic_key *key);

#endif
