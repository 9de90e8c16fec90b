/*
 * A message that goes out again and again on one connection without the control plane: the Ping
 * that keeps an original from purging us. At most one for each connection.
 */
#ifndef CHAPPE_DATAPLANE_REPEAT_H
#define CHAPPE_DATAPLANE_REPEAT_H

#include <stdint.h>

#include "common/heap.h"
#include "dataplane/session.h"
#include "dataplane/quic/quic.h"

struct repeat {
    struct heap_node due;
    struct session *session;
    struct quic_body *body; /* one reference */
    uint32_t interval_ms;   /* not 0 */
};

/* It is in no heap and takes its own reference to `body`. NULL = out of memory. */
struct repeat *repeat_new(struct quic_body *body, uint32_t interval_ms);
void repeat_free(struct repeat *repeat); /* NULL is fine */

/*
 * Attaches it to the connection in place of the one there; first due one interval after `now`. It
 * is owned by the connection then. Cannot fail after heap_reserve().
 */
void repeat_start(struct heap *heap, struct repeat *repeat, struct session *c, uint64_t now);
/* Ends and frees the connection's, if it has one. */
void repeat_stop(struct heap *heap, struct session *c);
/* Makes it due one interval after `now`. */
void repeat_again(struct heap *heap, struct repeat *repeat, uint64_t now);

#endif
