#include "control/core/call_room.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "control/core/ended.h"
#include "control/core/link.h"
#include "control/core/relay_say.h"
#include "control/core/reroute.h"

#define CALL_MEMBERS_MAX 2

static struct call *call_of(const struct core *c, const char *room)
{
    struct bytes id = room_call_id(bytes_of_string(room));
    return id.data == NULL ? NULL : calls_find_text(c, signal_text_of_bytes(id));
}

static struct room *room_of(const struct core *c, const struct call *call)
{
    char name[ROOM_NAME_SIZE];
    room_of_call(call->id, name);
    return rooms_find(c, name);
}

/* ---- the door ---- */

static bool is_party(const struct call *call, const char *name)
{
    return (call->caller.phone != NULL && strcmp(call->caller.name, name) == 0) ||
           (call->callee.phone != NULL && strcmp(call->callee.name, name) == 0);
}

static struct member *member_named(const struct room *room, const char *name)
{
    struct member *m = room == NULL ? NULL : room->members;
    while (m != NULL && strcmp(m->name, name) != 0)
        m = m->next;
    return m;
}

const char *call_room_refusal(struct core *c, const char *name, const char *identity)
{
    const struct call *call = call_of(c, name);
    if (call == NULL || call->state != CALL_ACTIVE)
        return "no such call";
    if (!is_party(call, identity))
        return "not a party of this call";
    const struct room *room = rooms_find(c, name);
    if (room != NULL && room->count >= CALL_MEMBERS_MAX && member_named(room, identity) == NULL)
        return "the call room is full";
    return NULL;
}

void call_room_replace(struct core *c, const char *name, const char *identity)
{
    struct member *m = member_named(rooms_find(c, name), identity);
    if (m != NULL)
        connection_close(c, m->connection, "joined again elsewhere");
}

/* ---- the bridge ---- */

struct ipc_tag call_room_tag(struct core *c, const char *room)
{
    struct room_tag tag = {0};
    struct ipc_tag out;
    if (room_tag_of_name(bytes_of_string(room), &tag) < 0)
        c->failed = true;
    memcpy(out.bytes, tag.bytes, sizeof(out.bytes));
    return out;
}

/* The side behind the bridge; NULL: there is none. */
static struct call_side *far_of(const struct call *call)
{
    return call_side_far((struct call *)call);
}

static void put_route(struct core *c, const struct call_side *far, const struct room *room,
                      struct ipc_tag tag)
{
    struct ipc_item item = {.type = IPC_route_put};
    item.u.route_put.link = far->relay;
    item.u.route_put.tag = tag;
    item.u.route_put.room = bytes_of_string(room->name);
    item.u.route_put.pps = c->settings.config->limits.federation_room_pps;
    transaction_add(&c->transaction, &item);
}

static void install(struct core *c, const struct call_side *far, struct room *room)
{
    struct ipc_hop hop = {.link = far->relay};
    struct ipc_tag tag = call_room_tag(c, room->name);
    memcpy(hop.tag, tag.bytes, sizeof(hop.tag));
    room_hold(c, room, (struct ipc_hops){&hop, 1});
    put_route(c, far, room, tag);
}

void call_room_open(struct core *c, struct call *call)
{
    char name[ROOM_NAME_SIZE];
    room_of_call(call->id, name);
    struct room *room = rooms_restore(c, name);
    if (room == NULL)
        return;
    install(c, far_of(call), room);
    call_room_members_changed(c, room);
}

void call_room_put(struct core *c, const struct call *call)
{
    struct room *room = room_of(c, call);
    if (room != NULL && far_of(call) != NULL)
        install(c, far_of(call), room);
}

static void delete_route(struct core *c, const struct call_side *far, const struct room *room)
{
    struct ipc_item item = {.type = IPC_route_delete};
    item.u.route_delete.link = far->relay;
    item.u.route_delete.tag = call_room_tag(c, room->name);
    transaction_add(&c->transaction, &item);
}

