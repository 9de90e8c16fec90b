#include "outcome.h"

#include "mesh.h"
#include "steps.h"

static bool is_between_relays(const struct fake_connection *conn)
{
    return conn->other.relay >= 0;
}

static void print_phone(const struct fake_connection *conn, struct buffer *out)
{
    const char *roster = "";
    buffer_printf(out, "sni=%s open=%d closing=%d(%s) room=%s\n", conn->sni, conn->open,
                  conn->closing, conn->reason, conn->room);
    for (size_t i = 0; i < conn->message_count; i++) {
        const char *text = conn->messages[i].text;
        if (strncmp(text, "{\"RoomUpdate\"", 13) == 0)
            roster = text;
        else
            buffer_printf(out, "  %s\n", text);
    }
    buffer_printf(out, "  last: %s\n", conn->open ? roster : "");
}

/* ---- views ---- */

static void print_known(struct buffer *out, const char *name, cJSON *view,
                        const char *const *unknown)
{
    cJSON *entry;
    cJSON_ArrayForEach(entry, view)
    {
        for (size_t i = 0; unknown[i] != NULL; i++)
            cJSON_DeleteItemFromObject(entry, unknown[i]);
    }
    step_print_view(out, name, view);
}

static void print_views(struct relay *r, struct buffer *out)
{
    static const char *const session[] = {"id", NULL}, *const nothing[] = {NULL};
    static const char *const peer[] = {"since",        "addr",   "last_error",
                                       "next_dial_ms", "rtt_ms", NULL};
    print_known(out, "session", core_view_sessions(r->core), session);
    print_known(out, "room", core_view_rooms(r->core), nothing);
    print_known(out, "call", core_view_calls(r->core), nothing);
    print_known(out, "presence", core_view_presence(r->core), nothing);
    print_known(out, "peer", core_view_peers(r->core, r->harness->now), peer);
}

/* ---- what the data plane holds ---- */

static int order_of_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The number of a connection and the id of a query say nothing. */
static int said(const char *key)
{
    bool kind_only = strncmp(key, "connection/", 11) == 0 || strncmp(key, "route/", 6) == 0;
    return (int)(kind_only ? strcspn(key, "/") : strlen(key));
}

static void print_records(const struct fake_plane *p, struct buffer *out)
{
    const char *keys[FAKE_THINGS_MAX];
    for (size_t i = 0; i < p->record_count; i++)
        keys[i] = p->records[i].key;
    qsort(keys, p->record_count, sizeof(keys[0]), order_of_text);
    for (size_t i = 0; i < p->record_count; i++)
        buffer_printf(out, "record %.*s\n", said(keys[i]), keys[i]);
}

static bool takes(const struct relay *r, int from, const uint8_t tag[IPC_TAG_SIZE])
{
    for (size_t i = 0; i < r->plane.route_count; i++) {
        const struct fake_route *route = &r->plane.routes[i];
        if (route->link.bytes[0] == 0xa0 + from && memcmp(route->tag.bytes, tag, IPC_TAG_SIZE) == 0)
            return true;
    }
    return false;
}

/* Hops whose relay does not know what to do with the packet. */
static size_t count_lost(const struct relay *r, const struct ipc_hop *hops, size_t count)
{
    size_t lost = 0;
    for (size_t i = 0; i < count; i++) {
        int to = hops[i].link.bytes[0] - 0xa0;
        assert_in_range(to, 0, r->harness->relay_count - 1);
        lost += !takes(&r->harness->relays[to], r->number, hops[i].tag);
    }
    return lost;
}

static void print_heard(struct relay *r, const char *room, struct buffer *out)
{
    int heard[HARNESS_RELAYS_MAX];
    mesh_talk(r->harness, r->number, room, heard);
    buffer_printf(out, "room %s heard:", room);
    for (int i = 0; i < r->harness->relay_count; i++)
        buffer_printf(out, " %d", heard[i]);
    buffer_printf(out, "\n");
}

static void print_rooms(struct relay *r, struct buffer *out)
{
    const char *names[FAKE_ROOMS_MAX];
    size_t lost = 0;
    for (size_t i = 0; i < r->plane.room_count; i++) {
        const struct fake_room *room = &r->plane.rooms[i];
        names[i] = room->name;
        lost += count_lost(r, room->hops, room->hop_count);
    }
    qsort(names, r->plane.room_count, sizeof(names[0]), order_of_text);
    for (size_t i = 0; i < r->plane.room_count; i++)
        print_heard(r, names[i], out);
    buffer_printf(out, "members' hops to nowhere: %zu\n", lost);
}

static void print_routes(const struct relay *r, struct buffer *out)
{
    char lines[FAKE_ROOMS_MAX][384];
    const char *sorted[FAKE_ROOMS_MAX];
    size_t lost = 0;
    for (size_t i = 0; i < r->plane.route_count; i++) {
        const struct fake_route *route = &r->plane.routes[i];
        snprintf(lines[i], sizeof(lines[i]), "route from %02x of %02x room=%s onward=%zu",
                 route->link.bytes[0], route->origin.bytes[0], route->room, route->hop_count);
        sorted[i] = lines[i];
        lost += count_lost(r, route->hops, route->hop_count);
    }
    qsort(sorted, r->plane.route_count, sizeof(sorted[0]), order_of_text);
    for (size_t i = 0; i < r->plane.route_count; i++)
        buffer_printf(out, "%s\n", sorted[i]);
    buffer_printf(out, "routes' hops to nowhere: %zu\n", lost);
}

void outcome_print(struct relay *r, struct buffer *out)
{
    for (size_t i = 0; i < r->plane.connection_count; i++) {
        if (!is_between_relays(r->plane.connections[i]) && !r->plane.connections[i]->facts.dialed)
            print_phone(r->plane.connections[i], out);
    }
    print_views(r, out);
    print_records(&r->plane, out);
    print_rooms(r, out);
    print_routes(r, out);
}

bool outcome_same(const char *without, const char *with)
{
    const char *heading = without;
    while (*without != '\0' || *with != '\0') {
        size_t len = strcspn(without, "\n");
        if (strncmp(without, "==", 2) == 0)
            heading = without;
        if (len != strcspn(with, "\n") || memcmp(without, with, len) != 0) {
            print_error("%.*s\n without: %.400s\n with:    %.400s\n", (int)strcspn(heading, "\n"),
                        heading, without, with);
            return false;
        }
        without += len + (without[len] == '\n');
        with += len + (with[len] == '\n');
    }
    return true;
}

static size_t count_messages(const struct harness *h, bool between_relays, const char *start)
{
    size_t count = 0;
    for (int i = 0; i < h->relay_count; i++) {
        const struct fake_plane *p = &h->relays[i].plane;
        for (size_t k = 0; k < p->connection_count; k++) {
            const struct fake_connection *conn = p->connections[k];
            for (size_t m = 0; is_between_relays(conn) == between_relays && m < conn->message_count;
                 m++)
                count += strncmp(conn->messages[m].text, start, strlen(start)) == 0;
        }
    }
    return count;
}

size_t outcome_messages(const struct harness *h)
{
    return count_messages(h, true, "");
}

size_t outcome_updates(const struct harness *h)
{
    return count_messages(h, false, "{\"RoomUpdate\"");
}
