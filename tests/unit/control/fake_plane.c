#include "fake_plane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/hex.h"

static char *copy_text(struct bytes view)
{
    char *text = malloc(view.len + 1);
    assert_non_null(text);
    if (view.len > 0)
        memcpy(text, view.data, view.len);
    text[view.len] = '\0';
    return text;
}

static void copy_name(struct bytes view, char out[256])
{
    assert_true(view.len < 256);
    if (view.len > 0)
        memcpy(out, view.data, view.len);
    out[view.len] = '\0';
}

struct fake_connection *fake_plane_connection(struct fake_plane *p, uint64_t id)
{
    if (id == 0 || id > p->connection_count)
        return NULL;
    return p->connections[id - 1];
}

struct fake_connection *fake_plane_open(struct fake_plane *p, const char *sni)
{
    assert_true(p->connection_count < FAKE_CONNECTIONS_MAX);
    struct fake_connection *conn = calloc(1, sizeof(*conn));
    assert_non_null(conn);
    p->connections[p->connection_count++] = conn;
    conn->facts.connection = p->connection_count;
    snprintf(conn->sni, sizeof(conn->sni), "%s", sni);
    conn->facts.sni = bytes_of_string(conn->sni);
    conn->open = conn->known = true;
    conn->other.relay = -1;
    return conn;
}

void fake_plane_note_input(struct fake_plane *p, struct fake_connection *conn,
                           struct ipc_item *item, const char *body)
{
    (void)p;
    assert_true(conn->input_count < FAKE_INPUTS_MAX);
    struct fake_input *input = &conn->inputs[conn->input_count++];
    *input = (struct fake_input){0};
    uint64_t number = ++conn->next_input;
    if (item->type == IPC_opened) {
        item->u.opened.input = conn->facts.input = number;
    } else if (item->type == IPC_signal) {
        item->u.signal.input = number;
        input->body = copy_text(bytes_of_string(body));
        item->u.signal.body = bytes_of_string(input->body);
    } else {
        item->u.closed.input = number;
    }
    input->item = *item;
}

/* ---- commands ---- */

static void forget_records_of(struct fake_plane *p, uint64_t owner);

static void commit_ack(struct fake_plane *p, const struct ipc_ack *ack)
{
    struct fake_connection *conn = fake_plane_connection(p, ack->connection);
    assert_non_null(conn);
    assert_true(ack->input <= conn->next_input);
    assert_true(ack->input > conn->acknowledged);
    size_t released = (size_t)(ack->input - conn->acknowledged);
    conn->acknowledged = ack->input;
    for (size_t i = 0; i < released; i++) {
        if (conn->inputs[i].item.type == IPC_closed) {
            conn->known = false;
            conn->is_link = false;
            forget_records_of(p, ack->connection);
        }
        free(conn->inputs[i].body);
    }
    conn->input_count -= released;
    memmove(conn->inputs, conn->inputs + released, conn->input_count * sizeof(conn->inputs[0]));
}

static struct fake_record *find_record(struct fake_plane *p, struct bytes key)
{
    for (size_t i = 0; i < p->record_count; i++) {
        if (bytes_equal_string(key, p->records[i].key))
            return &p->records[i];
    }
    return NULL;
}

static void drop_record(struct fake_plane *p, struct fake_record *record)
{
    free(record->key);
    free(record->value);
    *record = p->records[--p->record_count];
}

static void forget_records_of(struct fake_plane *p, uint64_t owner)
{
    for (size_t i = p->record_count; i > 0; i--) {
        if (p->records[i - 1].owner == owner)
            drop_record(p, &p->records[i - 1]);
    }
}

static void commit_record_put(struct fake_plane *p, const struct ipc_record_put *put)
{
    struct fake_record *record = find_record(p, put->key);
    if (record == NULL) {
        assert_true(p->record_count < FAKE_THINGS_MAX);
        record = &p->records[p->record_count++];
        *record = (struct fake_record){.key = copy_text(put->key)};
    }
    free(record->value);
    record->owner = put->owner;
    record->value = (uint8_t *)copy_text(put->value);
    record->len = put->value.len;
    if (put->owner != 0)
        assert_non_null(fake_plane_connection(p, put->owner));
}

static void commit_record_delete(struct fake_plane *p, const struct ipc_record_delete *delete)
{
    struct fake_record *record = find_record(p, delete->key);
    if (record != NULL)
        drop_record(p, record);
}

