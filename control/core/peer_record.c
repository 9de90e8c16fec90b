#include "control/core/peer_record.h"

#include "control/core/record.h"

#define RECORD_VERSION 3 /* 1 has no `since`, 2 no renewal */

static void put_address(struct buffer *out, const struct address *address)
{
    struct bytes ip = address_ip(address);
    buffer_append_u8(out, (uint8_t)ip.len);
    buffer_append_bytes(out, ip);
    buffer_append_u16(out, address_port(address));
}

static void get_address(struct reader *r, struct address *address)
{
    struct bytes ip = reader_bytes(r, reader_u8(r));
    uint16_t port = reader_u16(r);
    if (address_from_ip(ip, port, address) < 0)
        r->failed = true;
}

void peer_record_write(struct core *c, struct deferred *work)
{
    const struct peer *peer = heap_entry(work, struct peer, record);
    struct buffer value = {0};
    buffer_append_u8(&value, RECORD_VERSION);
    buffer_append_u8(&value, (uint8_t)peer->reconnect.state);
    buffer_append_u64(&value, peer->reconnect.delay);
    buffer_append_u64(&value, peer->reconnect.at);
    buffer_append_u64(&value, peer->attempts);
    buffer_append_u8(&value, peer->resolving);
    buffer_append_u64(&value, peer->dial);
    buffer_append_u8(&value, (uint8_t)peer->address_count);
    buffer_append_u8(&value, (uint8_t)peer->address_next);
    for (size_t i = 0; i < peer->address_count; i++)
        put_address(&value, &peer->addresses[i]);
    record_put_text(&value, peer->last_error);
    buffer_append_u8(&value, peer->later);
    buffer_append_u8(&value, peer->strikes);
    buffer_append_u64(&value, peer->silent_until);
    buffer_append_u64(&value, peer->since);
    buffer_append_u64(&value, peer->renewal.at);
    buffer_append_u8(&value, peer->renewal.unsure);

    char key[RECORD_KEY_SIZE];
    record_key_hex(key, RECORD_PEER,
                   (struct bytes){peer->fingerprint.bytes, sizeof(peer->fingerprint.bytes)});
    if (value.failed)
        c->failed = true;
    transaction_record_put(&c->transaction, key, 0, buffer_view(&value));
    buffer_free(&value);
}

static void get_addresses(struct reader *r, struct peer *peer)
{
    size_t count = reader_u8(r);
    size_t next = reader_u8(r);
    if (count > CORE_ADDRESSES_MAX || next > count) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        get_address(r, &peer->addresses[i]);
    peer->address_count = count;
    peer->address_next = next;
}

int peer_record_read(struct peer *peer, struct bytes value)
{
    struct reader r;
    reader_init(&r, value);
    if (!record_get_version(&r, RECORD_VERSION))
        return ERR_SYNTAX;
    uint8_t state = reader_u8(&r);
    peer->reconnect.delay = reader_u64(&r);
    peer->reconnect.at = reader_u64(&r);
    peer->attempts = reader_u64(&r);
    peer->resolving = record_get_bool(&r);
    peer->dial = reader_u64(&r);
    get_addresses(&r, peer);
    record_get_text(&r, peer->last_error, sizeof(peer->last_error));
    peer->later = record_get_bool(&r);
    peer->strikes = reader_u8(&r);
    peer->silent_until = reader_u64(&r);
    peer->since = value.data[0] < 2 ? 0 : reader_u64(&r);
    peer->renewal.at = value.data[0] < 3 ? 0 : reader_u64(&r);
    peer->renewal.unsure = value.data[0] >= 3 && record_get_bool(&r);
    if (reader_finish(&r) < 0 || state > RECONNECT_LINKED)
        return ERR_SYNTAX;
    peer->reconnect.state = (enum reconnect_state)state;
    return 0;
}
