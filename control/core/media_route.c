#include "control/core/media_route.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/fnv.h"
#include "common/sha256.h"
#include "control/core/federation_record.h"
#include "control/core/global_room.h"

/* ---- demands ---- */

static struct demand *find_demand(const struct global_room *room,
                                  const struct fingerprint_tls *origin)
{
    struct demand *demand = NULL;
    HASH_FIND(hh, room->demands, origin, sizeof(*origin), demand);
    return demand;
}

struct demander *demander_find(const struct global_room *room, const struct fingerprint_tls *origin,
                               const struct federation_link *link)
{
    const struct demand *demand = find_demand(room, origin);
    struct demander *d = demand == NULL ? NULL : demand->demanders;
    while (d != NULL && d->link != link)
        d = d->next;
    return d;
}

/* Whatever depends on who wants this origin. */
static void demand_changed(struct core *c, struct global_room *room,
                           const struct fingerprint_tls *origin)
{
    for (struct topic *t = topic_first_of(room, origin); t != NULL; t = t->group_next)
        topic_demanded(c, t);
    deferred_add(c, &room->media);
}

static struct demander *add_demander(struct core *c, struct federation_link *link,
                                     struct global_room *room, const struct fingerprint_tls *origin)
{
    struct demand *demand = find_demand(room, origin);
    struct demander *d = calloc(1, sizeof(*d));
    if (d != NULL && demand == NULL && (demand = calloc(1, sizeof(*demand))) != NULL) {
        demand->room = room;
        demand->origin = *origin;
        HASH_ADD(hh, room->demands, origin, sizeof(demand->origin), demand);
    }
    if (d == NULL || demand == NULL) {
        free(d);
        c->failed = true;
        return NULL;
    }
    d->demand = demand;
    d->link = link;
    DL_APPEND(demand->demanders, d);
    DL_APPEND2(link->demanders, d, link_prev, link_next);
    link->demander_count++;
    return d;
}

void media_route_wanted(struct core *c, struct federation_link *link, struct global_room *room,
                        const struct fingerprint_tls *origin, const struct ipc_tag *tag)
{
    struct demander *d = demander_find(room, origin, link);
    if (d == NULL && link->demander_count >= FEDERATION_DEMANDS_MAX)
        return;
    if (d == NULL && (d = add_demander(c, link, room, origin)) == NULL)
        return;
    d->tag = *tag;
    d->generation = link->generation;
    federation_record_demand(c, d);
    demand_changed(c, room, origin);
}

int media_route_restore(struct core *c, struct federation_link *link, struct global_room *room,
                        const struct fingerprint_tls *origin, const struct ipc_tag *tag,
                        uint32_t generation)
{
    struct demander *d = add_demander(c, link, room, origin);
    if (d == NULL)
        return ERR_MEMORY;
    d->tag = *tag;
    d->generation = generation;
    return 0;
}

static void free_demander(struct demander *d)
{
    struct demand *demand = d->demand;
    DL_DELETE(demand->demanders, d);
    DL_DELETE2(d->link->demanders, d, link_prev, link_next);
    d->link->demander_count--;
    free(d);
    if (demand->demanders != NULL)
        return;
    HASH_DEL(demand->room->demands, demand);
    free(demand);
}

void media_route_unwanted(struct core *c, struct demander *d)
{
    struct global_room *room = d->demand->room;
    struct fingerprint_tls origin = d->demand->origin;
    federation_record_demand_gone(c, d);
    free_demander(d);
    demand_changed(c, room, &origin);
}

void media_route_sweep(struct core *c, struct federation_link *link)
{
    struct demander *next;
    for (struct demander *d = link->demanders; d != NULL; d = next) {
        next = d->link_next;
        if (d->generation != link->generation)
            media_route_unwanted(c, d);
    }
}

