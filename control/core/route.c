#include "control/core/route.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/text.h"
#include "control/core/heard.h"
#include "control/core/link.h"
#include "control/core/presence.h"
#include "control/core/probe.h"
#include "control/core/record.h"
#include "control/core/registry.h"

#define RECORD_VERSION 1

/* ---- what is known ---- */

static void copy_address(char out[ADDRESS_TEXT], const char *text)
{
    snprintf(out, ADDRESS_TEXT, "%s", text);
}

/* An original is no relay of a path, but phones reach it. */
static void said_on_a_probe(const struct core *c, const char *name, struct route *out)
{
    const struct probe_said *said = probe_said_find(c, name);
    out->found = said != NULL;
    if (said == NULL)
        return;
    out->path = (struct path){.relays = {said->relay}, .count = 1};
    copy_address(out->addresses[0], said->address);
}

void route_known(const struct core *c, const char *name, struct route *out)
{
    struct presence_place place;
    memset(out, 0, sizeof(*out));
    out->found = true;
    if (registry_find(c, name) != NULL)
        return;
    if (presence_find(c, name, &place, 1) == 0) {
        said_on_a_probe(c, name, out);
        return;
    }
    out->path = trail_path(place.path);
    for (size_t i = 0; i < out->path.count; i++) {
        const struct presence *p = presence_of(c, &out->path.relays[i]);
        copy_address(out->addresses[i], p == NULL ? "" : p->address);
    }
}

/* ---- the table ---- */

static struct route_query *find(const struct core *c, const char *id)
{
    struct route_query *q = NULL;
    HASH_FIND_STR(c->routes, id, q);
    return q;
}

static void finish(struct core *c, struct route_query *q, const struct route *route);
static void write_record(struct core *c, struct deferred *work);

static void drop(struct core *c, struct route_query *q)
{
    timer_stop(c, &q->timer);
    deferred_cancel(c, &q->record);
    HASH_DEL(c->routes, q);
    free(q->asked);
    free(q);
}

/* Somebody here asked, who asks again for the answer. */
static bool is_own(const struct route_query *q)
{
    return q->asker == ROUTE_OPERATOR || q->asker == ROUTE_CALL;
}

static void record_gone(struct core *c, const struct route_query *q)
{
    char key[RECORD_KEY_SIZE];
    record_key(key, RECORD_ROUTE, q->id);
    if (q->asker != ROUTE_OPERATOR)
        transaction_record_delete(&c->transaction, key);
}

static void due(struct core *c, struct timer *timer)
{
    static const struct route nowhere;
    struct route_query *q = heap_entry(timer, struct route_query, timer);
    if (!q->done) {
        finish(c, q, &nowhere);
        return;
    }
    record_gone(c, q);
    drop(c, q);
}

static struct route_query *make(struct core *c, const char *id, const char *name)
{
    struct route_query *q = calloc(1, sizeof(*q));
    if (q == NULL) {
        c->failed = true;
        return NULL;
    }
    snprintf(q->id, sizeof(q->id), "%s", id);
    snprintf(q->name, sizeof(q->name), "%s", name);
    q->timer.due = due;
    q->record.run = write_record;
    HASH_ADD_STR(c->routes, id, q);
    return q;
}

void route_forget_all(struct core *c)
{
    while (c->routes != NULL)
        drop(c, c->routes);
}

/* ---- answering ---- */

static const struct connection *answer_to(const struct core *c, const struct route_query *q)
{
    const struct peer *peer = q->asker == ROUTE_LINK ? peer_find(c, &q->link) : NULL;
    if (q->asker == ROUTE_LINK)
        return peer == NULL ? NULL : link_oldest(peer);
    return connection_find(c, q->connection);
}

