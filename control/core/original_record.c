#include "control/core/original_record.h"

#include "common/sha256.h"
#include "control/core/global_room.h"
#include "control/core/record.h"

#define RECORD_VERSION 1

void original_changed(struct core *c, struct original *o, unsigned parts)
{
    o->changed |= parts;
    deferred_add(c, &o->record);
}

/* ---- writing ---- */

static void put_name(struct buffer *out, const struct original *o, int part)
{
    record_put_text(out, o->room->name);
    record_put_tls(out, &o->link->fingerprint);
    buffer_append_u8(out, (uint8_t)part);
}

static void make_key(struct core *c, char key[RECORD_KEY_SIZE], const struct original *o, int part)
{
    struct buffer name = {0};
    uint8_t hash[SHA256_SIZE];
    put_name(&name, o, part);
    if (name.failed || sha256(buffer_view(&name), hash) < 0)
        c->failed = true;
    record_key_hex(key, RECORD_ORIGINAL, (struct bytes){hash, 16});
    buffer_free(&name);
}

static struct participants *list_of(struct original *o, int part)
{
    if (part == ORIGINAL_ACTED_PART)
        return &o->behind;
    struct original_list *list = &o->lists[part / 2];
    return part % 2 == 0 ? &list->here : &list->behind;
}

static uint64_t time_of(const struct timer *timer)
{
    return heap_contains(&timer->node) ? timer->node.key : UINT64_MAX;
}

static void put_state(struct buffer *out, const struct original *o)
{
    for (int s = 0; s < ORIGINAL_SPELLINGS; s++)
        buffer_append_u8(out, o->lists[s].open);
    buffer_append_u8(out, o->labelled);
    buffer_append_u64(out, o->acted);
    buffer_append_u64(out, time_of(&o->act));
    buffer_append_u64(out, o->said);
    buffer_append_u64(out, o->said_at);
    buffer_append_u64(out, time_of(&o->say));
    buffer_append_u32(out, (uint32_t)HASH_COUNT(o->names));
    for (const struct original_name *name = o->names; name != NULL; name = name->hh.next)
        record_put_text(out, name->name);
}

static void drop_part(struct core *c, struct original *o, int part)
{
    char key[RECORD_KEY_SIZE];
    if ((o->recorded & 1u << part) == 0)
        return;
    make_key(c, key, o, part);
    transaction_record_delete(&c->transaction, key);
    o->recorded &= ~(1u << part);
}

static void write_part(struct core *c, struct original *o, int part)
{
    char key[RECORD_KEY_SIZE];
    struct buffer value = {0};
    make_key(c, key, o, part);
    buffer_append_u8(&value, RECORD_VERSION);
    put_name(&value, o, part);
    if (part == ORIGINAL_STATE_PART)
        put_state(&value, o);
    else
        participants_put(&value, list_of(o, part));
    if (value.failed)
        c->failed = true;
    transaction_record_put(&c->transaction, key, 0, buffer_view(&value));
    buffer_free(&value);
    o->recorded |= 1u << part;
}

void original_record_write(struct core *c, struct deferred *work)
{
    struct original *o = heap_entry(work, struct original, record);
    for (int part = 0; part < ORIGINAL_PARTS; part++) {
        if ((o->changed & 1u << part) == 0)
            continue;
        if (part != ORIGINAL_STATE_PART && list_of(o, part)->count == 0)
            drop_part(c, o, part);
        else
            write_part(c, o, part);
    }
    o->changed = 0;
}

void original_record_gone(struct core *c, struct original *o)
{
    deferred_cancel(c, &o->record);
    for (int part = 0; part < ORIGINAL_PARTS; part++)
        drop_part(c, o, part);
}

/* ---- reading ---- */

static void get_timer(struct core *c, struct reader *r, struct timer *timer)
{
    uint64_t at = reader_u64(r);
    if (!r->failed && at != UINT64_MAX)
        timer_set(c, timer, at);
}

static void get_state(struct core *c, struct reader *r, struct original *o)
{
    for (int s = 0; s < ORIGINAL_SPELLINGS; s++)
        o->lists[s].open = record_get_bool(r);
    o->labelled = record_get_bool(r);
    o->acted = reader_u64(r);
    get_timer(c, r, &o->act);
    o->said = reader_u64(r);
    o->said_at = reader_u64(r);
    get_timer(c, r, &o->say);
    size_t count = reader_u32(r);
    for (size_t i = 0; i < count && !r->failed; i++) {
        char name[CONNECTION_NAME_SIZE];
        record_get_text(r, name, sizeof(name));
        if (!r->failed)
            original_note_name(c, o, name);
    }
    o->fresh = false;
}

static struct original *get_name(struct core *c, struct reader *r, int *part)
{
    char room[ROOM_NAME_SIZE];
    struct fingerprint_tls fingerprint;
    record_get_text(r, room, sizeof(room));
    record_get_tls(r, &fingerprint);
    *part = reader_u8(r);
    if (*part >= ORIGINAL_PARTS)
        r->failed = true;
    const struct global_room *global =
        r->failed ? NULL : global_room_find(c, bytes_of_string(room));
    const struct peer *peer = r->failed ? NULL : peer_find(c, &fingerprint);
    if (global == NULL || peer == NULL || peer->federation == NULL)
        return NULL;
    return original_find(global, peer->federation);
}

int original_record_restore(struct core *c, struct bytes name, struct bytes value)
{
    struct reader r;
    int part;
    (void)name;
    reader_init(&r, value);
    if (!record_get_version(&r, RECORD_VERSION))
        return ERR_SYNTAX;
    struct original *o = get_name(c, &r, &part);
    if (o == NULL)
        return r.failed ? ERR_SYNTAX : ERR_NOT_FOUND;
    if (part == ORIGINAL_STATE_PART)
        get_state(c, &r, o);
    else
        participants_get(&r, list_of(o, part));
    o->recorded |= 1u << part;
    return r.failed ? ERR_SYNTAX : 0;
}
