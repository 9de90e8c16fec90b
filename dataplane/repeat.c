#include "dataplane/repeat.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/error.h"

struct repeat *repeat_new(struct quic_body *body, uint32_t interval_ms)
{
    struct repeat *repeat = calloc(1, sizeof(*repeat));

    if (!repeat)
        return NULL;
    quic_body_retain(body);
    repeat->body = body;
    repeat->interval_ms = interval_ms;
    return repeat;
}

void repeat_free(struct repeat *repeat)
{
    if (!repeat)
        return;
    quic_body_release(repeat->body);
    free(repeat);
}

void repeat_again(struct heap *heap, struct repeat *repeat, uint64_t now)
{
    if (heap_set(heap, &repeat->due, now + repeat->interval_ms * CLOCK_MS) != ERR_OK)
        abort(); /* the place was reserved */
}

void repeat_start(struct heap *heap, struct repeat *repeat, struct session *c, uint64_t now)
{
    repeat_stop(heap, c);
    repeat->session = c;
    c->repeat = repeat;
    repeat_again(heap, repeat, now);
}

void repeat_stop(struct heap *heap, struct session *c)
{
    if (!c->repeat)
        return;
    heap_remove(heap, &c->repeat->due);
    repeat_free(c->repeat);
    c->repeat = NULL;
}
