/*
 * Rooms: who is in them, in the order of joining, and what they are told about each other
 * (RoomUpdate to everyone at each change, once a transaction, the newest replacing older ones that
 * are still unsent; protocol.md 5.3, 5.6, defect 35).
 *
 * A room exists here and in the data plane while it has members or is held (a call room with a
 * bridge to another relay). The rules of call rooms are in call_room.h.
 */
#ifndef CHAPPE_CONTROL_CORE_ROOMS_H
#define CHAPPE_CONTROL_CORE_ROOMS_H

#include "control/core/connection.h"

#define ROOM_MEMBERS_MAX 4096
#define ROOM_GRACE_NS (5 * CLOCK_SECOND) /* members of an ended call's room may stay so long */

struct member {
    struct connection *connection;
    struct room *room;
    char name[CONNECTION_NAME_SIZE];
    char *alias;    /* NULL: none */
    uint64_t order; /* grows with every join */
    struct member *prev;
    struct member *next;
};

struct room {
    char name[ROOM_NAME_SIZE];
    struct member *members; /* utlist, in the order of joining */
    size_t count;
    bool held;     /* exists also without members */
    bool announce; /* the peer of the call is to be told as well */
    struct deferred update;
    struct timer grace; /* set: the members are closed then */
    UT_hash_handle hh;
};

/*
 * The canonical name of the room that a SNI asks for: no SNI is `default`; both spellings of a
 * global room, raw and hashed, are one room (defect 28). ERR_SYNTAX for what is no room: names
 * that start with `_` (defect 69) and what no phone can send.
 */
int rooms_canonical(const struct core *c, struct bytes sni, char name[ROOM_NAME_SIZE]);

struct room *rooms_find(const struct core *c, const char *name);
/* Finds or makes it; the data plane is told. NULL without memory. */
struct room *rooms_open(struct core *c, const char *name);
/* The same without telling the data plane, which has it already. */
struct room *rooms_restore(struct core *c, const char *name);
/* Tells the data plane its rate anew; for a room that is not held. */
void room_put(struct core *c, const struct room *room);
/* Where its members' media goes besides. */
void room_egress(struct core *c, const struct room *room, struct ipc_hops egress);
/* Its members' media goes to these hops too, and it stays without members. */
void room_hold(struct core *c, struct room *room, struct ipc_hops egress);
/* No longer. The room may be gone after this. */
void room_release(struct core *c, struct room *room);
/* Members are to get a RoomUpdate at the end of the transaction. */
void room_changed(struct core *c, struct room *room);
/* Closes the members after the grace period, counted from `since`. */
void room_expire(struct core *c, struct room *room, uint64_t since);

/* Joins; `member` becomes the room's and conn->member. */
void room_join(struct core *c, struct room *room, struct connection *conn, struct member *member);
/* The list only, for a member that the data plane knows already. Keeps the order of `order`. */
void room_insert(struct core *c, struct room *room, struct member *member);
/* Leaves and frees the member. The room may be gone after this. */
void room_leave(struct core *c, struct member *member);
void rooms_free(struct core *c, struct room *room); /* memory only; must be empty */

#endif
