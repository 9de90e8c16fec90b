#include "dataplane/room.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

#define CAPACITY_MIN 4u

static struct room *find(const struct table *rooms, struct bytes name, uint64_t hash)
{
    for (struct table_node *node = table_first(rooms, hash); node; node = table_next(node)) {
        struct room *room = table_entry(node, struct room, node);
        if (bytes_equal(room_name(room), name))
            return room;
    }
    return NULL;
}

struct room *room_find(const struct table *rooms, struct bytes name)
{
    struct room *room = find(rooms, name, table_hash(rooms, name));

    return room && room->installed ? room : NULL;
}

static int make(struct table *rooms, struct bytes name, uint64_t hash, struct room **out)
{
    struct room *room = calloc(1, sizeof(*room) + name.len);

    if (!room)
        return ERR_MEMORY;
    room->name_len = (uint32_t)name.len;
    if (name.len)
        memcpy(room->name, name.data, name.len);
    int err = table_insert(rooms, &room->node, hash);
    if (err) {
        free(room);
        return err;
    }
    *out = room;
    return 0;
}

int room_obtain(struct table *rooms, struct bytes name, uint64_t id, struct room **out)
{
    uint64_t hash = table_hash(rooms, name);
    struct room *room = find(rooms, name, hash);

    if (!room) {
        int err = make(rooms, name, hash, &room);
        if (err)
            return err;
        room->id = id;
    }
    room->references++;
    *out = room;
    return 0;
}

void room_release(struct table *rooms, struct room *room)
{
    if (--room->references > 0)
        return;
    assert(room->count == 0 && room->egress.count == 0);
    table_remove(rooms, &room->node);
    free(room->members);
    free(room->media);
    free(room);
}

struct bytes room_name(const struct room *room)
{
    return (struct bytes){room->name, room->name_len};
}

static struct room_media *media_of(struct room *room, uint32_t link)
{
    for (uint32_t i = 0; i < room->media_count; i++) {
        if (room->media[i].link == link)
            return &room->media[i];
    }
    struct room_media *grown =
        realloc(room->media, (room->media_count + 1) * sizeof(struct room_media));
    if (!grown)
        return NULL;
    room->media = grown;
    grown[room->media_count] = (struct room_media){.link = link};
    return &grown[room->media_count++];
}

bool room_first_media(struct room *room, uint32_t link, bool inbound)
{
    struct room_media *media = media_of(room, link);

    if (!media)
        return true;
    bool *seen = inbound ? &media->in : &media->out;
    bool first = !*seen;
    *seen = true;
    return first;
}

int room_promise(struct room *room)
{
    uint32_t wanted = room->count + room->promised + 1;
    uint32_t capacity = room->capacity ? room->capacity : CAPACITY_MIN;

    while (capacity < wanted)
        capacity *= 2;
    if (capacity != room->capacity) {
        struct session **members = realloc(room->members, capacity * sizeof(struct session *));
        if (!members)
            return ERR_MEMORY;
        room->members = members;
        room->capacity = capacity;
    }
    room->promised++;
    return 0;
}

void room_unpromise(struct room *room)
{
    room->promised--;
}

static void place(struct room *room, uint32_t at, struct session *c)
{
    room->members[at] = c;
    c->member = at;
}

void room_join(struct room *room, struct session *c)
{
    assert(room->count < room->capacity && !c->room);
    c->room = room;
    c->bucket = (struct bucket){0};
    place(room, room->count++, c);
    if (c->state != SESSION_OPEN)
        return;
    place(room, c->member, room->members[room->living]);
    place(room, room->living++, c);
}

void room_retire(struct session *c)
{
    struct room *room = c->room;
    uint32_t at = c->member;

    if (at >= room->living)
        return;
    place(room, at, room->members[--room->living]);
    place(room, room->living, c);
}

void room_leave(struct session *c)
{
    struct room *room = c->room;

    room_retire(c);
    place(room, c->member, room->members[--room->count]);
    c->room = NULL;
}
