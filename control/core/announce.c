#include "control/core/announce.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/hex.h"
#include "control/core/federation_record.h"
#include "control/core/global_room.h"
#include "control/core/link.h"
#include "control/core/presence_say.h"
#include "control/core/topic.h"

#define WANTS_IN_ONE 256

/* ---- the queue ---- */

static void unqueue(struct outgoing *out)
{
    if (!out->queued)
        return;
    DL_DELETE(out->link->ready, out);
    out->queued = false;
    out->link->unsaid--;
}

static void queue_ready(struct outgoing *out, bool first)
{
    unqueue(out);
    out->queued = true;
    out->link->unsaid++;
    if (first)
        DL_PREPEND(out->link->ready, out);
    else
        DL_APPEND(out->link->ready, out);
}

static bool is_busy(const struct federation_link *link)
{
    return link->ready != NULL || link->wants != NULL || link->end_owed;
}

/* Sets the time of the next flush; what is unsent is noted for a successor. */
static void schedule(struct core *c, struct federation_link *link)
{
    bool busy = is_busy(link);
    bool set = heap_contains(&link->flush.node);
    uint64_t next = link->flushed + ANNOUNCE_FLUSH_NS;
    if (next < c->now)
        next = c->now;
    if (busy && (!set || link->flush.node.key > next))
        timer_set(c, &link->flush, next);
    deferred_add(c, &link->record);
}

static struct outgoing *find(const struct topic *topic, const struct federation_link *link)
{
    const struct topic_side *side = topic_side(topic, link);
    return side == NULL ? NULL : side->told;
}

static struct outgoing *make(struct core *c, struct topic *topic, struct federation_link *link)
{
    struct topic_side *side = topic_make_side(c, topic, link);
    struct outgoing *out = calloc(1, sizeof(*out));
    if (side == NULL || out == NULL) {
        free(out);
        c->failed = true;
        return NULL;
    }
    out->topic = topic;
    out->link = link;
    side->told = out;
    topic->told_count++;
    DL_APPEND2(link->all, out, link_prev, link_next);
    return out;
}

/* A topic that nobody has or is told of any more goes with the last of these. */
static void drop(struct core *c, struct outgoing *out)
{
    struct topic *topic = out->topic;
    unqueue(out);
    topic_side(topic, out->link)->told = NULL;
    topic->told_count--;
    DL_DELETE2(out->link->all, out, link_prev, link_next);
    trail_release(out->path);
    free(out);
    if (topic->told_count == 0 && !topic->own && topic->entries == NULL)
        topic_changed(c, topic);
}

/* ---- saying ---- */

static uint64_t speaker(const struct federation_link *link)
{
    return link_oldest(link->peer)->id;
}

static void fill_participants(const struct core *c, const struct topic *topic,
                              struct signal_participant *list,
                              char (*labels)[PARTICIPANT_ALIAS_SIZE])
{
    for (size_t i = 0; i < topic->list.count; i++) {
        const struct participant *p = &topic->list.items[i];
        list[i] = (struct signal_participant){
            .fingerprint = signal_text_of(p->name),
            .alias = signal_text_of(p->alias[0] == '\0' ? NULL : p->alias),
        };
        if (labels != NULL)
            list[i].relay_label = signal_text_of(global_room_label(c, topic, p, labels[i]));
    }
}

