#include "dataplane/event_ring.h"

#include <string.h>

#include "common/clock.h"
#include "dataplane/link.h"
#include "dataplane/room.h"

#define SLOT_MASK (EVENT_RING_SIZE - 1)

static uint8_t copy_name(char out[IPC_NAME_MAX], struct bytes name)
{
    size_t len = name.len < IPC_NAME_MAX ? name.len : IPC_NAME_MAX;

    if (len > 0)
        memcpy(out, name.data, len);
    return (uint8_t)len;
}

static void fill(struct media_event *e, const struct media_event_facts *facts)
{
    const struct bytes packet = facts->packet;

    e->unix_us = clock_wall_us();
    e->kind = facts->kind;
    e->error = facts->error;
    e->to_count = facts->to_count;
    e->room_len = copy_name(e->room, facts->room ? room_name(facts->room) : BYTES_NONE);
    e->peer_len =
        copy_name(e->peer, facts->link ? bytes_of_string(facts->link->label) : BYTES_NONE);
    if (facts->kind == MEDIA_EVENT_federation_ingress_malformed) {
        e->len = (uint32_t)packet.len;
    } else if (packet.len >= MEDIA_HEADER_SIZE) {
        memcpy(e->header, packet.data, MEDIA_HEADER_SIZE);
        e->len = (uint32_t)media_packet_payload(packet.data, packet.len);
    }
}

void event_ring_put(struct event_ring *ring, const struct media_event_facts *facts)
{
    if (!ring)
        return;
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (head - tail == EVENT_RING_SIZE) {
        atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
        return;
    }
    fill(&ring->slots[head & SLOT_MASK], facts);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

const struct media_event *event_ring_peek(struct event_ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);

    return head == tail ? NULL : &ring->slots[tail & SLOT_MASK];
}

void event_ring_taken(struct event_ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
}
