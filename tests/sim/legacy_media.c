#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/media.h"
#include "tests/sim/legacy.h"
#include "tests/sim/net_connection.h"

#define REMEMBERED (2 * CLOCK_SECOND)
#define SWEPT_FROM 256
#define RATE 500 /* packets a second in a room, of all peers together (46) */

static uint64_t tag_of(const char *name, uint8_t tag[ROOM_TAG_SIZE])
{
    struct room_tag t;
    if (room_tag_of_name(bytes_of_string(name), &t) != 0)
        sim_broken("a room's tag");
    memcpy(tag, t.bytes, ROOM_TAG_SIZE);
    return room_tag_number(&t);
}

static void send_one(struct legacy *l, struct quic_connection *conn, struct bytes packet,
                     const uint8_t *tag)
{
    struct quic_payload *payload = quic_payload_new(l->endpoint, packet);
    quic_connection_send_datagram(conn, payload, tag);
    quic_payload_release(payload);
}

static void to_links(struct legacy *l, const struct fingerprint_tls *not_to, struct bytes packet,
                     const uint8_t *tag)
{
    for (const struct legacy_link *link = l->links; link != NULL; link = link->next) {
        if (not_to == NULL || !fingerprint_tls_equal(&link->fingerprint, not_to))
            send_one(l, link->conn, packet, tag);
    }
}

static void to_members(struct legacy *l, const struct legacy_room *room,
                       const struct legacy_task *not_to, struct bytes packet)
{
    const struct legacy_task *task;
    DL_FOREACH(room->members, task)
    {
        if (task != not_to)
            send_one(l, task->conn, packet, NULL);
    }
}

/* To every link, whether or not the peer has the room (47); not remembered by dedup (43). */
void legacy_member_media(struct legacy_task *task, struct bytes packet)
{
    struct legacy *l = task->relay;
    uint8_t tag[ROOM_TAG_SIZE];
    if (!media_packet_valid(packet.data, packet.len))
        return;
    to_members(l, task->room, task, packet);
    const char *canonical = legacy_canonical(l, task->room->name);
    if (canonical == NULL)
        return;
    tag_of(canonical, tag);
    to_links(l, NULL, packet, tag);
}

/* ---- from a link, in the order of 5.12 ---- */

/* XOR of the room's hash, the sequence number and the first 16 bytes (42). */
static uint64_t dedup_key(uint64_t room, struct bytes packet)
{
    uint8_t head[16] = {0};
    uint64_t a, b;
    memcpy(head, packet.data, packet.len < sizeof(head) ? packet.len : sizeof(head));
    memcpy(&a, head, sizeof(a));
    memcpy(&b, head + sizeof(a), sizeof(b));
    return room ^ media_packet_sequence(packet.data) ^ a ^ b;
}

static void forget_old(struct legacy *l, uint64_t before)
{
    struct legacy_seen *seen, *next;
    HASH_ITER(hh, l->seen, seen, next)
    {
        if (seen->at > before)
            continue;
        HASH_DEL(l->seen, seen);
        free(seen);
    }
}

void legacy_forget_media(struct legacy *l)
{
    forget_old(l, UINT64_MAX);
}

static bool is_copy(struct legacy *l, uint64_t key)
{
    struct legacy_seen *seen = NULL;
    uint64_t now = l->net->now;
    HASH_FIND(hh, l->seen, &key, sizeof(key), seen);
    if (seen != NULL && now - seen->at < REMEMBERED)
        return true;
    if (seen == NULL) {
        seen = sim_alloc(sizeof(*seen));
        seen->key = key;
        HASH_ADD(hh, l->seen, key, sizeof(seen->key), seen);
    }
    seen->at = now;
    if (HASH_COUNT(l->seen) > SWEPT_FROM)
        forget_old(l, now - REMEMBERED);
    return false;
}

/* Any local room whose own hash it is, private ones too (13); else a spelling of that name. */
static struct legacy_room *find_room(const struct legacy *l, uint64_t tag)
{
    uint8_t bytes[ROOM_TAG_SIZE];
    for (struct legacy_room *room = l->rooms; room != NULL; room = room->next) {
        if (tag_of(room->name, bytes) == tag)
            return room;
    }
    for (struct legacy_room *room = l->rooms; room != NULL; room = room->next) {
        const char *canonical = legacy_canonical(l, room->name);
        if (canonical != NULL && tag_of(canonical, bytes) == tag)
            return room;
    }
    return NULL;
}

static bool is_global(const struct legacy *l, uint64_t tag)
{
    uint8_t bytes[ROOM_TAG_SIZE];
    for (size_t i = 0; i < l->global_count; i++) {
        if (tag_of(l->rooms_global[i], bytes) == tag)
            return true;
    }
    return false;
}

static bool is_over_rate(struct legacy *l)
{
    uint64_t now = l->net->now;
    if (now - l->window >= CLOCK_SECOND) {
        l->window = now;
        l->in_window = 0;
    }
    return ++l->in_window > RATE;
}

void legacy_link_media(struct legacy_task *task, struct bytes datagram)
{
    struct legacy *l = task->relay;
    struct legacy_link *link = legacy_link_find(l, &task->fingerprint);
    struct room_tag tag;
    if (datagram.len < ROOM_TAG_SIZE)
        return;
    struct bytes packet = {datagram.data + ROOM_TAG_SIZE, datagram.len - ROOM_TAG_SIZE};
    if (!media_packet_valid(packet.data, packet.len))
        return;
    memcpy(tag.bytes, datagram.data, ROOM_TAG_SIZE);
    uint64_t number = room_tag_number(&tag);
    if (link != NULL)
        link->last_seen = l->net->now;
    if (is_copy(l, dedup_key(number, packet))) {
        l->copies++;
        return;
    }
    struct legacy_room *room = find_room(l, number);
    if (room == NULL && !is_global(l, number))
        return;
    if (is_over_rate(l)) {
        l->over_rate++;
        return;
    }
    if (room != NULL)
        to_members(l, room, NULL, packet);
    to_links(l, &task->fingerprint, packet, tag.bytes); /* 45 */
}
