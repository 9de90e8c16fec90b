#include "control/core/topic.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "control/core/federation_record.h"
#include "control/core/heard.h"
#include "control/core/media_route.h"
#include "control/core/original.h"
#include "control/core/presence_heard.h"
#include "control/core/presence_record.h"

int version_compare(const struct version *a, const struct version *b)
{
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return a->counter < b->counter ? -1 : a->counter > b->counter;
}

/* ---- paths ---- */

bool path_contains(const struct path *path, const struct fingerprint_tls *relay)
{
    return fingerprint_tls_among(path->relays, path->count, relay);
}

/* ---- the table ---- */

struct topic *topic_find(const struct core *c, const struct topic_key *key)
{
    struct topic *topic = NULL;
    HASH_FIND(hh, c->federation->topics, key, sizeof(*key), topic);
    return topic;
}

static void settle(struct core *c, struct deferred *work);

struct topic *topic_first_of(const struct global_room *room, const struct fingerprint_tls *origin)
{
    struct origin *group = NULL;
    HASH_FIND(hh, room->origins, origin, sizeof(*origin), group);
    return group == NULL ? NULL : group->topics;
}

static struct origin *obtain_group(struct global_room *room, const struct fingerprint_tls *origin)
{
    struct origin *group = NULL;
    HASH_FIND(hh, room->origins, origin, sizeof(*origin), group);
    if (group != NULL || (group = calloc(1, sizeof(*group))) == NULL)
        return group;
    group->fingerprint = *origin;
    HASH_ADD(hh, room->origins, fingerprint, sizeof(group->fingerprint), group);
    return group;
}

static bool join_room(struct topic *topic)
{
    topic->group = obtain_group(topic->key.room, &topic->key.origin);
    if (topic->group == NULL)
        return false;
    DL_APPEND(topic->key.room->topics, topic);
    DL_APPEND2(topic->group->topics, topic, group_prev, group_next);
    return true;
}

static void leave_room(struct topic *topic)
{
    struct origin *group = topic->group;
    DL_DELETE(topic->key.room->topics, topic);
    DL_DELETE2(group->topics, topic, group_prev, group_next);
    if (group->topics != NULL)
        return;
    HASH_DEL(topic->key.room->origins, group);
    free(group);
}

static void make_media(struct core *c, struct deferred *work)
{
    media_route_topic(c, heap_entry(work, struct topic, media));
}

static void linger_over(struct core *c, struct timer *timer)
{
    struct topic *topic = heap_entry(timer, struct topic, linger);
    deferred_add(c, &topic->record);
    topic_demanded(c, topic);
}

struct topic *topic_obtain(struct core *c, const struct topic_key *key)
{
    struct topic *topic = topic_find(c, key);
    if (topic != NULL)
        return topic;
    topic = calloc(1, sizeof(*topic));
    if (topic == NULL) {
        c->failed = true;
        return NULL;
    }
    topic->key = *key;
    topic->own = fingerprint_tls_equal(&key->publisher, &c->settings.tls);
    topic->settle.run = settle;
    topic->media.run = make_media;
    topic->record.run = key->room == NULL ? presence_record : federation_record_topic;
    topic->linger.due = linger_over;
    if (key->room == NULL ? !presence_add(c, topic) : !join_room(topic)) {
        free(topic);
        c->failed = true;
        return NULL;
    }
    HASH_ADD(hh, c->federation->topics, key, sizeof(topic->key), topic);
    return topic;
}

void topic_free(struct core *c, struct topic *topic)
{
    deferred_cancel(c, &topic->settle);
    deferred_cancel(c, &topic->media);
    deferred_cancel(c, &topic->record);
    timer_stop(c, &topic->linger);
    hold_cancel(c, topic);
    presence_free(c, topic);
    if (topic->key.room != NULL)
        leave_room(topic);
    HASH_DEL(c->federation->topics, topic);
    participants_free(&topic->list);
    trail_release(topic->announced);
    free(topic->sides);
    free(topic);
}

int topic_compare(const struct topic *a, const struct topic *b)
{
    if (a->key.room != b->key.room) {
        if (a->key.room == NULL || b->key.room == NULL)
            return a->key.room == NULL ? 1 : -1;
        return strcmp(a->key.room->name, b->key.room->name);
    }
    int order = fingerprint_tls_compare(&a->key.origin, &b->key.origin);
    return order != 0 ? order : fingerprint_tls_compare(&a->key.publisher, &b->key.publisher);
}

void topics_sort(struct core *c)
{
    HASH_SRT(hh, c->federation->topics, topic_compare);
}

void topic_changed(struct core *c, struct topic *topic)
{
    deferred_add(c, &topic->settle);
}

void topic_demanded(struct core *c, struct topic *topic)
{
    deferred_add(c, &topic->media);
}

/* ---- sides ---- */

