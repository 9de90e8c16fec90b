/*
 * The rooms named `call-` + call id: who may enter, and the bridge between the two rooms of a call
 * across relays.
 *
 * Only the phones of the call that are registered here may enter, one connection each; two at most
 * (protocol.md 5.3, defects 9, 61). When the call ends they have a grace period (defect 62).
 *
 * The bridge (protocol.md 2.4, 3.5; defects 13, 63) is a hop of the room toward the bound peer
 * only, tagged with the room's hash, and the way back: that link and tag into the room. Both relays
 * tell the other who is in their half (GlobalRoomActive, of an empty room too), so that each
 * phone's RoomUpdate lists both parties; relays in transit (transit.h) pass it on.
 */
#ifndef CHAPPE_CONTROL_CORE_CALL_ROOM_H
#define CHAPPE_CONTROL_CORE_CALL_ROOM_H

#include "control/core/calls.h"
#include "control/core/rooms.h"

/* ---- the door ---- */
/* NULL if this identity may enter the call room, else why not. */
const char *call_room_refusal(struct core *c, const char *room, const char *name);
/* Makes place for a new connection of somebody who is in the call room already. */
void call_room_replace(struct core *c, const char *room, const char *name);

/* ---- the bridge of an active call with a bound relay ---- */
void call_room_open(struct core *c, struct call *call);
/* Tells the data plane its rates anew, if there is one. */
void call_room_put(struct core *c, const struct call *call);
/* Its far side is behind this relay now: the bridge goes there. */
void call_room_rebind(struct core *c, struct call_side *far, const struct fingerprint_tls *relay);
/* Takes the bridge down, if there is one; members get their grace period. */
void call_room_close(struct core *c, struct call *call);
/* Tells the bound peer who is in our half. */
void call_room_announce(struct core *c, const struct room *room);
/* Tells the relay of this side who is in the other half, as far as anybody said. */
void call_room_tell(struct core *c, struct call *call, const struct call_side *side);
/* Appends those in the peer's half who are not in ours: at most CALL_REMOTE_MAX. How many. */
size_t call_room_remote(struct core *c, const struct room *room, struct signal_participant *out);
/* Somebody joined or left. */
void call_room_members_changed(struct core *c, struct room *room);
/* Starts or stops the time that an active call has when its way is cut, and the search for another.
 */
void call_room_watch(struct core *c, struct call *call);
/* What the peer says about its half; `participants` may be empty. */
void call_room_heard(struct core *c, struct peer *peer, struct signal_text room,
                     const struct signal_participants *participants);
/* The peer to which the room has a bridge, or NULL. */
const struct peer *call_room_peer(const struct core *c, const struct room *room);
/* Adoption: the room of a bridged call, which the data plane has already. */
void call_room_restore(struct core *c, struct call *call);
/* True if a route that was found installed belongs to an active call. */
bool call_room_claims(const struct core *c, const struct fingerprint_tls *link, const char *room);
/* The tag of a room in federation datagrams. */
struct ipc_tag call_room_tag(struct core *c, const char *room);

#endif
