#include "control/core/federation_record.h"

#include <string.h>

#include "common/sha256.h"
#include "control/core/federation_terms.h"
#include "control/core/global_room.h"
#include "control/core/hold.h"
#include "control/core/media_route.h"
#include "control/core/record.h"
#include "control/core/topic.h"

#define RECORD_VERSION 1
#define ENTRY_VERSION 3 /* 2: without digest; 1: and with all of the topic's key, and the link */
#define TOPIC_VERSION 3 /* 2: without what the members are to be told; 1: and without a hold */
#define QUEUE_VERSION                                                                              \
    4 /* 3: without `asked`; 2: with what is held; 1: and without the neighbour's originals */
/* Beyond that a successor says everything again. The record is written with every change, so its
   length is what each message to or from a link with a long queue costs. */
#define QUEUE_RECORDED_MAX 64

/* ---- keys ---- */

static void make_key(struct core *c, char key[RECORD_KEY_SIZE], const char *kind,
                     struct buffer *name)
{
    uint8_t hash[SHA256_SIZE];
    if (name->failed || sha256(buffer_view(name), hash) < 0)
        c->failed = true;
    record_key_hex(key, kind, (struct bytes){hash, 16});
    buffer_free(name);
}

static void put_topic_key(struct buffer *out, const struct topic_key *key)
{
    record_put_text(out, key->room == NULL ? NULL : key->room->name);
    record_put_tls(out, &key->publisher);
    record_put_tls(out, &key->origin);
}

static void topic_record_key(struct core *c, char key[RECORD_KEY_SIZE], const struct topic *topic)
{
    struct buffer name = {0};
    put_topic_key(&name, &topic->key);
    make_key(c, key, RECORD_TOPIC, &name);
}

static void entry_record_key(struct core *c, char key[RECORD_KEY_SIZE], const struct entry *entry)
{
    struct buffer name = {0};
    put_topic_key(&name, &entry->topic->key);
    record_put_tls(&name, &entry->link->fingerprint);
    make_key(c, key, RECORD_ENTRY, &name);
}

static void demand_record_key(struct core *c, char key[RECORD_KEY_SIZE], const struct demander *d)
{
    struct buffer name = {0};
    record_put_text(&name, d->demand->room->name);
    record_put_tls(&name, &d->demand->origin);
    record_put_tls(&name, &d->link->fingerprint);
    make_key(c, key, RECORD_DEMAND, &name);
}

static void put(struct core *c, const char *key, struct buffer *value)
{
    if (value->failed)
        c->failed = true;
    transaction_record_put(&c->transaction, key, 0, buffer_view(value));
    buffer_free(value);
}

/* ---- writing ---- */

/* Our own topic's record says it for the room. */
static void put_gathered(struct buffer *out, const struct topic *topic)
{
    const struct global_room *room = topic->key.room;
    bool gathered = topic == room->own && heap_contains(&room->tell.node);
    buffer_append_u64(out, gathered ? room->tell.node.key : 0);
    buffer_append_u64(out, gathered ? room->told : 0);
}

static void get_gathered(struct core *c, struct reader *r, const struct topic *topic)
{
    struct global_room *room = topic->key.room;
    uint64_t at = reader_u64(r);
    uint64_t told = reader_u64(r);
    if (r->failed || at == 0 || topic != room->own)
        return;
    room->told = told;
    timer_set(c, &room->tell, at);
}

void federation_record_topic(struct core *c, struct deferred *work)
{
    const struct topic *topic = heap_entry(work, struct topic, record);
    char key[RECORD_KEY_SIZE];
    struct buffer value = {0};
    topic_record_key(c, key, topic);
    buffer_append_u8(&value, TOPIC_VERSION);
    put_topic_key(&value, &topic->key);
    buffer_append_u64(&value, topic->version.start);
    buffer_append_u64(&value, topic->version.counter);
    participants_put(&value, &topic->list);
    buffer_append_u64(&value,
                      heap_contains(&topic->linger.node) ? topic->linger.node.key : UINT64_MAX);
    hold_put(&value, topic);
    put_gathered(&value, topic);
    put(c, key, &value);
}

/* NULL: none. */
static void put_path(struct buffer *out, const struct trail *path)
{
    if (path == NULL) {
        buffer_append_u8(out, 0);
        return;
    }
    buffer_append_u8(out, (uint8_t)path->count);
    for (size_t i = 0; i < path->count; i++)
        record_put_tls(out, &path->relays[i]);
}

