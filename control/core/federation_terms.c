#include "control/core/federation_terms.h"

#include <string.h>

#include "common/fnv.h"
#include "common/room.h"
#include "control/core/global_room.h"
#include "control/core/link.h"
#include "control/core/original.h"
#include "control/core/record.h"

#define RECORD_VERSION 1
#define RECORD_NAME "federation"

/* ---- the record ---- */

static uint64_t add_relay(uint64_t hash, const struct fingerprint_tls *fingerprint, bool delegate,
                          bool legacy)
{
    const uint8_t flags = (uint8_t)(delegate | legacy << 1);
    hash = fnv64_add(hash, fingerprint, sizeof(*fingerprint));
    return fnv64_add(hash, &flags, sizeof(flags));
}

/* 0 without relays. */
static uint64_t digest(const struct config *config)
{
    uint64_t hash = FNV64;
    uint32_t hops = config->limits.federation_hops;
    if (config->peer_count == 0 && config->trusted_count == 0)
        return 0;
    hash = fnv64_add(hash, &hops, sizeof(hops));
    for (size_t i = 0; i < config->global_room_count; i++)
        hash = fnv64_add(hash, config->global_rooms[i], strlen(config->global_rooms[i]) + 1);
    for (size_t i = 0; i < config->peer_count; i++)
        hash = add_relay(hash, &config->peers[i].fingerprint, config->peers[i].delegate,
                         config->peers[i].legacy);
    for (size_t i = 0; i < config->trusted_count; i++)
        hash = add_relay(hash, &config->trusted[i].fingerprint, config->trusted[i].delegate,
                         config->trusted[i].legacy);
    return hash | 1;
}

bool federation_terms_write(struct core *c)
{
    char key[RECORD_KEY_SIZE];
    struct buffer value = {0};
    uint64_t now = digest(c->settings.config);
    if (now == c->federation->terms)
        return false;
    c->federation->terms = now;
    record_key(key, RECORD_TERMS, RECORD_NAME);
    buffer_append_u8(&value, RECORD_VERSION);
    buffer_append_u64(&value, now);
    c->failed |= value.failed;
    if (now == 0)
        transaction_record_delete(&c->transaction, key);
    else
        transaction_record_put(&c->transaction, key, 0, buffer_view(&value));
    buffer_free(&value);
    return true;
}

int federation_terms_restore(struct core *c, struct bytes name, struct bytes value)
{
    struct reader r;
    reader_init(&r, value);
    if (!bytes_equal_string(name, RECORD_NAME) || !record_get_version(&r, RECORD_VERSION))
        return ERR_SYNTAX;
    c->federation->terms = reader_u64(&r);
    return r.failed ? ERR_SYNTAX : 0;
}

/* ---- other terms ---- */

bool federation_terms_allow(const struct core *c, const struct federation_link *link, size_t hops)
{
    return hops <= c->settings.config->limits.federation_hops &&
           (hops <= 1 || link->peer->delegate);
}

/* It may have been global. */
static void tell_plain_room(struct core *c, struct room *room)
{
    struct bytes name = bytes_of_string(room->name);
    if (room_is_call(name) || global_room_find(c, name) != NULL || room->count == 0)
        return;
    room_egress(c, room, (struct ipc_hops){NULL, 0});
    room_changed(c, room);
}

void federation_terms_adopted(struct core *c)
{
    if (!c->federation->say_all)
        return;
    for (struct federation_link *link = c->federation->links; link != NULL; link = link->next) {
        if (link->legacy)
            originals_reload(c, link);
        else
            link_say_hello(c, link_oldest(link->peer), LINK_HELLO_RESYNC);
    }
    for (struct room *room = c->rooms; room != NULL; room = room->hh.next)
        tell_plain_room(c, room);
}
