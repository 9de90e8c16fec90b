#include "control/core/ended.h"

#include <stdlib.h>
#include <string.h>

#include "control/core/call_asked.h"
#include "control/core/record.h"
#include "control/core/relay_say.h"

#define RECORD_VERSION 1

static uint64_t lifetime(const struct core *c)
{
    return c->settings.config->limits.ring_timeout_s * CLOCK_SECOND + ENDED_EXTRA_NS;
}

static struct ended *find(const struct core *c, const char *id)
{
    struct ended *ended = NULL;
    HASH_FIND_STR(c->ended, id, ended);
    return ended;
}

static void free_one(struct core *c, struct ended *ended)
{
    HASH_DEL(c->ended, ended);
    free(ended->relays);
    free(ended);
}

static void forget(struct core *c, struct ended *ended)
{
    char key[RECORD_KEY_SIZE];
    record_key(key, RECORD_ENDED, ended->id);
    transaction_record_delete(&c->transaction, key);
    free_one(c, ended);
}

/* ---- expiry: all live equally long, so the first is the oldest ---- */

static void schedule(struct core *c)
{
    if (c->ended != NULL && !heap_contains(&c->ended_timer.node))
        timer_set(c, &c->ended_timer, c->ended->expires);
}

static void sweep(struct core *c, struct timer *timer)
{
    (void)timer;
    while (c->ended != NULL && c->ended->expires <= c->now)
        forget(c, c->ended);
    schedule(c);
}

void ended_init(struct core *c)
{
    c->ended_timer.due = sweep;
}

/* ---- adding ---- */

static struct ended *add(struct core *c, const char *id, const char *spelling)
{
    struct ended *ended = calloc(1, sizeof(*ended));
    if (ended == NULL) {
        c->failed = true;
        return NULL;
    }
    memcpy(ended->id, id, strlen(id) + 1);
    memcpy(ended->spelling, spelling, strlen(spelling) + 1);
    HASH_ADD_STR(c->ended, id, ended);
    return ended;
}

static void write_record(struct core *c, const struct ended *ended)
{
    struct buffer value = {0};
    buffer_append_u8(&value, RECORD_VERSION);
    record_put_text(&value, ended->spelling);
    buffer_append_u8(&value, (uint8_t)ended->reason);
    buffer_append_u64(&value, ended->order);
    buffer_append_u64(&value, ended->expires);
    buffer_append_u32(&value, (uint32_t)ended->relay_count);
    for (size_t i = 0; i < ended->relay_count; i++)
        record_put_tls(&value, &ended->relays[i]);

    char key[RECORD_KEY_SIZE];
    record_key(key, RECORD_ENDED, ended->id);
    if (value.failed)
        c->failed = true;
    transaction_record_put(&c->transaction, key, 0, buffer_view(&value));
    buffer_free(&value);
}

static struct ended *remember(struct core *c, const char *id, const char *spelling)
{
    struct ended *ended = find(c, id);
    if (ended != NULL)
        forget(c, ended);
    if (HASH_COUNT(c->ended) >= ENDED_MAX)
        forget(c, c->ended);
    ended = add(c, id, spelling);
    if (ended == NULL)
        return NULL;
    ended->order = core_order(c);
    ended->expires = c->now + lifetime(c);
    schedule(c);
    return ended;
}

static void add_relay(struct ended *ended, const struct fingerprint_tls *relay,
                      const struct fingerprint_tls *told_by)
{
    if (told_by == NULL || !fingerprint_tls_equal(relay, told_by))
        ended->relays[ended->relay_count++] = *relay;
}

