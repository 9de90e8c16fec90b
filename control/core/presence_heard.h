/*
 * What relays of ours tell of presence: checks and stores it (common/EXTENSION.md,
 * "PresenceUpdate").
 *
 * Who hears of a newer version without the names that make it asks for them, one link at a time:
 * that with the newest version, the nearest of these. The listing comes in parts; the next one is
 * asked for when one has come. What changes meanwhile is announced as ever, so that the set is
 * right when the last part is there.
 */
#ifndef CHAPPE_CONTROL_CORE_PRESENCE_HEARD_H
#define CHAPPE_CONTROL_CORE_PRESENCE_HEARD_H

#include "control/core/presence.h"

void presence_heard(struct core *c, struct peer *peer, const struct signal_presence_update *m);
/* The topic settles: asks for what it lacks. */
void presence_catch_up(struct core *c, struct topic *topic);
/* The entry goes: whoever else announces the topic is asked. */
void presence_entry_gone(struct core *c, const struct entry *entry);
/* What was said over this link may be lost: asks again. */
void presence_ask_again(struct core *c, const struct federation_link *link);

#endif
