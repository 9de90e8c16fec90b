#include "control/core/presence_record.h"

#include <stdio.h>
#include <string.h>

#include "control/core/announce.h"
#include "control/core/hold.h"
#include "control/core/record.h"
#include "control/core/topic.h"

#define RECORD_VERSION 1
#define HEADER_VERSION 3       /* 2: without `mixed`; 1: and without a hold */
#define NAMES_KEY_LEN (64 + 3) /* what follows RECORD_NAMES */
#define CHANGES_MAX 64 /* last changes in a record; with more unsaid, a link is told everything */

/* ---- keys ---- */

static void header_key(char key[RECORD_KEY_SIZE], const struct topic *topic)
{
    record_key_hex(key, RECORD_PRESENCE,
                   (struct bytes){topic->key.origin.bytes, sizeof(topic->key.origin.bytes)});
}

static void bucket_key(char key[RECORD_KEY_SIZE], const struct topic *topic, unsigned bucket)
{
    record_key_hex(key, RECORD_NAMES,
                   (struct bytes){topic->key.origin.bytes, sizeof(topic->key.origin.bytes)});
    size_t len = strlen(key);
    snprintf(key + len, RECORD_KEY_SIZE - len, "/%02x", bucket);
}

/* ---- writing ---- */

/* The oldest version that a link has; ours if all have it, or have none that we can go on from. */
static uint64_t told(const struct topic *topic)
{
    uint64_t oldest = topic->version.counter;
    for (size_t i = 0; i < topic->side_count; i++) {
        const struct outgoing *out = topic->sides[i].told;
        if (out != NULL && out->sent && out->version.start == topic->version.start &&
            out->version.counter < oldest && out->version.counter >= topic->presence->names.floor)
            oldest = out->version.counter;
    }
    return oldest;
}

/* The first of the changes since then, and how many they are; counts no further than too many. */
static const struct presence_name *first_change(const struct presence_set *set, uint64_t since,
                                                uint32_t *count)
{
    const struct presence_name *first = NULL;
    const struct presence_name *name = set->log == NULL ? NULL : set->log->prev;
    for (*count = 0; name != NULL && name->changed > since && *count <= CHANGES_MAX; (*count)++) {
        first = name;
        name = name == set->log ? NULL : name->prev;
    }
    return first;
}

static void put_changes(struct buffer *out, const struct topic *topic)
{
    uint32_t count;
    uint64_t since = told(topic);
    const struct presence_name *first = first_change(&topic->presence->names, since, &count);
    bool fits = count <= CHANGES_MAX && topic->presence->listing.start == 0;
    buffer_append_u64(out, fits ? since : topic->version.counter);
    buffer_append_u32(out, fits ? count : 0);
    for (const struct presence_name *name = first; fits && name != NULL; name = name->next) {
        record_put_text(out, name->text);
        buffer_append_u8(out, name->here);
        buffer_append_u64(out, name->changed);
    }
}

static void put(struct core *c, const char *key, struct buffer *value)
{
    if (value->failed)
        c->failed = true;
    transaction_record_put(&c->transaction, key, 0, buffer_view(value));
    buffer_free(value);
}

static void write_header(struct core *c, const struct topic *topic)
{
    char key[RECORD_KEY_SIZE];
    struct buffer value = {0};
    header_key(key, topic);
    buffer_append_u8(&value, HEADER_VERSION);
    buffer_append_u64(&value, topic->version.start);
    buffer_append_u64(&value, topic->version.counter);
    record_put_text(&value, topic->presence->address);
    buffer_append_u64(&value, topic->presence->names.digest);
    put_changes(&value, topic);
    hold_put(&value, topic);
    buffer_append_u8(&value, !presence_is_whole(topic->presence));
    put(c, key, &value);
}

static void write_bucket(struct core *c, const struct topic *topic, unsigned bucket)
{
    const struct presence_name *name = presence_set_bucket(&topic->presence->names, bucket);
    char key[RECORD_KEY_SIZE];
    struct buffer value = {0};
    uint32_t count = 0;
    for (; name != NULL; name = name->bucket_next)
        count += name->here;
    bucket_key(key, topic, bucket);
    if (count == 0) {
        transaction_record_delete(&c->transaction, key);
        return;
    }
    buffer_append_u8(&value, RECORD_VERSION);
    buffer_append_u32(&value, count);
    name = presence_set_bucket(&topic->presence->names, bucket);
    for (; name != NULL; name = name->bucket_next) {
        if (name->here)
            record_put_text(&value, name->text);
    }
    put(c, key, &value);
}

