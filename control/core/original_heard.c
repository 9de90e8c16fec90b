/*
 * What an original says of a room: two lists for each spelling, and what they come to.
 */
#include <stdlib.h>
#include <string.h>

#include "control/core/global_room.h"
#include "control/core/original.h"
#include "control/core/original_record.h"
#include "control/core/topic.h"

/* ---- messages ---- */

static int spelling_of(const struct original *o, struct signal_text room)
{
    char name[ROOM_NAME_SIZE];
    bool hashed =
        room_name_normalize(signal_text_bytes(room), name) == 0 && strcmp(name, o->room->name) != 0;
    return hashed ? ORIGINAL_HASHED : ORIGINAL_RAW;
}

static void heard(struct core *c, struct original *o)
{
    o->fresh = true;
    deferred_add(c, &o->settle);
}

static void replace(struct core *c, struct original *o, struct participants *list,
                    const struct signal_participants *from, int part)
{
    struct participants fresh = {0};
    if (participants_read(&fresh, from) < 0)
        c->failed = true;
    if (!participants_equal(&fresh, list))
        original_changed(c, o, 1u << part);
    participants_free(list);
    *list = fresh;
}

/* Those with a label to the end, in their order. How many have none. */
static size_t part_by_label(const struct signal_participants *from, struct signal_participant *out)
{
    size_t here = 0, at = 0;
    for (int labelled = 0; labelled < 2; labelled++) {
        for (size_t i = 0; i < from->count; i++) {
            if ((from->items[i].relay_label.data != NULL) == (labelled != 0))
                out[at++] = from->items[i];
        }
        if (!labelled)
            here = at;
    }
    return here;
}

static void set_open(struct core *c, struct original *o, struct original_list *list, bool open)
{
    if (list->open != open)
        original_changed(c, o, ORIGINAL_STATE);
    list->open = open;
}

/*
 * Its local list comes when the first of its phones joins, and, together with what is left of the
 * others, after somebody else's Inactive. So a list without labels says that nobody is behind it if
 * its own phones were there before, and nothing of them otherwise.
 */
static void take_lists(struct core *c, struct original *o, int spelling,
                       const struct signal_participant *items, size_t here, size_t all)
{
    struct original_list *list = &o->lists[spelling];
    struct signal_participants own = {items, here}, behind = {items + here, all - here};
    if (behind.count > 0 || (own.count > 0 && list->here.count > 0))
        replace(c, o, &list->behind, &behind, ORIGINAL_BEHIND(spelling));
    if (own.count > 0)
        replace(c, o, &list->here, &own, ORIGINAL_HERE(spelling));
    if (behind.count > 0 && !o->labelled) {
        o->labelled = true;
        original_changed(c, o, ORIGINAL_STATE);
    }
}

void original_active(struct core *c, struct original *o, const struct signal_global_room_active *m)
{
    int spelling = spelling_of(o, m->room);
    struct signal_participant *items = calloc(m->participants.count + 1, sizeof(*items));
    if (items == NULL) {
        c->failed = true;
        return;
    }
    size_t here = part_by_label(&m->participants, items);
    take_lists(c, o, spelling, items, here, m->participants.count);
    set_open(c, o, &o->lists[spelling], true);
    free(items);
    heard(c, o);
}

/* Its last phone has left; or, if it had none, nobody is left behind it either. */
void original_inactive(struct core *c, struct original *o, struct signal_text room)
{
    static const struct signal_participants nobody = {NULL, 0};
    int spelling = spelling_of(o, room);
    struct original_list *list = &o->lists[spelling];
    if (list->here.count == 0)
        replace(c, o, &list->behind, &nobody, ORIGINAL_BEHIND(spelling));
    replace(c, o, &list->here, &nobody, ORIGINAL_HERE(spelling));
    if (!o->labelled)
        set_open(c, o, list, false);
    heard(c, o);
}

/* ---- what they come to ---- */

static bool has(const struct participants *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool was_announced(const struct original *o, const char *name)
{
    struct original_name *known = NULL;
    HASH_FIND_STR(o->names, name, known);
    return known != NULL;
}

static void add(struct core *c, struct participants *list, const struct participant *p)
{
    if (!participants_add(list, p->name, p->alias, p->label) && list->count < PARTICIPANTS_MAX)
        c->failed = true;
}

static struct participants unite_here(struct core *c, const struct original *o)
{
    struct participants all = {0};
    for (int s = 0; s < ORIGINAL_SPELLINGS; s++) {
        const struct participants *list = &o->lists[s].here;
        for (size_t i = 0; i < list->count; i++) {
            if (s == 0 || !has(&o->lists[0].here, list->items[i].name))
                add(c, &all, &list->items[i]);
        }
    }
    return all;
}

static struct participants unite_behind(struct core *c, const struct original *o)
{
    struct participants all = {0};
    for (int s = 0; s < ORIGINAL_SPELLINGS && o->link->peer->delegate; s++) {
        const struct participants *list = &o->lists[s].behind;
        for (size_t i = 0; i < list->count; i++) {
            const char *name = list->items[i].name;
            if (!was_announced(o, name) && (s == 0 || !has(&o->lists[0].behind, name)))
                add(c, &all, &list->items[i]);
        }
    }
    return all;
}

/* True if it is another list than before. */
static bool adopt_list(struct participants *list, struct participants fresh)
{
    bool differs = !participants_equal(list, &fresh);
    participants_free(list);
    *list = fresh;
    return differs;
}

static bool act_here(struct core *c, struct original *o)
{
    struct topic *topic = o->topic;
    if (!adopt_list(&topic->list, unite_here(c, o)))
        return false;
    topic->version = (struct version){c->federation->start, core_order(c)};
    topic->changed_list = true;
    deferred_add(c, &topic->record);
    topic_changed(c, topic);
    return true;
}

static bool act_behind(struct core *c, struct original *o)
{
    if (!adopt_list(&o->behind, unite_behind(c, o)))
        return false;
    original_changed(c, o, ORIGINAL_ACTED);
    deferred_add(c, &o->room->roster);
    return true;
}

void original_act(struct core *c, struct original *o)
{
    if (!o->fresh)
        return;
    o->fresh = false;
    if (o->acted != 0 && c->now < o->acted + ORIGINAL_PACE_NS) {
        original_wait(c, o, &o->act, o->acted + ORIGINAL_PACE_NS);
        return;
    }
    original_wait(c, o, &o->act, UINT64_MAX);
    bool here = act_here(c, o), behind = act_behind(c, o);
    if (here || behind) {
        o->acted = c->now;
        original_changed(c, o, ORIGINAL_STATE);
    }
}
