/*
 * What is installed, as the items that installed it (ipc/catalogue.h), in slices:
 *
 *   opened       of each connection whose `opened` was acknowledged, closed ones included
 *   dial         of each dialed connection whose outcome is unfinished or not acknowledged
 *   room_put     of each room
 *   join, repeat of each acknowledged connection
 *   link_join    of each acknowledged connection of a link, the oldest first
 *   route_put, record_put, and refuse_new if new connections are refused
 *
 * Inputs that are not acknowledged come again by themselves; they are not in it. Between slices
 * anything may change: what stays installed is told once, what comes or goes may be told or not.
 */
#ifndef CHAPPE_DATAPLANE_SNAPSHOT_H
#define CHAPPE_DATAPLANE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "dataplane/exchange.h"

#define SNAPSHOT_VISITS_MAX 2048 /* entries looked at for one slice, so that it stalls nobody */

/*
 * Appends items from *cursor (0 = the beginning) on, until `out` would hold more than
 * IPC_SLICE_SIZE bytes (one item larger than that still goes, alone), and moves *cursor, which is
 * the caller's to keep. True: that was all. For lack of memory `out` has failed.
 */
bool snapshot_slice(const struct exchange *x, uint64_t *cursor, struct buffer *out);

#endif
