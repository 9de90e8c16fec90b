#include "control/core/global_room.h"

#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "control/core/media_route.h"
#include "control/core/original.h"

struct global_room *global_room_find(const struct core *c, struct bytes name)
{
    char normal[ROOM_NAME_SIZE];
    struct global_room *room = NULL;
    if (room_name_normalize(name, normal) < 0)
        return NULL;
    HASH_FIND_STR(c->federation->rooms, normal, room);
    if (room == NULL)
        HASH_FIND(hh_hashed, c->federation->hashed, normal, strlen(normal), room);
    return room;
}

/* ---- those who are here ---- */

static void list_members(struct core *c, const struct room *members, struct participants *list)
{
    for (const struct member *m = members == NULL ? NULL : members->members; m != NULL;
         m = m->next) {
        if (!participants_add(list, m->name, m->alias, NULL) && list->count < PARTICIPANTS_MAX)
            c->failed = true;
    }
}

static void note_members(struct core *c, struct deferred *work)
{
    struct global_room *room = heap_entry(work, struct global_room, members);
    const struct room *members = rooms_find(c, room->name);
    bool occupied = members != NULL && members->count > 0;
    struct participants list = {0};
    list_members(c, members, &list);
    bool changed = !participants_equal(&list, &room->own->list);
    if (!changed) {
        participants_free(&list);
    } else {
        participants_free(&room->own->list);
        room->own->list = list;
        room->own->version = (struct version){c->federation->start, core_order(c)};
        deferred_add(c, &room->own->record);
        topic_changed(c, room->own);
    }
    deferred_add(c, &room->media);
    originals_of_room_changed(c, room);
    if (changed || occupied != room->occupied) { /* they are told of everybody now */
        struct participants remote = global_room_remote(c, room, members);
        room->told = participants_digest_all(&remote);
        participants_free(&remote);
    }
    if (occupied == room->occupied)
        return;
    room->occupied = occupied;
    for (struct topic *t = room->topics; t != NULL; t = t->next)
        topic_demanded(c, t);
}

void global_room_members_changed(struct core *c, const struct room *room)
{
    struct global_room *global = NULL;
    HASH_FIND_STR(c->federation->rooms, room->name, global);
    if (global != NULL)
        deferred_add(c, &global->members);
}

/* ---- those elsewhere ---- */

const char *global_room_label(const struct core *c, const struct topic *topic,
                              const struct participant *p, char text[PARTICIPANT_ALIAS_SIZE])
{
    const struct peer *peer = peer_find(c, &topic->key.origin);
    if (peer != NULL) {
        snprintf(text, PARTICIPANT_ALIAS_SIZE, "%s", peer->label);
    } else if (p->label[0] != '\0') {
        snprintf(text, PARTICIPANT_ALIAS_SIZE, "%s", p->label);
    } else {
        hex_encode(topic->key.origin.bytes, 8, text);
    }
    return text;
}

/* A participant and what decides whether it is shown. */
struct candidate {
    const struct participant *participant;
    const struct topic *topic;
    bool behind; /* an original, whose topic it is */
    size_t distance;
};

static int by_rank(const void *x, const void *y)
{
    const struct candidate *a = x, *b = y;
    int order = strcmp(a->participant->name, b->participant->name);
    if (order != 0)
        return order;
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return fingerprint_tls_compare(&a->topic->key.origin, &b->topic->key.origin);
}

static size_t distance_of(const struct topic *topic)
{
    return topic->own ? 1 : topic->best->path->count;
}

static bool is_remote(const struct core *c, const struct topic *topic,
                      const struct federation_link *original)
{
    return topic != topic->key.room->own && topic->list.count > 0 && topic_is_shown(topic) &&
           (original == NULL || original_hears(c, original, topic));
}

/* Appends a list, or only counts it. */
static size_t put_list(struct candidate *out, const struct participants *list,
                       const struct topic *topic, bool behind)
{
    size_t distance = distance_of(topic) + behind;
    for (size_t i = 0; out != NULL && i < list->count; i++)
        out[i] = (struct candidate){&list->items[i], topic, behind, distance};
    return list->count;
}

/* For our members, or for an original. Those behind an original are for our members only. */
static size_t put_lists(const struct core *c, const struct global_room *room,
                        const struct federation_link *original, struct candidate *out)
{
    size_t count = 0;
    for (const struct topic *t = room->topics; t != NULL; t = t->next) {
        if (is_remote(c, t, original))
            count += put_list(out == NULL ? NULL : out + count, &t->list, t, false);
    }
    for (const struct original *o = room->originals; original == NULL && o != NULL; o = o->next)
        count += put_list(out == NULL ? NULL : out + count, &o->behind, o->topic, true);
    return count;
}

