/*
 * What a relay and its phones come to, without what depends on the time at which somebody learned
 * of it: between relays news is coalesced, and what links carry at the same time has no order.
 *
 * - What each phone was sent, message by message, and how it was closed; of RoomUpdates the last,
 * if it is still there.
 * - Sessions, rooms, calls, presence and peers as operators see them, without their numbers.
 * - The names of all records.
 * - Which relays hear each room's members (mesh.h follows a packet from table to table), and the
 *   routes; labels are random, so of hops and routes that do not fit each other their number
 * counts.
 */
#ifndef CHAPPE_TESTS_UNIT_CONTROL_OUTCOME_H
#define CHAPPE_TESTS_UNIT_CONTROL_OUTCOME_H

#include "harness.h"

void outcome_print(struct relay *r, struct buffer *out);
/* Compares what was printed, with lines `== ...` as headings, up to the NUL. If it is not the same,
   says where. */
bool outcome_same(const char *without, const char *with);
/* Messages that relays have sent each other so far. */
size_t outcome_messages(const struct harness *h);
/* RoomUpdates that phones got. */
size_t outcome_updates(const struct harness *h);

#endif
