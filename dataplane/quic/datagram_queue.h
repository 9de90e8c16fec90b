/*
 * The datagrams that wait for one receiver: a short ring. When too many wait the oldest go, since
 * in a call the newest packet is the useful one. That is judged after they had their chance to
 * leave (datagram_queue_trim): what one packet brought for this receiver is no reason to drop any,
 * so until then DATAGRAM_QUEUE_BURST more are taken. Its memory is allocated with the first
 * datagram and grows with the most that ever waited: most connections never get one.
 */
#ifndef CHAPPE_QUIC_DATAGRAM_QUEUE_H
#define CHAPPE_QUIC_DATAGRAM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/quic/payload.h"

#define DATAGRAM_QUEUE_BURST 96 /* the smallest media packets that one QUIC packet can hold */

struct datagram {
    struct quic_payload *payload;
    uint8_t tag[QUIC_DATAGRAM_TAG];
    bool tagged;
};

/* Zero-initialised is valid and empty. */
struct datagram_queue {
    struct datagram *ring; /* `size` of them, or NULL */
    uint16_t limit;        /* that may wait; 0: QUIC_DATAGRAM_QUEUE */
    uint16_t size;
    uint16_t first;
    uint16_t count;
};

void datagram_queue_free(struct datagram_queue *q);

/* Takes a reference. 0; ERR_FULL if it took the place of the oldest; ERR_MEMORY. */
int datagram_queue_push(struct datagram_queue *q, struct quic_payload *payload, const uint8_t *tag);
/* The oldest, or NULL. */
const struct datagram *datagram_queue_first(const struct datagram_queue *q);
void datagram_queue_pop(struct datagram_queue *q);
/* What could be sent is gone: the oldest beyond the limit go too. How many. */
size_t datagram_queue_trim(struct datagram_queue *q);
/* Bytes on the wire, tag included. */
size_t datagram_len(const struct datagram *d);

#endif