static void push_message(struct fake_connection *conn, struct bytes body, bool unidirectional,
                         uint64_t replace_key)
{
    if (!conn->open || conn->closing)
        return;
    assert_true(conn->message_count < FAKE_MESSAGES_MAX);
    conn->messages[conn->message_count++] =
        (struct fake_message){copy_text(body), unidirectional, replace_key};
}

static void commit_send(struct fake_plane *p, const struct ipc_send *send)
{
    for (size_t i = 0; i < send->to.count; i++) {
        struct fake_connection *conn = fake_plane_connection(p, send->to.list[i]);
        assert_non_null(conn);
        push_message(conn, send->body, false, send->replace_key);
        /* A role comes before the CallAnswer. */
        if (send->body.len > 13 && memcmp(send->body.data, "{\"CallAnswer\"", 13) == 0)
            assert_true(conn->room[0] != '\0');
    }
}

static struct fake_room *find_room(struct fake_plane *p, const char *name)
{
    for (size_t i = 0; i < p->room_count; i++) {
        if (strcmp(p->rooms[i].name, name) == 0)
            return &p->rooms[i];
    }
    return NULL;
}

static void commit_room_put(struct fake_plane *p, const struct ipc_room_put *put)
{
    char name[256];
    copy_name(put->room, name);
    struct fake_room *room = find_room(p, name);
    if (room == NULL) {
        assert_true(p->room_count < FAKE_ROOMS_MAX);
        room = &p->rooms[p->room_count++];
        *room = (struct fake_room){0};
        memcpy(room->name, name, sizeof(name));
    }
    assert_true(put->egress.count <= FAKE_HOPS_MAX);
    room->hop_count = put->egress.count;
    room->pps = put->participant_pps;
    if (room->hop_count > 0)
        memcpy(room->hops, put->egress.list, room->hop_count * sizeof(room->hops[0]));
}

static void commit_room_delete(struct fake_plane *p, const struct ipc_room_delete *delete)
{
    char name[256];
    copy_name(delete->room, name);
    struct fake_room *room = find_room(p, name);
    if (room == NULL && p->lenient)
        return;
    assert_non_null(room);
    *room = p->rooms[--p->room_count];
}

static void commit_join(struct fake_plane *p, const struct ipc_join *join)
{
    struct fake_connection *conn = fake_plane_connection(p, join->connection);
    char name[256];
    copy_name(join->room, name);
    assert_non_null(conn);
    if (!p->lenient) {
        assert_non_null(find_room(p, name));
        assert_string_equal(conn->room, "");
    }
    if (conn->open)
        memcpy(conn->room, name, sizeof(name));
}

static struct fake_route *find_route(struct fake_plane *p, const struct fingerprint_tls *link,
                                     const struct ipc_tag *tag)
{
    for (size_t i = 0; i < p->route_count; i++) {
        if (fingerprint_tls_equal(&p->routes[i].link, link) &&
            memcmp(&p->routes[i].tag, tag, sizeof(*tag)) == 0)
            return &p->routes[i];
    }
    return NULL;
}

static void commit_route_put(struct fake_plane *p, const struct ipc_route_put *put)
{
    struct fake_route *route = find_route(p, &put->link, &put->tag);
    if (route == NULL) {
        assert_true(p->route_count < FAKE_ROOMS_MAX);
        route = &p->routes[p->route_count++];
    }
    route->link = put->link;
    route->tag = put->tag;
    route->pps = put->pps;
    copy_name(put->room, route->room);
    route->origin = put->origin;
    assert_true(put->onward.count <= FAKE_HOPS_MAX);
    route->hop_count = put->onward.count;
    if (route->hop_count > 0)
        memcpy(route->hops, put->onward.list, route->hop_count * sizeof(route->hops[0]));
}

static void commit_route_delete(struct fake_plane *p, const struct ipc_route_delete *delete)
{
    struct fake_route *route = find_route(p, &delete->link, &delete->tag);
    if (route == NULL && p->lenient)
        return;
    assert_non_null(route);
    *route = p->routes[--p->route_count];
}

