/*
 * What operators see of the core, as JSON (design: "chappectl").
 */
#include "control/core/call_room.h"
#include "control/core/calls.h"
#include "control/core/global_room.h"
#include "control/core/link.h"
#include "control/core/media_route.h"
#include "control/core/purpose.h"

static const char *const grade_names[] = {"none", "signed", "proven"};

/* Adds a fresh object to the array; NULL without memory. */
static cJSON *add_object(cJSON *array)
{
    cJSON *object = cJSON_CreateObject();
    if (object != NULL && !cJSON_AddItemToArray(array, object)) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
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

static void add_peer(cJSON *array, const struct peer *peer, uint64_t now)
{
    cJSON *o = add_object(array);
    int connections = 0;
    for (const struct link_connection *l = peer->links; l != NULL; l = l->next)
        connections++;
    cJSON_AddStringToObject(o, "label", peer->label);
    add_tls(o, "fingerprint", &peer->fingerprint);
    cJSON_AddStringToObject(o, "state", peer_state(peer));
    cJSON_AddNumberToObject(o, "connections", connections);
    if (peer->last_error[0] == '\0')
        cJSON_AddNullToObject(o, "last_error");
    else
        cJSON_AddStringToObject(o, "last_error", peer->last_error);
    cJSON_AddBoolToObject(o, "legacy", peer->legacy && !peer_is_ours(peer));
    if (peer->links != NULL) {
        add_address(o, "addr", &peer->links->connection->remote);
        cJSON_AddNumberToObject(o, "rtt_us", peer->links->rtt_us);
    }
    if (peer->federation != NULL) {
        cJSON_AddNumberToObject(o, "announced", (double)peer->federation->entry_count);
        cJSON_AddNumberToObject(o, "wanted", (double)peer->federation->demander_count);
    }
    uint64_t at = reconnect_deadline(&peer->reconnect);
    if (peer->address != NULL && at != UINT64_MAX)
        cJSON_AddNumberToObject(o, "next_dial_ms", at > now ? (double)((at - now) / CLOCK_MS) : 0);
}

cJSON *core_view_peers(const struct core *c, uint64_t now)
{
    cJSON *array = cJSON_CreateArray();
    for (const struct peer *peer = c->peers; peer != NULL; peer = peer->hh.next)
        add_peer(array, peer, now);
    return array;
}

/* ---- sessions ---- */

static void add_session(cJSON *array, const struct connection *conn)
{
    cJSON *o = add_object(array);
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

/* ---- rooms ---- */

static void add_global_links(const struct core *c, cJSON *links, const struct global_room *room)
{
    for (struct federation_link *link = c->federation->links; link != NULL; link = link->next) {
        if (media_route_goes_to(c, room, link))
            cJSON_AddItemToArray(links, cJSON_CreateString(link->peer->label));
    }
}

static void add_room(const struct core *c, cJSON *array, const struct room *room)
{
    cJSON *o = add_object(array);
    cJSON_AddStringToObject(o, "name", room->name);
    cJSON *members = cJSON_AddArrayToObject(o, "members");
    for (const struct member *m = room->members; m != NULL; m = m->next)
        cJSON_AddItemToArray(members, cJSON_CreateString(m->name));
    cJSON *links = cJSON_AddArrayToObject(o, "links");
    const struct peer *peer = call_room_peer(c, room);
    if (peer != NULL)
        cJSON_AddItemToArray(links, cJSON_CreateString(peer->label));
    const struct global_room *global = global_room_find(c, bytes_of_string(room->name));
    if (global != NULL)
        add_global_links(c, links, global);
}

cJSON *core_view_rooms(const struct core *c)
{
    cJSON *array = cJSON_CreateArray();
    for (const struct room *room = c->rooms; room != NULL; room = room->hh.next)
        add_room(c, array, room);
    return array;
}

/* ---- calls ---- */

static void add_call(const struct core *c, cJSON *array, const struct call *call)
{
    cJSON *o = add_object(array);
    cJSON_AddStringToObject(o, "call_id", call->spelling);
    cJSON_AddStringToObject(o, "caller", call->caller.name);
    cJSON_AddStringToObject(o, "callee", call->callee.name);
    cJSON_AddStringToObject(o, "state", call->state == CALL_ACTIVE ? "active" : "ringing");
    const struct peer *peer = call->bound ? peer_find(c, &call->relay) : NULL;
    if (peer == NULL)
        cJSON_AddNullToObject(o, "peer");
    else
        cJSON_AddStringToObject(o, "peer", peer->label);
}

cJSON *core_view_calls(const struct core *c)
{
    cJSON *array = cJSON_CreateArray();
    for (const struct call *call = c->calls; call != NULL; call = call->hh.next)
        add_call(c, array, call);
    return array;
}