static void write_active(struct core *c, const struct outgoing *out,
                         struct signal_participants participants)
{
    const struct topic *topic = out->topic;
    char texts[FEDERATION_PATH_MAX][FINGERPRINT_TLS_TEXT];
    char origin[FINGERPRINT_TLS_TEXT], publisher[FINGERPRINT_TLS_TEXT];
    struct signal_text path[FEDERATION_PATH_MAX];
    for (size_t i = 0; i < out->path->count; i++) {
        fingerprint_tls_text(&out->path->relays[i], texts[i]);
        path[i] = signal_text_of(texts[i]);
    }
    fingerprint_tls_text(&topic->key.origin, origin);
    fingerprint_tls_text(&topic->key.publisher, publisher);
    struct signal_version version = {topic->version.start, topic->version.counter};
    struct signal_room_active_extension extension = {.version = &version,
                                                     .origin = signal_text_of(origin),
                                                     .publisher = signal_text_of(publisher),
                                                     .path = {path, out->path->count}};
    struct signal active = {.type = SIGNAL_GLOBAL_ROOM_ACTIVE};
    active.global_room_active.room = signal_text_of(topic->key.room->name);
    active.global_room_active.participants = participants;
    active.global_room_active.chappe = &extension;
    transaction_say(&c->transaction, speaker(out->link), &active);
}

static void say_room(struct core *c, struct outgoing *out)
{
    size_t count = out->topic->list.count;
    struct signal_participant *list = calloc(count + 1, sizeof(*list));
    char(*labels)[PARTICIPANT_ALIAS_SIZE] =
        out->path->count > 1 ? calloc(count + 1, sizeof(*labels)) : NULL;
    if (list == NULL || (out->path->count > 1 && labels == NULL)) {
        c->failed = true;
    } else {
        fill_participants(c, out->topic, list, labels);
        write_active(c, out, (struct signal_participants){list, count});
        c->counters.announcements_sent++;
    }
    free(list);
    free(labels);
    out->sent = true;
    out->version = out->topic->version;
}

static void say_active(struct core *c, struct outgoing *out)
{
    if (out->topic->presence != NULL)
        presence_say(c, out);
    else
        say_room(c, out);
}

static void say_room_inactive(struct core *c, const struct outgoing *out)
{
    const struct topic *topic = out->topic;
    char origin[FINGERPRINT_TLS_TEXT], publisher[FINGERPRINT_TLS_TEXT];
    fingerprint_tls_text(&topic->key.origin, origin);
    fingerprint_tls_text(&topic->key.publisher, publisher);
    struct signal_version version = {out->version.start, out->version.counter};
    struct signal_room_inactive_extension extension = {.version = &version,
                                                       .origin = signal_text_of(origin),
                                                       .publisher = signal_text_of(publisher)};
    struct signal inactive = {.type = SIGNAL_GLOBAL_ROOM_INACTIVE};
    inactive.global_room_inactive.room = signal_text_of(topic->key.room->name);
    inactive.global_room_inactive.chappe = &extension;
    transaction_say(&c->transaction, speaker(out->link), &inactive);
    c->counters.announcements_sent++;
}

static void say_inactive(struct core *c, struct outgoing *out)
{
    if (out->topic->presence != NULL)
        presence_say_off(c, out);
    else
        say_room_inactive(c, out);
    out->sent = false;
}

bool announce_reaches(const struct topic *topic, const struct federation_link *link)
{
    size_t hops = topic_hops(topic);
    if (topic->presence != NULL && topic->version.start == 0)
        return false; /* its names are not known yet */
    return !link->legacy && hops > 0 && hops <= link->hops &&
           (hops == 1 || link->accepts_forwarded) &&
           !topic_leads_through(topic, &link->fingerprint);
}

static bool may_be_told(const struct topic *topic, const struct federation_link *link)
{
    return !hold_is_on(topic) && announce_reaches(topic, link);
}

/* The link has it as it is now. (Or there is no memory: then all of this ends.) */
static bool is_said(struct core *c, const struct outgoing *out)
{
    if (!out->sent || version_compare(&out->version, &out->topic->version) != 0)
        return false;
    const struct trail *now = topic_announced(c, out->topic);
    return now == NULL || trail_compare(out->path, now) == 0;
}

/* Notes the path by which it is said now. False without memory. */
static bool take_path(struct core *c, struct outgoing *out)
{
    struct trail *now = topic_announced(c, out->topic);
    if (now == NULL)
        return false;
    trail_retain(now);
    trail_release(out->path);
    out->path = now;
    return true;
}

