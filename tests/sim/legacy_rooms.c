#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "tests/sim/legacy.h"
#include "tests/sim/net_connection.h"

#define PEOPLE_MAX 4096

/* A list that is being made. */
struct people {
    struct legacy_person *items; /* owned */
    size_t count, max;
};

/* ---- names ---- */

const char *legacy_canonical(const struct legacy *l, const char *room)
{
    for (size_t i = 0; i < l->global_count; i++) {
        char hashed[ROOM_HASHED_SIZE];
        if (strcmp(l->rooms_global[i], room) == 0)
            return l->rooms_global[i];
        room_hashed_name(bytes_of_string(l->rooms_global[i]), hashed);
        if (strcmp(hashed, room) == 0)
            return l->rooms_global[i];
    }
    return NULL;
}

static struct legacy_room *find_room(const struct legacy *l, const char *name)
{
    struct legacy_room *room = l->rooms;
    while (room != NULL && strcmp(room->name, name) != 0)
        room = room->next;
    return room;
}

static struct legacy_remote *find_remote(const struct legacy_link *link, const char *name)
{
    struct legacy_remote *remote = link->remotes;
    while (remote != NULL && strcmp(remote->room, name) != 0)
        remote = remote->next;
    return remote;
}

/* ---- lists ---- */

static void add(struct people *list, const struct legacy_person *person, bool unique)
{
    for (size_t i = 0; unique && i < list->count; i++) {
        if (strcmp(list->items[i].name, person->name) == 0)
            return;
    }
    if (list->count == PEOPLE_MAX)
        return;
    if (list->count == list->max) {
        list->max = list->max == 0 ? 16 : list->max * 2;
        list->items = realloc(list->items, list->max * sizeof(*list->items));
        if (list->items == NULL)
            sim_broken("no memory");
    }
    list->items[list->count++] = *person;
}

static void add_local(const struct legacy_room *room, struct people *list, bool unique)
{
    const struct legacy_task *task;
    if (room == NULL)
        return;
    DL_FOREACH(room->members, task)
    {
        struct legacy_person person = {0};
        memcpy(person.name, task->name, sizeof(person.name));
        add(list, &person, unique);
    }
}

static void add_remote(const struct legacy_remote *remote, struct people *list, bool unique)
{
    for (size_t i = 0; remote != NULL && i < remote->count; i++)
        add(list, &remote->people[i], unique);
}

/* The message's list, as signal.h has it; freed by the caller. */
static struct signal_participant *to_signal(const struct people *list)
{
    struct signal_participant *out = sim_alloc((list->count + 1) * sizeof(*out));
    for (size_t i = 0; i < list->count; i++) {
        const struct legacy_person *p = &list->items[i];
        out[i].fingerprint = signal_text_of(p->name);
        out[i].alias = signal_text_of(p->alias[0] == '\0' ? NULL : p->alias);
        out[i].relay_label = signal_text_of(p->label[0] == '\0' ? NULL : p->label);
    }
    return out;
}

bool legacy_may_listen(const struct legacy *l, const struct fingerprint_tls *peer, const char *room)
{
    const char *canonical = legacy_canonical(l, room);
    const struct legacy_told *told = l->told;
    while (told != NULL && (told->room != canonical || !fingerprint_tls_equal(&told->peer, peer)))
        told = told->next;
    return told != NULL;
}

static void note_told(struct legacy *l, const struct legacy_link *link, const char *room,
                      const struct people *list)
{
    bool labelled = false;
    for (size_t i = 0; i < list->count; i++)
        labelled |= list->items[i].label[0] != '\0';
    if (!labelled || legacy_may_listen(l, &link->fingerprint, room))
        return;
    struct legacy_told *told = sim_alloc(sizeof(*told));
    *told = (struct legacy_told){link->fingerprint, legacy_canonical(l, room), l->told};
    l->told = told;
}

void legacy_forget_told(struct legacy *l)
{
    while (l->told != NULL) {
        struct legacy_told *told = l->told;
        l->told = told->next;
        free(told);
    }
}