/* The relays and their addresses, we first. */
static void say(struct core *c, const struct route_query *q, const struct route *route)
{
    char own[ADDRESS_TEXT], texts[FEDERATION_PATH_MAX + 1][FINGERPRINT_TLS_TEXT];
    struct signal_text path[FEDERATION_PATH_MAX + 1], chain[FEDERATION_PATH_MAX + 1];
    const struct connection *conn = answer_to(c, q);
    if (conn == NULL)
        return;
    size_t count = route->found ? route->path.count + 1 : 0;
    presence_address(c, conn, own);
    for (size_t i = 0; i < count; i++) {
        fingerprint_tls_text(i == 0 ? &c->settings.tls : &route->path.relays[i - 1], texts[i]);
        path[i] = signal_text_of(texts[i]);
        chain[i] = signal_text_of(i == 0 ? own : route->addresses[i - 1]);
    }
    struct signal_route_extension extension = {.id = signal_text_of(q->id), .path = {path, count}};
    struct signal response = {.type = SIGNAL_ROUTE_RESPONSE};
    response.route_response.fingerprint = signal_text_of(q->name);
    response.route_response.found = route->found;
    response.route_response.relay_chain = (struct signal_texts){chain, count};
    response.route_response.chappe = q->asker == ROUTE_LINK ? &extension : NULL;
    transaction_say(&c->transaction, conn->id, &response);
}

/* Its id is remembered for a while: copies of the query come by other links. */
static void finish(struct core *c, struct route_query *q, const struct route *route)
{
    q->done = true;
    q->asked_count = 0;
    if (is_own(q))
        q->result = *route;
    else
        say(c, q, route);
    q->deadline = c->now + ROUTE_KEPT_NS;
    timer_set(c, &q->timer, q->deadline);
    deferred_add(c, &q->record);
}

/* ---- asking others ---- */

static bool may_ask(const struct route_query *q, const struct federation_link *link)
{
    return !link->legacy && link->peer->delegate &&
           !(q->asker == ROUTE_LINK && fingerprint_tls_equal(&q->link, &link->fingerprint));
}

static void ask_link(struct core *c, struct route_query *q, const struct federation_link *link,
                     uint8_t ttl)
{
    struct fingerprint_tls *asked = realloc(q->asked, (q->asked_count + 1) * sizeof(*asked));
    if (asked == NULL) {
        c->failed = true;
        return;
    }
    q->asked = asked;
    q->asked[q->asked_count++] = link->fingerprint;
    struct signal_route_extension extension = {.id = signal_text_of(q->id)};
    struct signal query = {.type = SIGNAL_ROUTE_QUERY};
    query.route_query.fingerprint = signal_text_of(q->name);
    query.route_query.ttl = ttl;
    query.route_query.chappe = &extension;
    link_say(c, link->peer, &query);
}

/* `ttl`: links that it may travel. Done at once if there is nobody to ask. */
static void ask_others(struct core *c, struct route_query *q, unsigned ttl)
{
    static const struct route nowhere;
    ttl = ttl > ROUTE_TTL_MAX ? ROUTE_TTL_MAX : ttl;
    for (struct federation_link *link = c->federation->links; ttl > 0 && link != NULL;
         link = link->next) {
        if (may_ask(q, link))
            ask_link(c, q, link, (uint8_t)(ttl - 1));
    }
    if (q->asked_count == 0) {
        finish(c, q, &nowhere);
        return;
    }
    q->deadline = c->now + (ttl + 1) * ROUTE_HOP_NS;
    timer_set(c, &q->timer, q->deadline);
    deferred_add(c, &q->record);
}

/* ---- who asks ---- */

static bool is_full(const struct core *c, enum route_asker asker,
                    const struct fingerprint_tls *link)
{
    size_t count = 0;
    for (const struct route_query *q = c->routes; q != NULL; q = q->hh.next)
        count +=
            q->asker == asker && (asker != ROUTE_LINK || fingerprint_tls_equal(&q->link, link));
    return count >= ROUTE_OF_LINK_MAX || HASH_COUNT(c->routes) >= ROUTE_QUERIES_MAX;
}

static bool read_name(struct signal_text text, char name[CONNECTION_NAME_SIZE])
{
    return text.len > 0 && signal_text_copy(text, name, CONNECTION_NAME_SIZE) &&
           text_is_clean(bytes_of_string(name));
}

/* An id of our own: nobody else's begins like it. */
static void make_id(struct core *c, char id[ROUTE_ID_SIZE])
{
    char digits[33];
    hex_encode(c->settings.tls.bytes, 16, digits);
    snprintf(id, ROUTE_ID_SIZE, "%s%016" PRIx64, digits, core_order(c));
}

