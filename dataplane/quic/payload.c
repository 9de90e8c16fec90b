#include "dataplane/quic/payload.h"

#include <stdlib.h>
#include <string.h>

#define IDLE_MAX 8192 /* payloads kept for later */

struct quic_payload *payload_pool_take(struct payload_pool *pool, struct bytes content)
{
    struct quic_payload *p = NULL;
    if (content.len > UINT16_MAX)
        return NULL;
    if (content.len <= PAYLOAD_CAPACITY && pool->idle) {
        p = pool->idle;
        pool->idle = p->next;
        pool->idle_count--;
    } else {
        size_t capacity = content.len > PAYLOAD_CAPACITY ? content.len : PAYLOAD_CAPACITY;
        p = malloc(sizeof(*p) + capacity);
        if (!p)
            return NULL;
    }
    p->pool = pool;
    p->next = NULL;
    p->references = 1;
    p->len = (uint32_t)content.len;
    if (content.len > 0)
        memcpy(p->data, content.data, content.len);
    return p;
}

void payload_pool_free(struct payload_pool *pool)
{
    while (pool->idle) {
        struct quic_payload *p = pool->idle;
        pool->idle = p->next;
        free(p);
    }
    pool->idle_count = 0;
}

void quic_payload_retain(struct quic_payload *p)
{
    p->references++;
}

void quic_payload_release(struct quic_payload *p)
{
    if (!p || --p->references > 0)
        return;
    struct payload_pool *pool = p->pool;
    if (p->len > PAYLOAD_CAPACITY || pool->idle_count >= IDLE_MAX) {
        free(p);
        return;
    }
    p->next = pool->idle;
    pool->idle = p;
    pool->idle_count++;
}