struct topic_side *topic_side(const struct topic *topic, const struct federation_link *link)
{
    return link->slot < topic->side_count ? &topic->sides[link->slot] : NULL;
}

struct topic_side *topic_make_side(struct core *c, struct topic *topic,
                                   const struct federation_link *link)
{
    size_t count = c->federation->slot_count;
    if (link->slot < topic->side_count)
        return &topic->sides[link->slot];
    struct topic_side *more = realloc(topic->sides, count * sizeof(*more));
    if (more == NULL) {
        c->failed = true;
        return NULL;
    }
    memset(more + topic->side_count, 0, (count - topic->side_count) * sizeof(*more));
    topic->sides = more;
    topic->side_count = count;
    return &more[link->slot];
}

/* ---- entries ---- */

struct entry *entry_find(const struct topic *topic, const struct federation_link *link)
{
    const struct topic_side *side = topic_side(topic, link);
    return side == NULL ? NULL : side->heard;
}

/* The path by which the link announces this topic; NULL: it does not. */
static struct trail *path_over(const struct core *c, const struct topic_key *key,
                               const struct federation_link *link)
{
    const struct topic *topic = topic_find(c, key);
    const struct entry *entry = topic == NULL ? NULL : entry_find(topic, link);
    return entry == NULL ? NULL : entry->path;
}

/* What is said of an origin comes over a link by one path, as a rule, whatever it is about: that is
   kept once. */
static struct trail *keep(const struct core *c, const struct topic *topic,
                          const struct federation_link *link, const struct path *path)
{
    struct topic_key key = topic->key;
    struct global_room *rooms[] = {NULL, c->federation->rooms};
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        key.room = rooms[i];
        struct trail *trail = path_over(c, &key, link);
        if (trail != NULL && trail_is(trail, path))
            return trail_retain(trail);
    }
    return trail_new(path);
}

struct entry *entry_add(struct core *c, struct topic *topic, struct federation_link *link,
                        const struct path *path)
{
    struct topic_side *side = topic_make_side(c, topic, link);
    struct trail *trail = keep(c, topic, link, path);
    struct entry *entry = calloc(1, sizeof(*entry));
    if (side == NULL || trail == NULL || entry == NULL) {
        trail_release(trail);
        free(entry);
        c->failed = true;
        return NULL;
    }
    side->heard = entry;
    entry->path = trail;
    entry->topic = topic;
    entry->link = link;
    entry->record.run = federation_record_entry;
    DL_APPEND(topic->entries, entry);
    DL_APPEND2(link->entries, entry, link_prev, link_next);
    link->entry_count++;
    return entry;
}

void entry_move(struct core *c, struct entry *entry, const struct path *path)
{
    if (trail_is(entry->path, path))
        return;
    struct trail *trail = keep(c, entry->topic, entry->link, path);
    if (trail == NULL) {
        c->failed = true;
        return;
    }
    if ((entry->path->count > 1) != (trail->count > 1))
        media_route_drop(c, entry);
    trail_release(entry->path);
    entry->path = trail;
}

void entry_remove(struct core *c, struct entry *entry)
{
    struct topic *topic = entry->topic;
    media_route_drop(c, entry);
    if (topic->presence != NULL)
        presence_entry_gone(c, entry);
    federation_record_entry_gone(c, entry);
    deferred_cancel(c, &entry->record);
    DL_DELETE(topic->entries, entry);
    DL_DELETE2(entry->link->entries, entry, link_prev, link_next);
    entry->link->entry_count--;
    topic_side(topic, entry->link)->heard = NULL;
    if (topic->best == entry)
        topic->best = NULL;
    trail_release(entry->path);
    free(entry);
    topic_changed(c, topic);
}

/* ---- settling ---- */

size_t topic_hops(const struct topic *topic)
{
    if (topic->own)
        return fingerprint_tls_equal(&topic->key.origin, &topic->key.publisher) ? 1 : 2;
    if (topic->best == NULL || topic->best->path->count >= FEDERATION_PATH_MAX)
        return 0;
    return (size_t)topic->best->path->count + 1;
}

bool topic_leads_through(const struct topic *topic, const struct fingerprint_tls *relay)
{
    return topic->own ? fingerprint_tls_equal(&topic->key.origin, relay)
                      : trail_contains(topic->best->path, relay);
}

static struct trail *make_announced(const struct core *c, const struct topic *topic)
{
    struct path path = {.relays = {c->settings.tls, topic->key.origin}, .count = topic_hops(topic)};
    return topic->own ? trail_new(&path) : trail_behind(&c->settings.tls, topic->best->path);
}

struct trail *topic_announced(struct core *c, struct topic *topic)
{
    const struct trail *now = topic->announced;
    if (now != NULL && (topic->own || trail_is_behind(now, &c->settings.tls, topic->best->path)))
        return topic->announced;
    trail_release(topic->announced);
    topic->announced = make_announced(c, topic);
    c->failed |= topic->announced == NULL;
    return topic->announced;
}

