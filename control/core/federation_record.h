/*
 * Records of topics, entries, demands and queues, so that a new control plane knows what its
 * predecessor did. Keys are a kind and 32 hex digits, made of what the record is about.
 */
#ifndef CHAPPE_CONTROL_CORE_FEDERATION_RECORD_H
#define CHAPPE_CONTROL_CORE_FEDERATION_RECORD_H

#include "control/core/federation.h"

void federation_record_topic(struct core *c, struct deferred *work); /* of a topic */
void federation_record_entry(struct core *c, struct deferred *work); /* of an entry */
void federation_record_demand(struct core *c, const struct demander *demander);
void federation_record_topic_gone(struct core *c, const struct topic *topic);
void federation_record_entry_gone(struct core *c, const struct entry *entry);
void federation_record_demand_gone(struct core *c, const struct demander *demander);
/* What a link has still to be told, if it is not too long; and the listing that it is giving. */
void federation_record_queue(struct core *c, struct deferred *work); /* of a federation_link */
void federation_record_queue_gone(struct core *c, struct federation_link *link);

#endif
