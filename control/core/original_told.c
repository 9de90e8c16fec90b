/*
 * What an original hears from us: for whom we speak, their media, their names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "control/core/announce.h"
#include "control/core/global_room.h"
#include "control/core/link.h"
#include "control/core/media_route.h"
#include "control/core/original.h"
#include "control/core/original_record.h"
#include "control/core/topic.h"

/* ---- who speaks for whom ---- */

/* As its hello says. */
static bool is_said_by(const struct federation_link *neighbour,
                       const struct fingerprint_tls *original)
{
    return fingerprint_tls_among(neighbour->originals, neighbour->original_count, original);
}

/* True if the relay itself is linked with the original, as far as we know. */
static bool is_linked_with(const struct core *c, const struct global_room *room,
                           const struct fingerprint_tls *relay,
                           const struct fingerprint_tls *original)
{
    struct topic_key key;
    memset(&key, 0, sizeof(key));
    key.room = (struct global_room *)room;
    key.publisher = *relay;
    key.origin = *original;
    const struct topic *topic = topic_find(c, &key);
    if (topic != NULL && topic->best != NULL)
        return true;
    const struct peer *peer = peer_find(c, relay);
    const struct federation_link *link = peer == NULL ? NULL : peer->federation;
    return link != NULL && is_said_by(link, original);
}

/* Links from here to the topic's origin. */
static size_t distance_of(const struct topic *topic)
{
    return topic->own ? !fingerprint_tls_equal(&topic->key.origin, &topic->key.publisher)
                      : topic->best->path->count;
}

/* How many relays two paths have in common, from here on. */
static size_t common(const struct trail *a, const struct trail *b)
{
    size_t n = 0;
    while (n < a->count && n < b->count && fingerprint_tls_equal(&a->relays[n], &b->relays[n]))
        n++;
    return n;
}

/* Links from a publisher to the topic's origin, at most: over the last relay that our paths to both
   have in common. */
static size_t detour(const struct topic *publication, const struct topic *topic)
{
    static const struct trail nowhere;
    const struct trail *to = topic->own ? &nowhere : topic->best->path;
    const struct trail *from = publication->best->path; /* the original is its last */
    size_t shared = common(from, to);
    return from->count - 1 - shared + distance_of(topic) - shared;
}

/* The same for one that is our neighbour: as it says itself, or over us. SIZE_MAX: it has not got
   the origin from us and does not offer it. */
static size_t neighbours_distance(const struct federation_link *link, const struct topic *topic)
{
    size_t least = SIZE_MAX;
    for (const struct topic *t = topic->group->topics; t != NULL; t = t->group_next) {
        const struct entry *entry = entry_find(t, link);
        size_t distance = SIZE_MAX;
        if (entry != NULL)
            distance = entry->path->count - 1;
        else if (announce_reaches(t, link))
            distance = distance_of(t) + 1;
        if (distance < least)
            least = distance;
    }
    return least;
}

/* True if this publisher of the original has the topic's origin near enough to speak for it, as
   well as we can tell. */
static bool may_speak(const struct core *c, const struct topic *publication,
                      const struct topic *topic)
{
    const struct peer *peer = peer_find(c, &publication->key.publisher);
    const struct federation_link *link = peer == NULL ? NULL : peer->federation;
    size_t distance = link == NULL ? detour(publication, topic) : neighbours_distance(link, topic);
    return distance < c->settings.config->limits.federation_hops;
}

static bool has_room(const struct core *c, const struct federation_link *neighbour,
                     struct global_room *room)
{
    struct topic_key key;
    memset(&key, 0, sizeof(key));
    key.room = room;
    key.publisher = key.origin = neighbour->fingerprint;
    const struct topic *topic = topic_find(c, &key);
    return topic != NULL && entry_find(topic, neighbour) != NULL;
}

static bool is_lower(const struct core *c, const struct fingerprint_tls *relay)
{
    return fingerprint_tls_compare(relay, &c->settings.tls) < 0;
}

/* The same for neighbours whose publication we do not accept, without `delegate`. */
static bool neighbour_speaks(const struct core *c, const struct federation_link *original,
                             const struct topic *topic)
{
    size_t hops = c->settings.config->limits.federation_hops;
    for (const struct federation_link *n = c->federation->links; n != NULL; n = n->next) {
        if (!n->legacy && is_lower(c, &n->fingerprint) && is_said_by(n, &original->fingerprint) &&
            has_room(c, n, topic->key.room) && neighbours_distance(n, topic) < hops)
            return true;
    }
    return false;
}