static void say_active(struct legacy *l, const struct legacy_link *link, const char *room,
                       const struct people *list)
{
    struct signal_participant *participants = to_signal(list);
    struct signal m = {.type = SIGNAL_GLOBAL_ROOM_ACTIVE};
    m.global_room_active.room = signal_text_of(room);
    m.global_room_active.participants = (struct signal_participants){participants, list->count};
    l->announcements_out++;
    note_told(l, link, room, list);
    legacy_say_on(link->conn, &m);
    free(participants);
}

static void say_inactive(struct legacy *l, const struct legacy_link *link, const char *room)
{
    struct signal m = {.type = SIGNAL_GLOBAL_ROOM_INACTIVE};
    m.global_room_inactive.room = signal_text_of(room);
    l->announcements_out++;
    legacy_say_on(link->conn, &m);
}

/* ---- RoomUpdate (5.6) ---- */

static void update(struct legacy *l, const struct legacy_room *room, bool merged)
{
    struct people list = {0};
    const struct legacy_task *task;
    merged = merged && legacy_canonical(l, room->name) != NULL;
    add_local(room, &list, merged);
    for (const struct legacy_link *link = l->links; merged && link != NULL; link = link->next) {
        /* By the spelling of the local room (28). */
        add_remote(find_remote(link, room->name), &list, true);
    }
    struct signal_participant *participants = to_signal(&list);
    struct signal m = {.type = SIGNAL_ROOM_UPDATE};
    m.room_update.count = (uint32_t)list.count;
    m.room_update.participants = (struct signal_participants){participants, list.count};
    DL_FOREACH(room->members, task)
    legacy_say(task, &m);
    free(participants);
    free(list.items);
}

/* To the first local room that this name means. */
void legacy_update(struct legacy *l, const char *name)
{
    const char *canonical = legacy_canonical(l, name);
    for (const struct legacy_room *room = l->rooms; room != NULL; room = room->next) {
        const char *own = legacy_canonical(l, room->name);
        if (own == NULL || canonical == NULL || strcmp(own, canonical) != 0)
            continue;
        update(l, room, true);
        return;
    }
}

/* ---- local joins and leaves (5.3) ---- */

static void announce_local(struct legacy *l, const struct legacy_room *room)
{
    struct people list = {0};
    add_local(room, &list, false);
    for (const struct legacy_link *link = l->links; link != NULL; link = link->next)
        say_active(l, link, room->name, &list);
    free(list.items);
}

void legacy_join(struct legacy_task *task, const struct signal_call_offer *offer)
{
    struct legacy *l = task->relay;
    struct fingerprint_user name;
    struct legacy_room *room = find_room(l, task->sni);
    bool first = room == NULL;
    if (first) {
        room = sim_alloc(sizeof(*room));
        snprintf(room->name, sizeof(room->name), "%s", task->sni);
        DL_APPEND(l->rooms, room);
    }
    if (fingerprint_user_of_key(offer->identity_pub, &name) != 0)
        sim_broken("a key");
    fingerprint_user_text(&name, task->name);
    task->role = LEGACY_MEMBER;
    task->room = room;
    DL_APPEND(room->members, task);
    struct signal answer = {.type = SIGNAL_CALL_ANSWER};
    legacy_say(task, &answer);
    update(l, room, true);
    /* Those who come later are not announced (26). */
    if (first && legacy_canonical(l, room->name) != NULL)
        announce_local(l, room);
}

void legacy_leave(struct legacy_task *task)
{
    struct legacy *l = task->relay;
    struct legacy_room *room = task->room;
    DL_DELETE(room->members, task);
    if (room->members != NULL) {
        update(l, room, false); /* those elsewhere vanish from the list (27) */
        return;
    }
    DL_DELETE(l->rooms, room);
    for (const struct legacy_link *link = l->links; link != NULL; link = link->next) {
        if (legacy_canonical(l, room->name) != NULL)
            say_inactive(l, link, room->name);
    }
    free(room);
}

