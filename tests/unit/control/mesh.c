#include "mesh.h"

static void config_of(char *yaml, size_t size, int n, const struct mesh_edge *edges,
                      size_t edge_count, int hops, bool delegate, unsigned originals)
{
    const char *extra = delegate ? ", delegate: true" : "";
    const char *legacy = delegate ? ", delegate: true, legacy: true, address: \"192.0.2.%d\""
                                  : ", legacy: true, address: \"192.0.2.%d\"";
    size_t at = (size_t)snprintf(yaml, size,
                                 "global_rooms: [general]\n"
                                 "limits: { federation_hops: %d }\n",
                                 hops);
    const char *head = "peers:\n";
    for (size_t i = 0; i < edge_count; i++) {
        if (edges[i].a != n)
            continue;
        at += (size_t)snprintf(yaml + at, size - at, "%s%s", head, harness_peer(edges[i].b, extra));
        head = "";
    }
    head = "trusted:\n";
    for (size_t i = 0; i < edge_count; i++) {
        if (edges[i].b != n)
            continue;
        at += (size_t)snprintf(yaml + at, size - at, "%s%s", head,
                               harness_trusted(edges[i].a, extra));
        head = "";
    }
    for (int i = 0; i < HARNESS_RELAYS_MAX; i++) {
        char of_original[64];
        if ((originals >> i & 1) == 0)
            continue;
        snprintf(of_original, sizeof(of_original), legacy, i);
        at += (size_t)snprintf(yaml + at, size - at, "%s%s", head, harness_trusted(i, of_original));
        head = "";
    }
}

struct harness *mesh_new(int count, const struct mesh_edge *edges, size_t edge_count, int hops,
                         bool delegate)
{
    return mesh_new_beside(count, edges, edge_count, hops, delegate, 0);
}

static struct harness *make(int count, const struct mesh_edge *edges, size_t edge_count, int hops,
                            bool delegate, unsigned originals, const char *extra)
{
    struct harness *h = harness_new();
    char yaml[4096];
    for (int n = 0; n < count; n++) {
        config_of(yaml, sizeof(yaml), n, edges, edge_count, hops, delegate, originals);
        size_t len = strlen(yaml);
        snprintf(yaml + len, sizeof(yaml) - len, "%s", n == 0 ? extra : "");
        harness_relay(h, yaml);
    }
    harness_pass(h, 5 * CLOCK_SECOND);
    for (size_t i = 0; i < edge_count; i++) {
        assert_non_null(sim_link_connection(&h->relays[edges[i].a], edges[i].b));
        assert_non_null(sim_link_connection(&h->relays[edges[i].b], edges[i].a));
    }
    return h;
}

struct harness *mesh_new_beside(int count, const struct mesh_edge *edges, size_t edge_count,
                                int hops, bool delegate, unsigned originals)
{
    return make(count, edges, edge_count, hops, delegate, originals, "");
}

struct harness *mesh_new_with(int count, const struct mesh_edge *edges, size_t edge_count, int hops,
                              bool delegate, const char *extra)
{
    return make(count, edges, edge_count, hops, delegate, 0, extra);
}

static bool has_members(const struct relay *r, const char *room)
{
    if (room[0] == '\0')
        return false;
    for (size_t i = 0; i < r->plane.connection_count; i++) {
        if (r->plane.connections[i]->open && strcmp(r->plane.connections[i]->room, room) == 0)
            return true;
    }
    return false;
}

static void follow(struct harness *h, int from, const struct ipc_hop *hop, int depth, int *heard);

static void follow_all(struct harness *h, int from, const struct ipc_hop *hops, size_t count,
                       int not_to, int depth, int *heard)
{
    for (size_t i = 0; i < count; i++) {
        int to = hops[i].link.bytes[0] - 0xa0;
        if (to >= h->relay_count) /* an original */
            heard[to]++;
        else if (to != not_to && sim_link_connection(&h->relays[from], to) != NULL)
            follow(h, from, &hops[i], depth, heard);
    }
}