void federation_record_entry(struct core *c, struct deferred *work)
{
    const struct entry *entry = heap_entry(work, struct entry, record);
    char key[RECORD_KEY_SIZE];
    struct buffer value = {0};
    entry_record_key(c, key, entry);
    const struct topic_key *of = &entry->topic->key;
    buffer_append_u8(&value, ENTRY_VERSION);
    record_put_text(&value, of->room == NULL ? NULL : of->room->name);
    buffer_append_u8(&value, !fingerprint_tls_equal(&of->publisher, &of->origin));
    buffer_append_u64(&value, entry->version.start);
    buffer_append_u64(&value, entry->version.counter);
    put_path(&value, entry->path);
    buffer_append_u32(&value, entry->generation);
    buffer_append_u8(&value, entry->wanted);
    buffer_append(&value, entry->label.bytes, sizeof(entry->label.bytes));
    buffer_append_u64(&value, entry->digest);
    put(c, key, &value);
}

void federation_record_demand(struct core *c, const struct demander *d)
{
    char key[RECORD_KEY_SIZE];
    struct buffer value = {0};
    demand_record_key(c, key, d);
    buffer_append_u8(&value, RECORD_VERSION);
    record_put_text(&value, d->demand->room->name);
    record_put_tls(&value, &d->demand->origin);
    record_put_tls(&value, &d->link->fingerprint);
    buffer_append(&value, d->tag.bytes, sizeof(d->tag.bytes));
    buffer_append_u32(&value, d->generation);
    put(c, key, &value);
}

void federation_record_topic_gone(struct core *c, const struct topic *topic)
{
    char key[RECORD_KEY_SIZE];
    topic_record_key(c, key, topic);
    transaction_record_delete(&c->transaction, key);
}

void federation_record_entry_gone(struct core *c, const struct entry *entry)
{
    char key[RECORD_KEY_SIZE];
    entry_record_key(c, key, entry);
    transaction_record_delete(&c->transaction, key);
}

void federation_record_demand_gone(struct core *c, const struct demander *demander)
{
    char key[RECORD_KEY_SIZE];
    demand_record_key(c, key, demander);
    transaction_record_delete(&c->transaction, key);
}

/* ---- a link's queue ---- */

static void queue_record_key(char key[RECORD_KEY_SIZE], const struct federation_link *link)
{
    record_key_hex(key, RECORD_QUEUE,
                   (struct bytes){link->fingerprint.bytes, sizeof(link->fingerprint.bytes)});
}

static void put_wants(struct buffer *out, const struct federation_link *link)
{
    uint32_t count = 0;
    for (const struct want *w = link->wants; w != NULL; w = w->next)
        count++;
    buffer_append_u32(out, count);
    for (const struct want *w = link->wants; w != NULL; w = w->next) {
        record_put_text(out, w->room->name);
        record_put_tls(out, &w->origin);
        buffer_append(out, w->label.bytes, sizeof(w->label.bytes));
        buffer_append_u8(out, w->off);
    }
}

static void put_outgoing(struct buffer *out, const struct outgoing *list)
{
    uint32_t count = 0;
    for (const struct outgoing *o = list; o != NULL; o = o->next)
        count++;
    buffer_append_u32(out, count);
    for (const struct outgoing *o = list; o != NULL; o = o->next) {
        put_topic_key(out, &o->topic->key);
        buffer_append_u8(out, o->sent);
        buffer_append_u64(out, o->version.start);
        buffer_append_u64(out, o->version.counter);
        put_path(out, o->path);
    }
}

static void put_originals(struct buffer *out, const struct federation_link *link)
{
    buffer_append_u8(out, (uint8_t)link->original_count);
    for (size_t i = 0; i < link->original_count; i++)
        record_put_tls(out, &link->originals[i]);
}

void federation_record_queue(struct core *c, struct deferred *work)
{
    struct federation_link *link = heap_entry(work, struct federation_link, record);
    char key[RECORD_KEY_SIZE];
    struct buffer value = {0};
    if (!link->recorded && link->generation == 0 && link->original_count == 0 && !link->asked &&
        !heap_contains(&link->flush.node))
        return;
    queue_record_key(key, link);
    buffer_append_u8(&value, QUEUE_VERSION);
    put_originals(&value, link);
    buffer_append_u32(&value, link->generation);
    buffer_append_u64(&value, heap_contains(&link->flush.node) ? link->flush.node.key : 0);
    buffer_append_u64(&value, link->flushed);
    buffer_append_u8(&value, (uint8_t)link->budget);
    buffer_append_u8(&value, link->end_owed);
    bool all = link->unsaid <= QUEUE_RECORDED_MAX;
    buffer_append_u8(&value, all);
    if (all) {
        put_wants(&value, link);
        put_outgoing(&value, link->ready);
    }
    buffer_append_u8(&value, link->asked);
    put(c, key, &value);
    link->recorded = true;
}

void federation_record_queue_gone(struct core *c, struct federation_link *link)
{
    char key[RECORD_KEY_SIZE];
    deferred_cancel(c, &link->record);
    if (!link->recorded)
        return;
    queue_record_key(key, link);
    transaction_record_delete(&c->transaction, key);
    link->recorded = false;
}

