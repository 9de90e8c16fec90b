#include "control/core/reload.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "control/core/adopt.h"
#include "control/core/call_asked.h"
#include "control/core/call_room.h"
#include "control/core/calls.h"
#include "control/core/global_room.h"
#include "control/core/link.h"
#include "control/core/probe.h"
#include "control/core/record.h"
#include "control/core/relay_say.h"
#include "control/core/transit.h"
#include "control/core/trust.h"
#include "ipc/settings.h"

/* ---- the data plane's part ---- */

void reload_settings(struct core *c)
{
    struct ipc_item item = {.type = IPC_settings};
    item.u.settings = ipc_settings_of(c->settings.config);
    transaction_add(&c->transaction, &item);
}

void reload_rates(struct core *c)
{
    for (struct room *room = c->rooms; room != NULL; room = room->hh.next) {
        if (!room->held && global_room_find(c, bytes_of_string(room->name)) == NULL)
            room_put(c, room);
        core_split(c, ADOPT_ROW_MAX);
    }
    federation_reload_rates(c);
    for (struct call *call = c->calls; call != NULL; call = call->hh.next) {
        call_room_put(c, call);
        transit_put(c, call);
        core_split(c, ADOPT_ROW_MAX);
    }
}

/* ---- rooms ---- */

static struct member *copy_member(const struct member *member)
{
    struct member *copy = calloc(1, sizeof(*copy));
    if (copy == NULL)
        return NULL;
    memcpy(copy->name, member->name, sizeof(copy->name));
    if (member->alias != NULL)
        copy->alias = text_copy(bytes_of_string(member->alias));
    return copy;
}

static void move_member(struct core *c, struct member *member, const char *name)
{
    struct connection *conn = member->connection;
    struct member *copy = copy_member(member);
    struct room *room = rooms_open(c, name);
    char *text = text_copy(bytes_of_string(name));
    if (copy == NULL || room == NULL || text == NULL) {
        c->failed = true;
        free(copy);
        free(text);
        return;
    }
    room_leave(c, member);
    free(conn->room);
    conn->room = text;
    room_join(c, room, conn, copy);
    connection_changed(c, conn);
}

static void merge(struct core *c, const char *name)
{
    char hashed[ROOM_HASHED_SIZE];
    if (room_hashed_name(bytes_of_string(name), hashed) < 0)
        return;
    struct room *room = rooms_find(c, hashed);
    size_t count = room == NULL ? 0 : room->count;
    for (; count > 0 && !c->failed; count--) /* the room goes with its last member */
        move_member(c, room->members, name);
}

/* Those that have not joined yet. */
static void rename_greeting(struct core *c, struct connection *conn)
{
    char name[ROOM_NAME_SIZE];
    if (conn->kind != CONNECTION_ROOM || conn->member != NULL || conn->room == NULL ||
        rooms_canonical(c, bytes_of_string(conn->room), name) < 0 || strcmp(name, conn->room) == 0)
        return;
    free(conn->room);
    conn->room = text_copy(bytes_of_string(name));
    if (conn->room == NULL)
        c->failed = true;
    connection_changed(c, conn);
}

void reload_global_rooms(struct core *c)
{
    const struct config *config = c->settings.config;
    for (size_t i = 0; i < config->global_room_count; i++)
        merge(c, config->global_rooms[i]);
    for (struct connection *conn = c->connections; conn != NULL; conn = conn->hh.next)
        rename_greeting(c, conn);
}

/* ---- relays that are no longer named ---- */

static void end_call(struct core *c, struct call *call)
{
    const struct call_ending ending = {.reason = SIGNAL_HANGUP_ERROR,
                                       .why = "the other party's relay is not in the config",
                                       .by_relay = true};
    call_end(c, call, &ending);
}

/* The callee may still be elsewhere. */
static void withdraw_offer(struct core *c, struct call *call, struct peer *peer)
{
    if (!call_asked_withdraw(c, call, peer))
        return;
    relay_hang_up(c, peer, SIGNAL_HANGUP_NORMAL, signal_text_of(call->spelling));
    if (call->callee.phone == NULL && call_asked_nowhere(call))
        end_call(c, call);
}

static bool is_bound_to(const struct call *call, const struct peer *peer)
{
    return (call->caller.bound && fingerprint_tls_equal(&call->caller.relay, &peer->fingerprint)) ||
           (call->callee.bound && fingerprint_tls_equal(&call->callee.relay, &peer->fingerprint));
}

