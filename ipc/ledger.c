#include "ipc/ledger.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "common/error.h"
#include "ipc/frame.h"

struct ledger_connection {
    uint64_t id;
    uint64_t last_number;
    bool closed; /* its last input was a `closed` */
    struct ledger_entry *oldest, *newest;
    UT_hash_handle hh;
};

static struct ledger_connection *find(const struct ledger *l, uint64_t id)
{
    struct ledger_connection *c = NULL;
    HASH_FIND(hh, l->connections, &id, sizeof(id), c);
    return c;
}

static struct ledger_connection *make(struct ledger *l, uint64_t id)
{
    struct ledger_connection *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->id = id;
    HASH_ADD(hh, l->connections, id, sizeof(c->id), c);
    if (c->hh.tbl == NULL) {
        free(c);
        return NULL;
    }
    return c;
}

int ledger_next_number(struct ledger *l, uint64_t connection, uint64_t *number)
{
    struct ledger_connection *c = find(l, connection);
    if (c == NULL)
        c = make(l, connection);
    if (c == NULL)
        return ERR_MEMORY;
    *number = c->last_number + 1;
    return c->closed ? ERR_CLOSED : 0;
}

static void link_entry(struct ledger *l, struct ledger_entry *e)
{
    e->prev = l->last;
    if (l->last != NULL)
        l->last->next = e;
    else
        l->first = e;
    l->last = e;
    e->older = e->of->newest;
    if (e->of->newest != NULL)
        e->of->newest->newer = e;
    else
        e->of->oldest = e;
    e->of->newest = e;
}

int ledger_append(struct ledger *l, uint64_t connection, enum ipc_type type, uint64_t sequence,
                  struct bytes message)
{
    struct ledger_connection *c = find(l, connection);
    struct ledger_entry *e = c == NULL ? NULL : malloc(sizeof(*e) + message.len);
    if (e == NULL)
        return ERR_MEMORY;
    *e = (struct ledger_entry){
        .of = c, .sequence = sequence, .number = ++c->last_number, .type = type};
    e->size = message.len;
    memcpy(e->frame, message.data, message.len);
    c->closed = type == IPC_closed;
    link_entry(l, e);
    l->count++;
    l->bytes += e->size;
    return 0;
}

uint64_t ledger_last_number(const struct ledger *l, uint64_t connection)
{
    const struct ledger_connection *c = find(l, connection);
    return c == NULL ? 0 : c->last_number;
}

struct ledger_entry *ledger_find(const struct ledger *l, uint64_t connection, uint64_t number)
{
    const struct ledger_connection *c = find(l, connection);
    struct ledger_entry *e = c == NULL ? NULL : c->oldest;
    while (e != NULL && e->number < number)
        e = e->newer;
    return e != NULL && e->number == number ? e : NULL;
}

struct ledger_entry *ledger_oldest(const struct ledger *l, uint64_t connection, uint64_t up_to)
{
    const struct ledger_connection *c = find(l, connection);
    return c == NULL || c->oldest == NULL || c->oldest->number > up_to ? NULL : c->oldest;
}

static void unlink_entry(struct ledger *l, struct ledger_entry *e)
{
    *(e->prev != NULL ? &e->prev->next : &l->first) = e->next;
    *(e->next != NULL ? &e->next->prev : &l->last) = e->prev;
    *(e->older != NULL ? &e->older->newer : &e->of->oldest) = e->newer;
    *(e->newer != NULL ? &e->newer->older : &e->of->newest) = e->older;
    l->count--;
    l->bytes -= e->size;
}

static void forget(struct ledger *l, struct ledger_connection *c)
{
    while (c->oldest != NULL) {
        struct ledger_entry *e = c->oldest;
        unlink_entry(l, e);
        free(e);
    }
    HASH_DELETE(hh, l->connections, c);
    free(c);
}

void ledger_release(struct ledger *l, struct ledger_entry *entry)
{
    if (entry->type == IPC_closed) {
        forget(l, entry->of);
        return;
    }
    unlink_entry(l, entry);
    free(entry);
}

struct ledger_entry *ledger_after(const struct ledger *l, uint64_t sequence)
{
    struct ledger_entry *found = NULL;
    for (struct ledger_entry *e = l->last; e != NULL && e->sequence > sequence; e = e->prev)
        found = e;
    return found;
}

void ledger_renumber(struct ledger *l, uint64_t first, uint64_t to)
{
    for (struct ledger_entry *e = l->first; e != NULL; e = e->next) {
        e->sequence = first++;
        ipc_frame_readdress(e->frame, to, e->sequence);
    }
}

void ledger_free(struct ledger *l)
{
    struct ledger_connection *c;
    struct ledger_connection *next;
    HASH_ITER(hh, l->connections, c, next)
    {
        forget(l, c);
    }
    *l = (struct ledger){0};
}