/* What is known is answered without further ado; what we may not tell is not known. */
static void take(struct core *c, const struct route_query *from, unsigned ttl, bool whole)
{
    struct route route = {.found = false};
    bool again = find(c, from->id) != NULL;
    bool full = !again && is_full(c, from->asker, &from->link);
    c->counters.routes_refused += full;
    if (!again && !full)
        route_known(c, from->name, &route);
    route.found = route.found && (whole || route.path.count == 0);
    if (again || full || route.found || !whole || ttl == 0) {
        say(c, from, &route);
        return;
    }
    struct route_query *q = make(c, from->id, from->name);
    if (q == NULL)
        return;
    q->asker = from->asker;
    q->link = from->link;
    q->connection = from->connection;
    ask_others(c, q, ttl);
}

void route_asked_by_probe(struct core *c, const struct connection *conn,
                          const struct signal_route_query *m)
{
    struct route_query q = {.asker = ROUTE_PROBE, .connection = conn->id};
    make_id(c, q.id);
    if (read_name(m->fingerprint, q.name))
        take(c, &q, m->ttl, true);
}

void route_asked_by_link(struct core *c, struct peer *peer, const struct signal_route_query *m)
{
    const struct federation_link *link = federation_link_of(c, peer);
    struct route_query q = {.asker = ROUTE_LINK, .link = peer->fingerprint};
    if (link == NULL || link->legacy || m->chappe == NULL ||
        !signal_text_copy(m->chappe->id, q.id, sizeof(q.id)) ||
        !text_is_clean(bytes_of_string(q.id)) || !read_name(m->fingerprint, q.name)) {
        heard_refuse(c, peer, SIGNAL_TEXT("route"), "not as relays of ours ask");
        return;
    }
    take(c, &q, m->ttl, link->accepts_forwarded);
}

/* `out` is what is known without asking. */
static bool ask_for(struct core *c, enum route_asker asker, const char *name, struct route *out)
{
    char id[ROUTE_ID_SIZE];
    struct route_query *q = c->routes;
    while (q != NULL && !(q->asker == asker && strcmp(q->name, name) == 0))
        q = q->hh.next;
    if (q == NULL && !out->found && !is_full(c, asker, NULL)) {
        make_id(c, id);
        q = make(c, id, name);
        if (q == NULL)
            return true;
        q->asker = asker;
        ask_others(c, q, ROUTE_TTL_MAX);
    }
    if (q == NULL)
        return true;
    bool done = q->done || out->found;
    if (q->done && !out->found)
        *out = q->result;
    if (done) {
        record_gone(c, q);
        drop(c, q);
    }
    return done;
}

bool route_asked_by_operator(struct core *c, const char *name, struct route *out)
{
    route_known(c, name, out);
    return ask_for(c, ROUTE_OPERATOR, name, out);
}

bool route_asked_by_call(struct core *c, const char *name, struct route *out)
{
    memset(out, 0, sizeof(*out));
    return ask_for(c, ROUTE_CALL, name, out);
}

/* ---- answers ---- */

static bool was_asked(struct route_query *q, const struct fingerprint_tls *relay)
{
    for (size_t i = 0; i < q->asked_count; i++) {
        if (!fingerprint_tls_equal(&q->asked[i], relay))
            continue;
        q->asked[i] = q->asked[--q->asked_count];
        return true;
    }
    return false;
}

/* From the sender to the relay that has the phone, without a loop. */
static bool read_route(const struct core *c, const struct federation_link *link,
                       const struct signal_route_response *m, struct route *route)
{
    const struct signal_texts *chain = &m->relay_chain;
    struct path *path = &route->path;
    if (!heard_path(path, &m->chappe->path) || path->count == 0 ||
        !fingerprint_tls_equal(&path->relays[0], &link->fingerprint) ||
        path_contains(path, &c->settings.tls) || (path->count > 1 && !link->peer->delegate))
        return false;
    for (size_t i = 0; i < path->count && i < chain->count; i++) {
        struct address address;
        if (address_parse(signal_text_bytes(chain->items[i]), &address) == 0)
            address_text(&address, route->addresses[i]);
    }
    route->found = true;
    return true;
}

void route_answered(struct core *c, struct peer *peer, const struct signal_route_response *m)
{
    static const struct route nowhere;
    const struct federation_link *link = federation_link_of(c, peer);
    struct route route = {.found = false};
    char id[ROUTE_ID_SIZE];
    if (link == NULL || link->legacy || m->chappe == NULL ||
        !signal_text_copy(m->chappe->id, id, sizeof(id))) {
        heard_refuse(c, peer, SIGNAL_TEXT("route"), "not as relays of ours answer");
        return;
    }
    struct route_query *q = find(c, id);
    if (q == NULL || q->done || !was_asked(q, &peer->fingerprint))
        return; /* too late */
    if (m->found && read_route(c, link, m, &route) && route.path.count < FEDERATION_PATH_MAX)
        finish(c, q, &route);
    else if (q->asked_count == 0)
        finish(c, q, &nowhere);
    else
        deferred_add(c, &q->record);
}

