/*
 * A room: who hears whom, and where the members' media goes besides. Made by the first command or
 * route that names it; members that close leave its media at once, the room itself stays until the
 * last reference goes.
 */
#ifndef CHAPPE_DATAPLANE_ROOM_H
#define CHAPPE_DATAPLANE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "dataplane/session.h"
#include "dataplane/hop.h"
#include "dataplane/table.h"

/* The directions in which a link has had media in a room. */
struct room_media {
    uint32_t link; /* its number */
    bool in;
    bool out;
};

struct room {
    struct session **members; /* [0, living) hear and send, [living, count) have closed */
    uint32_t living;
    uint32_t count;
    struct hops egress;
    uint64_t interval; /* ns between two packets of one member; 0 = unlimited */
    uint64_t id;       /* never used twice in one table */

    struct table_node node; /* in the table of rooms, by name */
    uint32_t capacity;      /* of `members` */
    uint32_t promised;      /* places kept for joins to come */
    uint32_t references;    /* of the installed room, of routes, of commands in the making */
    uint32_t participant_pps;
    bool installed;           /* by room_put; else only routes name it */
    struct room_media *media; /* of each link that had some */
    uint32_t media_count;
    uint32_t name_len;
    uint8_t name[];
};

/* NULL = not there, or only named by routes. */
struct room *room_find(const struct table *rooms, struct bytes name);
/*
 * The room of that name, made (not installed) if it is not there, with one more reference. 0,
 * ERR_MEMORY, ERR_FULL.
 */
int room_obtain(struct table *rooms, struct bytes name, uint64_t id, struct room **out);
/* Takes a reference back; the last one frees the room, which must be empty. */
void room_release(struct table *rooms, struct room *room);

struct bytes room_name(const struct room *room);

/* True once for each link and direction (and again if there is no memory to remember it). */
bool room_first_media(struct room *room, uint32_t link, bool inbound);

/* Keeps a place for one join, which then cannot fail; taken back with room_unpromise, in any case.
   0 or ERR_MEMORY. */
int room_promise(struct room *room);
void room_unpromise(struct room *room);

/* Makes the connection, which is in no room, a member. There must be a place. */
void room_join(struct room *room, struct session *c);
/* The member, living or closed, leaves its room. */
void room_leave(struct session *c);
/* The member's connection has closed: no media any more, but the fact stays. */
void room_retire(struct session *c);

#endif
