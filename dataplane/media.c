#include "dataplane/media.h"

#include "common/error.h"
#include "common/media.h"

static void to_one(struct exchange *x, struct session *c, struct quic_payload *payload,
                   const uint8_t *tag, uint64_t *sent)
{
    if (quic_connection_send_datagram(c->quic, payload, tag) != ERR_OK) {
        x->counters.drop_send++;
        return;
    }
    c->datagrams_out++;
    ++*sent;
}

/* A media packet on its way. */
struct packet {
    struct bytes bytes;
    struct quic_payload *payload;
};

static uint64_t payload_bytes(const struct packet *packet, uint64_t copies)
{
    return copies * media_packet_payload(packet->bytes.data, packet->bytes.len);
}

static void to_members(struct exchange *x, const struct room *room, const struct session *sender,
                       const struct packet *packet)
{
    uint64_t before = x->counters.media_to_members;

    for (uint32_t i = 0; i < room->living; i++) {
        if (room->members[i] != sender)
            to_one(x, room->members[i], packet->payload, NULL, &x->counters.media_to_members);
    }
    x->counters.media_bytes_to_members +=
        payload_bytes(packet, x->counters.media_to_members - before);
}

static void to_hops(struct exchange *x, const struct hops *hops, const struct link *from,
                    struct room *room, const struct packet *packet)
{
    uint64_t before = x->counters.media_to_links;

    for (uint32_t i = 0; i < hops->count; i++) {
        struct hop *hop = &hops->list[i];
        if (hop->link == from)
            continue;
        if (!hop->link->active) {
            x->counters.drop_link_down++;
            continue;
        }
        to_one(x, hop->link->active, packet->payload, hop->tag, &x->counters.media_to_links);
        if (!hop->seen) {
            hop->seen = true;
            exchange_tell_first_media(x, hop->link, room, false);
        }
    }
    x->counters.media_bytes_to_links += payload_bytes(packet, x->counters.media_to_links - before);
}

/* False: no memory, counted. */
static bool make_packet(struct exchange *x, struct bytes bytes, struct packet *out)
{
    *out = (struct packet){.bytes = bytes, .payload = quic_payload_new(x->endpoint, bytes)};
    x->counters.drop_no_memory += out->payload == NULL;
    return out->payload != NULL;
}

/* Only a room whose media leaves can get it back; others need no dedup. */
static void note_own(struct exchange *x, const struct room *room, struct bytes packet, uint64_t now)
{
    const struct dedup_source self = {.link = 0, .origin = x->self_number, .legacy = false};

    if (room->egress.count)
        dedup_is_copy(&x->dedup, room->id, packet, &self, now);
}

static void from_member(struct exchange *x, struct session *c, struct bytes bytes, uint64_t now)
{
    struct room *room = c->room;
    struct packet packet;

    if (!media_packet_valid(bytes.data, bytes.len)) {
        x->counters.drop_malformed++;
        return;
    }
    if (!bucket_take(&c->bucket, room->interval, now)) {
        x->counters.drop_participant_rate++;
        return;
    }
    x->counters.media_from_members++;
    note_own(x, room, bytes, now);
    if (!make_packet(x, bytes, &packet))
        return;
    to_members(x, room, c, &packet);
    to_hops(x, &room->egress, NULL, room, &packet);
    quic_payload_release(packet.payload);
}

/* The checks of a link's datagram; NULL = dropped and counted. */
static struct route *admit(struct exchange *x, struct session *c, struct bytes data, uint64_t now)
{
    if (data.len < IPC_TAG_SIZE ||
        !media_packet_valid(data.data + IPC_TAG_SIZE, data.len - IPC_TAG_SIZE)) {
        x->counters.drop_malformed++;
        return NULL;
    }
    struct route *route = route_find(&x->routes, c->link, data.data);
    if (!route) {
        x->counters.drop_unknown_tag++;
        return NULL;
    }
    if (!bucket_take(&route->bucket, route->interval, now)) {
        x->counters.drop_route_rate++;
        return NULL;
    }
    return route;
}

static bool is_copy(struct exchange *x, const struct session *c, const struct route *route,
                    struct bytes packet, uint64_t now)
{
    const struct dedup_source source = {
        .link = c->link->number,
        .origin = route->origin_number,
        .legacy = c->legacy,
    };

    /* Without a room nothing says that two routes carry the same media. */
    return route->room && dedup_is_copy(&x->dedup, route->room->id, packet, &source, now);
}

static void from_link(struct exchange *x, struct session *c, struct bytes data, uint64_t now)
{
    struct route *route = admit(x, c, data, now);

    if (!route)
        return;
    struct bytes bytes = {data.data + IPC_TAG_SIZE, data.len - IPC_TAG_SIZE};
    struct packet packet;
    x->counters.media_from_links++;
    if (!route->seen) {
        route->seen = true;
        exchange_tell_first_media(x, c->link, route->room, true);
    }
    if (is_copy(x, c, route, bytes, now)) {
        x->counters.drop_copy++;
        return;
    }
    if (!make_packet(x, bytes, &packet))
        return;
    if (route->room)
        to_members(x, route->room, NULL, &packet);
    to_hops(x, &route->onward, c->link, route->room, &packet);
    quic_payload_release(packet.payload);
}

void media_datagram(struct exchange *x, struct session *c, struct bytes data, uint64_t now)
{
    c->datagrams_in++;
    if (c->room)
        from_member(x, c, data, now);
    else if (c->link)
        from_link(x, c, data, now);
    else
        x->counters.drop_no_role++;
}
