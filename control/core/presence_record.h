/*
 * The records of presence, from which a new control plane makes the same objects (adopt.h). For
 * each relay one with version, address and the last changes, `presence/` + its TLS fingerprint; and
 * for each but ourselves one for each bucket with names, `names/` + fingerprint + `/` + two hex
 * digits. Our own names are those of the registry.
 */
#ifndef CHAPPE_CONTROL_CORE_PRESENCE_RECORD_H
#define CHAPPE_CONTROL_CORE_PRESENCE_RECORD_H

#include "control/core/presence.h"

/* struct topic.record of a topic without a room. */
void presence_record(struct core *c, struct deferred *work);
void presence_record_gone(struct core *c, const struct topic *topic);

/* In this order; then the records of federation_record.h. */
int presence_restore_names(struct core *c, struct bytes name, struct bytes value);
int presence_restore(struct core *c, struct bytes name, struct bytes value);
/* All records are there. */
void presence_adopted(struct core *c);

#endif
