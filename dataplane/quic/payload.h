/*
 * The bytes of one datagram, shared by all its receivers, and the pool that they come from and go
 * back to: after a while nothing is allocated any more. A pool belongs to one endpoint; all its
 * payloads must be released before it is freed.
 */
#ifndef CHAPPE_QUIC_PAYLOAD_H
#define CHAPPE_QUIC_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/quic/quic.h"

#define PAYLOAD_CAPACITY 1472 /* bytes; no path takes more, and what is larger is not pooled */

struct quic_payload {
    struct payload_pool *pool;
    struct quic_payload *next; /* in the pool */
    uint32_t references;
    uint32_t len;
    uint8_t data[];
};

/* Zero-initialised is valid and empty. */
struct payload_pool {
    struct quic_payload *idle;
    size_t idle_count;
};

struct quic_payload *payload_pool_take(struct payload_pool *pool, struct bytes content);
void payload_pool_free(struct payload_pool *pool);

#endif