void media_route_forget_room(struct core *c, struct federation_link *link, struct global_room *room)
{
    struct demander *next;
    for (struct demander *d = link->demanders; d != NULL; d = next) {
        next = d->link_next;
        if (d->demand->room == room)
            media_route_unwanted(c, d);
    }
}

/* ---- hops ---- */

/* A list of hops that is being made. */
struct hop_list {
    struct ipc_hop *items;
    size_t count;
    size_t max;
};

static void add_hop(struct core *c, struct hop_list *list, const struct fingerprint_tls *link,
                    const uint8_t tag[IPC_TAG_SIZE])
{
    if (list->count >= IPC_HOPS_MAX)
        return;
    if (list->count == list->max) {
        size_t max = list->max == 0 ? 8 : list->max * 2;
        struct ipc_hop *more = realloc(list->items, max * sizeof(*more));
        if (more == NULL) {
            c->failed = true;
            return;
        }
        list->items = more;
        list->max = max;
    }
    struct ipc_hop *hop = &list->items[list->count++];
    hop->link = *link;
    memcpy(hop->tag, tag, sizeof(hop->tag));
}

/* Where an origin's media goes on, when it comes over the link `from`. */
static struct hop_list onward(struct core *c, const struct global_room *room,
                              const struct fingerprint_tls *origin,
                              const struct federation_link *from)
{
    struct hop_list list = {0};
    const struct demand *demand = find_demand(room, origin);
    for (const struct demander *d = demand == NULL ? NULL : demand->demanders; d != NULL;
         d = d->next) {
        if (d->link != from)
            add_hop(c, &list, &d->link->fingerprint, d->tag.bytes);
    }
    return list;
}

/* Never 0. */
static uint64_t digest_of(const struct hop_list *list)
{
    return fnv64_add(FNV64, list->items, list->count * sizeof(list->items[0])) | 1;
}

/* ---- routes ---- */

static void put_route(struct core *c, const struct federation_link *link,
                      const struct global_room *room, const struct fingerprint_tls *origin,
                      bool legacy, const struct ipc_tag *tag, const struct hop_list *hops)
{
    struct ipc_item item = {.type = IPC_route_put};
    item.u.route_put.link = link->fingerprint;
    item.u.route_put.tag = *tag;
    item.u.route_put.room = bytes_of_string(room->name);
    item.u.route_put.origin = *origin;
    item.u.route_put.legacy = legacy;
    item.u.route_put.pps = c->settings.config->limits.federation_room_pps;
    item.u.route_put.onward = (struct ipc_hops){hops->items, hops->count};
    transaction_add(&c->transaction, &item);
}

static void delete_route(struct core *c, const struct federation_link *link,
                         const struct ipc_tag *tag)
{
    struct ipc_item item = {.type = IPC_route_delete};
    item.u.route_delete.link = link->fingerprint;
    item.u.route_delete.tag = *tag;
    transaction_add(&c->transaction, &item);
}

/* ---- forwarded media ---- */

/* Random enough: nobody but us and the neighbour sees it, and the seed is the process's own. */
static struct ipc_tag make_label(struct core *c)
{
    uint64_t parts[2] = {c->settings.seed, core_order(c)};
    uint8_t hash[SHA256_SIZE];
    struct ipc_tag label;
    if (sha256((struct bytes){(const uint8_t *)parts, sizeof(parts)}, hash) < 0)
        c->failed = true;
    memcpy(label.bytes, hash, sizeof(label.bytes));
    return label;
}

void media_route_drop(struct core *c, struct entry *entry)
{
    if (!entry->wanted)
        return;
    const struct topic *topic = entry->topic;
    delete_route(c, entry->link, &entry->label);
    announce_want(c, entry->link, topic->key.room, &topic->key.origin, &entry->label, true);
    entry->wanted = false;
    entry->route = 0;
    deferred_add(c, &entry->record);
}

static bool is_originals(const struct topic *topic)
{
    return !fingerprint_tls_equal(&topic->key.publisher, &topic->key.origin);
}

