#include "control/core/rooms.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "control/core/call_room.h"
#include "control/core/global_room.h"

/* ---- names ---- */

static bool is_global(const struct core *c, const char *name, char canonical[ROOM_NAME_SIZE])
{
    const struct config *config = c->settings.config;
    for (size_t i = 0; i < config->global_room_count; i++) {
        char hashed[ROOM_HASHED_SIZE];
        if (room_name_normalize(bytes_of_string(config->global_rooms[i]), canonical) < 0)
            continue;
        if (strcmp(name, canonical) == 0)
            return true;
        if (room_hashed_name(bytes_of_string(canonical), hashed) == 0 && strcmp(name, hashed) == 0)
            return true;
    }
    return false;
}

int rooms_canonical(const struct core *c, struct bytes sni, char name[ROOM_NAME_SIZE])
{
    char normal[ROOM_NAME_SIZE];
    int err = room_name_normalize(sni.len == 0 ? BYTES_LITERAL(ROOM_DEFAULT) : sni, normal);
    if (err < 0)
        return err;
    if (!is_global(c, normal, name))
        memcpy(name, normal, sizeof(normal));
    return 0;
}

/* ---- RoomUpdate ---- */

static size_t list_members(const struct room *room, struct signal_participant *out, uint64_t *ids)
{
    size_t n = 0;
    for (const struct member *m = room->members; m != NULL; m = m->next, n++) {
        out[n] = (struct signal_participant){.fingerprint = signal_text_of(m->name),
                                             .alias = signal_text_of(m->alias)};
        ids[n] = m->connection->id;
    }
    return n;
}

static void send_update(struct core *c, const struct room *room)
{
    const struct global_room *global = global_room_find(c, bytes_of_string(room->name));
    struct participants remote = {0};
    if (global != NULL)
        remote = global_room_remote(c, global, room);
    size_t max = room->count + CALL_REMOTE_MAX + remote.count;
    struct signal_participant *list = calloc(max, sizeof(*list));
    uint64_t *ids = calloc(max, sizeof(*ids));
    if (list == NULL || ids == NULL) {
        c->failed = true;
    } else {
        size_t local = list_members(room, list, ids);
        size_t all = local + call_room_remote(c, room, list + local);
        for (size_t i = 0; i < remote.count; i++)
            list[all++] = participant_signal(&remote.items[i]);
        struct signal update = {.type = SIGNAL_ROOM_UPDATE};
        update.room_update.count = (uint32_t)all;
        update.room_update.participants = (struct signal_participants){list, all};
        transaction_say_all(&c->transaction, ids, local, TRANSACTION_ROOM_UPDATE, &update);
    }
    participants_free(&remote);
    free(list);
    free(ids);
}

static void tell_change(struct core *c, struct deferred *work)
{
    struct room *room = heap_entry(work, struct room, update);
    if (room->members != NULL)
        send_update(c, room);
    if (room->announce)
        call_room_announce(c, room);
    room->announce = false;
}

void room_changed(struct core *c, struct room *room)
{
    deferred_add(c, &room->update);
}

/* ---- life ---- */

static void grace_over(struct core *c, struct timer *timer)
{
    struct room *room = heap_entry(timer, struct room, grace);
    while (room->count > 1)
        connection_close(c, room->members->connection, "the call has ended");
    if (room->count == 1) /* the room goes with its last member */
        connection_close(c, room->members->connection, "the call has ended");
}

struct room *rooms_find(const struct core *c, const char *name)
{
    struct room *room = NULL;
    HASH_FIND_STR(c->rooms, name, room);
    return room;
}

struct room *rooms_restore(struct core *c, const char *name)
{
    struct room *room = rooms_find(c, name);
    if (room != NULL)
        return room;
    room = calloc(1, sizeof(*room));
    if (room == NULL) {
        c->failed = true;
        return NULL;
    }
    memcpy(room->name, name, strlen(name) + 1);
    room->update.run = tell_change;
    room->grace.due = grace_over;
    HASH_ADD_STR(c->rooms, name, room);
    return room;
}

static void put(struct core *c, const struct room *room, struct ipc_hops egress)
{
    struct ipc_item item = {.type = IPC_room_put};
    item.u.room_put.room = bytes_of_string(room->name);
    item.u.room_put.participant_pps = c->settings.config->limits.participant_pps;
    item.u.room_put.egress = egress;
    transaction_add(&c->transaction, &item);
}

void room_put(struct core *c, const struct room *room)
{
    put(c, room, (struct ipc_hops){NULL, 0});
}

void room_egress(struct core *c, const struct room *room, struct ipc_hops egress)
{
    put(c, room, egress);
}

struct room *rooms_open(struct core *c, const char *name)
{
    struct room *room = rooms_find(c, name);
    if (room != NULL)
        return room;
    room = rooms_restore(c, name);
    if (room != NULL)
        put(c, room, (struct ipc_hops){NULL, 0});
    return room;
}

void rooms_free(struct core *c, struct room *room)
{
    timer_stop(c, &room->grace);
    deferred_cancel(c, &room->update);
    HASH_DEL(c->rooms, room);
    free(room);
}

static void drop_if_unused(struct core *c, struct room *room)
{
    if (room->held || room->members != NULL)
        return;
    struct ipc_item item = {.type = IPC_room_delete};
    item.u.room_delete.room = bytes_of_string(room->name);
    transaction_add(&c->transaction, &item);
    rooms_free(c, room);
}

void room_hold(struct core *c, struct room *room, struct ipc_hops egress)
{
    room->held = true;
    put(c, room, egress);
}

void room_release(struct core *c, struct room *room)
{
    room->held = false;
    if (room->members != NULL)
        put(c, room, (struct ipc_hops){NULL, 0});
    drop_if_unused(c, room);
}

void room_expire(struct core *c, struct room *room, uint64_t since)
{
    timer_set(c, &room->grace, since + ROOM_GRACE_NS);
}

/* ---- members ---- */

static int by_order(const struct member *a, const struct member *b)
{
    return a->order < b->order ? -1 : a->order > b->order;
}

void room_insert(struct core *c, struct room *room, struct member *member)
{
    member->room = room;
    /* Nearly always the newest; only adoption may find them in another order. */
    if (room->members == NULL || room->members->prev->order < member->order)
        DL_APPEND(room->members, member);
    else
        DL_INSERT_INORDER(room->members, member, by_order);
    room->count++;
    c->session_count++;
}

void room_join(struct core *c, struct room *room, struct connection *conn, struct member *member)
{
    member->connection = conn;
    member->order = core_order(c);
    conn->member = member;
    room_insert(c, room, member);
    struct ipc_item item = {.type = IPC_join};
    item.u.join.connection = conn->id;
    item.u.join.room = bytes_of_string(room->name);
    transaction_add(&c->transaction, &item);
    room_changed(c, room);
    call_room_members_changed(c, room);
    global_room_members_changed(c, room);
}

void room_leave(struct core *c, struct member *member)
{
    struct room *room = member->room;
    struct ipc_item item = {.type = IPC_leave};
    item.u.leave.connection = member->connection->id;
    transaction_add(&c->transaction, &item);
    DL_DELETE(room->members, member);
    room->count--;
    c->session_count--;
    member->connection->member = NULL;
    free(member->alias);
    free(member);
    room_changed(c, room);
    call_room_members_changed(c, room);
    global_room_members_changed(c, room);
    drop_if_unused(c, room);
}
