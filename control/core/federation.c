#include "control/core/federation.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "control/core/announce.h"
#include "control/core/federation_record.h"
#include "control/core/federation_terms.h"
#include "control/core/global_room.h"
#include "control/core/heard.h"
#include "control/core/link.h"
#include "control/core/media_route.h"
#include "control/core/original.h"
#include "control/core/presence.h"
#include "control/core/presence_heard.h"
#include "control/core/presence_record.h"
#include "control/core/route.h"
#include "control/core/topic.h"

/* ---- the rooms of the config ---- */

static struct global_room *add_room(struct federation *f, const char *name)
{
    struct global_room *room = NULL;
    HASH_FIND_STR(f->rooms, name, room);
    if (room != NULL)
        return room;
    room = calloc(1, sizeof(*room));
    if (room == NULL)
        return NULL;
    struct room_tag tag;
    memcpy(room->name, name, strlen(name) + 1);
    if (room_tag_of_name(bytes_of_string(name), &tag) < 0 ||
        room_hashed_name(bytes_of_string(name), room->hashed) < 0) {
        free(room);
        return NULL;
    }
    memcpy(room->tag.bytes, tag.bytes, sizeof(room->tag.bytes));
    global_room_init(room);
    HASH_ADD_STR(f->rooms, name, room);
    HASH_ADD_KEYPTR(hh_hashed, f->hashed, room->hashed, strlen(room->hashed), room);
    return room;
}

static int add_rooms(struct core *c)
{
    const struct config *config = c->settings.config;
    for (size_t i = 0; i < config->global_room_count; i++) {
        char name[ROOM_NAME_SIZE];
        if (room_name_normalize(bytes_of_string(config->global_rooms[i]), name) < 0)
            continue;
        if (add_room(c->federation, name) == NULL)
            return ERR_MEMORY;
    }
    return 0;
}

/* Each room has a topic of our own, with members or without; and there is that of our phones. */
static void add_own_topics(struct core *c)
{
    presence_add_own(c);
    for (struct global_room *room = c->federation->rooms; room != NULL; room = room->hh.next) {
        struct topic_key key;
        memset(&key, 0, sizeof(key));
        key.room = room;
        key.publisher = key.origin = c->settings.tls;
        if (room->own != NULL)
            continue;
        room->own = topic_obtain(c, &key);
        if (room->own != NULL)
            room->own->version = (struct version){c->federation->start, 0};
    }
}

/* ---- reload ---- */

static bool is_configured(const struct core *c, const struct global_room *room)
{
    const struct config *config = c->settings.config;
    char name[ROOM_NAME_SIZE];
    for (size_t i = 0; i < config->global_room_count; i++) {
        if (room_name_normalize(bytes_of_string(config->global_rooms[i]), name) == 0 &&
            strcmp(name, room->name) == 0)
            return true;
    }
    return false;
}

/* Its memory stays: what is queued for the links still names it. */
static void retire_room(struct core *c, struct global_room *room)
{
    struct federation *f = c->federation;
    HASH_DELETE(hh_hashed, f->hashed, room);
    HASH_DEL(f->rooms, room);
    HASH_ADD_STR(f->retired, name, room);
    room->retired = true;
    room->occupied = false;
    while (room->originals != NULL)
        original_remove(c, room->originals);
    room->own->own = false;
    for (struct topic *t = room->topics; t != NULL; t = t->next) {
        while (t->entries != NULL)
            entry_remove(c, t->entries);
        topic_changed(c, t);
    }
    room->own = NULL;
    for (struct federation_link *link = f->links; link != NULL; link = link->next)
        media_route_forget_room(c, link, room);
    deferred_cancel(c, &room->members);
    deferred_cancel(c, &room->roster);
    timer_stop(c, &room->tell);
    deferred_add(c, &room->media);
    struct room *members = rooms_find(c, room->name);
    if (members == NULL)
        return;
    room_egress(c, members, (struct ipc_hops){NULL, 0});
    room_changed(c, members);
}

/* What a link says that it may not say any more; and what it is to know of us. */
static void reload_link(struct core *c, struct federation_link *link, bool more_rooms)
{
    uint32_t hops = c->settings.config->limits.federation_hops;
    struct entry *next;
    if (link->legacy) {
        originals_reload(c, link);
        return;
    }
    for (struct entry *e = link->entries; e != NULL; e = next) {
        next = e->link_next;
        if (!federation_terms_allow(c, link, e->path->count))
            entry_remove(c, e);
    }
    if (more_rooms || hops != link->told_hops || link->peer->delegate != link->told_forwarded)
        link_say_hello(c, link_oldest(link->peer), LINK_HELLO_RESYNC);
    link->told_hops = hops;
    link->told_forwarded = link->peer->delegate;
}