/* The packet arrives at the other end of a hop. */
static void follow(struct harness *h, int from, const struct ipc_hop *hop, int depth, int *heard)
{
    int at = hop->link.bytes[0] - 0xa0;
    assert_true(depth < 20); /* a loop */
    assert_in_range(at, 0, h->relay_count - 1);
    const struct fake_plane *p = &h->relays[at].plane;
    for (size_t i = 0; i < p->route_count; i++) {
        const struct fake_route *route = &p->routes[i];
        if (route->link.bytes[0] != 0xa0 + from ||
            memcmp(route->tag.bytes, hop->tag, sizeof(hop->tag)) != 0)
            continue;
        heard[at] += has_members(&h->relays[at], route->room);
        follow_all(h, at, route->hops, route->hop_count, from, depth + 1, heard);
        return;
    }
}

void mesh_talk(struct harness *h, int from, const char *room, int heard[HARNESS_RELAYS_MAX])
{
    const struct fake_plane *p = &h->relays[from].plane;
    memset(heard, 0, HARNESS_RELAYS_MAX * sizeof(heard[0]));
    for (size_t i = 0; i < p->room_count; i++) {
        if (strcmp(p->rooms[i].name, room) == 0)
            follow_all(h, from, p->rooms[i].hops, p->rooms[i].hop_count, -1, 0, heard);
    }
}

static bool is_linked(const struct relay *r, int to)
{
    for (size_t i = 0; i < r->plane.connection_count; i++) {
        const struct fake_connection *conn = r->plane.connections[i];
        if (conn->open && conn->is_link && conn->link.bytes[0] == 0xa0 + to)
            return true;
    }
    return false;
}

void mesh_original_talks(struct harness *h, int original, const uint8_t tag[IPC_TAG_SIZE],
                         int heard[HARNESS_RELAYS_MAX])
{
    memset(heard, 0, HARNESS_RELAYS_MAX * sizeof(heard[0]));
    for (int to = 0; to < h->relay_count; to++) {
        struct ipc_hop hop;
        memset(&hop.link, 0xa0 + to, sizeof(hop.link));
        memcpy(hop.tag, tag, sizeof(hop.tag));
        if (is_linked(&h->relays[to], original))
            follow(h, original, &hop, 0, heard);
    }
}

void mesh_expect_all_hear(struct harness *h, unsigned talkers)
{
    for (int from = 0; from < h->relay_count; from++) {
        int heard[HARNESS_RELAYS_MAX];
        if ((talkers >> from & 1) == 0)
            continue;
        mesh_talk(h, from, "general", heard);
        for (int to = 0; to < h->relay_count; to++) {
            int wanted = to != from && (talkers >> to & 1) != 0;
            if (heard[to] != wanted)
                fail_msg("relay %d hears relay %d %d times, not %d", to, from, heard[to], wanted);
        }
    }
}

struct mesh_person mesh_enter(struct harness *h, int relay, int key, const char *room)
{
    struct mesh_person p = {.phone = phone_new(&h->relays[relay], key)};
    p.member = phone_join(&p.phone, room);
    return p;
}

void mesh_expect_sees(const struct mesh_person *a, const struct mesh_person *b, bool sees)
{
    const char *roster = mesh_roster(a->member);
    if ((strstr(roster, b->phone.name) != NULL) != sees)
        fail_msg("%s %s %s: %s", a->phone.name, sees ? "does not see" : "sees", b->phone.name,
                 roster);
}

const char *mesh_roster(struct fake_connection *member)
{
    for (size_t i = member->message_count; i > 0; i--) {
        if (strncmp(member->messages[i - 1].text, "{\"RoomUpdate\"", 13) == 0)
            return member->messages[i - 1].text;
    }
    return "";
}

uint64_t mesh_announcements(const struct harness *h)
{
    uint64_t sum = 0;
    for (int i = 0; i < h->relay_count; i++)
        sum += core_counters(h->relays[i].core)->announcements_sent;
    return sum;
}
