#include "control/core/heard.h"

#include <string.h>

#include "common/hex.h"
#include "control/core/global_room.h"
#include "control/core/link.h"
#include "control/core/media_route.h"
#include "control/core/original.h"
#include "control/core/presence_heard.h"
#include "control/core/topic.h"

void heard_refuse(struct core *c, const struct peer *peer, struct signal_text about,
                  const char *why)
{
    c->counters.announcements_refused++;
    report_limited(c, REPORT_FORWARD, LOG_WARN, "announcement_refused",
                   LOG_STR("peer", peer->label), LOG_BYTES("about", signal_text_bytes(about)),
                   LOG_STR("why", why));
}

/* ---- reading ---- */

static bool read_key(struct topic_key *key, struct global_room *room, struct signal_text origin,
                     struct signal_text publisher)
{
    memset(key, 0, sizeof(*key));
    key->room = room;
    return fingerprint_tls_parse(signal_text_bytes(origin), &key->origin) == 0 &&
           fingerprint_tls_parse(signal_text_bytes(publisher), &key->publisher) == 0;
}

bool heard_path(struct path *path, const struct signal_texts *texts)
{
    path->count = 0;
    if (texts->count > FEDERATION_PATH_MAX)
        return false;
    for (size_t i = 0; i < texts->count; i++) {
        struct fingerprint_tls relay;
        if (fingerprint_tls_parse(signal_text_bytes(texts->items[i]), &relay) < 0 ||
            path_contains(path, &relay))
            return false;
        path->relays[path->count++] = relay;
    }
    return true;
}

/* From the sender to the origin; the publisher is the origin, or the one before it. */
static bool is_sound(const struct path *path, const struct topic_key *key,
                     const struct federation_link *link)
{
    if (path->count == 0 || !fingerprint_tls_equal(&path->relays[0], &link->fingerprint) ||
        !fingerprint_tls_equal(&path->relays[path->count - 1], &key->origin))
        return false;
    if (fingerprint_tls_equal(&key->publisher, &key->origin))
        return true;
    return path->count > 1 &&
           fingerprint_tls_equal(&path->relays[path->count - 2], &key->publisher);
}

/* Why this announcement does not count; NULL: it does. */
static const char *refusal(const struct core *c, const struct federation_link *link,
                           const struct topic_key *key, const struct path *path)
{
    if (!is_sound(path, key, link))
        return "its path makes no sense";
    if (path->count > 1 && !link->peer->delegate)
        return "it is forwarded, and delegate is false";
    if (path->count > c->settings.config->limits.federation_hops)
        return "it has come too far";
    if (path_contains(path, &c->settings.tls))
        return "it has come through here";
    return NULL;
}

/* ---- entries ---- */

/* An origin does not label its own; who passes the same list on does. */
static bool adds_labels(const struct participants *fresh, const struct participants *list)
{
    return list->count > 0 && fresh->count > 0 && list->items[0].label[0] == '\0' &&
           fresh->items[0].label[0] != '\0';
}

/* The list of an entry that was stored: shown if the entry is the topic's source, else only noted.
 */
static void take_list(struct core *c, struct entry *entry, const struct signal_participants *from)
{
    struct topic *topic = entry->topic;
    struct participants fresh = {0};
    if (participants_read(&fresh, from) < 0)
        c->failed = true;
    entry->digest = participants_digest(&fresh);
    if (topic_holds(topic, entry) ? !adds_labels(&fresh, &topic->list)
                                  : topic_source(topic) != entry) {
        participants_free(&fresh);
        return;
    }
    topic->changed_list |= !participants_equal(&fresh, &topic->list);
    participants_free(&topic->list);
    topic->list = fresh;
    topic->version = entry->version;
    topic->digest = entry->digest;
    deferred_add(c, &topic->record);
}

struct entry *heard_store(struct core *c, struct federation_link *link, const struct topic_key *key,
                          const struct path *path, const struct version *version)
{
    struct topic *topic = topic_obtain(c, key);
    if (topic == NULL)
        return NULL;
    struct entry *entry = entry_find(topic, link);
    if (entry == NULL)
        entry = entry_add(c, topic, link, path);
    else
        entry_move(c, entry, path);
    if (entry == NULL)
        return NULL;
    entry->version = *version;
    entry->generation = link->generation;
    deferred_add(c, &entry->record);
    topic_changed(c, topic);
    return entry;
}

void heard_forget(struct core *c, struct federation_link *link, const struct topic_key *key)
{
    struct topic *topic = topic_find(c, key);
    struct entry *entry = topic == NULL ? NULL : entry_find(topic, link);
    if (entry != NULL)
        entry_remove(c, entry);
}