void route_link_down(struct core *c, const struct federation_link *link)
{
    static const struct route nowhere;
    for (struct route_query *q = c->routes; q != NULL; q = q->hh.next) {
        if (q->done || !was_asked(q, &link->fingerprint))
            continue;
        if (q->asked_count == 0)
            finish(c, q, &nowhere);
        else
            deferred_add(c, &q->record);
    }
}

/* ---- records ---- */

/* Without the addresses: calls go by the relays. */
static void put_result(struct buffer *out, const struct route *route)
{
    buffer_append_u8(out, route->found);
    buffer_append_u8(out, (uint8_t)route->path.count);
    for (size_t i = 0; i < route->path.count; i++)
        record_put_tls(out, &route->path.relays[i]);
}

static void get_result(struct reader *r, struct route *route)
{
    route->found = record_get_bool(r);
    size_t count = reader_u8(r);
    if (count > FEDERATION_PATH_MAX) {
        r->failed = true;
        return;
    }
    for (; route->path.count < count; route->path.count++)
        record_get_tls(r, &route->path.relays[route->path.count]);
}

static void write_record(struct core *c, struct deferred *work)
{
    const struct route_query *q = heap_entry(work, struct route_query, record);
    char key[RECORD_KEY_SIZE];
    struct buffer value = {0};
    if (q->asker == ROUTE_OPERATOR)
        return; /* who asked will ask again */
    record_key(key, RECORD_ROUTE, q->id);
    buffer_append_u8(&value, RECORD_VERSION);
    record_put_text(&value, q->name);
    buffer_append_u8(&value, (uint8_t)q->asker);
    record_put_tls(&value, &q->link);
    buffer_append_u64(&value, q->connection);
    buffer_append_u64(&value, q->deadline);
    buffer_append_u8(&value, q->done);
    buffer_append_u32(&value, (uint32_t)q->asked_count);
    for (size_t i = 0; i < q->asked_count; i++)
        record_put_tls(&value, &q->asked[i]);
    put_result(&value, &q->result);
    c->failed |= value.failed;
    transaction_record_put(&c->transaction, key, 0, buffer_view(&value));
    buffer_free(&value);
}

static void get_asked(struct reader *r, struct route_query *q)
{
    size_t count = reader_u32(r);
    if (r->failed || count > CONFIG_PEERS_MAX * 2 ||
        (count > 0 && (q->asked = calloc(count, sizeof(*q->asked))) == NULL)) {
        r->failed = true;
        return;
    }
    for (; q->asked_count < count; q->asked_count++)
        record_get_tls(r, &q->asked[q->asked_count]);
}

int route_restore(struct core *c, struct bytes name, struct bytes value)
{
    struct reader r;
    char id[ROUTE_ID_SIZE], phone[CONNECTION_NAME_SIZE];
    reader_init(&r, value);
    if (!record_get_version(&r, RECORD_VERSION) ||
        !signal_text_copy(signal_text_of_bytes(name), id, sizeof(id)) || find(c, id) != NULL)
        return ERR_SYNTAX;
    record_get_text(&r, phone, sizeof(phone));
    struct route_query *q = make(c, id, phone);
    if (q == NULL)
        return ERR_MEMORY;
    uint8_t asker = reader_u8(&r);
    q->asker = asker == ROUTE_LINK || asker == ROUTE_CALL ? asker : ROUTE_PROBE;
    record_get_tls(&r, &q->link);
    q->connection = reader_u64(&r);
    q->deadline = reader_u64(&r);
    q->done = record_get_bool(&r);
    get_asked(&r, q);
    get_result(&r, &q->result);
    if (!r.failed)
        return 0;
    drop(c, q);
    return ERR_SYNTAX;
}

void route_adopted(struct core *c)
{
    for (struct route_query *q = c->routes; q != NULL; q = q->hh.next)
        timer_set(c, &q->timer, q->deadline);
}