/* ---- reading ---- */

static struct global_room *get_room(struct core *c, struct reader *r)
{
    char name[ROOM_NAME_SIZE];
    record_get_text(r, name, sizeof(name));
    return r->failed ? NULL : global_room_find(c, bytes_of_string(name));
}

/* A key with its room alone. False: that is not global any more. */
static bool get_room_of(struct core *c, struct reader *r, struct topic_key *key)
{
    char name[ROOM_NAME_SIZE];
    memset(key, 0, sizeof(*key));
    record_get_text(r, name, sizeof(name));
    key->room = r->failed ? NULL : global_room_find(c, bytes_of_string(name));
    return key->room != NULL || name[0] == '\0';
}

static bool get_topic_key(struct core *c, struct reader *r, struct topic_key *key)
{
    bool known = get_room_of(c, r, key);
    record_get_tls(r, &key->publisher);
    record_get_tls(r, &key->origin);
    return known;
}

static struct federation_link *get_link(struct core *c, struct reader *r)
{
    struct fingerprint_tls fingerprint;
    record_get_tls(r, &fingerprint);
    const struct peer *peer = r->failed ? NULL : peer_find(c, &fingerprint);
    return peer == NULL ? NULL : peer->federation;
}

static bool begin(struct reader *r, struct bytes value)
{
    reader_init(r, value);
    return record_get_version(r, RECORD_VERSION);
}

int federation_restore_topic(struct core *c, struct bytes name, struct bytes value)
{
    struct reader r;
    struct topic_key key;
    struct participants list = {0};
    (void)name;
    reader_init(&r, value);
    uint8_t format = record_get_version(&r, TOPIC_VERSION);
    if (format == 0)
        return ERR_SYNTAX;
    get_topic_key(c, &r, &key);
    struct version version;
    version.start = reader_u64(&r);
    version.counter = reader_u64(&r);
    participants_get(&r, &list);
    uint64_t linger = reader_u64(&r);
    struct topic *topic = r.failed || key.room == NULL ? NULL : topic_obtain(c, &key);
    if (topic == NULL) {
        participants_free(&list);
        return r.failed ? ERR_SYNTAX : ERR_NOT_FOUND;
    }
    participants_free(&topic->list);
    topic->list = list;
    topic->version = version;
    topic->digest = participants_digest(&topic->list);
    if (linger != UINT64_MAX)
        timer_set(c, &topic->linger, linger);
    if (format > 1)
        hold_get(c, &r, topic);
    if (format > 2)
        get_gathered(c, &r, topic);
    return r.failed ? ERR_SYNTAX : 0;
}

static void get_path(struct reader *r, struct path *path)
{
    path->count = reader_u8(r);
    if (path->count > FEDERATION_PATH_MAX)
        r->failed = true;
    for (size_t i = 0; i < path->count && !r->failed; i++)
        record_get_tls(r, &path->relays[i]);
}

/* What a record says of an entry. */
struct entry_read {
    struct topic_key key;
    bool known; /* its room is global */
    struct federation_link *link;
    struct version version;
    struct path path;
    uint32_t generation;
    bool wanted;
    struct ipc_tag label;
    uint64_t digest; /* 0: not in the record */
};

/* A path runs from the link to the origin; the publisher is the origin, or the one before it. */
static void take_ends(struct core *c, struct reader *r, struct entry_read *e, bool of_original)
{
    if (r->failed || e->path.count < (of_original ? 2 : 1)) {
        r->failed = true;
        return;
    }
    const struct peer *peer = peer_find(c, &e->path.relays[0]);
    e->link = peer == NULL ? NULL : peer->federation;
    e->key.origin = e->path.relays[e->path.count - 1];
    e->key.publisher = e->path.relays[e->path.count - (of_original ? 2 : 1)];
}

static void read_entry(struct core *c, struct reader *r, uint8_t format, struct entry_read *e)
{
    bool of_original = false;
    e->known = format == 1 ? get_topic_key(c, r, &e->key) : get_room_of(c, r, &e->key);
    if (format == 1)
        e->link = get_link(c, r);
    else
        of_original = record_get_bool(r);
    e->version.start = reader_u64(r);
    e->version.counter = reader_u64(r);
    get_path(r, &e->path);
    if (format > 1)
        take_ends(c, r, e, of_original);
    e->generation = reader_u32(r);
    e->wanted = record_get_bool(r);
    reader_copy(r, e->label.bytes, sizeof(e->label.bytes));
    e->digest = format > 2 ? reader_u64(r) : 0;
    if (e->key.room == NULL)
        e->digest = 0; /* presence has none */
    r->failed |= e->path.count == 0;
}

