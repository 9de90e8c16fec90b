/*
 * What a link is told of presence (common/EXTENSION.md, "PresenceUpdate").
 */
#ifndef CHAPPE_CONTROL_CORE_PRESENCE_SAY_H
#define CHAPPE_CONTROL_CORE_PRESENCE_SAY_H

#include "control/core/announce.h"
#include "control/core/presence.h"

#define PRESENCE_IN_ONE 1024 /* names in one message; more only if they changed at once */
#define PRESENCE_WHOLE_MAX                                                                         \
    256 /* a set of so many names is told whole; a bigger one is asked for                         \
         */

/*
 * Announces the topic by out->path: what changed since the version that the link has, as far as it
 * goes into one message, and notes in `out` what was said.
 */
void presence_say(struct core *c, struct outgoing *out);
/* The link no longer has it. */
void presence_say_off(struct core *c, const struct outgoing *out);
/* Lists the names in the buckets from this one on, as many buckets as go into one message. */
void presence_say_list(struct core *c, const struct topic *topic,
                       const struct federation_link *link, unsigned bucket);
/* Asks a link to list the names in the buckets from this one on. */
void presence_say_ask(struct core *c, const struct entry *entry, unsigned bucket);

#endif
