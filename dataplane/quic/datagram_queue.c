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

int datagram_queue_push(struct datagram_queue *q, struct quic_payload *payload, const uint8_t *tag)
{
    int rv = ERR_OK;
    if (q->capacity == 0)
        q->capacity = QUIC_DATAGRAM_QUEUE;
    if (!q->ring)
        q->ring = calloc(q->capacity, sizeof(*q->ring));
    if (!q->ring)
        return ERR_MEMORY;
    if (q->count == q->capacity) {
        datagram_queue_pop(q);
        rv = ERR_FULL;
    }
    struct datagram *d = &q->ring[(q->first + q->count) % q->capacity];
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
    q->first = (uint16_t)((q->first + 1) % q->capacity);
    q->count--;
}

size_t datagram_len(const struct datagram *d)
{
    return d->payload->len + (d->tagged ? QUIC_DATAGRAM_TAG : 0u);
}