/* Nearer first: ours before others', then the shorter path, then the lower publisher. */
static bool is_nearer(const struct topic *a, const struct topic *b)
{
    if (a->own != b->own)
        return a->own;
    if (!a->own && (a->best == NULL || b->best == NULL))
        return a->best != NULL;
    if (!a->own && a->best->path->count != b->best->path->count)
        return a->best->path->count < b->best->path->count;
    return fingerprint_tls_compare(&a->key.publisher, &b->key.publisher) < 0;
}

bool topic_is_shown(const struct topic *topic)
{
    if (!topic->own && topic->best == NULL)
        return false;
    if (fingerprint_tls_equal(&topic->key.publisher, &topic->key.origin))
        return true;
    for (const struct topic *t = topic->group->topics; t != NULL; t = t->group_next) {
        if (t != topic && is_nearer(t, topic))
            return false;
    }
    return true;
}

static struct entry *choose(const struct topic *topic)
{
    struct entry *best = NULL;
    for (struct entry *e = topic->entries; e != NULL; e = e->next) {
        if (best == NULL || trail_compare(e->path, best->path) < 0)
            best = e;
    }
    return best;
}

/* Nobody is nearer to the publisher than its own link. */
static bool is_first_hand(const struct entry *entry)
{
    return fingerprint_tls_equal(&entry->link->fingerprint, &entry->topic->key.publisher);
}

struct entry *topic_source(const struct topic *topic)
{
    struct entry *best = choose(topic);
    struct entry *source = best;
    if (best == NULL || is_first_hand(best))
        return best;
    for (struct entry *e = topic->entries; e != NULL; e = e->next) {
        if (e->version.start != best->version.start)
            continue;
        int order = version_compare(&e->version, &source->version);
        if (order > 0 || (order == 0 && trail_compare(e->path, source->path) < 0))
            source = e;
    }
    return source;
}

bool topic_holds(const struct topic *topic, const struct entry *entry)
{
    return version_compare(&topic->version, &entry->version) == 0 &&
           topic->digest == entry->digest &&
           (topic->presence == NULL || presence_is_whole(topic->presence));
}

bool topic_is_current(const struct topic *topic)
{
    return topic->own || (topic->best != NULL && topic_holds(topic, topic->best));
}

/* Another path is in use: the old one's media goes on for a while (make before break). */
static void change_path(struct core *c, struct topic *topic, struct entry *best)
{
    if (topic->best != NULL && topic->best->wanted && best != NULL) {
        timer_set(c, &topic->linger, c->now + FEDERATION_LINGER_NS);
        deferred_add(c, &topic->record);
    }
    topic->best = best;
    if (fingerprint_tls_equal(&topic->key.publisher, &topic->key.origin))
        return;
    /* Another publisher of this original may be the nearest now. */
    for (struct topic *t = topic->group->topics; t != NULL; t = t->group_next) {
        if (t != topic)
            topic_changed(c, t);
    }
}

static bool is_neighbours(const struct topic *topic)
{
    return topic->best != NULL && topic->best->path->count == 1;
}

/* What the topic is about, when it is a room. */
static void settle_room(struct core *c, struct topic *topic, struct entry *best)
{
    struct global_room *room = topic->key.room;
    bool lost = best == NULL && topic->hold.hops != 0;
    bool moved = best != topic->best || lost;
    bool neighbours = is_neighbours(topic);
    if (moved)
        change_path(c, topic, best);
    if (neighbours || is_neighbours(topic))
        deferred_add(c, &room->media);
    if (topic->changed_list || moved)
        deferred_add(c, &room->roster);
    topic->changed_list = false;
    const struct entry *source = topic_source(topic);
    if (source != NULL && !topic_holds(topic, source))
        heard_ask_again(c, source->link);
}

static void topic_gone(struct core *c, struct topic *topic)
{
    if (topic->presence != NULL) {
        presence_record_gone(c, topic);
    } else {
        federation_record_topic_gone(c, topic);
        deferred_add(c, &topic->key.room->roster);
    }
    deferred_cancel(c, &topic->record);
    if (topic->told_count == 0)
        topic_free(c, topic);
}

static void settle(struct core *c, struct deferred *work)
{
    struct topic *topic = heap_entry(work, struct topic, settle);
    struct entry *best = choose(topic);
    if (topic->presence != NULL)
        presence_settle(c, topic, best);
    else
        settle_room(c, topic, best);
    hold_settle(c, topic, best == NULL ? 0 : best->path->count);
    for (struct federation_link *link = c->federation->links; link != NULL; link = link->next)
        announce_topic(c, topic, link);
    if (topic->presence == NULL) {
        deferred_cancel(c, &topic->media);
        media_route_topic(c, topic);
        originals_of_room_changed(c, topic->key.room);
    }
    if (!topic->own && topic->entries == NULL && !hold_is_on(topic))
        topic_gone(c, topic);
}
