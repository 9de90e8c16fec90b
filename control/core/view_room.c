/*
 * What operators see of rooms: the list of all, and one in full.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/hex.h"
#include "control/core/call_room.h"
#include "control/core/global_room.h"
#include "control/core/media_route.h"
#include "control/core/original.h"
#include "control/core/view.h"

#define ROWS_MAX 10000 /* of one table */

/* ---- people elsewhere ---- */

/* What the topic says of its origin is shown to members here. */
static bool is_elsewhere(const struct global_room *room, const struct topic *topic)
{
    return topic != room->own && topic->list.count > 0 && topic_is_shown(topic);
}

static size_t count_elsewhere(const struct global_room *room)
{
    size_t count = 0;
    for (const struct topic *t = room->topics; t != NULL; t = t->next)
        count += is_elsewhere(room, t) ? t->list.count : 0;
    for (const struct original *o = room->originals; o != NULL; o = o->next)
        count += o->behind.count;
    return count;
}

/* ---- the list ---- */

static bool goes_to(const struct core *c, const struct global_room *room,
                    const struct federation_link *link)
{
    if (rooms_find(c, room->name) != NULL && media_route_goes_to(c, room, link))
        return true;
    for (const struct demander *d = link->demanders; d != NULL; d = d->link_next) {
        if (d->demand->room == room)
            return true;
    }
    return false;
}

/* Every room has the same keys: they are the columns of a table. */
static void add_row(const struct core *c, cJSON *array, const char *name, const struct room *here,
                    const struct global_room *global)
{
    cJSON *o = view_add_object(array);
    cJSON_AddStringToObject(o, "name", name);
    cJSON *members = cJSON_AddArrayToObject(o, "members");
    for (const struct member *m = here == NULL ? NULL : here->members; m != NULL; m = m->next)
        cJSON_AddItemToArray(members, cJSON_CreateString(m->name));
    cJSON *links = cJSON_AddArrayToObject(o, "links");
    const struct peer *peer = here == NULL ? NULL : call_room_peer(c, here);
    if (peer != NULL)
        cJSON_AddItemToArray(links, cJSON_CreateString(peer->label));
    const struct federation_link *link = global == NULL ? NULL : c->federation->links;
    for (; link != NULL; link = link->next) {
        if (goes_to(c, global, link))
            cJSON_AddItemToArray(links, cJSON_CreateString(link->peer->label));
    }
    cJSON_AddNumberToObject(o, "elsewhere", global == NULL ? 0 : (double)count_elsewhere(global));
}

cJSON *core_view_rooms(const struct core *c)
{
    cJSON *array = cJSON_CreateArray();
    for (const struct room *room = c->rooms; room != NULL; room = room->hh.next)
        add_row(c, array, room->name, room, global_room_find(c, bytes_of_string(room->name)));
    for (const struct global_room *g = c->federation->rooms; g != NULL; g = g->hh.next) {
        if (rooms_find(c, g->name) == NULL && count_elsewhere(g) > 0)
            add_row(c, array, g->name, NULL, g);
    }
    return array;
}

/* ---- one room ---- */

#define RELAY_TEXT 128 /* bytes of a label with its NUL, or more than 16 digits */

/* Our own name, a peer's label, or the first digits of the fingerprint. */
static const char *relay_name(const struct core *c, const struct fingerprint_tls *relay,
                              char text[RELAY_TEXT])
{
    const struct peer *peer = peer_find(c, relay);
    if (fingerprint_tls_equal(relay, &c->settings.tls))
        snprintf(text, RELAY_TEXT, "%s", c->settings.config->relay.name);
    else if (peer != NULL)
        snprintf(text, RELAY_TEXT, "%s", peer->label);
    else
        hex_encode(relay->bytes, 8, text);
    return text;
}

static void add_relay(const struct core *c, cJSON *o, const char *key,
                      const struct fingerprint_tls *relay)
{
    char text[RELAY_TEXT];
    cJSON_AddStringToObject(o, key, relay_name(c, relay, text));
}

/* NULL: none. */
static void add_path(const struct core *c, cJSON *o, const struct trail *path)
{
    cJSON *array = cJSON_AddArrayToObject(o, "path");
    for (size_t i = 0; array != NULL && path != NULL && i < path->count; i++) {
        char text[RELAY_TEXT];
        cJSON_AddItemToArray(array, cJSON_CreateString(relay_name(c, &path->relays[i], text)));
    }
}