bool original_hears(const struct core *c, const struct federation_link *link,
                    const struct topic *topic)
{
    const struct fingerprint_tls *origin = &topic->key.origin;
    if (fingerprint_tls_equal(origin, &link->fingerprint))
        return false;
    if (fingerprint_tls_equal(origin, &c->settings.tls))
        return true;
    if (distance_of(topic) >= c->settings.config->limits.federation_hops ||
        is_linked_with(c, topic->key.room, origin, &link->fingerprint))
        return false;
    const struct topic *t = topic_first_of(topic->key.room, &link->fingerprint);
    for (; t != NULL; t = t->group_next) {
        if (!t->own && t->best != NULL && is_lower(c, &t->key.publisher) && may_speak(c, t, topic))
            return false;
    }
    return !neighbour_speaks(c, link, topic);
}

/* ---- media ---- */

bool original_is_open(const struct original *o)
{
    return o->lists[ORIGINAL_RAW].open || o->lists[ORIGINAL_HASHED].open;
}

static bool is_to_hear(const struct core *c, const struct original *o, const struct topic *topic)
{
    return original_is_open(o) && topic_is_shown(topic) && original_hears(c, o->link, topic);
}

static void drop_demands(struct core *c, const struct original *o)
{
    struct demander *next;
    for (struct demander *d = o->link->demanders; d != NULL; d = next) {
        next = d->link_next;
        if (d->demand->room != o->room)
            continue;
        bool wanted = false;
        for (struct topic *t = topic_first_of(o->room, &d->demand->origin); t != NULL && !wanted;
             t = t->group_next)
            wanted = is_to_hear(c, o, t);
        if (!wanted)
            media_route_unwanted(c, d);
    }
}

/* It never says what it wants: it is to hear all for whom we speak, under the room's hash. */
void original_demand(struct core *c, struct original *o)
{
    drop_demands(c, o);
    for (const struct topic *t = o->room->topics; t != NULL; t = t->next) {
        if (is_to_hear(c, o, t) && demander_find(o->room, &t->key.origin, o->link) == NULL)
            media_route_wanted(c, o->link, o->room, &t->key.origin, &o->room->tag);
    }
}

/* ---- its list ---- */

void original_forget_name(struct original *o, struct original_name *name)
{
    HASH_DEL(o->names, name);
    free(name);
}

void original_note_name(struct core *c, struct original *o, const char *name)
{
    struct original_name *known = NULL;
    HASH_FIND_STR(o->names, name, known);
    o->fresh |= known == NULL; /* it may be among those behind it */
    if (known != NULL) {
        HASH_DEL(o->names, known);
    } else if ((known = calloc(1, sizeof(*known))) == NULL) {
        c->failed = true;
        return;
    }
    snprintf(known->name, sizeof(known->name), "%s", name);
    HASH_ADD_STR(o->names, name, known);
    if (HASH_COUNT(o->names) > ORIGINAL_NAMES_MAX)
        original_forget_name(o, o->names);
}

static uint64_t replace_key(const struct original *o)
{
    uint64_t key = 0;
    for (size_t i = 0; i < sizeof(o->room->tag.bytes); i++)
        key = key << 8 | o->room->tag.bytes[i];
    return key | UINT64_C(1) << 63; /* none of the others */
}

/* Over the newest connection: that is the one which an original knows (defect 21). What it has not
   read yet is replaced. */
static void send_to(struct core *c, const struct original *o, const struct signal *message)
{
    const struct link_connection *newest = o->link->peer->links->prev;
    transaction_say_all(&c->transaction, &newest->connection->id, 1, replace_key(o), message);
}

void original_say(struct core *c, struct original *o, const struct participants *list)
{
    struct signal message = {.type = SIGNAL_GLOBAL_ROOM_INACTIVE};
    struct signal_participant *items = calloc(list->count + 1, sizeof(*items));
    if (items == NULL) {
        c->failed = true;
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        items[i] = participant_signal(&list->items[i]);
        original_note_name(c, o, list->items[i].name);
    }
    if (list->count > 0) {
        message.type = SIGNAL_GLOBAL_ROOM_ACTIVE;
        message.global_room_active.room = signal_text_of(o->room->name);
        message.global_room_active.participants = (struct signal_participants){items, list->count};
    } else {
        message.global_room_inactive.room = signal_text_of(o->room->name);
    }
    send_to(c, o, &message);
    free(items);
    c->counters.announcements_sent_legacy++;
}

void original_tell(struct core *c, struct original *o)
{
    struct participants list = global_room_for_original(c, o->room, o->link);
    uint64_t digest = list.count == 0 ? 0 : participants_digest_all(&list);
    bool late = o->said_at == 0 || c->now >= o->said_at + ORIGINAL_PACE_NS;
    if (digest == o->said) {
        original_wait(c, o, &o->say, UINT64_MAX);
    } else if (!late) {
        original_wait(c, o, &o->say, o->said_at + ORIGINAL_PACE_NS);
    } else {
        original_wait(c, o, &o->say, UINT64_MAX);
        original_say(c, o, &list);
        o->said = digest;
        o->said_at = c->now;
        original_changed(c, o, ORIGINAL_STATE);
        deferred_add(c, &o->settle);
    }
    participants_free(&list);
}
