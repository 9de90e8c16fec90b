#include "dataplane/link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "dataplane/dedup.h"

static uint64_t hash_of(const struct table *links, const struct fingerprint_tls *fingerprint)
{
    return table_hash(links, (struct bytes){fingerprint->bytes, sizeof(fingerprint->bytes)});
}

struct link *link_find(const struct table *links, const struct fingerprint_tls *fingerprint)
{
    struct table_node *node = table_first(links, hash_of(links, fingerprint));

    for (; node; node = table_next(node)) {
        struct link *link = table_entry(node, struct link, node);
        if (fingerprint_tls_equal(&link->fingerprint, fingerprint))
            return link;
    }
    return NULL;
}

static int make(struct table *links, const struct fingerprint_tls *fingerprint, struct link **out)
{
    if (links->count >= DEDUP_LINK_MAX)
        return ERR_FULL;
    struct link *link = calloc(1, sizeof(*link));
    if (!link)
        return ERR_MEMORY;
    link->fingerprint = *fingerprint;
    int err = table_insert(links, &link->node, hash_of(links, fingerprint));
    if (err) {
        free(link);
        return err;
    }
    link->number = link->node.slot + 1;
    *out = link;
    return 0;
}

int link_obtain(struct table *links, const struct fingerprint_tls *fingerprint, struct link **out)
{
    struct link *link = link_find(links, fingerprint);

    if (!link) {
        int err = make(links, fingerprint, &link);
        if (err)
            return err;
    }
    link->references++;
    *out = link;
    return 0;
}

void link_retain(struct link *link)
{
    link->references++;
}

void link_release(struct table *links, struct link *link)
{
    if (--link->references > 0)
        return;
    assert(link->count == 0);
    table_remove(links, &link->node);
    free(link->sessions);
    free(link->label);
    free(link);
}

int link_promise(struct link *link)
{
    uint32_t wanted = link->count + link->promised + 1;
    uint32_t capacity = link->capacity ? link->capacity : 2;

    while (capacity < wanted)
        capacity *= 2;
    if (capacity != link->capacity) {
        struct session **sessions = realloc(link->sessions, capacity * sizeof(struct session *));
        if (!sessions)
            return ERR_MEMORY;
        link->sessions = sessions;
        link->capacity = capacity;
    }
    link->promised++;
    return 0;
}

void link_unpromise(struct link *link)
{
    link->promised--;
}

static void choose_active(struct link *link)
{
    link->active = NULL;
    for (uint32_t i = 0; i < link->count && !link->active; i++) {
        if (link->sessions[i]->state == SESSION_OPEN)
            link->active = link->sessions[i];
    }
}

void link_join(struct link *link, struct session *c)
{
    assert(link->count < link->capacity && !c->link);
    link_retain(link);
    c->link = link;
    link->sessions[link->count++] = c;
    choose_active(link);
}

static void add(struct link_traffic *sum, const struct session *c)
{
    sum->datagrams_in += c->datagrams_in;
    sum->datagrams_out += c->datagrams_out;
    sum->datagrams_lost += session_lost(c);
}

void link_leave(struct table *links, struct session *c)
{
    struct link *link = c->link;
    uint32_t at = 0;

    add(&link->past, c);
    while (link->sessions[at] != c)
        at++;
    memmove(&link->sessions[at], &link->sessions[at + 1],
            (--link->count - at) * sizeof(struct session *));
    c->link = NULL;
    choose_active(link);
    link_release(links, link);
}

void link_retire(struct session *c)
{
    choose_active(c->link);
}

struct link_traffic link_traffic(const struct link *link)
{
    struct link_traffic sum = link->past;

    for (uint32_t i = 0; i < link->count; i++)
        add(&sum, link->sessions[i]);
    return sum;
}

uint32_t link_living(const struct link *link)
{
    uint32_t living = 0;

    for (uint32_t i = 0; i < link->count; i++)
        living += link->sessions[i]->state == SESSION_OPEN;
    return living;
}