void federation_reload(struct core *c)
{
    struct federation *f = c->federation;
    struct global_room *room, *next;
    HASH_ITER(hh, f->rooms, room, next)
    {
        if (!is_configured(c, room))
            retire_room(c, room);
    }
    unsigned before = HASH_COUNT(f->rooms);
    if (add_rooms(c) < 0)
        c->failed = true;
    bool more_rooms = HASH_COUNT(f->rooms) > before; /* of which the links have told in vain */
    add_own_topics(c);
    for (room = f->rooms; room != NULL; room = room->hh.next) {
        deferred_add(c, &room->members);
        topic_changed(c, room->own);
    }
    for (struct federation_link *link = f->links; link != NULL; link = link->next)
        reload_link(c, link, more_rooms);
    federation_terms_write(c);
}

void federation_reload_rates(struct core *c)
{
    for (struct topic *t = c->federation->topics; t != NULL; t = t->hh.next) {
        for (struct entry *e = t->entries; e != NULL; e = e->next)
            e->route = 0;
        topic_changed(c, t);
    }
    for (struct federation_link *link = c->federation->links; link != NULL; link = link->next) {
        for (struct neighbour *n = link->neighbours; n != NULL; n = n->hh.next)
            n->route = n->route != 0;
    }
    for (struct global_room *room = c->federation->rooms; room != NULL; room = room->hh.next) {
        room->egress = 0;
        deferred_add(c, &room->media);
    }
}

int federation_init(struct core *c)
{
    c->federation = calloc(1, sizeof(*c->federation));
    if (c->federation == NULL)
        return ERR_MEMORY;
    hold_init(c);
    if (add_rooms(c) < 0)
        return ERR_MEMORY;
    add_own_topics(c);
    return c->failed ? ERR_MEMORY : 0;
}

/* ---- forgetting, without a word to anybody ---- */

static void forget_link(struct core *c, struct federation_link *link)
{
    announce_free(c, link);
    while (link->entries != NULL) {
        struct entry *e = link->entries;
        DL_DELETE2(link->entries, e, link_prev, link_next);
        DL_DELETE(e->topic->entries, e);
        deferred_cancel(c, &e->record);
        topic_side(e->topic, link)->heard = NULL;
        trail_release(e->path);
        free(e);
    }
    while (link->demanders != NULL) {
        struct demander *d = link->demanders;
        struct demand *demand = d->demand;
        DL_DELETE2(link->demanders, d, link_prev, link_next);
        DL_DELETE(demand->demanders, d);
        free(d);
        if (demand->demanders == NULL) {
            HASH_DEL(demand->room->demands, demand);
            free(demand);
        }
    }
    while (link->neighbours != NULL) {
        struct neighbour *n = link->neighbours;
        HASH_DEL(link->neighbours, n);
        free(n);
    }
    DL_DELETE(c->federation->links, link);
    c->federation->slots[link->slot] = NULL;
    link->peer->federation = NULL;
    free(link);
}

static void free_room(struct core *c, struct global_room *room)
{
    deferred_cancel(c, &room->members);
    deferred_cancel(c, &room->media);
    deferred_cancel(c, &room->roster);
    timer_stop(c, &room->tell);
    free(room);
}

static void forget_all(struct core *c)
{
    struct federation *f = c->federation;
    for (struct global_room *room = f->rooms; room != NULL; room = room->hh.next) {
        while (room->originals != NULL)
            original_free(c, room->originals);
    }
    while (f->links != NULL)
        forget_link(c, f->links);
    while (f->topics != NULL)
        topic_free(c, f->topics);
    while (f->retired != NULL) {
        struct global_room *room = f->retired;
        HASH_DEL(f->retired, room);
        free_room(c, room);
    }
    f->say_all = false;
    f->terms = 0;
    for (struct global_room *room = f->rooms; room != NULL; room = room->hh.next) {
        deferred_cancel(c, &room->members);
        deferred_cancel(c, &room->media);
        deferred_cancel(c, &room->roster);
        timer_stop(c, &room->tell);
        room->occupied = false;
        room->own = NULL;
        room->egress = room->told = 0;
    }
}

void federation_forget(struct core *c, uint64_t data_epoch)
{
    struct global_room *room, *next;
    forget_all(c);
    c->federation->start = data_epoch;
    HASH_ITER(hh, c->federation->rooms, room, next)
    {
        if (is_configured(c, room))
            continue;
        HASH_DELETE(hh_hashed, c->federation->hashed, room);
        HASH_DEL(c->federation->rooms, room);
        free_room(c, room);
    }
    if (add_rooms(c) < 0)
        c->failed = true;
    add_own_topics(c);
}