void presence_record(struct core *c, struct deferred *work)
{
    const struct topic *topic = heap_entry(work, struct topic, record);
    struct presence_set *set = &topic->presence->names;
    write_header(c, topic);
    for (size_t i = 0; i < set->bucket_count && !topic->own; i++) {
        if (set->buckets[i].dirty)
            write_bucket(c, topic, set->buckets[i].number);
    }
    presence_set_clean(set);
}

void presence_record_gone(struct core *c, const struct topic *topic)
{
    char key[RECORD_KEY_SIZE];
    header_key(key, topic);
    transaction_record_delete(&c->transaction, key);
    for (size_t i = 0; i < topic->presence->names.bucket_count; i++) {
        bucket_key(key, topic, topic->presence->names.buckets[i].number);
        transaction_record_delete(&c->transaction, key);
    }
}

/* ---- reading ---- */

static struct topic *obtain(struct core *c, struct bytes digits)
{
    struct topic_key key;
    memset(&key, 0, sizeof(key));
    if (fingerprint_tls_parse(digits, &key.origin) < 0)
        return NULL;
    key.publisher = key.origin;
    return topic_obtain(c, &key);
}

static void restore_names(struct core *c, struct presence_set *set, struct reader *r)
{
    size_t before = set->count;
    size_t count = reader_u32(r);
    for (size_t i = 0; i < count && !r->failed; i++) {
        char name[CONNECTION_NAME_SIZE];
        record_get_text(r, name, sizeof(name));
        if (!r->failed && presence_set_put(set, name, true, 0) == ERR_MEMORY)
            c->failed = true;
    }
    presence_set_clean(set);
    c->federation->presence_names += set->count - before;
}

int presence_restore_names(struct core *c, struct bytes name, struct bytes value)
{
    struct reader r;
    reader_init(&r, value);
    if (name.len != NAMES_KEY_LEN || !record_get_version(&r, RECORD_VERSION))
        return ERR_SYNTAX;
    struct topic *topic = obtain(c, (struct bytes){name.data, NAMES_KEY_LEN - 3});
    if (topic == NULL || topic->own)
        return ERR_SYNTAX;
    restore_names(c, &topic->presence->names, &r);
    return r.failed ? ERR_SYNTAX : 0;
}

static void restore_changes(struct core *c, struct topic *topic, struct reader *r)
{
    struct presence_set *set = &topic->presence->names;
    uint64_t since = reader_u64(r);
    size_t count = reader_u32(r);
    size_t before = set->count;
    presence_set_raise(set, since);
    for (size_t i = 0; i < count && !r->failed; i++) {
        char name[CONNECTION_NAME_SIZE];
        record_get_text(r, name, sizeof(name));
        bool here = record_get_bool(r);
        uint64_t changed = reader_u64(r);
        if (!r->failed && changed > since &&
            presence_set_put(set, name, here, changed) == ERR_MEMORY)
            c->failed = true;
    }
    presence_set_clean(set);
    if (!topic->own)
        c->federation->presence_names += set->count - before;
}

int presence_restore(struct core *c, struct bytes name, struct bytes value)
{
    struct reader r;
    reader_init(&r, value);
    uint8_t format = record_get_version(&r, HEADER_VERSION);
    struct topic *topic = format != 0 ? obtain(c, name) : NULL;
    if (topic == NULL)
        return ERR_SYNTAX;
    topic->version.start = reader_u64(&r);
    topic->version.counter = reader_u64(&r);
    record_get_text(&r, topic->presence->address, sizeof(topic->presence->address));
    uint64_t digest = reader_u64(&r);
    if (topic->own)
        presence_take_registry(c);
    restore_changes(c, topic, &r);
    if (format > 1)
        hold_get(c, &r, topic);
    if (format > 2)
        topic->presence->mixed = record_get_bool(&r);
    topic->presence->restored = !r.failed && topic->presence->names.digest == digest;
    return r.failed ? ERR_SYNTAX : 0;
}

/* Our names are those of the registry all the same, in a version that nobody has yet. */
static void mend_own(struct core *c, struct presence *p)
{
    if (p->names.count == 0)
        presence_take_registry(c);
    if (p->names.count == 0 && p->topic->version.counter == 0)
        return;
    p->topic->version = (struct version){c->federation->start, c->now};
    presence_set_raise(&p->names, c->now);
    deferred_add(c, &p->topic->record);
}

/* A set whose records do not fit together is asked for again. */
void presence_adopted(struct core *c)
{
    for (struct presence *p = c->federation->presences; p != NULL; p = p->next) {
        if (p == c->federation->own && !p->restored)
            mend_own(c, p);
        else if (!p->restored)
            p->topic->version = (struct version){0, 0};
    }
}
