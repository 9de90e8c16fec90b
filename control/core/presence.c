#include "control/core/presence.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/text.h"
#include "control/core/link.h"
#include "control/core/presence_heard.h"
#include "control/core/registry.h"
#include "control/core/topic.h"

struct presence_change {
    struct presence_change *prev, *next;
    char name[CONNECTION_NAME_SIZE];
};

/* ---- asking ---- */

static bool is_before(const struct topic *a, const struct topic *b)
{
    return trail_compare(a->best->path, b->best->path) < 0;
}

static struct presence_place place_of(const struct topic *topic)
{
    return (struct presence_place){.next = topic->best->link->peer,
                                   .origin = topic->key.origin,
                                   .hops = topic->best->path->count,
                                   .path = topic->best->path};
}

size_t presence_find(const struct core *c, const char *name, struct presence_place *out, size_t max)
{
    const struct topic *found[16];
    size_t count = 0;
    if (max > sizeof(found) / sizeof(found[0]))
        max = sizeof(found) / sizeof(found[0]);
    for (const struct presence *p = c->federation->presences; p != NULL; p = p->next) {
        if (p->topic->best == NULL || !presence_set_has(&p->names, name))
            continue;
        size_t at = count;
        while (at > 0 && is_before(p->topic, found[at - 1]))
            at--;
        if (at >= max)
            continue;
        count += count < max;
        memmove(&found[at + 1], &found[at], (count - 1 - at) * sizeof(found[0]));
        found[at] = p->topic;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = place_of(found[i]);
    return count;
}

struct presence *presence_of(const struct core *c, const struct fingerprint_tls *origin)
{
    struct topic_key key;
    memset(&key, 0, sizeof(key));
    key.publisher = key.origin = *origin;
    const struct topic *topic = topic_find(c, &key);
    return topic == NULL ? NULL : topic->presence;
}

bool presence_way(const struct core *c, const struct fingerprint_tls *relay,
                  struct presence_place *out)
{
    const struct presence *p = presence_of(c, relay);
    if (p == NULL || p->topic->best == NULL)
        return false;
    *out = place_of(p->topic);
    return true;
}

void presence_address(const struct core *c, const struct connection *conn, char text[ADDRESS_TEXT])
{
    const struct address *advertise = &c->settings.config->relay.advertise;
    text[0] = '\0';
    if (!address_is_none(advertise))
        address_text(advertise, text);
    else if (conn != NULL)
        address_text(&conn->local, text);
}

/* ---- our own phones ---- */

static void apply(struct core *c, struct deferred *work)
{
    struct presence *p = heap_entry(work, struct presence, apply);
    while (p->changes != NULL) {
        struct presence_change *change = p->changes;
        DL_DELETE(p->changes, change);
        bool here = registry_find(c, change->name) != NULL;
        if (here != presence_set_has(&p->names, change->name)) {
            int err =
                presence_set_put(&p->names, change->name, here, p->topic->version.counter + 1);
            c->failed |= err == ERR_MEMORY;
            c->counters.presence_refused += err == ERR_TOO_LARGE;
            p->topic->version.counter += err == 0;
        }
        free(change);
    }
    deferred_add(c, &p->topic->record);
    topic_changed(c, p->topic);
}

void presence_registered(struct core *c, const char *name)
{
    struct presence *p = c->federation->own;
    if (p == NULL || !c->live) /* adoption takes them all at once */
        return;
    struct presence_change *change = calloc(1, sizeof(*change));
    if (change == NULL) {
        c->failed = true;
        return;
    }
    memcpy(change->name, name, strlen(name) + 1);
    DL_APPEND(p->changes, change);
    deferred_add(c, &p->apply);
}

void presence_take_registry(struct core *c)
{
    struct presence *p = c->federation->own;
    for (const struct phone *phone = c->phones; phone != NULL; phone = phone->hh.next) {
        if (presence_set_put(&p->names, phone->name, true, 0) == ERR_MEMORY)
            c->failed = true;
    }
}

void presence_add_own(struct core *c)
{
    struct topic_key key;
    memset(&key, 0, sizeof(key));
    key.publisher = key.origin = c->settings.tls;
    const struct topic *known = topic_find(c, &key);
    struct topic *topic = known != NULL ? NULL : topic_obtain(c, &key);
    if (topic == NULL)
        return;
    topic->version = (struct version){c->federation->start, 0};
    c->federation->own = topic->presence;
}

/* ---- life ---- */

bool presence_is_whole(const struct presence *p)
{
    return !p->mixed && p->listing.start == 0;
}

void presence_settle(struct core *c, struct topic *topic, struct entry *best)
{
    topic->best = best;
    presence_catch_up(c, topic);
}

bool presence_add(struct core *c, struct topic *topic)
{
    struct presence *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return false;
    p->topic = topic;
    p->apply.run = apply;
    topic->presence = p;
    DL_APPEND(c->federation->presences, p);
    return true;
}

void presence_free(struct core *c, struct topic *topic)
{
    struct presence *p = topic->presence;
    struct federation *f = c->federation;
    if (p == NULL)
        return;
    deferred_cancel(c, &p->apply);
    while (p->changes != NULL) {
        struct presence_change *change = p->changes;
        DL_DELETE(p->changes, change);
        free(change);
    }
    if (f->own == p)
        f->own = NULL;
    else
        f->presence_names -= p->names.count;
    DL_DELETE(f->presences, p);
    presence_set_free(&p->names);
    free(p);
    topic->presence = NULL;
}