void ended_add(struct core *c, const struct call *call, enum signal_hangup_reason reason,
               const struct fingerprint_tls *told_by)
{
    struct ended *ended = remember(c, call->id, call->spelling);
    if (ended == NULL)
        return;
    ended->reason = reason;
    ended->relays = calloc(call->asked_count + 2, sizeof(*ended->relays));
    if (ended->relays == NULL) {
        c->failed = true;
        return;
    }
    if (call->caller.bound)
        add_relay(ended, &call->caller.relay, told_by);
    if (call->callee.bound)
        add_relay(ended, &call->callee.relay, told_by);
    for (size_t i = 0; i < call->asked_count; i++) {
        if (call_asked_is_owed(call, i))
            add_relay(ended, &call->asked[i].relay, told_by);
    }
    write_record(c, ended);
}

void ended_add_unknown(struct core *c, const char *id, struct signal_text spelling)
{
    char text[ROOM_CALL_ID_SIZE];
    if (!signal_text_copy(spelling, text, sizeof(text)))
        return;
    const struct ended *ended = remember(c, id, text);
    if (ended != NULL)
        write_record(c, ended);
}

/* ---- asking ---- */

bool ended_knows(const struct core *c, const char *id)
{
    return find(c, id) != NULL;
}

uint64_t ended_since(const struct core *c, const char *id)
{
    const struct ended *ended = find(c, id);
    return ended == NULL ? 0 : ended->expires - lifetime(c);
}

void ended_repeat(struct core *c, struct peer *peer)
{
    for (const struct ended *e = c->ended; e != NULL; e = e->hh.next) {
        for (size_t i = 0; i < e->relay_count; i++) {
            if (fingerprint_tls_equal(&e->relays[i], &peer->fingerprint))
                relay_hang_up(c, peer, e->reason, signal_text_of(e->spelling));
        }
    }
}

void ended_say(struct core *c, struct peer *peer, struct signal_text call_id)
{
    char id[ROOM_CALL_ID_SIZE];
    if (room_call_id_normalize(signal_text_bytes(call_id), id) == 0 && ended_knows(c, id))
        relay_hang_up(c, peer, SIGNAL_HANGUP_NORMAL, call_id);
    else
        relay_lost(c, peer, call_id);
}

/* ---- adoption ---- */

static int get_relays(struct reader *r, struct ended *ended)
{
    size_t count = reader_u32(r);
    if (r->failed || count > reader_left(r) / sizeof(*ended->relays))
        return ERR_SYNTAX;
    ended->relays = calloc(count + 1, sizeof(*ended->relays));
    if (ended->relays == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        record_get_tls(r, &ended->relays[i]);
    ended->relay_count = count;
    return reader_finish(r);
}

int ended_restore(struct core *c, struct bytes id, struct bytes value)
{
    char normal[ROOM_CALL_ID_SIZE], spelling[ROOM_CALL_ID_SIZE];
    struct reader r;
    reader_init(&r, value);
    if (room_call_id_normalize(id, normal) < 0 || !record_get_version(&r, RECORD_VERSION))
        return ERR_SYNTAX;
    record_get_text(&r, spelling, sizeof(spelling));
    uint8_t reason = reader_u8(&r);
    uint64_t order = reader_u64(&r);
    uint64_t expires = reader_u64(&r);
    if (r.failed || reason >= SIGNAL_HANGUP_REASONS || find(c, normal) != NULL)
        return ERR_SYNTAX;
    struct ended *ended = add(c, normal, spelling);
    if (ended == NULL)
        return ERR_MEMORY;
    ended->reason = (enum signal_hangup_reason)reason;
    ended->order = order;
    ended->expires = expires;
    int err = get_relays(&r, ended);
    if (err < 0)
        free_one(c, ended);
    return err;
}

static int by_order(const struct ended *a, const struct ended *b)
{
    return a->order < b->order ? -1 : a->order > b->order;
}

void ended_restored(struct core *c)
{
    HASH_SRT(hh, c->ended, by_order);
    schedule(c);
}

void ended_free(struct core *c)
{
    while (c->ended != NULL)
        free_one(c, c->ended);
    timer_stop(c, &c->ended_timer);
}