int federation_restore_entry(struct core *c, struct bytes name, struct bytes value)
{
    struct reader r;
    struct entry_read e = {.known = false};
    (void)name;
    reader_init(&r, value);
    uint8_t format = record_get_version(&r, ENTRY_VERSION);
    if (format == 0)
        return ERR_SYNTAX;
    read_entry(c, &r, format, &e);
    struct topic *topic = r.failed || !e.known ? NULL : topic_find(c, &e.key);
    if (topic == NULL || e.link == NULL || !federation_terms_allow(c, e.link, e.path.count))
        return r.failed ? ERR_SYNTAX : ERR_NOT_FOUND;
    struct entry *entry = entry_add(c, topic, e.link, &e.path);
    if (entry == NULL)
        return ERR_MEMORY;
    entry->version = e.version;
    entry->generation = e.generation;
    entry->wanted = e.wanted;
    entry->label = e.label;
    entry->digest = e.digest;
    if (format < 3 && version_compare(&e.version, &topic->version) == 0)
        entry->digest = topic->digest;
    return 0;
}

int federation_restore_demand(struct core *c, struct bytes name, struct bytes value)
{
    struct reader r;
    struct fingerprint_tls origin;
    struct ipc_tag tag;
    (void)name;
    if (!begin(&r, value))
        return ERR_SYNTAX;
    struct global_room *room = get_room(c, &r);
    record_get_tls(&r, &origin);
    struct federation_link *link = get_link(c, &r);
    reader_copy(&r, tag.bytes, sizeof(tag.bytes));
    uint32_t generation = reader_u32(&r);
    if (r.failed || room == NULL || link == NULL)
        return r.failed ? ERR_SYNTAX : ERR_NOT_FOUND;
    return media_route_restore(c, link, room, &origin, &tag, generation);
}

static void get_wants(struct core *c, struct reader *r, struct federation_link *link)
{
    size_t count = reader_u32(r);
    for (size_t i = 0; i < count && !r->failed; i++) {
        struct fingerprint_tls origin;
        struct ipc_tag label;
        struct global_room *room = get_room(c, r);
        record_get_tls(r, &origin);
        reader_copy(r, label.bytes, sizeof(label.bytes));
        bool off = record_get_bool(r);
        if (!r->failed && room != NULL)
            announce_want(c, link, room, &origin, &label, off);
    }
}

static void get_outgoing(struct core *c, struct reader *r, struct federation_link *link,
                         uint8_t format)
{
    size_t count = reader_u32(r);
    for (size_t i = 0; i < count && !r->failed; i++) {
        struct topic_key key;
        struct outgoing out = {.link = link};
        struct path path;
        bool known = get_topic_key(c, r, &key);
        out.sent = record_get_bool(r);
        out.version.start = reader_u64(r);
        out.version.counter = reader_u64(r);
        get_path(r, &path);
        if (format < 3)
            reader_u64(r); /* when it was to be said */
        if (r->failed || !known)
            continue;
        out.topic = topic_obtain(c, &key);
        out.path = path.count == 0 ? NULL : trail_new(&path);
        if (out.topic != NULL)
            announce_restore(c, &out);
        trail_release(out.path);
    }
}

static void get_originals(struct reader *r, struct federation_link *link)
{
    size_t count = reader_u8(r);
    if (count > FEDERATION_ORIGINALS_MAX)
        r->failed = true;
    for (size_t i = 0; i < count && !r->failed; i++)
        record_get_tls(r, &link->originals[link->original_count++]);
}

int federation_restore_queue(struct core *c, struct bytes name, struct bytes value)
{
    struct reader r;
    struct fingerprint_tls fingerprint;
    reader_init(&r, value);
    uint8_t format = record_get_version(&r, QUEUE_VERSION);
    if (fingerprint_tls_parse(name, &fingerprint) < 0 || format == 0)
        return ERR_SYNTAX;
    const struct peer *peer = peer_find(c, &fingerprint);
    struct federation_link *link = peer == NULL ? NULL : peer->federation;
    if (link == NULL)
        return ERR_NOT_FOUND;
    link->recorded = true;
    if (format > 1)
        get_originals(&r, link);
    link->generation = reader_u32(&r);
    uint64_t flush = reader_u64(&r);
    link->flushed = reader_u64(&r);
    link->budget = reader_u8(&r);
    link->end_owed = record_get_bool(&r);
    link->say_all = !record_get_bool(&r);
    if (!link->say_all) {
        get_wants(c, &r, link);
        get_outgoing(c, &r, link, format);
        if (format < 3)
            get_outgoing(c, &r, link, format); /* what was held */
    }
    if (format > 3)
        link->asked = record_get_bool(&r);
    if (flush != 0)
        timer_set(c, &link->flush, flush);
    deferred_cancel(c, &link->record);
    return r.failed ? ERR_SYNTAX : 0;
}