static void add_version(cJSON *o, const struct version *version)
{
    char text[48];
    snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64, version->start, version->counter);
    cJSON_AddStringToObject(o, "version", text);
}

/* Zeros are none. */
static void add_tag(cJSON *o, const char *key, const struct ipc_tag *tag)
{
    static const struct ipc_tag none;
    char text[2 * sizeof(tag->bytes) + 1];
    hex_encode(tag->bytes, sizeof(tag->bytes), text);
    view_add_text(o, key, memcmp(tag, &none, sizeof(none)) == 0 ? NULL : text);
}

/* The way to the origin that is in use; NULL: it is ours, or there is none. */
static const struct trail *path_of(const struct topic *topic)
{
    return topic->best == NULL ? NULL : topic->best->path;
}

struct table {
    cJSON *room; /* that it is of */
    cJSON *rows;
    size_t count;
};

static struct table add_table(cJSON *o, const char *key)
{
    return (struct table){o, cJSON_AddArrayToObject(o, key), 0};
}

/* NULL: the table is full, which the room then says, or no memory. */
static cJSON *add_table_row(struct table *table)
{
    if (table->count < ROWS_MAX) {
        table->count++;
        return view_add_object(table->rows);
    }
    if (cJSON_GetObjectItem(table->room, "cut") == NULL)
        cJSON_AddBoolToObject(table->room, "cut", true);
    return NULL;
}

static void add_person(cJSON *o, const char *name, const char *alias)
{
    cJSON_AddStringToObject(o, "fingerprint", name);
    view_add_text(o, "alias", alias);
}

static void add_members(cJSON *o, const struct room *here)
{
    struct table table = add_table(o, "members");
    cJSON *row;
    for (const struct member *m = here == NULL ? NULL : here->members;
         m != NULL && (row = add_table_row(&table)) != NULL; m = m->next)
        add_person(row, m->name, m->alias);
}

static void add_people(const struct core *c, struct table *table, const struct participants *list,
                       const struct topic *topic, bool behind)
{
    cJSON *row;
    for (size_t i = 0; i < list->count && (row = add_table_row(table)) != NULL; i++) {
        const struct participant *p = &list->items[i];
        char label[PARTICIPANT_ALIAS_SIZE];
        add_person(row, p->name, p->alias);
        cJSON_AddStringToObject(
            row, "label",
            behind && p->label[0] != '\0' ? p->label : global_room_label(c, topic, p, label));
        add_relay(c, row, "origin", &topic->key.origin);
        add_path(c, row, path_of(topic));
        add_version(row, &topic->version);
    }
}

static void add_elsewhere(const struct core *c, cJSON *o, const struct global_room *room)
{
    struct table table = add_table(o, "elsewhere");
    for (const struct topic *t = room->topics; t != NULL; t = t->next) {
        if (is_elsewhere(room, t))
            add_people(c, &table, &t->list, t, false);
    }
    for (const struct original *from = room->originals; from != NULL; from = from->next)
        add_people(c, &table, &from->behind, from->topic, true);
}

/* What each topic says, and the way to it. */
static void add_origins(const struct core *c, cJSON *o, const struct global_room *room)
{
    struct table table = add_table(o, "origins");
    cJSON *row;
    for (const struct topic *t = room->topics; t != NULL && (row = add_table_row(&table)) != NULL;
         t = t->next) {
        char text[FINGERPRINT_TLS_TEXT];
        fingerprint_tls_text(&t->key.origin, text);
        add_relay(c, row, "origin", &t->key.origin);
        add_relay(c, row, "publisher", &t->key.publisher);
        cJSON_AddNumberToObject(row, "people", (double)t->list.count);
        add_path(c, row, path_of(t));
        add_version(row, &t->version);
        cJSON_AddStringToObject(row, "fingerprint", text);
    }
}

static cJSON *add_topic_row(const struct core *c, struct table *table,
                            const struct federation_link *link, const struct topic *topic)
{
    cJSON *row = add_table_row(table);
    if (row == NULL)
        return NULL;
    cJSON_AddStringToObject(row, "link", link->peer->label);
    add_relay(c, row, "origin", &topic->key.origin);
    add_relay(c, row, "publisher", &topic->key.publisher);
    return row;
}

