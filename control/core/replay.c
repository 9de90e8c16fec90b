#include "control/core/replay.h"

#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/sha256.h"
#include "control/core/record.h"

#define RECORD_VERSION 1

static void key_of(struct core *c, const uint8_t identity[32], const uint8_t ephemeral[32],
                   uint8_t key[REPLAY_KEY_SIZE])
{
    uint8_t digest[SHA256_SIZE];
    if (sha256_two((struct bytes){identity, 32}, (struct bytes){ephemeral, 32}, digest) < 0)
        c->failed = true;
    memcpy(key, digest, REPLAY_KEY_SIZE);
}

static struct replay *find(const struct core *c, const uint8_t key[REPLAY_KEY_SIZE])
{
    struct replay *replay = NULL;
    HASH_FIND(hh, c->replays, key, REPLAY_KEY_SIZE, replay);
    return replay;
}

static struct replay *add(struct core *c, const uint8_t key[REPLAY_KEY_SIZE], uint64_t expires)
{
    struct replay *replay = calloc(1, sizeof(*replay));
    if (replay == NULL) {
        c->failed = true;
        return NULL;
    }
    memcpy(replay->key, key, REPLAY_KEY_SIZE);
    replay->expires = expires;
    HASH_ADD(hh, c->replays, key, REPLAY_KEY_SIZE, replay);
    return replay;
}

static void record_name(const struct replay *replay, char name[RECORD_KEY_SIZE])
{
    record_key_hex(name, RECORD_REPLAY, (struct bytes){replay->key, REPLAY_KEY_SIZE});
}

static void forget(struct core *c, struct replay *replay)
{
    char name[RECORD_KEY_SIZE];
    record_name(replay, name);
    transaction_record_delete(&c->transaction, name);
    HASH_DEL(c->replays, replay);
    free(replay);
}

/* The oldest is the first: all live equally long. */
static void schedule(struct core *c)
{
    if (c->replays != NULL && !heap_contains(&c->replay_timer.node))
        timer_set(c, &c->replay_timer, c->replays->expires + REPLAY_SWEEP_NS);
}

static void sweep(struct core *c, struct timer *timer)
{
    (void)timer;
    while (c->replays != NULL && c->replays->expires <= c->now)
        forget(c, c->replays);
    schedule(c);
}

void replay_init(struct core *c)
{
    c->replay_timer.due = sweep;
}

bool replay_seen(struct core *c, const uint8_t identity[32], const uint8_t ephemeral[32])
{
    uint8_t key[REPLAY_KEY_SIZE];
    key_of(c, identity, ephemeral, key);
    const struct replay *replay = find(c, key);
    return replay != NULL && replay->expires > c->now;
}

void replay_remember(struct core *c, const uint8_t identity[32], const uint8_t ephemeral[32])
{
    uint8_t key[REPLAY_KEY_SIZE];
    key_of(c, identity, ephemeral, key);
    struct replay *replay = find(c, key);
    if (replay != NULL)
        forget(c, replay);
    if (HASH_COUNT(c->replays) >= REPLAY_MAX)
        forget(c, c->replays);
    replay = add(c, key, c->now + REPLAY_NS);
    if (replay == NULL)
        return;
    struct buffer value = {0};
    buffer_append_u8(&value, RECORD_VERSION);
    buffer_append_u64(&value, replay->expires);
    char name[RECORD_KEY_SIZE];
    record_name(replay, name);
    transaction_record_put(&c->transaction, name, 0, buffer_view(&value));
    buffer_free(&value);
    schedule(c);
}

int replay_restore(struct core *c, struct bytes name, struct bytes value)
{
    uint8_t key[REPLAY_KEY_SIZE];
    struct reader r;
    reader_init(&r, value);
    if (!record_get_version(&r, RECORD_VERSION) || name.len != sizeof(key) * 2 ||
        hex_decode((const char *)name.data, key, sizeof(key)) < 0)
        return ERR_SYNTAX;
    uint64_t expires = reader_u64(&r);
    if (reader_finish(&r) < 0 || find(c, key) != NULL)
        return ERR_SYNTAX;
    return add(c, key, expires) == NULL ? ERR_MEMORY : 0;
}

static int by_age(const struct replay *a, const struct replay *b)
{
    return a->expires < b->expires ? -1 : a->expires > b->expires;
}

void replay_restored(struct core *c)
{
    HASH_SRT(hh, c->replays, by_age);
    schedule(c);
}

void replay_free(struct core *c)
{
    while (c->replays != NULL) {
        struct replay *replay = c->replays;
        HASH_DEL(c->replays, replay);
        free(replay);
    }
    timer_stop(c, &c->replay_timer);
}
