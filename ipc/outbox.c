#include "ipc/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

int outbox_append(struct outbox *o, uint64_t sequence, struct bytes message)
{
    struct outbox_entry *e = malloc(sizeof(*e) + message.len);
    if (e == NULL)
        return ERR_MEMORY;
    *e = (struct outbox_entry){.prev = o->last, .sequence = sequence, .size = message.len};
    memcpy(e->frame, message.data, message.len);
    if (o->last != NULL)
        o->last->next = e;
    else
        o->first = e;
    o->last = e;
    o->count++;
    o->bytes += e->size;
    return 0;
}

void outbox_commit(struct outbox *o, uint64_t sequence)
{
    while (o->first != NULL && o->first->sequence <= sequence) {
        struct outbox_entry *e = o->first;
        o->first = e->next;
        if (o->first != NULL)
            o->first->prev = NULL;
        else
            o->last = NULL;
        o->count--;
        o->bytes -= e->size;
        free(e);
    }
}

struct outbox_entry *outbox_after(const struct outbox *o, uint64_t sequence)
{
    struct outbox_entry *found = NULL;
    for (struct outbox_entry *e = o->last; e != NULL && e->sequence > sequence; e = e->prev)
        found = e;
    return found;
}

void outbox_clear(struct outbox *o)
{
    outbox_commit(o, UINT64_MAX);
}