static void end_calls(struct core *c, struct peer *peer)
{
    struct call *call, *next;
    HASH_ITER(hh, c->calls, call, next)
    {
        if (is_bound_to(call, peer))
            end_call(c, call);
        else
            withdraw_offer(c, call, peer);
    }
}

static bool is_cut_off(const struct core *c, const struct call_side *side)
{
    return side->bound && peer_find(c, &side->relay) == NULL;
}

void reload_calls(struct core *c)
{
    struct call *call, *next;
    HASH_ITER(hh, c->calls, call, next)
    {
        if (is_cut_off(c, &call->caller) || is_cut_off(c, &call->callee))
            end_call(c, call);
    }
}

/* The newest first, so that none of them begins to speak for the link. */
static void close_links(struct core *c, struct peer *peer, const char *why)
{
    while (peer->links != NULL)
        connection_close(c, peer->links->prev->connection, why);
    for (struct connection *conn = c->connections; conn != NULL; conn = conn->hh.next) {
        if (conn->link != NULL && conn->link->peer == peer)
            connection_close(c, conn, why);
    }
}

static void remove_peer(struct core *c, struct peer *peer)
{
    char key[RECORD_KEY_SIZE];
    peer->address = NULL; /* nobody is to dial it again */
    end_calls(c, peer);
    close_links(c, peer, "no longer in the config");
    record_key_hex(key, RECORD_PEER,
                   (struct bytes){peer->fingerprint.bytes, sizeof(peer->fingerprint.bytes)});
    transaction_record_delete(&c->transaction, key);
    peers_remove(c, peer);
    core_split(c, ADOPT_ROW_MAX);
}

/* ---- relays whose terms changed ---- */

/* Whether this connection would be let in today. */
static bool is_admitted(const struct peer *peer, const struct link_connection *l)
{
    const struct connection *conn = l->connection;
    if (!l->ours && !peer->legacy)
        return false;
    return conn->dialed || address_is_none(&peer->source) ||
           address_equal_ip(&peer->source, &conn->remote);
}

static void judge_links(struct core *c, struct peer *peer)
{
    struct link_connection *l = peer->links;
    while (l != NULL) {
        if (is_admitted(peer, l)) {
            l = l->next;
            continue;
        }
        connection_close(c, l->connection, "not admitted by the new config");
        l = peer->links; /* closing one may close others */
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void change_peer(struct core *c, struct peer *peer, const struct peer_terms *terms)
{
    bool moved = !same_text(peer->address, terms->address) || peer->legacy != terms->legacy;
    bool renamed = !same_text(peer->label, terms->label);
    peer_set_terms(peer, terms);
    if (!c->live)
        return;
    judge_links(c, peer);
    if (renamed)
        link_put_roles(c, peer);
    if (moved)
        peer_readdressed(c, peer);
}

static void reload_peers(struct core *c)
{
    struct peer *peer, *next;
    HASH_ITER(hh, c->peers, peer, next)
    {
        struct peer_terms terms;
        if (peer_terms_of(c->settings.config, &peer->fingerprint, &terms))
            change_peer(c, peer, &terms);
        else
            remove_peer(c, peer);
    }
}

static void add_peer(struct core *c, const struct fingerprint_tls *fingerprint)
{
    if (peer_find(c, fingerprint) != NULL)
        return;
    struct peer *peer = peers_add(c, fingerprint);
    if (peer == NULL)
        c->failed = true;
    else if (c->live)
        peer_readdressed(c, peer);
}

static void add_peers(struct core *c)
{
    const struct config *config = c->settings.config;
    for (size_t i = 0; i < config->peer_count; i++)
        add_peer(c, &config->peers[i].fingerprint);
    for (size_t i = 0; i < config->trusted_count; i++)
        add_peer(c, &config->trusted[i].fingerprint);
}

/* ---- all of it ---- */

static bool rates_differ(const struct config_limits *a, const struct config_limits *b)
{
    return a->participant_pps != b->participant_pps ||
           a->federation_room_pps != b->federation_room_pps;
}

void core_reload(struct core *c, const struct config *config, uint64_t now)
{
    const struct config *old = c->settings.config;
    c->now = now;
    c->settings.config = config;
    reload_peers(c);
    add_peers(c);
    probe_targets_reload(c);
    probe_said_reload(c);
    if (c->live) {
        reload_settings(c);
        trust_warn(c);
        federation_reload(c);
        reload_global_rooms(c);
        if (rates_differ(&old->limits, &config->limits))
            reload_rates(c);
        core_commit(c);
    } else {
        buffer_clear(&c->transaction.row); /* the next adoption says all of it */
    }
}