static void put_entry(struct core *c, struct entry *entry)
{
    const struct topic *topic = entry->topic;
    if (!entry->wanted) {
        entry->wanted = true;
        entry->label = make_label(c);
        announce_want(c, entry->link, topic->key.room, &topic->key.origin, &entry->label, false);
        deferred_add(c, &entry->record);
    }
    struct hop_list hops = onward(c, topic->key.room, &topic->key.origin, entry->link);
    uint64_t digest = digest_of(&hops);
    if (digest != entry->route)
        put_route(c, entry->link, topic->key.room, &topic->key.origin, is_originals(topic),
                  &entry->label, &hops);
    entry->route = digest;
    free(hops.items);
}

/* Somebody here, or behind another link than this one, wants to hear the origin. */
static bool is_heard(const struct global_room *room, const struct fingerprint_tls *origin,
                     const struct federation_link *from)
{
    const struct demand *demand = find_demand(room, origin);
    if (room->occupied)
        return true;
    const struct demander *d = demand == NULL ? NULL : demand->demanders;
    while (d != NULL && d->link == from)
        d = d->next;
    return d != NULL;
}

void media_route_topic(struct core *c, struct topic *topic)
{
    const struct global_room *room = topic->key.room;
    bool shown = topic_is_shown(topic);
    bool lingers = heap_contains(&topic->linger.node);
    for (struct entry *e = topic->entries; e != NULL; e = e->next) {
        bool on =
            shown && e->path->count > 1 &&
            (e == topic->best ? is_heard(room, &topic->key.origin, e->link) : e->wanted && lingers);
        if (on)
            put_entry(c, e);
        else
            media_route_drop(c, e);
    }
}

/* ---- first-hand media ---- */

static struct neighbour *obtain_neighbour(struct core *c, struct federation_link *link,
                                          struct global_room *room)
{
    struct neighbour *n = NULL;
    HASH_FIND_PTR(link->neighbours, &room, n);
    if (n != NULL)
        return n;
    n = calloc(1, sizeof(*n));
    if (n == NULL) {
        c->failed = true;
        return NULL;
    }
    n->room = room;
    n->link = link;
    HASH_ADD_PTR(link->neighbours, room, n);
    return n;
}

/* Having members implies the want; else it is said while somebody behind us has it. */
static void ask(struct core *c, struct neighbour *n, bool needed)
{
    if (needed == n->asked || n->link->legacy)
        return;
    n->asked = needed;
    announce_want(c, n->link, n->room, &n->link->fingerprint, NULL, !needed);
}

/* Its media is not for us and nobody behind us, but it hears others from us, and may hear itself
   come back over another original: what it says is to be known. */
static bool is_to_be_known(const struct neighbour *n)
{
    const struct demander *d = n->link->legacy ? n->link->demanders : NULL;
    while (d != NULL && d->demand->room != n->room)
        d = d->link_next;
    return d != NULL;
}

static bool is_routed(const struct neighbour *n, const struct hop_list *hops)
{
    return n->room->occupied || hops->count > 0 || is_to_be_known(n);
}

static void route_neighbour(struct core *c, struct neighbour *n)
{
    const struct global_room *room = n->room;
    struct hop_list hops = onward(c, room, &n->link->fingerprint, n->link);
    bool on = is_routed(n, &hops);
    uint64_t digest = on ? digest_of(&hops) : 0;
    if (on && digest != n->route)
        put_route(c, n->link, room, &n->link->fingerprint, false, &room->tag, &hops);
    else if (!on && n->route != 0)
        delete_route(c, n->link, &room->tag);
    n->route = digest;
    free(hops.items);
    ask(c, n, !room->occupied && on);
}