void call_room_rebind(struct core *c, struct call_side *far, const struct fingerprint_tls *relay)
{
    const struct room *room = room_of(c, far->call);
    if (room != NULL && !fingerprint_tls_equal(&far->relay, relay))
        delete_route(c, far, room);
    far->relay = *relay;
    call_room_open(c, far->call);
}

void call_room_close(struct core *c, struct call *call)
{
    struct room *room = room_of(c, call);
    if (room == NULL)
        return;
    if (room->members != NULL)
        room_expire(c, room, c->now);
    const struct call_side *far = far_of(call);
    if (far == NULL)
        return;
    delete_route(c, far, room);
    room->announce = false;
    room_release(c, room);
}

static void say_active(struct core *c, const struct call *call, const struct call_side *to,
                       const struct signal_participant *list, size_t count)
{
    char name[ROOM_NAME_SIZE];
    room_of_call(call->id, name);
    struct signal active = {.type = SIGNAL_GLOBAL_ROOM_ACTIVE};
    active.global_room_active.room = signal_text_of(name);
    active.global_room_active.participants = (struct signal_participants){list, count};
    struct peer *peer = peer_find(c, &to->relay);
    if (peer != NULL)
        link_say(c, peer, &active);
}

void call_room_announce(struct core *c, const struct room *room)
{
    const struct call *call = call_of(c, room->name);
    const struct call_side *far = call == NULL ? NULL : far_of(call);
    if (far == NULL)
        return;
    struct signal_participant list[CALL_MEMBERS_MAX];
    size_t n = 0;
    for (const struct member *m = room->members; m != NULL && n < CALL_MEMBERS_MAX; m = m->next)
        list[n++] = (struct signal_participant){.fingerprint = signal_text_of(m->name),
                                                .alias = signal_text_of(m->alias)};
    say_active(c, call, far, list, n);
}

/* As a relay in between tells it: labelled, with its own name for the next relay at least. */
static void pass_on(struct core *c, struct call *call, const struct call_side *to)
{
    const struct call_side *from = call_other((struct call_side *)to);
    struct signal_participant list[CALL_REMOTE_MAX];
    for (size_t i = 0; i < from->remote_count; i++) {
        const struct call_remote *r = &from->remote[i];
        list[i] = (struct signal_participant){
            .fingerprint = signal_text_of(r->name),
            .alias = signal_text_of(r->alias[0] == '\0' ? NULL : r->alias),
            .relay_label = signal_text_of(r->label)};
    }
    say_active(c, call, to, list, from->remote_count);
}

void call_room_tell(struct core *c, struct call *call, const struct call_side *side)
{
    if (call_is_transit(call)) {
        pass_on(c, call, side);
        return;
    }
    const struct room *room = room_of(c, call);
    if (room != NULL)
        call_room_announce(c, room);
}

const struct peer *call_room_peer(const struct core *c, const struct room *room)
{
    const struct call *call = call_of(c, room->name);
    const struct call_side *far = call == NULL ? NULL : far_of(call);
    return far == NULL ? NULL : peer_find(c, &far->relay);
}

void call_room_restore(struct core *c, struct call *call)
{
    if (far_of(call) == NULL)
        return;
    char name[ROOM_NAME_SIZE];
    room_of_call(call->id, name);
    struct room *room = rooms_restore(c, name);
    if (room != NULL)
        room->held = true;
}

bool call_room_claims(const struct core *c, const struct fingerprint_tls *link, const char *room)
{
    const struct call *call = call_of(c, room);
    const struct call_side *far = call == NULL ? NULL : far_of(call);
    return far != NULL && fingerprint_tls_equal(&far->relay, link);
}

size_t call_room_remote(struct core *c, const struct room *room, struct signal_participant *out)
{
    const struct call *call = call_of(c, room->name);
    const struct call_side *far = call == NULL ? NULL : far_of(call);
    size_t n = 0;
    for (size_t i = 0; far != NULL && i < far->remote_count; i++) {
        const struct call_remote *r = &far->remote[i];
        if (member_named(room, r->name) != NULL)
            continue;
        out[n++] = (struct signal_participant){
            .fingerprint = signal_text_of(r->name),
            .alias = signal_text_of(r->alias[0] == '\0' ? NULL : r->alias),
            .relay_label = signal_text_of(r->label)};
    }
    return n;
}