/* Says one topic as it is now. */
static void say(struct core *c, struct outgoing *out)
{
    unqueue(out);
    out->link->budget -= out->link->budget > 0;
    if (!may_be_told(out->topic, out->link)) {
        if (out->sent)
            say_inactive(c, out);
        drop(c, out);
    } else if (!topic_is_current(out->topic)) {
        if (!out->sent)
            drop(c, out);
    } else if (!is_said(c, out) && take_path(c, out)) {
        say_active(c, out);
        if (!is_said(c, out)) /* there was too much for one message */
            queue_ready(out, false);
    }
}

/* ---- wants ---- */

void announce_want(struct core *c, struct federation_link *link, struct global_room *room,
                   const struct fingerprint_tls *origin, const struct ipc_tag *label, bool off)
{
    struct want *want = calloc(1, sizeof(*want));
    if (want == NULL) {
        c->failed = true;
        return;
    }
    want->room = room;
    want->origin = *origin;
    if (label != NULL)
        want->label = *label;
    want->off = off;
    DL_APPEND(link->wants, want);
    link->unsaid++;
    schedule(c, link);
}

static void free_wants(struct federation_link *link)
{
    while (link->wants != NULL) {
        struct want *want = link->wants;
        DL_DELETE(link->wants, want);
        link->unsaid--;
        free(want);
    }
}

struct want_texts {
    char origin[FINGERPRINT_TLS_TEXT];
    char label[IPC_TAG_SIZE * 2 + 1];
};

static void fill_want(const struct want *want, struct want_texts *texts, struct signal_want *out)
{
    static const struct ipc_tag none;
    static const bool yes = true;
    fingerprint_tls_text(&want->origin, texts->origin);
    *out = (struct signal_want){.origin = signal_text_of(texts->origin)};
    if (memcmp(&want->label, &none, sizeof(none)) != 0) {
        hex_encode(want->label.bytes, sizeof(want->label.bytes), texts->label);
        out->label = signal_text_of(texts->label);
    }
    out->off = want->off ? &yes : NULL;
}

/* The neighbour's own media is wanted again since this was queued: offs are said after ons. */
static bool is_taken_back(const struct federation_link *link, const struct want *want)
{
    static const struct ipc_tag none;
    struct neighbour *n = NULL;
    if (!want->off || memcmp(&want->label, &none, sizeof(none)) != 0)
        return false;
    HASH_FIND_PTR(link->neighbours, &want->room, n);
    return n != NULL && n->asked;
}

/* The first ones in a row that are about one room, and on, or off. */
static size_t take_wants(struct federation_link *link, bool off, struct global_room **room,
                         struct want_texts *texts, struct signal_want *list)
{
    struct want *next;
    size_t count = 0;
    for (struct want *want = link->wants; want != NULL && count < WANTS_IN_ONE; want = next) {
        next = want->next;
        if (want->off != off)
            continue;
        if (count > 0 && want->room != *room)
            break;
        if (!is_taken_back(link, want)) {
            *room = want->room;
            fill_want(want, &texts[count], &list[count]);
            count++;
        }
        DL_DELETE(link->wants, want);
        link->unsaid--;
        free(want);
    }
    return count;
}

/* One message; false: there are none. */
static bool say_wants(struct core *c, struct federation_link *link, bool off)
{
    struct want_texts texts[WANTS_IN_ONE];
    struct signal_want list[WANTS_IN_ONE];
    struct global_room *room = NULL;
    size_t count = take_wants(link, off, &room, texts, list);
    if (count == 0)
        return false;
    struct signal_room_active_extension extension = {.want = {list, count}};
    struct signal active = {.type = SIGNAL_GLOBAL_ROOM_ACTIVE};
    active.global_room_active.room = signal_text_of(room->name);
    active.global_room_active.chappe = &extension;
    transaction_say(&c->transaction, speaker(link), &active);
    link->budget -= link->budget > 0;
    return true;
}

