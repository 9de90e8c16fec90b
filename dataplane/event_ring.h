/*
 * What happens on the media path of links, on its way to the event log (protocol.md 5.19): a
 * bounded ring between the worker, which puts, and the writer's thread, which takes. Putting
 * neither waits nor allocates; what finds no place is counted as lost.
 */
#ifndef CHAPPE_DATAPLANE_EVENT_RING_H
#define CHAPPE_DATAPLANE_EVENT_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/media.h"
#include "ipc/catalogue.h"

#define EVENT_RING_SIZE 8192 /* a power of two: a second at the highest default rates */

struct link;
struct room;

/* Name in the file. The first seven are the original's. */
#define MEDIA_EVENTS(X)                                                                            \
    X(federation_ingress_malformed)                                                                \
    X(federation_ingress)                                                                          \
    X(dedup_drop)                                                                                  \
    X(room_not_found)                                                                              \
    X(rate_limit_drop)                                                                             \
    X(local_deliver_error)                                                                         \
    X(local_deliver)                                                                               \
    X(first_media_in)                                                                              \
    X(first_media_out)

enum media_event_kind {
#define X(name) MEDIA_EVENT_##name,
    MEDIA_EVENTS(X)
#undef X
};

struct media_event {
    uint64_t unix_us;
    enum media_event_kind kind;
    int error;         /* local_deliver_error: why, an error code */
    uint32_t len;      /* of the datagram or of the payload */
    uint32_t to_count; /* local_deliver */
    uint8_t header[MEDIA_HEADER_SIZE];
    uint8_t room_len, peer_len;
    char room[IPC_NAME_MAX];
    char peer[IPC_NAME_MAX]; /* its label */
};

struct event_ring {
    atomic_uint_fast64_t head; /* put so far */
    atomic_uint_fast64_t tail; /* taken so far */
    atomic_uint_fast64_t lost;
    struct media_event slots[EVENT_RING_SIZE];
};

/* What an event is about; what it does not name is zero. */
struct media_event_facts {
    enum media_event_kind kind;
    const struct link *link;
    const struct room *room;
    struct bytes packet; /* a valid one, or for _malformed the datagram */
    uint32_t to_count;
    int error;
};

/* The worker's side. A NULL ring takes nothing: the event log is off. */
void event_ring_put(struct event_ring *ring, const struct media_event_facts *facts);
/* The other side: the oldest, NULL = none; it stays valid until event_ring_taken. */
const struct media_event *event_ring_peek(struct event_ring *ring);
void event_ring_taken(struct event_ring *ring);

#endif