static void add_heard(const struct core *c, cJSON *o, const struct global_room *room)
{
    struct table table = add_table(o, "heard");
    for (const struct topic *t = room->topics; t != NULL; t = t->next) {
        for (const struct entry *e = t->entries; e != NULL; e = e->next) {
            cJSON *row = add_topic_row(c, &table, e->link, t);
            if (row == NULL)
                return;
            add_path(c, row, e->path);
            add_version(row, &e->version);
            cJSON_AddBoolToObject(row, "in_use", e == t->best);
            cJSON_AddBoolToObject(row, "wanted", e->wanted);
            add_tag(row, "label", e->wanted ? &e->label : &(struct ipc_tag){{0}});
        }
    }
}

static void add_told(const struct core *c, cJSON *o, const struct global_room *room)
{
    struct table table = add_table(o, "told");
    for (const struct federation_link *link = c->federation->links; link != NULL;
         link = link->next) {
        for (const struct outgoing *out = link->all; out != NULL; out = out->link_next) {
            if (out->topic->key.room != room || (!out->sent && !out->queued))
                continue;
            cJSON *row = add_topic_row(c, &table, link, out->topic);
            if (row == NULL)
                return;
            add_path(c, row, out->sent ? out->path : NULL);
            add_version(row, &out->version);
            cJSON_AddBoolToObject(row, "queued", out->queued);
        }
    }
}

/* What the links want from us, and the tag that its datagrams carry there. */
static void add_wants(const struct core *c, cJSON *o, const struct global_room *room)
{
    struct table table = add_table(o, "wants");
    for (const struct demand *demand = room->demands; demand != NULL; demand = demand->hh.next) {
        for (const struct demander *d = demand->demanders; d != NULL; d = d->next) {
            cJSON *row = add_table_row(&table);
            if (row == NULL)
                return;
            cJSON_AddStringToObject(row, "link", d->link->peer->label);
            add_relay(c, row, "origin", &demand->origin);
            add_tag(row, "label", &d->tag);
        }
    }
}

static void add_link(struct table *table, const struct peer *peer, bool sends, bool takes,
                     bool open)
{
    cJSON *row = add_table_row(table);
    if (row == NULL)
        return;
    cJSON_AddStringToObject(row, "link", peer->label);
    cJSON_AddBoolToObject(row, "original", peer->legacy && !peer_is_ours(peer));
    cJSON_AddBoolToObject(row, "sends", sends);
    cJSON_AddBoolToObject(row, "takes", takes);
    cJSON_AddBoolToObject(row, "open", open);
}

/* Media under the room's own tag: of our members to the link, first-hand from it. */
static void add_links(const struct core *c, cJSON *o, struct global_room *room)
{
    struct table table = add_table(o, "links");
    for (const struct federation_link *link = c->federation->links; link != NULL;
         link = link->next) {
        struct neighbour *n = NULL;
        const struct original *original = original_find(room, link);
        HASH_FIND_PTR(link->neighbours, &room, n);
        bool sends = rooms_find(c, room->name) != NULL && media_route_goes_to(c, room, link);
        add_link(&table, link->peer, sends, n != NULL && n->route != 0,
                 original != NULL && original_is_open(original));
    }
}

static void add_global(const struct core *c, cJSON *o, struct global_room *room)
{
    struct ipc_tag tag = room->tag;
    cJSON_AddStringToObject(o, "hashed", room->hashed);
    add_tag(o, "tag", &tag);
    add_elsewhere(c, o, room);
    add_origins(c, o, room);
    add_links(c, o, room);
    add_heard(c, o, room);
    add_told(c, o, room);
    add_wants(c, o, room);
}

/* Of a room that is not global: none, or that of a call's. */
static void add_plain_links(const struct core *c, cJSON *o, const struct room *here)
{
    const struct peer *peer = call_room_peer(c, here);
    struct table table = add_table(o, "links");
    if (peer != NULL)
        add_link(&table, peer, true, true, false);
}

int core_view_room(const struct core *c, const char *name, cJSON **out)
{
    char canonical[ROOM_NAME_SIZE];
    *out = NULL;
    if (name[0] == '\0' || rooms_canonical(c, bytes_of_string(name), canonical) < 0)
        return ERR_SYNTAX;
    struct global_room *global = global_room_find(c, bytes_of_string(canonical));
    const struct room *here = rooms_find(c, canonical);
    if (global == NULL && here == NULL)
        return ERR_NOT_FOUND;
    *out = cJSON_CreateObject();
    cJSON_AddStringToObject(*out, "name", canonical);
    cJSON_AddBoolToObject(*out, "global", global != NULL);
    add_members(*out, here);
    if (global != NULL)
        add_global(c, *out, global);
    else
        add_plain_links(c, *out, here);
    return 0;
}