void federation_free(struct core *c)
{
    struct federation *f = c->federation;
    if (f == NULL)
        return;
    forget_all(c);
    while (f->rooms != NULL) {
        struct global_room *room = f->rooms;
        HASH_DELETE(hh_hashed, f->hashed, room);
        HASH_DEL(f->rooms, room);
        free_room(c, room);
    }
    free(f->slots);
    free(f);
    c->federation = NULL;
}

/* ---- links ---- */

struct federation_link *federation_link_of(const struct core *c, const struct peer *peer)
{
    (void)c;
    return peer->federation;
}

static int by_fingerprint(const struct federation_link *a, const struct federation_link *b)
{
    return fingerprint_tls_compare(&a->fingerprint, &b->fingerprint);
}

/* A free one, or a new one; SIZE_MAX without memory. */
static size_t find_slot(struct federation *f)
{
    size_t slot = 0, count = f->slot_count == 0 ? 2 : f->slot_count * 2;
    while (slot < f->slot_count && f->slots[slot] != NULL)
        slot++;
    if (slot < f->slot_count)
        return slot;
    struct federation_link **more = realloc(f->slots, count * sizeof(struct federation_link *));
    if (more == NULL)
        return SIZE_MAX;
    for (size_t i = slot; i < count; i++)
        more[i] = NULL;
    f->slots = more;
    f->slot_count = count;
    return slot;
}

static struct federation_link *add_link(struct core *c, struct peer *peer)
{
    struct federation_link *link = calloc(1, sizeof(*link));
    size_t slot = find_slot(c->federation);
    if (link == NULL || slot == SIZE_MAX) {
        free(link);
        c->failed = true;
        return NULL;
    }
    link->slot = slot;
    c->federation->slots[slot] = link;
    link->peer = peer;
    link->fingerprint = peer->fingerprint;
    link->legacy = !peer_is_ours(peer);
    link->hops = peer->links->hops;
    link->accepts_forwarded = peer->links->accepts_forwarded;
    link->told_hops = c->settings.config->limits.federation_hops;
    link->told_forwarded = peer->delegate;
    announce_init(link);
    peer->federation = link;
    DL_INSERT_INORDER(c->federation->links, link, by_fingerprint);
    return link;
}

static void announce_everything(struct core *c, struct federation_link *link)
{
    struct topic *next;
    topics_sort(c);
    for (struct topic *topic = c->federation->topics; topic != NULL; topic = next) {
        next = topic->hh.next;
        announce_topic(c, topic, link);
    }
}

/* Who is linked with an original is said in the hello. */
static void tell_originals(struct core *c)
{
    for (struct federation_link *link = c->federation->links; link != NULL; link = link->next) {
        if (!link->legacy)
            link_say_hello(c, link_oldest(link->peer), 0);
    }
}

void federation_link_up(struct core *c, struct peer *peer)
{
    struct federation_link *link = peer->federation;
    if (link != NULL && link->legacy == !peer_is_ours(peer))
        return;
    federation_link_down(c, peer);
    if ((link = add_link(c, peer)) == NULL)
        return;
    for (struct global_room *room = c->federation->rooms; room != NULL; room = room->hh.next)
        deferred_add(c, &room->media);
    if (link->legacy) {
        originals_add(c, link);
        tell_originals(c);
    } else {
        announce_everything(c, link);
    }
}

void federation_link_repeat(struct core *c, struct peer *peer)
{
    struct federation_link *link = peer->federation;
    if (link != NULL && link->legacy) {
        originals_say_again(c, link);
    } else if (link != NULL) {
        presence_ask_again(c, link);
        announce_all(c, link);
    }
}

void federation_link_down(struct core *c, struct peer *peer)
{
    struct federation_link *link = peer->federation;
    if (link == NULL)
        return;
    /* Out of the list first: nothing is said to it any more. */
    DL_DELETE(c->federation->links, link);
    while (link->entries != NULL)
        entry_remove(c, link->entries);
    originals_remove(c, link);
    media_route_link_down(c, link);
    route_link_down(c, link);
    announce_free(c, link);
    federation_record_queue_gone(c, link);
    bool legacy = link->legacy;
    c->federation->slots[link->slot] = NULL;
    peer->federation = NULL;
    free(link);
    if (legacy)
        tell_originals(c);
}

static void judge_originals(struct core *c)
{
    for (struct global_room *room = c->federation->rooms; room != NULL; room = room->hh.next)
        originals_of_room_changed(c, room);
}

