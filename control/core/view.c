/*
 * What operators see of the core, as JSON (design: "chappectl").
 */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "control/core/call_room.h"
#include "control/core/calls.h"
#include "control/core/global_room.h"
#include "control/core/link.h"
#include "control/core/media_route.h"
#include "control/core/original.h"
#include "control/core/presence.h"
#include "control/core/probe.h"
#include "control/core/purpose.h"
#include "control/core/route.h"
#include "control/core/view.h"

static const char *const grade_names[] = {"none", "signed", "proven"};

cJSON *view_add_object(cJSON *array)
{
    cJSON *object = cJSON_CreateObject();
    if (object != NULL && !cJSON_AddItemToArray(array, object)) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

void view_add_text(cJSON *o, const char *key, const char *text)
{
    if (text == NULL || text[0] == '\0')
        cJSON_AddNullToObject(o, key);
    else
        cJSON_AddStringToObject(o, key, text);
}

static void add_tls(cJSON *object, const char *key, const struct fingerprint_tls *fingerprint)
{
    char text[FINGERPRINT_TLS_TEXT];
    fingerprint_tls_text(fingerprint, text);
    cJSON_AddStringToObject(object, key, text);
}

static void add_address(cJSON *object, const char *key, const struct address *address)
{
    char text[ADDRESS_TEXT];
    address_text(address, text);
    cJSON_AddStringToObject(object, key, text);
}

/* ---- peers ---- */

static const char *peer_state(const struct peer *peer)
{
    if (peer_linked(peer))
        return "linked";
    if (peer->address == NULL)
        return "absent"; /* it is to dial us */
    return peer->reconnect.state == RECONNECT_DIALING ? "dialing" : "waiting";
}

static int count_connections(const struct peer *peer)
{
    int count = 0;
    for (const struct link_connection *l = peer->links; l != NULL; l = l->next)
        count++;
    return count;
}

static void add_number(cJSON *object, const char *key, double value, bool known)
{
    if (known)
        cJSON_AddNumberToObject(object, key, value);
    else
        cJSON_AddNullToObject(object, key);
}

static void add_traffic(cJSON *o, const struct peer *peer)
{
    const struct peer_traffic *t = &peer->traffic;
    double loss = peer_traffic_loss(t);
    bool linked = peer_linked(peer);
    add_number(o, "rtt_ms", t->rtt_us / 1000.0, linked && t->rtt_us > 0);
    add_number(o, "loss_pct", loss, linked && loss != PEER_TRAFFIC_NO_LOSS);
    add_number(o, "max_packet", (double)t->datagram_max - IPC_TAG_SIZE,
               linked && t->datagram_max > IPC_TAG_SIZE);
    cJSON_AddNumberToObject(o, "packets_in", (double)t->sum.in);
    cJSON_AddNumberToObject(o, "packets_out", (double)t->sum.out);
    cJSON_AddNumberToObject(o, "packets_lost", (double)t->sum.lost);
}

/* What an original has announced of this room; NULL: it is none. */
static const struct original *original_of(const struct federation_link *link,
                                          const struct global_room *room)
{
    return link->legacy ? original_find(room, link) : NULL;
}

/* The origins that it has announced in rooms; the rooms, if it is an original. */
static size_t count_announced(const struct core *c, const struct federation_link *link)
{
    size_t count = 0;
    for (const struct global_room *room = c->federation->rooms; room != NULL;
         room = room->hh.next) {
        const struct original *o = original_of(link, room);
        count += o != NULL && original_is_open(o);
    }
    for (const struct entry *e = link->entries; e != NULL; e = e->link_next)
        count += e->topic->key.room != NULL;
    return count;
}

/* Somebody is in the room behind this link. */
static bool is_peopled(const struct federation_link *link, const struct global_room *room)
{
    const struct original *o = original_of(link, room);
    if (o != NULL)
        return o->topic->list.count > 0;
    for (const struct entry *e = link->entries; e != NULL; e = e->link_next) {
        if (e->topic->key.room == room && e->topic->list.count > 0)
            return true;
    }
    return false;
}

/* The rooms in which media may come from this peer or go to it. */
static void add_peer_rooms(cJSON *o, const struct core *c, const struct peer *peer)
{
    const struct federation_link *link = peer->federation;
    cJSON *rooms = cJSON_AddArrayToObject(o, "rooms");
    const struct global_room *global = link == NULL ? NULL : c->federation->rooms;
    for (; global != NULL; global = global->hh.next) {
        bool goes = rooms_find(c, global->name) != NULL && media_route_goes_to(c, global, link);
        if (goes || is_peopled(link, global))
            cJSON_AddItemToArray(rooms, cJSON_CreateString(global->name));
    }
    for (const struct room *room = c->rooms; room != NULL; room = room->hh.next) {
        if (call_room_peer(c, room) == peer)
            cJSON_AddItemToArray(rooms, cJSON_CreateString(room->name));
    }
}

/* Every peer has the same keys: they are the columns of a table. */
static void add_peer(cJSON *array, const struct core *c, const struct peer *peer, uint64_t now)
{
    cJSON *o = view_add_object(array);
    cJSON_AddStringToObject(o, "label", peer->label);
    add_tls(o, "fingerprint", &peer->fingerprint);
    cJSON_AddStringToObject(o, "state", peer_state(peer));
    add_number(o, "since", (double)((now - peer->since) / CLOCK_MS), peer->since != 0);
    cJSON_AddNumberToObject(o, "connections", count_connections(peer));
    add_traffic(o, peer);
    add_peer_rooms(o, c, peer);
    view_add_text(o, "last_error", peer->last_error);
    cJSON_AddBoolToObject(o, "legacy", peer->legacy && !peer_is_ours(peer));
    if (peer->links != NULL)
        add_address(o, "addr", &peer->links->connection->remote);
    else
        cJSON_AddNullToObject(o, "addr");
    const struct federation_link *link = peer->federation;
    add_number(o, "announced", link == NULL ? 0 : (double)count_announced(c, link), link != NULL);
    add_number(o, "wanted", link == NULL ? 0 : (double)link->demander_count, link != NULL);
    uint64_t at = reconnect_deadline(&peer->reconnect);
    add_number(o, "next_dial_ms", at > now ? (double)((at - now) / CLOCK_MS) : 0,
               peer->address != NULL && at != UINT64_MAX);
}

cJSON *core_view_peers(const struct core *c, uint64_t now)
{
    cJSON *array = cJSON_CreateArray();
    for (const struct peer *peer = c->peers; peer != NULL; peer = peer->hh.next)
        add_peer(array, c, peer, now);
    return array;
}

/* ---- sessions ---- */

static void add_session(cJSON *array, const struct connection *conn)
{
    cJSON *o = view_add_object(array);
    cJSON_AddNumberToObject(o, "id", (double)conn->id);
    cJSON_AddStringToObject(o, "kind", purpose_of(conn->kind)->name);
    const char *proven = "none";
    if (conn->phone != NULL && conn->phone->registered) {
        cJSON_AddStringToObject(o, "fingerprint", conn->phone->name);
        proven = grade_names[conn->phone->grade];
    } else if (conn->member != NULL) {
        cJSON_AddStringToObject(o, "fingerprint", conn->member->name);
        proven = grade_names[CORE_SIGNED];
    } else if (conn->link != NULL && conn->link->peer != NULL) {
        add_tls(o, "fingerprint", &conn->link->peer->fingerprint);
        proven = grade_names[conn->has_certificate ? CORE_PROVEN : CORE_UNPROVEN];
    } else {
        cJSON_AddNullToObject(o, "fingerprint");
    }
    add_address(o, "addr", &conn->remote);
    cJSON_AddStringToObject(o, "proven", proven);
    if (conn->room != NULL)
        cJSON_AddStringToObject(o, "room", conn->room);
}

cJSON *core_view_sessions(const struct core *c)
{
    cJSON *array = cJSON_CreateArray();
    for (const struct connection *conn = c->connections; conn != NULL; conn = conn->hh.next) {
        if (conn->stage != CONNECTION_CLOSING)
            add_session(array, conn);
    }
    return array;
}

/* ---- calls ---- */

static void add_side_peer(const struct core *c, cJSON *object, const char *key,
                          const struct call_side *side)
{
    const struct peer *peer = side->bound ? peer_find(c, &side->relay) : NULL;
    if (peer == NULL)
        cJSON_AddNullToObject(object, key);
    else
        cJSON_AddStringToObject(object, key, peer->label);
}

static void add_call(const struct core *c, cJSON *array, const struct call *call)
{
    cJSON *o = view_add_object(array);
    cJSON_AddStringToObject(o, "call_id", call->spelling);
    cJSON_AddStringToObject(o, "caller", call->caller.name);
    cJSON_AddStringToObject(o, "callee", call->callee.name);
    cJSON_AddStringToObject(o, "state", call->state == CALL_ACTIVE ? "active" : "ringing");
    const struct call_side *far = call->callee.bound ? &call->callee : &call->caller;
    add_side_peer(c, o, "peer", far);
    add_side_peer(c, o, "caller_peer", &call->caller);
    cJSON_AddBoolToObject(o, "transit", call_is_transit(call));
}

cJSON *core_view_calls(const struct core *c)
{
    cJSON *array = cJSON_CreateArray();
    for (const struct call *call = c->calls; call != NULL; call = call->hh.next)
        add_call(c, array, call);
    return array;
}

/* ---- presence ---- */

#define PRESENCE_ROWS_MAX 100000

static void add_label(cJSON *o, const struct core *c, const struct fingerprint_tls *relay)
{
    const struct peer *peer = peer_find(c, relay);
    view_add_text(o, "label", peer == NULL ? NULL : peer->label);
}

/* How a name got here, as a row: the columns are the same in each. */
static cJSON *add_phone(cJSON *array, const char *name)
{
    cJSON *o = view_add_object(array);
    cJSON_AddStringToObject(o, "fingerprint", name);
    return o;
}

static void add_place(const struct core *c, cJSON *o, const struct presence *p)
{
    const struct topic *topic = p->topic;
    add_tls(o, "relay", &topic->key.origin);
    if (topic->own)
        cJSON_AddStringToObject(o, "label", c->settings.config->relay.name);
    else
        add_label(o, c, &topic->key.origin);
    cJSON_AddNumberToObject(o, "hops", topic->own ? 0 : (double)topic->best->path->count);
    view_add_text(o, "via", topic->own ? NULL : topic->best->link->peer->label);
}

static void add_said(const struct core *c, cJSON *o, const struct probe_said *said)
{
    add_tls(o, "relay", &said->relay);
    add_label(o, c, &said->relay);
    cJSON_AddNumberToObject(o, "hops", 1);
    cJSON_AddStringToObject(o, "via", "probe");
}

cJSON *core_view_presence(const struct core *c)
{
    cJSON *array = cJSON_CreateArray();
    const struct presence_name *name;
    int rows = 0;
    for (const struct presence *p = c->federation->presences; p != NULL; p = p->next) {
        bool known = p->topic->own || p->topic->best != NULL;
        for (name = p->names.log; known && name != NULL && rows < PRESENCE_ROWS_MAX;
             name = name->next) {
            if (!name->here)
                continue;
            add_place(c, add_phone(array, name->text), p);
            rows++;
        }
    }
    for (const struct probe_said *said = c->probe_said; said != NULL; said = said->hh.next) {
        for (name = said->names.log; name != NULL && rows < PRESENCE_ROWS_MAX; name = name->next) {
            add_said(c, add_phone(array, name->text), said);
            rows++;
        }
    }
    return array;
}

/* ---- routes ---- */

static const char *route_kind(const struct route *route, bool done)
{
    if (!done)
        return "asking";
    if (!route->found)
        return "not_found";
    return route->path.count == 0 ? "local" : route->path.count == 1 ? "direct_peer" : "chain";
}

static void add_own_address(const struct core *c, cJSON *chain)
{
    const struct config_relay *relay = &c->settings.config->relay;
    char text[ADDRESS_TEXT];
    address_text(address_is_none(&relay->advertise) ? &relay->listen : &relay->advertise, text);
    cJSON_AddItemToArray(chain, cJSON_CreateString(text));
}

bool core_phone_name(const struct core *c, const char *text, char name[CORE_NAME_SIZE])
{
    struct bytes given = bytes_of_string(text);
    struct fingerprint_user fingerprint;
    struct route route = {0};
    bool is_name = given.len > 0 && given.len < CORE_NAME_SIZE && text_is_clean(given);
    bool is_fingerprint = fingerprint_user_read(given, &fingerprint) == 0;
    if (!is_name && !is_fingerprint)
        return false;
    if (is_name)
        route_known(c, text, &route);
    if (is_fingerprint && !route.found)
        fingerprint_user_text(&fingerprint, name);
    else
        snprintf(name, CORE_NAME_SIZE, "%s", text);
    return is_fingerprint || route.found || c->settings.config->auth_url != NULL;
}

cJSON *core_route(struct core *c, const char *fingerprint, uint64_t now)
{
    struct route route;
    c->now = now;
    memset(&route, 0, sizeof(route));
    bool done = c->live && route_asked_by_operator(c, fingerprint, &route);
    core_commit(c);
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "fingerprint", fingerprint);
    cJSON_AddStringToObject(o, "route", route_kind(&route, done));
    add_number(o, "hops", (double)route.path.count, route.found);
    cJSON *chain = cJSON_AddArrayToObject(o, "relay_chain");
    cJSON *relays = cJSON_AddArrayToObject(o, "relays");
    if (route.found)
        add_own_address(c, chain);
    for (size_t i = 0; i < route.path.count; i++) {
        char text[FINGERPRINT_TLS_TEXT];
        fingerprint_tls_text(&route.path.relays[i], text);
        cJSON_AddItemToArray(chain, cJSON_CreateString(route.addresses[i]));
        cJSON_AddItemToArray(relays, cJSON_CreateString(text));
    }
    return o;
}

/* ---- probes ---- */

static void add_probe(cJSON *array, const struct core *c, const struct probe_target *t,
                      uint64_t now)
{
    const struct probe_figures f = probe_window_figures(&t->window, now);
    const struct connection *conn = connection_find(c, t->connection);
    const struct peer *peer = conn == NULL ? NULL : probe_proven(c, conn);
    cJSON *o = view_add_object(array);
    cJSON_AddStringToObject(o, "target", t->address);
    cJSON_AddStringToObject(o, "state", conn == NULL ? "down" : "up");
    view_add_text(o, "label", peer == NULL ? NULL : peer->label);
    add_number(o, "rtt_ms", f.rtt_ms, f.answered);
    add_number(o, "loss_pct", f.loss_pct, f.answered);
    add_number(o, "jitter_ms", f.jitter_ms, f.answered);
    view_add_text(o, "last_error", t->last_error);
}

cJSON *core_view_probes(const struct core *c, uint64_t now)
{
    cJSON *array = cJSON_CreateArray();
    for (const struct probe_target *t = c->probe_targets; t != NULL; t = t->next)
        add_probe(array, c, t, now);
    return array;
}