static bool is_apart(const struct core *c, const struct call_side *side)
{
    const struct peer *peer = side->bound ? peer_find(c, &side->relay) : NULL;
    return side->bound && (peer == NULL || !peer_linked(peer));
}

/* Its media, as far as we know of any, needs a way that is cut; or so do its messages. */
static bool is_cut(const struct core *c, const struct call *call)
{
    const struct room *room = room_of(c, call);
    bool caller = is_apart(c, &call->caller), callee = is_apart(c, &call->callee);
    if (call->severed)
        return true;
    if (call->state != CALL_ACTIVE || (!caller && !callee))
        return false;
    if (!call_is_transit(call))
        return room != NULL && room->count > 0;
    return (caller && callee) || call->caller.remote_count + call->callee.remote_count > 0;
}

void call_room_watch(struct core *c, struct call *call)
{
    bool cut = is_cut(c, call);
    if (cut == (call->link_deadline != UINT64_MAX))
        return;
    call->link_deadline = cut ? c->now + CALL_LINK_NS : UINT64_MAX;
    call_changed(c, call);
    if (cut)
        reroute_start(c, call);
}

void call_room_members_changed(struct core *c, struct room *room)
{
    struct call *call = call_of(c, room->name);
    if (call == NULL || far_of(call) == NULL)
        return;
    room->announce = true;
    room_changed(c, room);
    call_room_watch(c, call);
}

/* ---- what the peer says ---- */

static void copy_text(struct signal_text from, char *out, size_t size)
{
    if (!text_is_clean(signal_text_bytes(from)) || !signal_text_copy(from, out, size))
        out[0] = '\0';
}

static bool copy_participant(const struct peer *peer, const struct signal_participant *p,
                             struct call_remote *out)
{
    *out = (struct call_remote){0};
    if (!signal_text_copy(p->fingerprint, out->name, sizeof(out->name)) ||
        !text_is_clean(signal_text_bytes(p->fingerprint)))
        return false;
    copy_text(p->alias, out->alias, sizeof(out->alias));
    if (peer->delegate)
        copy_text(p->relay_label, out->label, sizeof(out->label));
    if (out->label[0] == '\0')
        snprintf(out->label, sizeof(out->label), "%s", peer->label);
    return true;
}

/* Replaces what is known of the peer's half. True if it is different. */
static bool store_remote(const struct peer *peer, struct call_side *side,
                         const struct signal_participants *participants)
{
    struct call_remote fresh[CALL_REMOTE_MAX] = {0};
    size_t n = 0;
    for (size_t i = 0; i < participants->count && n < CALL_REMOTE_MAX; i++)
        n += copy_participant(peer, &participants->items[i], &fresh[n]);
    if (n == side->remote_count && memcmp(fresh, side->remote, n * sizeof(fresh[0])) == 0)
        return false;
    memcpy(side->remote, fresh, sizeof(fresh));
    side->remote_count = n;
    return true;
}

static void remote_changed(struct core *c, struct call *call)
{
    struct room *room = room_of(c, call);
    call_changed(c, call);
    call_room_watch(c, call);
    if (room != NULL)
        room_changed(c, room);
}

void call_room_heard(struct core *c, struct peer *peer, struct signal_text name,
                     const struct signal_participants *participants)
{
    struct signal_text id = signal_text_of_bytes(room_call_id(signal_text_bytes(name)));
    struct call *call = calls_find_text(c, id);
    struct call_side *side = call == NULL ? NULL : call_side_of_relay(call, &peer->fingerprint);
    if (side == NULL) {
        /* An original announces its call rooms to everybody. */
        if (peer_is_ours(peer) && call != NULL)
            relay_end_way(c, peer, call);
        else if (peer_is_ours(peer))
            ended_say(c, peer, id);
        return;
    }
    if (call->state != CALL_ACTIVE || !side->bound || !store_remote(peer, side, participants))
        return;
    remote_changed(c, call);
    if (call_is_transit(call))
        pass_on(c, call, call_other(side));
}
