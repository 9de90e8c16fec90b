#include "dataplane/media.h"

#include "common/error.h"
#include "common/media.h"

/* A media packet on its way. */
struct packet {
    struct bytes bytes;
    struct quic_payload *payload;
};

static void refused(struct exchange *x, const struct session *c, const struct packet *packet,
                    int error)
{
    if (error == ERR_TOO_LARGE)
        x->counters.drop_too_large++;
    else
        x->counters.drop_send++;
    if (x->events && c->room)
        event_ring_put(x->events, &(struct media_event_facts){
                                      .kind = MEDIA_EVENT_local_deliver_error,
                                      .room = c->room,
                                      .packet = packet->bytes,
                                      .error = error,
                                  });
}

static void to_one(struct exchange *x, struct session *c, const struct packet *packet,
                   const uint8_t *tag, uint64_t *sent)
{
    int error = quic_connection_send_datagram(c->quic, packet->payload, tag);

    if (error != ERR_OK) {
        refused(x, c, packet, error);
        return;
    }
    c->datagrams_out++;
    ++*sent;
}

/* For the event log, if it is on. */
static void tell(struct exchange *x, enum media_event_kind kind, const struct link *link,
                 const struct route *route, struct bytes packet)
{
    if (!x->events)
        return;
    event_ring_put(x->events, &(struct media_event_facts){
                                  .kind = kind,
                                  .link = link,
                                  .room = route ? route->room : NULL,
                                  .packet = packet,
                              });
}

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
            to_one(x, room->members[i], packet, NULL, &x->counters.media_to_members);
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
        to_one(x, hop->link->active, packet, hop->tag, &x->counters.media_to_links);
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
        dedup_look(&x->dedup, room->id, packet, &self, now);
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

static struct bytes behind_tag(struct bytes datagram)
{
    return (struct bytes){datagram.data + IPC_TAG_SIZE, datagram.len - IPC_TAG_SIZE};
}

/* The checks of a link's datagram; NULL = dropped and counted. */
static struct route *admit(struct exchange *x, struct session *c, struct bytes data, uint64_t now)
{
    if (data.len < IPC_TAG_SIZE ||
        !media_packet_valid(data.data + IPC_TAG_SIZE, data.len - IPC_TAG_SIZE)) {
        x->counters.drop_malformed++;
        tell(x, MEDIA_EVENT_federation_ingress_malformed, c->link, NULL, data);
        return NULL;
    }
    const struct bytes packet = behind_tag(data);
    struct route *route = route_find(&x->routes, c->link, data.data);
    tell(x, MEDIA_EVENT_federation_ingress, c->link, route, packet);
    if (!route) {
        x->counters.drop_unknown_tag++;
        tell(x, MEDIA_EVENT_room_not_found, c->link, NULL, packet);
        return NULL;
    }
    if (!quota_take(route->quota, now)) {
        x->counters.drop_route_rate++;
        tell(x, MEDIA_EVENT_rate_limit_drop, c->link, route, packet);
        return NULL;
    }
    return route;
}

static enum dedup_verdict look(struct exchange *x, const struct session *c,
                               const struct route *route, struct bytes packet, uint64_t now)
{
    const struct dedup_source source = {
        .link = c->link->number,
        .origin = route->origin_number,
        .legacy = c->legacy || route->legacy,
    };

    /* Without a room nothing says that two routes carry the same media. */
    return route->room ? dedup_look(&x->dedup, route->room->id, packet, &source, now) : DEDUP_NEW;
}

/* Media of the federation, to the members. */
static void deliver(struct exchange *x, const struct room *room, const struct packet *packet)
{
    uint64_t before = x->counters.media_to_members;

    to_members(x, room, NULL, packet);
    uint64_t count = x->counters.media_to_members - before;
    if (x->events && count > 0)
        event_ring_put(x->events, &(struct media_event_facts){
                                      .kind = MEDIA_EVENT_local_deliver,
                                      .room = room,
                                      .packet = packet->bytes,
                                      .to_count = (uint32_t)count,
                                  });
}

static void from_link(struct exchange *x, struct session *c, struct bytes data, uint64_t now)
{
    struct route *route = admit(x, c, data, now);

    if (!route)
        return;
    struct bytes bytes = behind_tag(data);
    struct packet packet;
    x->counters.media_from_links++;
    if (!route->seen) {
        route->seen = true;
        exchange_tell_first_media(x, c->link, route->room, true);
    }
    enum dedup_verdict verdict = look(x, c, route, bytes, now);
    if (verdict == DEDUP_COPY || (verdict == DEDUP_ECHOED && route->onward.count == 0)) {
        x->counters.drop_copy++;
        tell(x, MEDIA_EVENT_dedup_drop, c->link, route, bytes);
        return;
    }
    if (!make_packet(x, bytes, &packet))
        return;
    if (route->room && verdict == DEDUP_NEW)
        deliver(x, route->room, &packet);
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
