/*
 * What of the config says which announcements count and who is told what: the hop limit, the global
 * rooms, the relays and whose forwarded news is taken. A record has its digest, so that a control
 * plane notices that its predecessor had another config. It then takes back what no longer counts,
 * tells all members and links anew, and asks the links to do the same: as a reload does, but it
 * cannot know what changed.
 */
#ifndef CHAPPE_CONTROL_CORE_FEDERATION_TERMS_H
#define CHAPPE_CONTROL_CORE_FEDERATION_TERMS_H

#include "control/core/federation.h"

int federation_terms_restore(struct core *c, struct bytes name, struct bytes value);
/* Writes the record, if it says something else; without relays there is none. True: it did. */
bool federation_terms_write(struct core *c);
/* May the link announce a path of so many relays? */
bool federation_terms_allow(const struct core *c, const struct federation_link *link, size_t hops);
/* Adoption by another config; topics and rooms are adopted. */
void federation_terms_adopted(struct core *c);

#endif