static bool neighbour_has_members(const struct core *c, const struct federation_link *link,
                                  const struct global_room *room)
{
    struct topic_key key;
    memset(&key, 0, sizeof(key));
    key.room = (struct global_room *)room;
    key.publisher = key.origin = link->fingerprint;
    const struct topic *topic = topic_find(c, &key);
    return topic != NULL && topic->list.count > 0 && entry_find(topic, link) != NULL;
}

bool media_route_goes_to(const struct core *c, const struct global_room *room,
                         const struct federation_link *link)
{
    return neighbour_has_members(c, link, room) ||
           demander_find(room, &c->settings.tls, link) != NULL;
}

static void put_egress(struct core *c, struct global_room *room)
{
    if (room->retired)
        return;
    struct room *members = rooms_find(c, room->name);
    struct hop_list hops = {0};
    for (struct federation_link *link = c->federation->links; link != NULL; link = link->next) {
        if (media_route_goes_to(c, room, link))
            add_hop(c, &hops, &link->fingerprint, room->tag.bytes);
    }
    uint64_t digest = digest_of(&hops);
    if (members != NULL && digest != room->egress)
        room_egress(c, members, (struct ipc_hops){hops.items, hops.count});
    room->egress = members == NULL ? 0 : digest;
    free(hops.items);
}

void media_route_room(struct core *c, struct global_room *room)
{
    for (struct federation_link *link = c->federation->links; link != NULL; link = link->next) {
        struct neighbour *n = obtain_neighbour(c, link, room);
        if (n != NULL)
            route_neighbour(c, n);
    }
    put_egress(c, room);
}

void media_route_adopt(struct core *c, struct federation_link *link, struct global_room *room)
{
    struct neighbour *n = obtain_neighbour(c, link, room);
    if (n == NULL)
        return;
    struct hop_list hops = onward(c, room, &link->fingerprint, link);
    bool on = is_routed(n, &hops);
    n->asked = !room->occupied && on && !link->legacy;
    n->route = on; /* it is there; put once more, which changes nothing */
    free(hops.items);
}

static bool is_label_of(const struct topic *topic, const struct federation_link *link,
                        const struct ipc_tag *tag)
{
    const struct entry *entry = entry_find(topic, link);
    return entry != NULL && entry->wanted && memcmp(&entry->label, tag, sizeof(*tag)) == 0;
}

/* The entry of an origin that publishes itself is found at once, the few others by a search. */
static bool is_label(const struct core *c, const struct federation_link *link,
                     struct global_room *room, const struct fingerprint_tls *origin,
                     const struct ipc_tag *tag)
{
    struct topic_key key;
    memset(&key, 0, sizeof(key));
    key.room = room;
    key.publisher = key.origin = *origin;
    const struct topic *topic = topic_find(c, &key);
    if (topic != NULL)
        return is_label_of(topic, link, tag);
    for (topic = room->topics; topic != NULL; topic = topic->next) {
        if (fingerprint_tls_equal(&topic->key.origin, origin) && is_label_of(topic, link, tag))
            return true;
    }
    return false;
}

bool media_route_claims(const struct core *c, const struct federation_link *link,
                        const struct ipc_tag *tag, const struct fingerprint_tls *origin,
                        const char *name)
{
    struct neighbour *n = NULL;
    struct global_room *room = global_room_find(c, bytes_of_string(name));
    if (room == NULL)
        return false;
    if (memcmp(&room->tag, tag, sizeof(*tag)) != 0)
        return is_label(c, link, room, origin, tag);
    HASH_FIND_PTR(link->neighbours, &room, n);
    return n != NULL && n->route != 0;
}

/* ---- the end of a link ---- */

void media_route_link_down(struct core *c, struct federation_link *link)
{
    while (link->demanders != NULL)
        media_route_unwanted(c, link->demanders);
    while (link->neighbours != NULL) {
        struct neighbour *n = link->neighbours;
        if (n->route != 0)
            delete_route(c, link, &n->room->tag);
        deferred_add(c, &n->room->media);
        HASH_DEL(link->neighbours, n);
        free(n);
    }
}
