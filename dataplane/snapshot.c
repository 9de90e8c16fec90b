#include "dataplane/snapshot.h"

#include <string.h>

#include "common/error.h"
#include "ipc/catalogue.h"
#include "ipc/data_side.h"

/* A cursor is the section and the slot in its table. */
#define SECTION_SHIFT 56
#define SLOT_MASK ((UINT64_C(1) << SECTION_SHIFT) - 1)

struct slice {
    const struct exchange *x;
    struct buffer *out;
    struct buffer hops; /* the list of the command that is being made */
};

static void put(struct slice *s, const struct ipc_item *item)
{
    ipc_item_encode(s->out, item);
}

/* A view that lives until the next call. */
static struct ipc_hops hops_view(struct slice *s, const struct hops *hops)
{
    buffer_clear(&s->hops);
    for (uint32_t i = 0; i < hops->count; i++) {
        struct ipc_hop hop = {.link = hops->list[i].link->fingerprint};
        memcpy(hop.tag, hops->list[i].tag, sizeof(hop.tag));
        buffer_append(&s->hops, &hop, sizeof(hop));
    }
    s->out->failed |= s->hops.failed;
    return (struct ipc_hops){
        .list = (const struct ipc_hop *)(const void *)s->hops.data,
        .count = s->hops.failed ? 0 : hops->count,
    };
}

static void put_opened(struct slice *s, const struct session *c)
{
    struct ipc_item item;

    session_opened(c, &item);
    item.u.opened.input = 1;
    session_remote(c, &item.u.opened.remote);
    put(s, &item);
}

static void put_dial(struct slice *s, const struct session *c)
{
    put(s, &(struct ipc_item){
               .type = IPC_dial,
               .u.dial = {.dial = c->dial,
                          .remote = c->remote,
                          .sni = bytes_of_string(c->sni),
                          .pinned = c->pinned,
                          .pin = c->pin,
                          .present_certificate = c->present_certificate},
           });
}

static void put_connection(struct slice *s, struct table_node *node)
{
    const struct session *c = table_entry(node, struct session, node);

    if (c->acknowledged)
        put_opened(s, c);
    else if (c->dialed)
        put_dial(s, c);
}

static void put_room(struct slice *s, struct table_node *node)
{
    const struct room *room = table_entry(node, struct room, node);

    if (!room->installed)
        return;
    put(s, &(struct ipc_item){
               .type = IPC_room_put,
               .u.room_put = {.room = room_name(room),
                              .participant_pps = room->participant_pps,
                              .egress = hops_view(s, &room->egress)},
           });
}

static void put_role(struct slice *s, struct table_node *node)
{
    const struct session *c = table_entry(node, struct session, node);

    if (c->acknowledged && c->room)
        put(s, &(struct ipc_item){
                   .type = IPC_join,
                   .u.join = {.connection = c->number, .room = room_name(c->room)},
               });
    if (c->acknowledged && c->repeat)
        put(s, &(struct ipc_item){
                   .type = IPC_repeat,
                   .u.repeat = {.connection = c->number,
                                .interval_ms = c->repeat->interval_ms,
                                .body = {c->repeat->body->data, c->repeat->body->len}},
               });
}

static void put_link(struct slice *s, struct table_node *node)
{
    const struct link *link = table_entry(node, struct link, node);

    for (uint32_t i = 0; i < link->count; i++) {
        const struct session *c = link->sessions[i];
        if (!c->acknowledged)
            continue;
        put(s, &(struct ipc_item){
                   .type = IPC_link_join,
                   .u.link_join = {.connection = c->number,
                                   .link = link->fingerprint,
                                   .label = bytes_of_string(link->label),
                                   .legacy = c->legacy,
                                   .ping_after_ms = c->ping_after_ms,
                                   .dead_after_ms = c->dead_after_ms},
               });
    }
}

static void put_route(struct slice *s, struct table_node *node)
{
    const struct route *route = table_entry(node, struct route, node);
    struct ipc_item item = {
        .type = IPC_route_put,
        .u.route_put = {.link = route->link->fingerprint,
                        .room = route->room ? room_name(route->room) : BYTES_LITERAL(""),
                        .origin = route->origin,
                        .legacy = route->legacy,
                        .pps = route->pps,
                        .onward = hops_view(s, &route->onward)},
    };

    memcpy(item.u.route_put.tag.bytes, route->tag, sizeof(route->tag));
    put(s, &item);
}

static void put_record(struct slice *s, struct table_node *node)
{
    const struct record *record = table_entry(node, struct record, node);

    put(s, &(struct ipc_item){
               .type = IPC_record_put,
               .u.record_put = {.key = record_key(record),
                                .owner = record->owner ? record->owner->number : 0,
                                .value = record_value(record)},
           });
}

static void put_settings(const struct exchange *x, struct buffer *out)
{
    if (x->refuse_new)
        ipc_item_encode(
            out, &(struct ipc_item){.type = IPC_refuse_new, .u.refuse_new = {.refuse = true}});
}

/* In the order in which a reader wants them: what is named comes before what names it. */
static const struct section {
    size_t table; /* its offset in struct exchange */
    void (*put)(struct slice *s, struct table_node *node);
} sections[] = {
    {offsetof(struct exchange, sessions), put_connection},
    {offsetof(struct exchange, rooms), put_room},
    {offsetof(struct exchange, sessions), put_role},
    {offsetof(struct exchange, links), put_link},
    {offsetof(struct exchange, routes), put_route},
    {offsetof(struct exchange, records.table), put_record},
};
#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

/*
 * Puts entries of one section from *slot on. True: the section is through. An entry that makes the
 * slice too long is taken back, unless it is the only one.
 */
static bool put_section(struct slice *s, const struct section *section, uint64_t *slot,
                        unsigned *visits)
{
    const struct table *table =
        (const struct table *)(const void *)((const char *)s->x + section->table);

    for (; *visits < SNAPSHOT_VISITS_MAX && s->out->len < IPC_SLICE_SIZE; ++*visits) {
        size_t len = s->out->len;
        uint64_t at = *slot;
        struct table_node *node = table_walk(table, slot);
        if (!node)
            return true;
        section->put(s, node);
        if (s->out->len > IPC_SLICE_SIZE && len > 0) {
            s->out->len = len;
            *slot = at;
            return false;
        }
    }
    return false;
}

bool snapshot_slice(const struct exchange *x, uint64_t *cursor, struct buffer *out)
{
    struct slice s = {.x = x, .out = out};
    uint64_t section = *cursor >> SECTION_SHIFT;
    uint64_t slot = *cursor & SLOT_MASK;
    unsigned visits = 0;
    bool through = true;

    while (through && section < SECTIONS) {
        through = put_section(&s, &sections[section], &slot, &visits);
        if (through) {
            section++;
            slot = 0;
        }
    }
    if (through)
        put_settings(x, out);
    *cursor = section << SECTION_SHIFT | slot;
    buffer_free(&s.hops);
    return through;
}
