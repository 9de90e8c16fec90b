#include "dataplane/quic/datagram_queue.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

void datagram_queue_free(struct datagram_queue *q)
{
    while (q->count > 0)
        datagram_queue_pop(q);
    free(q->ring);
    *q = (struct datagram_queue){0};
}

static size_t limit(const struct datagram_queue *q)
{
    return q->limit == 0 ? QUIC_DATAGRAM_QUEUE : q->limit;
}

/* Doubles the ring, up to the limit and a burst. Without memory it stays as it is. */
static void grow(struct datagram_queue *q)
{
    size_t most = limit(q) + DATAGRAM_QUEUE_BURST;
    size_t size = q->size == 0 ? QUIC_DATAGRAM_QUEUE : 2u * q->size;
    most = most < UINT16_MAX ? most : UINT16_MAX;
    size = size < most ? size : most;
    struct datagram *ring = size == q->size ? NULL : calloc(size, sizeof(*ring));
    if (!ring)
        return;
    for (size_t i = 0; i < q->count; i++)
        ring[i] = q->ring[(q->first + i) % q->size];
    free(q->ring);
    q->ring = ring;
    q->size = (uint16_t)size;
    q->first = 0;
}

int datagram_queue_push(struct datagram_queue *q, struct quic_payload *payload, const uint8_t *tag)
{
    int rv = ERR_OK;
    if (q->count == q->size)
        grow(q);
    if (!q->ring)
        return ERR_MEMORY;
    if (q->count == q->size) {
        datagram_queue_pop(q);
        rv = ERR_FULL;
    }
    struct datagram *d = &q->ring[(q->first + q->count) % q->size];
    quic_payload_retain(payload);
    d->payload = payload;
    d->tagged = tag != NULL;
    if (tag)
        memcpy(d->tag, tag, sizeof(d->tag));
    q->count++;
    return rv;
}

const struct datagram *datagram_queue_first(const struct datagram_queue *q)
{
    return q->count > 0 ? &q->ring[q->first] : NULL;
}

void datagram_queue_pop(struct datagram_queue *q)
{
    quic_payload_release(q->ring[q->first].payload);
    q->ring[q->first].payload = NULL;
    q->first = (uint16_t)((q->first + 1) % q->size);
    q->count--;
}

size_t datagram_queue_trim(struct datagram_queue *q)
{
    size_t dropped = 0;
    for (; q->count > limit(q); dropped++)
        datagram_queue_pop(q);
    return dropped;
}

size_t datagram_len(const struct datagram *d)
{
    return d->payload->len + (d->tagged ? QUIC_DATAGRAM_TAG : 0u);
}
