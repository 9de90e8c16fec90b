/*
 * The media path: one datagram in, the same bytes out to everybody who is to hear them. The cost is
 * the number of receivers; nothing here allocates, locks, logs, or looks at other rooms.
 */
#ifndef CHAPPE_DATAPLANE_MEDIA_H
#define CHAPPE_DATAPLANE_MEDIA_H

#include <stdint.h>

#include "common/bytes.h"
#include "dataplane/exchange.h"

/*
 * From a member: to the room's other members, and tagged over the room's egress. From a link (tag
 * and packet, protocol.md 3.5): as the route of (link, tag) says, but never back over that link.
 * Everything else is a counted drop.
 */
void media_datagram(struct exchange *x, struct session *c, struct bytes data, uint64_t now);

#endif
