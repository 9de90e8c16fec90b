/*
 * The datagrams that wait for one receiver: a short ring. When it is full the oldest goes, since in
 * a call the newest packet is the useful one. Its memory is allocated with the first datagram:
 * most connections never get one.
 */
#ifndef CHAPPE_QUIC_DATAGRAM_QUEUE_H
#define CHAPPE_QUIC_DATAGRAM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/quic/payload.h"

struct datagram {
    struct quic_payload *payload;
    uint8_t tag[QUIC_DATAGRAM_TAG];
    bool tagged;
};

/* Zero-initialised is valid and empty. */
struct datagram_queue {
    struct datagram *ring; /* `capacity` of them, or NULL */
    uint16_t capacity;     /* 0: QUIC_DATAGRAM_QUEUE */
    uint16_t first;
    uint16_t count;
};

void datagram_queue_free(struct datagram_queue *q);

/* Takes a reference. 0; ERR_FULL if it took the place of the oldest; ERR_MEMORY. */
int datagram_queue_push(struct datagram_queue *q, struct quic_payload *payload, const uint8_t *tag);
/* The oldest, or NULL. */
const struct datagram *datagram_queue_first(const struct datagram_queue *q);
void datagram_queue_pop(struct datagram_queue *q);
/* Bytes on the wire, tag included. */
size_t datagram_len(const struct datagram *d);

#endif