const char *heard_judge(const struct core *c, const struct federation_link *link,
                        const struct topic_key *key, const struct signal_texts *texts,
                        struct path *path)
{
    const char *why =
        heard_path(path, texts) ? refusal(c, link, key, path) : "its path cannot be read";
    const struct topic *topic = topic_find(c, key);
    bool full = link->entry_count >= FEDERATION_ENTRIES_MAX &&
                (topic == NULL || entry_find(topic, link) == NULL);
    return why == NULL && full ? "the link has announced too much" : why;
}

static void take_entry(struct core *c, struct federation_link *link, struct global_room *room,
                       const struct signal_global_room_active *m)
{
    struct topic_key key;
    struct path path;
    if (!read_key(&key, room, m->chappe->origin, m->chappe->publisher) ||
        m->chappe->version == NULL) {
        heard_refuse(c, link->peer, m->room, "its origin, publisher or version is missing");
        return;
    }
    const char *why = heard_judge(c, link, &key, &m->chappe->path, &path);
    if (why != NULL) {
        heard_refuse(c, link->peer, m->room, why);
        heard_forget(c, link, &key);
        return;
    }
    struct version version = {m->chappe->version->start, m->chappe->version->counter};
    struct entry *entry = heard_store(c, link, &key, &path, &version);
    if (entry != NULL)
        take_list(c, entry, &m->participants);
}

/* ---- wants ---- */

static bool read_tag(struct signal_text text, const struct global_room *room, struct ipc_tag *tag)
{
    *tag = room->tag;
    if (text.data == NULL)
        return true;
    return text.len == IPC_TAG_SIZE * 2 &&
           hex_decode(text.data, tag->bytes, sizeof(tag->bytes)) == 0;
}

static void take_want(struct core *c, struct federation_link *link, struct global_room *room,
                      const struct signal_want *want)
{
    struct fingerprint_tls origin;
    struct ipc_tag tag;
    if (fingerprint_tls_parse(signal_text_bytes(want->origin), &origin) < 0 ||
        !read_tag(want->label, room, &tag)) {
        heard_refuse(c, link->peer, signal_text_of(room->name), "a want that cannot be read");
        return;
    }
    struct demander *demander = demander_find(room, &origin, link);
    if (want->off == NULL || !*want->off)
        media_route_wanted(c, link, room, &origin, &tag);
    else if (demander != NULL && memcmp(&demander->tag, &tag, sizeof(tag)) == 0)
        media_route_unwanted(c, demander);
}

/* ---- messages ---- */

void heard_active(struct core *c, struct peer *peer, const struct signal_global_room_active *m)
{
    struct federation_link *link = federation_link_of(c, peer);
    struct global_room *room = global_room_find(c, signal_text_bytes(m->room));
    if (link == NULL || (m->chappe == NULL && !link->legacy)) {
        heard_refuse(c, peer, m->room, "not as relays of ours announce");
        return;
    }
    if (room == NULL) {
        c->counters.announcements_not_global++;
        return;
    }
    if (link->legacy) {
        original_active(c, original_find(room, link), m);
        return;
    }
    for (size_t i = 0; i < m->chappe->want.count; i++)
        take_want(c, link, room, &m->chappe->want.items[i]);
    if (m->chappe->origin.data != NULL)
        take_entry(c, link, room, m);
}

void heard_inactive(struct core *c, struct peer *peer, const struct signal_global_room_inactive *m)
{
    struct federation_link *link = federation_link_of(c, peer);
    struct global_room *room = global_room_find(c, signal_text_bytes(m->room));
    struct topic_key key;
    if (link == NULL || room == NULL || (m->chappe == NULL && !link->legacy))
        return;
    if (link->legacy) {
        original_inactive(c, original_find(room, link), m->room);
        return;
    }
    if (read_key(&key, room, m->chappe->origin, m->chappe->publisher))
        heard_forget(c, link, &key);
}

void heard_ask_again(struct core *c, struct federation_link *link)
{
    if (link->asked)
        return;
    link->asked = true;
    deferred_add(c, &link->record);
    link_say_hello(c, link_oldest(link->peer), LINK_HELLO_RESYNC);
}

void heard_begin(struct core *c, struct federation_link *link)
{
    link->generation++;
    presence_ask_again(c, link);
    deferred_add(c, &link->record);
}

void heard_end(struct core *c, struct federation_link *link)
{
    struct entry *next;
    for (struct entry *e = link->entries; e != NULL; e = next) {
        next = e->link_next;
        if (e->generation != link->generation)
            entry_remove(c, e);
    }
    media_route_sweep(c, link);
    link->asked = false;
    deferred_add(c, &link->record);
}