void federation_originals(struct core *c, struct peer *peer, const struct signal_hello_extension *m)
{
    struct federation_link *link = peer->federation;
    if (link == NULL || link->legacy)
        return;
    struct fingerprint_tls list[FEDERATION_ORIGINALS_MAX] = {0};
    size_t count = 0;
    for (size_t i = 0; i < m->originals.count && count < FEDERATION_ORIGINALS_MAX; i++)
        count += fingerprint_tls_parse(signal_text_bytes(m->originals.items[i]), &list[count]) == 0;
    if (count == link->original_count && memcmp(list, link->originals, sizeof(list)) == 0)
        return;
    memcpy(link->originals, list, sizeof(list));
    link->original_count = count;
    deferred_add(c, &link->record);
    judge_originals(c);
}

void federation_hello(struct core *c, struct peer *peer, const struct signal_hello_extension *m)
{
    struct federation_link *link = peer->federation;
    if (link == NULL)
        return;
    uint32_t hops = peer->links->hops;
    bool accepts = peer->links->accepts_forwarded;
    bool changed = hops != link->hops || accepts != link->accepts_forwarded;
    link->hops = hops;
    link->accepts_forwarded = accepts;
    if (m->begin != NULL && *m->begin)
        heard_begin(c, link);
    if (m->end != NULL && *m->end)
        heard_end(c, link);
    if (m->resync != NULL && *m->resync)
        announce_all(c, link);
    else if (changed)
        announce_everything(c, link);
}

/* ---- adoption ---- */

void federation_adopt_links(struct core *c)
{
    for (struct peer *peer = c->peers; peer != NULL; peer = peer->hh.next) {
        if (!peer_linked(peer) || peer->federation != NULL || add_link(c, peer) == NULL)
            continue;
        if (peer->federation->legacy)
            originals_adopt(c, peer->federation);
    }
}

static bool is_linked(const struct core *c, const struct fingerprint_tls *original)
{
    const struct peer *peer = peer_find(c, original);
    return peer != NULL && peer->federation != NULL && peer->federation->legacy;
}

/* What its predecessor did for this topic, without doing it again. */
static void adopt_topic(struct core *c, struct topic *topic)
{
    /* What the queue of a link still says of an original that is no longer linked. */
    bool original = !fingerprint_tls_equal(&topic->key.origin, &topic->key.publisher);
    if (topic->own && original && !is_linked(c, &topic->key.origin))
        topic->own = false;
    for (struct entry *e = topic->entries; e != NULL; e = e->next) {
        if (topic->best == NULL || trail_compare(e->path, topic->best->path) < 0)
            topic->best = e;
    }
    topic->hold.hops = topic->best == NULL ? 0 : topic->best->path->count;
    topic_changed(c, topic);
}

static void adopt_room(struct core *c, struct global_room *room)
{
    const struct room *members = rooms_find(c, room->name);
    room->occupied = members != NULL && members->count > 0;
    for (struct federation_link *link = c->federation->links; link != NULL; link = link->next)
        media_route_adopt(c, link, room);
    deferred_add(c, &room->members);
    deferred_add(c, &room->media);
    if (!room->occupied)
        return;
    if (c->federation->say_all) {
        deferred_add(c, &room->roster);
        return;
    }
    if (heap_contains(&room->tell.node))
        return; /* what they know is in its record */
    struct participants list = global_room_remote(c, room, members);
    room->told = participants_digest_all(&list);
    participants_free(&list);
}

void federation_adopted(struct core *c)
{
    presence_adopted(c);
    c->federation->say_all = federation_terms_write(c);
    for (struct topic *topic = c->federation->topics; topic != NULL; topic = topic->hh.next)
        adopt_topic(c, topic);
    for (struct global_room *room = c->federation->rooms; room != NULL; room = room->hh.next)
        adopt_room(c, room);
    for (struct federation_link *link = c->federation->links; link != NULL; link = link->next) {
        if (link->legacy)
            continue;
        if (link->say_all || c->federation->say_all) {
            announce_all(c, link);
            continue;
        }
        for (struct topic *topic = c->federation->topics; topic != NULL; topic = topic->hh.next)
            announce_assume(c, topic, link);
    }
    federation_terms_adopted(c);
}

bool federation_claims(const struct core *c, const struct fingerprint_tls *link,
                       const struct ipc_tag *tag, const struct fingerprint_tls *origin,
                       const char *room)
{
    const struct peer *peer = peer_find(c, link);
    return peer != NULL && peer->federation != NULL &&
           media_route_claims(c, peer->federation, tag, origin, room);
}
