#include "control/core/original.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "control/core/original_record.h"
#include "control/core/topic.h"

/* ---- life ---- */

struct original *original_find(const struct global_room *room, const struct federation_link *link)
{
    struct original *o = room->originals;
    while (o != NULL && o->link != link)
        o = o->next;
    return o;
}

static void settle(struct core *c, struct deferred *work);

static void act_due(struct core *c, struct timer *timer)
{
    struct original *o = heap_entry(timer, struct original, act);
    o->fresh = true;
    original_changed(c, o, ORIGINAL_STATE);
    deferred_add(c, &o->settle);
}

static void say_due(struct core *c, struct timer *timer)
{
    struct original *o = heap_entry(timer, struct original, say);
    original_changed(c, o, ORIGINAL_STATE);
    deferred_add(c, &o->settle);
}

/* All publishers of it: another one may be the nearest now. */
static void topics_changed(struct core *c, const struct original *o)
{
    struct topic *t = topic_first_of(o->room, &o->link->fingerprint);
    for (; t != NULL; t = t->group_next)
        topic_changed(c, t);
}

static struct original *make(struct core *c, struct federation_link *link, struct global_room *room)
{
    struct topic_key key;
    struct original *o = calloc(1, sizeof(*o));
    memset(&key, 0, sizeof(key));
    key.room = room;
    key.publisher = c->settings.tls;
    key.origin = link->fingerprint;
    struct topic *topic = o == NULL ? NULL : topic_obtain(c, &key);
    if (topic == NULL) {
        free(o);
        c->failed = true;
        return NULL;
    }
    o->link = link;
    o->room = room;
    o->topic = topic;
    o->settle.run = settle;
    o->record.run = original_record_write;
    o->act.due = act_due;
    o->say.due = say_due;
    topic->own = true;
    DL_APPEND(room->originals, o);
    return o;
}

static void add(struct core *c, struct federation_link *link, struct global_room *room)
{
    struct original *o = make(c, link, room);
    if (o == NULL)
        return;
    o->topic->version = (struct version){c->federation->start, core_order(c)};
    deferred_add(c, &o->topic->record);
    deferred_add(c, &o->settle);
    topics_changed(c, o);
}

void original_free(struct core *c, struct original *o)
{
    deferred_cancel(c, &o->settle);
    deferred_cancel(c, &o->record);
    timer_stop(c, &o->act);
    timer_stop(c, &o->say);
    for (int i = 0; i < ORIGINAL_SPELLINGS; i++) {
        participants_free(&o->lists[i].here);
        participants_free(&o->lists[i].behind);
    }
    participants_free(&o->behind);
    while (o->names != NULL)
        original_forget_name(o, o->names);
    DL_DELETE(o->room->originals, o);
    free(o);
}

void original_remove(struct core *c, struct original *o)
{
    static const struct participants nobody = {NULL, 0};
    if (o->said != 0 && peer_linked(o->link->peer) && !peer_is_ours(o->link->peer))
        original_say(c, o, &nobody);
    o->topic->own = false;
    participants_free(&o->topic->list);
    topics_changed(c, o);
    deferred_add(c, &o->room->roster);
    original_record_gone(c, o);
    original_free(c, o);
}

static void settle(struct core *c, struct deferred *work)
{
    struct original *o = heap_entry(work, struct original, settle);
    original_act(c, o);
    original_demand(c, o);
    original_tell(c, o);
}

/* ---- of all rooms of a link ---- */

void originals_add(struct core *c, struct federation_link *link)
{
    for (struct global_room *room = c->federation->rooms; room != NULL; room = room->hh.next)
        add(c, link, room);
}

void originals_adopt(struct core *c, struct federation_link *link)
{
    for (struct global_room *room = c->federation->rooms; room != NULL; room = room->hh.next) {
        struct original *o = make(c, link, room);
        if (o == NULL)
            return;
        o->topic->version = (struct version){c->federation->start, 0};
        deferred_add(c, &o->settle);
    }
}

void originals_remove(struct core *c, struct federation_link *link)
{
    for (struct global_room *room = c->federation->rooms; room != NULL; room = room->hh.next) {
        struct original *o = original_find(room, link);
        if (o != NULL)
            original_remove(c, o);
    }
}

void originals_say_again(struct core *c, struct federation_link *link)
{
    for (struct global_room *room = c->federation->rooms; room != NULL; room = room->hh.next) {
        struct original *o = original_find(room, link);
        if (o == NULL)
            continue;
        o->said = 0;
        o->said_at = 0;
        original_changed(c, o, ORIGINAL_STATE);
        deferred_add(c, &o->settle);
    }
}

void originals_reload(struct core *c, struct federation_link *link)
{
    for (struct global_room *room = c->federation->rooms; room != NULL; room = room->hh.next) {
        struct original *o = original_find(room, link);
        if (o == NULL) {
            add(c, link, room);
        } else {
            o->fresh = true;
            deferred_add(c, &o->settle);
        }
    }
}

/* ---- time ---- */

void original_wait(struct core *c, struct original *o, struct timer *timer, uint64_t at)
{
    if (at == UINT64_MAX && !heap_contains(&timer->node))
        return;
    if (at == UINT64_MAX)
        timer_stop(c, timer);
    else
        timer_set(c, timer, at);
    original_changed(c, o, ORIGINAL_STATE);
}

void originals_of_room_changed(struct core *c, const struct global_room *room)
{
    for (struct original *o = room->originals; o != NULL; o = o->next)
        deferred_add(c, &o->settle);
}