static void commit_dial(struct fake_plane *p, const struct ipc_dial *dial)
{
    assert_true(p->dial_count < FAKE_THINGS_MAX);
    for (size_t i = 0; i < p->dial_count; i++)
        assert_true(p->dials[i].dial.dial != dial->dial);
    struct fake_dial *own = &p->dials[p->dial_count++];
    *own = (struct fake_dial){.dial = *dial};
    assert_true(dial->sni.len < sizeof(own->sni));
    memcpy(own->sni, dial->sni.data, dial->sni.len);
    own->dial.sni = bytes_of_string(own->sni);
}

static void commit_close(struct fake_plane *p, const struct ipc_close *close)
{
    struct fake_connection *conn = fake_plane_connection(p, close->connection);
    assert_non_null(conn);
    if (!conn->closing)
        copy_name(close->reason, conn->reason);
    conn->closing = true;
}

static void commit_link_join(struct fake_plane *p, const struct ipc_link_join *join)
{
    struct fake_connection *conn = fake_plane_connection(p, join->connection);
    assert_non_null(conn);
    conn->is_link = true;
    conn->link = join->link;
    conn->legacy = join->legacy;
    conn->ping_after_ms = join->ping_after_ms;
    conn->dead_after_ms = join->dead_after_ms;
}

static void commit_item(struct fake_plane *p, const struct ipc_item *item)
{
    struct fake_connection *conn;
    switch (item->type) {
    case IPC_ack:
        commit_ack(p, &item->u.ack);
        break;
    case IPC_record_put:
        commit_record_put(p, &item->u.record_put);
        break;
    case IPC_record_delete:
        commit_record_delete(p, &item->u.record_delete);
        break;
    case IPC_send:
        commit_send(p, &item->u.send);
        break;
    case IPC_send_unidirectional:
        push_message(fake_plane_connection(p, item->u.send_unidirectional.connection),
                     item->u.send_unidirectional.body, true, 0);
        break;
    case IPC_close:
        commit_close(p, &item->u.close);
        break;
    case IPC_room_put:
        commit_room_put(p, &item->u.room_put);
        break;
    case IPC_room_delete:
        commit_room_delete(p, &item->u.room_delete);
        break;
    case IPC_join:
        commit_join(p, &item->u.join);
        break;
    case IPC_leave:
        conn = fake_plane_connection(p, item->u.leave.connection);
        assert_non_null(conn);
        conn->room[0] = '\0';
        break;
    case IPC_link_join:
        commit_link_join(p, &item->u.link_join);
        break;
    case IPC_route_put:
        commit_route_put(p, &item->u.route_put);
        break;
    case IPC_route_delete:
        commit_route_delete(p, &item->u.route_delete);
        break;
    case IPC_dial:
        commit_dial(p, &item->u.dial);
        break;
    case IPC_repeat:
        conn = fake_plane_connection(p, item->u.repeat.connection);
        assert_non_null(conn);
        conn->repeat_ms = item->u.repeat.interval_ms;
        break;
    case IPC_complete:
        p->completes++;
        p->swept += item->u.complete.swept;
        break;
    case IPC_settings:
        p->settings = item->u.settings;
        break;
    case IPC_refuse_new:
        p->refuse_new = item->u.refuse_new.refuse;
        break;
    case IPC_stop:
        p->stopped = true;
        break;
    default:
        fail_msg("unexpected command %s", ipc_type_name(item->type));
    }
}

/* Acknowledgements of `closed` come last, as the data plane's `released` does. */
void fake_plane_commit(struct fake_plane *p, struct bytes row)
{
    struct ipc_items items = {0};
    assert_int_equal(ipc_items_decode(&items, row), 0);
    for (size_t i = 0; i < items.count; i++) {
        if (items.list[i].type != IPC_ack)
            commit_item(p, &items.list[i]);
    }
    for (size_t i = 0; i < items.count; i++) {
        if (items.list[i].type == IPC_ack)
            commit_item(p, &items.list[i]);
    }
    ipc_items_free(&items);
    p->transactions++;
}

/* ---- snapshot ---- */