/* ---- flushing ---- */

/* What is wanted no more comes last: that there are members here may be what replaces a want. */
static void flush(struct core *c, struct timer *timer)
{
    struct federation_link *link = heap_entry(timer, struct federation_link, flush);
    link->budget = ANNOUNCE_BURST;
    link->flushed = c->now;
    while (link->budget > 0 && say_wants(c, link, false))
        ;
    while (link->ready != NULL && link->budget > 0)
        say(c, link->ready);
    while (link->budget > 0 && say_wants(c, link, true))
        ;
    if (link->end_owed && link->ready == NULL && link->wants == NULL) {
        link->end_owed = false;
        link_say_hello(c, link_oldest(link->peer), LINK_HELLO_END);
    }
    schedule(c, link);
}

void announce_topic(struct core *c, struct topic *topic, struct federation_link *link)
{
    struct outgoing *out = find(topic, link);
    bool bad = !may_be_told(topic, link);
    if (bad ? out == NULL : !topic_is_current(topic))
        return;
    if (out == NULL && (out = make(c, topic, link)) == NULL)
        return;
    if (bad && link->budget > 0)
        say(c, out);
    else if (bad || (!out->queued && !is_said(c, out)))
        queue_ready(out, bad);
    else
        return;
    schedule(c, link);
}

bool announce_is_told(const struct topic *topic, const struct federation_link *link)
{
    const struct outgoing *out = find(topic, link);
    return out != NULL && out->sent;
}

void announce_assume(struct core *c, struct topic *topic, struct federation_link *link)
{
    if (find(topic, link) != NULL || !may_be_told(topic, link))
        return;
    struct outgoing *out = make(c, topic, link);
    if (out == NULL || !take_path(c, out))
        return;
    out->sent = true;
    if (topic_is_current(topic)) /* else in a version before, which is not known */
        out->version = topic->version;
}

void announce_restore(struct core *c, const struct outgoing *from)
{
    struct outgoing *out = make(c, from->topic, from->link);
    if (out == NULL)
        return;
    out->sent = from->sent;
    out->version = from->version;
    out->path = from->path == NULL ? NULL : trail_retain(from->path);
    queue_ready(out, false);
}

static void want_again(struct core *c, struct federation_link *link)
{
    free_wants(link);
    for (const struct entry *e = link->entries; e != NULL; e = e->link_next) {
        if (e->wanted)
            announce_want(c, link, e->topic->key.room, &e->topic->key.origin, &e->label, false);
    }
    for (const struct neighbour *n = link->neighbours; n != NULL; n = n->hh.next) {
        if (n->asked)
            announce_want(c, link, n->room, &link->fingerprint, NULL, false);
    }
}

void announce_all(struct core *c, struct federation_link *link)
{
    struct outgoing *out, *next;
    link_say_hello(c, link_oldest(link->peer), LINK_HELLO_BEGIN);
    link->end_owed = true;
    for (out = link->all; out != NULL; out = next) {
        next = out->link_next;
        out->sent = false;
    }
    want_again(c, link);
    topics_sort(c);
    for (struct topic *topic = c->federation->topics; topic != NULL; topic = topic->hh.next) {
        if (find(topic, link) == NULL)
            announce_topic(c, topic, link);
    }
    for (out = link->all; out != NULL; out = out->link_next) {
        if (!out->queued)
            queue_ready(out, false);
    }
    schedule(c, link);
}

void announce_init(struct federation_link *link)
{
    link->budget = ANNOUNCE_BURST;
    link->flush.due = flush;
    link->record.run = federation_record_queue;
}

void announce_free(struct core *c, struct federation_link *link)
{
    timer_stop(c, &link->flush);
    free_wants(link);
    while (link->all != NULL)
        drop(c, link->all);
    deferred_cancel(c, &link->record);
}