static size_t collect(struct core *c, const struct global_room *room,
                      const struct federation_link *original, struct candidate **out)
{
    size_t count = put_lists(c, room, original, NULL);
    *out = count == 0 ? NULL : calloc(count, sizeof(**out));
    if (count > 0 && *out == NULL)
        c->failed = true;
    if (*out == NULL)
        return 0;
    put_lists(c, room, original, *out);
    qsort(*out, count, sizeof(**out), by_rank);
    return count;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Names that are not to be shown as elsewhere, sorted. */
struct names {
    const char **items;
    size_t count;
};

/* The names of those who are here; `items` is freed by the caller. */
static struct names local_names(struct core *c, const struct room *members)
{
    size_t max = members == NULL ? 0 : members->count;
    struct names names = {calloc(max + 1, sizeof(*names.items)), 0};
    if (names.items == NULL) {
        c->failed = true;
        return names;
    }
    for (const struct member *m = max == 0 ? NULL : members->members; m != NULL; m = m->next)
        names.items[names.count++] = m->name;
    qsort(names.items, names.count, sizeof(*names.items), by_name);
    return names;
}

static const char *label_of(const struct core *c, const struct candidate *candidate, char *text)
{
    const struct participant *p = candidate->participant;
    if (candidate->behind && p->label[0] != '\0')
        return p->label;
    return global_room_label(c, candidate->topic, p, text);
}

/* Appends the best candidate of each name. */
static void unite(struct core *c, struct participants *list, const struct names *not_these,
                  const struct candidate *candidates, size_t count)
{
    const char *last = NULL;
    for (size_t i = 0; i < count && list->count < PARTICIPANTS_MAX; i++) {
        const char *name = candidates[i].participant->name;
        char label[PARTICIPANT_ALIAS_SIZE];
        if ((last != NULL && strcmp(last, name) == 0) ||
            bsearch(&name, not_these->items, not_these->count, sizeof(name), by_name) != NULL)
            continue;
        last = name;
        if (!participants_add(list, name, candidates[i].participant->alias,
                              label_of(c, &candidates[i], label)))
            c->failed = true;
    }
}

struct participants global_room_remote(struct core *c, const struct global_room *room,
                                       const struct room *members)
{
    struct participants list = {0};
    struct candidate *candidates = NULL;
    size_t count = collect(c, room, NULL, &candidates);
    struct names names = local_names(c, members);
    if (names.items != NULL)
        unite(c, &list, &names, candidates, count);
    free(names.items);
    free(candidates);
    return list;
}

struct participants global_room_for_original(struct core *c, const struct global_room *room,
                                             const struct federation_link *original)
{
    const struct room *members = rooms_find(c, room->name);
    struct participants list = {0};
    struct candidate *candidates = NULL;
    size_t count = collect(c, room, original, &candidates);
    struct names names = local_names(c, members);
    list_members(c, members, &list);
    if (names.items != NULL)
        unite(c, &list, &names, candidates, count);
    free(names.items);
    free(candidates);
    return list;
}

/* False: nobody is here to see who is elsewhere. */
static bool look(struct core *c, const struct global_room *room, uint64_t *digest)
{
    const struct room *members = rooms_find(c, room->name);
    if (members == NULL || members->count == 0)
        return false;
    struct participants list = global_room_remote(c, room, members);
    *digest = participants_digest_all(&list);
    participants_free(&list);
    return true;
}

/* More may change at once, over other links: all of it makes one RoomUpdate. */
static void gather(struct core *c, struct deferred *work)
{
    struct global_room *room = heap_entry(work, struct global_room, roster);
    uint64_t digest;
    if (room->own == NULL || heap_contains(&room->tell.node) || !look(c, room, &digest) ||
        digest == room->told)
        return;
    timer_set(c, &room->tell, c->now + FEDERATION_GATHER_NS);
    deferred_add(c, &room->own->record);
}

static void tell_members(struct core *c, struct timer *timer)
{
    struct global_room *room = heap_entry(timer, struct global_room, tell);
    uint64_t digest;
    if (room->own != NULL)
        deferred_add(c, &room->own->record);
    if (!look(c, room, &digest) || digest == room->told)
        return;
    room_changed(c, rooms_find(c, room->name));
    room->told = digest;
}

static void make_media(struct core *c, struct deferred *work)
{
    media_route_room(c, heap_entry(work, struct global_room, media));
}

void global_room_init(struct global_room *room)
{
    room->members.run = note_members;
    room->media.run = make_media;
    room->roster.run = gather;
    room->tell.due = tell_members;
}