static void snapshot_rooms(struct fake_plane *p, void (*installed)(void *, const struct ipc_item *),
                           void *context)
{
    for (size_t i = 0; i < p->room_count; i++) {
        struct ipc_item item = {.type = IPC_room_put};
        item.u.room_put.room = bytes_of_string(p->rooms[i].name);
        item.u.room_put.participant_pps = p->rooms[i].pps;
        item.u.room_put.egress = (struct ipc_hops){p->rooms[i].hops, p->rooms[i].hop_count};
        installed(context, &item);
    }
    for (size_t i = 0; i < p->route_count; i++) {
        struct ipc_item item = {.type = IPC_route_put};
        item.u.route_put.link = p->routes[i].link;
        item.u.route_put.tag = p->routes[i].tag;
        item.u.route_put.pps = p->routes[i].pps;
        item.u.route_put.room = bytes_of_string(p->routes[i].room);
        item.u.route_put.origin = p->routes[i].origin;
        installed(context, &item);
    }
}

void fake_plane_snapshot(struct fake_plane *p,
                         void (*installed)(void *context, const struct ipc_item *item),
                         void *context)
{
    /* Backwards, because the order means nothing. */
    for (size_t i = p->record_count; i > 0; i--) {
        const struct fake_record *record = &p->records[i - 1];
        struct ipc_item item = {.type = IPC_record_put};
        item.u.record_put.key = bytes_of_string(record->key);
        item.u.record_put.owner = record->owner;
        item.u.record_put.value = (struct bytes){record->value, record->len};
        installed(context, &item);
    }
    for (size_t i = p->connection_count; i > 0; i--) {
        const struct fake_connection *conn = p->connections[i - 1];
        if (!conn->known || conn->acknowledged == 0)
            continue;
        struct ipc_item item = {.type = IPC_opened};
        item.u.opened = conn->facts;
        installed(context, &item);
    }
    snapshot_rooms(p, installed, context);
}

/* ---- comparing ---- */

static int record_order(const void *a, const void *b)
{
    const struct fake_record *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static void print_records(const struct fake_plane *p, struct buffer *out)
{
    struct fake_record sorted[FAKE_THINGS_MAX];
    memcpy(sorted, p->records, p->record_count * sizeof(sorted[0]));
    qsort(sorted, p->record_count, sizeof(sorted[0]), record_order);
    for (size_t i = 0; i < p->record_count; i++) {
        char *hex = malloc(sorted[i].len * 2 + 1);
        assert_non_null(hex);
        hex_encode(sorted[i].value, sorted[i].len, hex);
        buffer_printf(out, "record %s %llu %s\n", sorted[i].key,
                      (unsigned long long)sorted[i].owner, hex);
        free(hex);
    }
}

static int name_order(const void *a, const void *b)
{
    return strcmp(a, b); /* both structs begin with the name */
}

void fake_plane_print(const struct fake_plane *p, struct buffer *out)
{
    for (size_t i = 0; i < p->connection_count; i++) {
        const struct fake_connection *conn = p->connections[i];
        buffer_printf(out,
                      "connection %zu sni=%s open=%d closing=%d(%s) room=%s link=%d legacy=%d "
                      "repeat=%u\n",
                      i + 1, conn->sni, conn->open, conn->closing, conn->reason, conn->room,
                      conn->is_link, conn->legacy, conn->repeat_ms);
        for (size_t k = 0; k < conn->message_count; k++)
            buffer_printf(out, "  %s\n", conn->messages[k].text);
    }
    print_records(p, out);
    struct fake_room sorted[FAKE_ROOMS_MAX];
    memcpy(sorted, p->rooms, p->room_count * sizeof(sorted[0]));
    qsort(sorted, p->room_count, sizeof(sorted[0]), name_order);
    for (size_t i = 0; i < p->room_count; i++)
        buffer_printf(out, "room %s hops=%zu\n", sorted[i].name, sorted[i].hop_count);
    buffer_printf(out, "routes %zu dials %zu\n", p->route_count, p->dial_count);
}

size_t fake_plane_records_of(const struct fake_plane *p, const char *kind)
{
    size_t n = 0;
    for (size_t i = 0; i < p->record_count; i++)
        n += strncmp(p->records[i].key, kind, strlen(kind)) == 0;
    return n;
}

void fake_plane_free(struct fake_plane *p)
{
    for (size_t i = 0; i < p->connection_count; i++) {
        struct fake_connection *conn = p->connections[i];
        for (size_t k = 0; k < conn->message_count; k++)
            free(conn->messages[k].text);
        for (size_t k = 0; k < conn->input_count; k++)
            free(conn->inputs[k].body);
        free(conn);
    }
    while (p->record_count > 0)
        drop_record(p, &p->records[0]);
    *p = (struct fake_plane){0};
}