/* ---- announcements (5.11) ---- */

void legacy_announce_all(struct legacy *l, const struct legacy_link *link)
{
    struct people list = {0};
    for (const struct legacy_room *room = l->rooms; room != NULL; room = room->next) {
        list.count = 0;
        add_local(room, &list, false);
        if (legacy_canonical(l, room->name) != NULL)
            say_active(l, link, room->name, &list);
    }
    for (const struct legacy_link *other = l->links; other != NULL; other = other->next) {
        for (const struct legacy_remote *r = other->remotes; r != NULL; r = r->next) {
            list.count = 0;
            add_remote(r, &list, false);
            if (other != link)
                say_active(l, link, r->room, &list);
        }
    }
    free(list.items);
}

static void free_remote(struct legacy_link *link, struct legacy_remote *remote)
{
    DL_DELETE(link->remotes, remote);
    free(remote->people);
    free(remote);
}

void legacy_forget_remotes(struct legacy_link *link)
{
    while (link->remotes != NULL)
        free_remote(link, link->remotes);
}

static void copy(char *out, size_t size, struct signal_text text, const char *otherwise)
{
    if (text.data == NULL)
        snprintf(out, size, "%s", otherwise);
    else
        snprintf(out, size, "%.*s", (int)text.len, text.data);
}

static struct legacy_remote *replace(struct legacy_link *link, const char *room,
                                     const struct signal_participants *list)
{
    struct legacy_remote *remote = find_remote(link, room);
    if (remote == NULL) {
        remote = sim_alloc(sizeof(*remote));
        snprintf(remote->room, sizeof(remote->room), "%s", room);
        DL_APPEND(link->remotes, remote);
    }
    free(remote->people);
    remote->people = sim_alloc((list->count + 1) * sizeof(*remote->people));
    remote->count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        struct legacy_person *p = &remote->people[i];
        copy(p->name, sizeof(p->name), list->items[i].fingerprint, "");
        copy(p->alias, sizeof(p->alias), list->items[i].alias, "");
        copy(p->label, sizeof(p->label), list->items[i].relay_label, link->label);
    }
    return remote;
}

/* Sent on to all others, whether anything changed or not, and whose users they are (30, 31). */
void legacy_active(struct legacy *l, struct legacy_link *link,
                   const struct signal_global_room_active *m)
{
    char room[ROOM_NAME_SIZE];
    copy(room, sizeof(room), m->room, "");
    l->announcements_in++;
    if (legacy_canonical(l, room) == NULL)
        return;
    struct people list = {0};
    add_remote(replace(link, room, &m->participants), &list, false);
    for (const struct legacy_link *other = l->links; other != NULL; other = other->next) {
        if (other != link)
            say_active(l, other, room, &list);
    }
    free(list.items);
    legacy_update(l, room);
}

static void forget(struct legacy_link *link, const char *room)
{
    struct legacy_remote *remote = room == NULL ? NULL : find_remote(link, room);
    if (remote != NULL)
        free_remote(link, remote);
}

void legacy_inactive(struct legacy *l, struct legacy_link *link,
                     const struct signal_global_room_inactive *m)
{
    char room[ROOM_NAME_SIZE];
    copy(room, sizeof(room), m->room, "");
    l->announcements_in++;
    const char *canonical = legacy_canonical(l, room);
    if (canonical == NULL)
        return;
    forget(link, room);
    forget(link, canonical);
    struct people list = {0};
    for (const struct legacy_link *other = l->links; other != NULL; other = other->next)
        add_remote(find_remote(other, room), &list, false);
    add_local(find_room(l, room), &list, false);
    for (const struct legacy_link *other = l->links; other != NULL; other = other->next) {
        if (other == link)
            continue;
        if (list.count > 0)
            say_active(l, other, room, &list);
        else
            say_inactive(l, other, room);
    }
    free(list.items);
    legacy_update(l, room);
}
