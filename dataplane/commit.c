#include "dataplane/commit.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/text.h"
#include "dataplane/limits.h"

/* ---- preparing ---- */

/* What the commands will add at most, for the caps and the tables. */
struct totals {
    size_t rooms, routes, records, dials, repeats;
    uint64_t record_bytes;
};

static struct totals totals_of(const struct ipc_items *items)
{
    struct totals sum = {0};

    for (size_t i = 0; i < items->count; i++) {
        const struct ipc_item *item = &items->list[i];
        sum.rooms += item->type == IPC_room_put;
        sum.routes += item->type == IPC_route_put;
        sum.dials += item->type == IPC_dial;
        sum.repeats += item->type == IPC_repeat;
        if (item->type == IPC_record_put) {
            sum.records++;
            sum.record_bytes +=
                sizeof(struct record) + item->u.record_put.key.len + item->u.record_put.value.len;
        }
    }
    return sum;
}

static int check_caps(const struct exchange *x, const struct totals *sum)
{
    if (x->rooms.count + sum->rooms > EXCHANGE_ROOMS_MAX ||
        x->routes.count + sum->routes > EXCHANGE_ROUTES_MAX ||
        x->records.table.count + sum->records > EXCHANGE_RECORDS_MAX ||
        x->dials + sum->dials > EXCHANGE_DIALS_MAX)
        return ERR_FULL;
    return x->records.bytes + sum->record_bytes > RECORDS_BYTES_MAX ? ERR_TOO_LARGE : ERR_OK;
}

static int reserve(struct exchange *x, const struct totals *sum)
{
    const size_t step = 64; /* so that the heap does not move at every command */
    int err = table_reserve(&x->routes, sum->routes);

    if (!err)
        err = table_reserve(&x->records.table, sum->records);
    if (!err)
        err = table_reserve(&x->sessions, sum->dials);
    if (!err && sum->repeats)
        err = heap_reserve(&x->repeats, (x->repeats.count + sum->repeats + step) / step * step);
    return err;
}

static int prepare_room_put(struct commit_part *part, struct exchange *x,
                            const struct ipc_room_put *item)
{
    int err = room_obtain(&x->rooms, item->room, ++x->last_room, &part->room);

    return err ? err : hops_init(&part->hops, &x->links, &item->egress);
}

/* A room that nobody put is not made for a join, but one of an earlier item is there already. */
static int prepare_join(struct commit_part *part, struct exchange *x, const struct ipc_join *item)
{
    int err = room_obtain(&x->rooms, item->room, ++x->last_room, &part->room);

    if (!err)
        err = room_promise(part->room);
    part->promised = !err;
    return err;
}

static int prepare_link_join(struct commit_part *part, struct exchange *x,
                             const struct ipc_link_join *item)
{
    int err = link_obtain(&x->links, &item->link, &part->link);

    if (!err)
        err = link_promise(part->link);
    part->promised = !err;
    if (!err && !(part->label = text_copy(item->label)))
        err = ERR_MEMORY;
    return err;
}

static int prepare_record_put(struct commit_part *part, const struct exchange *x,
                              const struct ipc_record_put *item)
{
    const struct session *owner = session_find(&x->sessions, item->owner);
    uint64_t size = sizeof(struct record) + item->key.len + item->value.len;

    if (owner && owner->record_bytes + size > RECORDS_OWNER_MAX)
        return ERR_TOO_LARGE;
    part->record = record_new(item->key, item->value);
    return part->record ? ERR_OK : ERR_MEMORY;
}

static int prepare_body(struct commit_part *part, struct bytes content)
{
    part->body = quic_body_new(content);
    return part->body ? ERR_OK : ERR_MEMORY;
}

static int prepare_repeat(struct commit_part *part, const struct ipc_repeat *item)
{
    if (item->interval_ms == 0)
        return ERR_OK;
    int err = prepare_body(part, item->body);
    if (err)
        return err;
    part->repeat = repeat_new(part->body, item->interval_ms);
    return part->repeat ? ERR_OK : ERR_MEMORY;
}

static int prepare_dial(struct commit_part *part, struct exchange *x, const struct ipc_dial *item)
{
    part->session = exchange_new_dial(x, item);
    return part->session ? ERR_OK : ERR_MEMORY;
}

static int prepare_part(struct commit_part *part, struct exchange *x, const struct ipc_item *item)
{
    switch (item->type) {
    case IPC_room_put:
        return prepare_room_put(part, x, &item->u.room_put);
    case IPC_join:
        return prepare_join(part, x, &item->u.join);
    case IPC_link_join:
        return prepare_link_join(part, x, &item->u.link_join);
    case IPC_route_put:
        return exchange_new_route(x, &item->u.route_put, &part->route);
    case IPC_record_put:
        return prepare_record_put(part, x, &item->u.record_put);
    case IPC_send:
        return prepare_body(part, item->u.send.body);
    case IPC_repeat:
        return prepare_repeat(part, &item->u.repeat);
    case IPC_dial:
        return prepare_dial(part, x, &item->u.dial);
    default:
        return ERR_OK;
    }
}

int commit_prepare(struct commit *commit, struct exchange *x, const struct ipc_items *items)
{
    struct totals sum = totals_of(items);
    int err = check_caps(x, &sum);

    if (!err)
        err = reserve(x, &sum);
    if (err)
        return err;
    commit->parts = calloc(items->count ? items->count : 1, sizeof(struct commit_part));
    if (!commit->parts)
        return ERR_MEMORY;
    for (size_t i = 0; i < items->count; i++) {
        commit->count++;
        err = prepare_part(&commit->parts[i], x, &items->list[i]);
        if (err) {
            commit_abort(commit, x);
            return err;
        }
    }
    return ERR_OK;
}

static void free_part(struct commit_part *part, struct exchange *x)
{
    if (part->promised && part->room)
        room_unpromise(part->room);
    if (part->promised && part->link)
        link_unpromise(part->link);
    if (part->room)
        room_release(&x->rooms, part->room);
    if (part->link)
        link_release(&x->links, part->link);
    hops_free(&part->hops, &x->links);
    exchange_free_route(x, part->route);
    free(part->record);
    free(part->label);
    session_free(part->session);
    repeat_free(part->repeat);
    quic_body_release(part->body);
}

void commit_abort(struct commit *commit, struct exchange *x)
{
    for (size_t i = 0; i < commit->count; i++)
        free_part(&commit->parts[i], x);
    free(commit->parts);
    *commit = (struct commit){0};
}

/* ---- applying ---- */

/* The connection that a command names, closed or not; NULL = forgotten, counted. */
static struct session *named(struct exchange *x, uint64_t number)
{
    struct session *c = session_find(&x->sessions, number);

    x->counters.skipped_unknown += c == NULL;
    return c;
}

/* The same if something can be sent to it; else NULL, counted. */
static struct session *open_one(struct exchange *x, uint64_t number)
{
    struct session *c = named(x, number);

    if (!c || c->state == SESSION_OPEN)
        return c;
    x->counters.skipped_closed++;
    return NULL;
}

/* The facts of a closed connection change, but that is counted too. */
static struct session *for_facts(struct exchange *x, uint64_t number)
{
    struct session *c = named(x, number);

    x->counters.skipped_closed += c && c->state == SESSION_CLOSED;
    return c;
}

static void apply_record_put(struct exchange *x, const struct ipc_record_put *item,
                             struct commit_part *part)
{
    struct session *owner = item->owner ? named(x, item->owner) : NULL;

    if (item->owner && !owner)
        return;
    records_put(&x->records, part->record, owner);
    part->record = NULL;
}

static void apply_record_delete(struct exchange *x, const struct ipc_record_delete *item)
{
    struct record *record = records_find(&x->records, item->key);

    if (record)
        records_delete(&x->records, record);
}

static void apply_send(struct exchange *x, const struct ipc_send *item, struct commit_part *part)
{
    for (size_t i = 0; i < item->to.count; i++) {
        struct session *c = open_one(x, item->to.list[i]);
        if (c)
            exchange_send(x, c, part->body, item->replace_key);
    }
}

static void apply_send_unidirectional(struct exchange *x,
                                      const struct ipc_send_unidirectional *item)
{
    struct session *c = open_one(x, item->connection);

    if (c && quic_connection_send_unidirectional(c->quic, item->body) != ERR_OK)
        quic_connection_close(c->quic, "cannot send", false);
}

static void apply_close(struct exchange *x, const struct ipc_close *item)
{
    struct session *c = named(x, item->connection);
    char reason[QUIC_REASON_MAX + 1] = "";
    size_t len = item->reason.len < QUIC_REASON_MAX ? item->reason.len : QUIC_REASON_MAX;

    if (!c)
        return;
    if (!c->quic) {
        x->counters.skipped_closed++;
        return;
    }
    if (len)
        memcpy(reason, item->reason.data, len);
    quic_connection_close(c->quic, reason, item->after_sent);
}

static void apply_room_put(const struct ipc_room_put *item, struct commit_part *part)
{
    struct room *room = part->room;

    if (!room->installed) {
        room->installed = true;
        room->references++;
    }
    room->participant_pps = item->participant_pps;
    room->interval = bucket_interval(item->participant_pps);
    hops_inherit(&part->hops, &room->egress);
    struct hops old = room->egress;
    room->egress = part->hops;
    part->hops = old;
}

static void apply_room_delete(struct exchange *x, const struct ipc_room_delete *item)
{
    struct room *room = room_find(&x->rooms, item->room);

    if (room)
        exchange_delete_room(x, room);
}

static void apply_join(struct exchange *x, const struct ipc_join *item, struct commit_part *part)
{
    struct session *c = for_facts(x, item->connection);

    if (!c || c->room == part->room)
        return;
    if (!part->room->installed || c->state == SESSION_DIALING) {
        x->counters.skipped_unknown++;
        return;
    }
    exchange_leave(x, c);
    room_join(part->room, c);
}

static void apply_leave(struct exchange *x, const struct ipc_leave *item)
{
    struct session *c = for_facts(x, item->connection);

    if (c)
        exchange_leave(x, c);
}

static void apply_link_join(struct exchange *x, const struct ipc_link_join *item,
                            struct commit_part *part)
{
    struct session *c = for_facts(x, item->connection);

    if (!c)
        return;
    if (c->state == SESSION_DIALING) {
        x->counters.skipped_unknown++;
        return;
    }
    free(part->link->label);
    part->link->label = part->label;
    part->label = NULL;
    c->legacy = item->legacy;
    c->ping_after_ms = item->ping_after_ms;
    c->dead_after_ms = item->dead_after_ms;
    if (c->state == SESSION_OPEN)
        quic_connection_set_liveness(c->quic, item->ping_after_ms * CLOCK_MS,
                                     item->dead_after_ms * CLOCK_MS);
    if (c->link == part->link)
        return;
    if (c->state == SESSION_OPEN)
        quic_connection_set_datagram_queue(c->quic, LINK_DATAGRAMS);
    exchange_leave(x, c);
    link_join(part->link, c);
}

static void apply_route_delete(struct exchange *x, const struct ipc_route_delete *item)
{
    const struct link *link = link_find(&x->links, &item->link);
    struct route *route = link ? route_find(&x->routes, link, item->tag.bytes) : NULL;

    if (route)
        exchange_delete_route(x, route);
}

static void apply_dial(struct exchange *x, struct commit_part *part, uint64_t now)
{
    struct session *c = part->session;
    const struct quic_dial dial = {
        .remote = c->remote,
        .sni = c->sni,
        .pin = c->pinned ? &c->pin : NULL,
        .present_certificate = c->present_certificate,
        .user = c,
    };

    part->session = NULL;
    if (session_insert(&x->sessions, c) != ERR_OK)
        abort(); /* the place was reserved */
    x->dials++;
    int err = quic_endpoint_dial(x->endpoint, &dial, now, &c->quic);
    if (err) {
        c->quic = NULL;
        c->state = SESSION_CLOSED;
        exchange_keep_unreported(x, c, err);
    }
}

static void apply_repeat(struct exchange *x, const struct ipc_repeat *item,
                         struct commit_part *part, uint64_t now)
{
    struct session *c = open_one(x, item->connection);

    if (!c)
        return;
    if (!part->repeat) {
        repeat_stop(&x->repeats, c);
        return;
    }
    repeat_start(&x->repeats, part->repeat, c, now);
    part->repeat = NULL;
}

static void apply_settings(struct exchange *x, const struct ipc_settings *item)
{
    const struct quic_limits limits = limits_of(item);

    quic_endpoint_set_limits(x->endpoint, &limits);
    if (item->log_level <= LOG_DEBUG)
        log_level_set((enum log_level)item->log_level);
    exchange_use_event_log(x, item->event_log);
}

static void apply_stop(struct exchange *x, const struct ipc_stop *item)
{
    log_event(LOG_INFO, "stop_wanted", LOG_BYTES("reason", item->reason));
    x->stop = true;
}

static void apply_part(struct exchange *x, const struct ipc_item *item, struct commit_part *part,
                       uint64_t now)
{
    switch (item->type) {
    case IPC_record_put:
        apply_record_put(x, &item->u.record_put, part);
        break;
    case IPC_record_delete:
        apply_record_delete(x, &item->u.record_delete);
        break;
    case IPC_send:
        apply_send(x, &item->u.send, part);
        break;
    case IPC_send_unidirectional:
        apply_send_unidirectional(x, &item->u.send_unidirectional);
        break;
    case IPC_close:
        apply_close(x, &item->u.close);
        break;
    case IPC_room_put:
        apply_room_put(&item->u.room_put, part);
        break;
    case IPC_room_delete:
        apply_room_delete(x, &item->u.room_delete);
        break;
    case IPC_join:
        apply_join(x, &item->u.join, part);
        break;
    case IPC_leave:
        apply_leave(x, &item->u.leave);
        break;
    case IPC_link_join:
        apply_link_join(x, &item->u.link_join, part);
        break;
    case IPC_route_put:
        exchange_put_route(x, part->route, now);
        part->route = NULL;
        break;
    case IPC_route_delete:
        apply_route_delete(x, &item->u.route_delete);
        break;
    case IPC_dial:
        apply_dial(x, part, now);
        break;
    case IPC_repeat:
        apply_repeat(x, &item->u.repeat, part, now);
        break;
    case IPC_refuse_new:
        x->refuse_new = item->u.refuse_new.refuse;
        break;
    case IPC_settings:
        apply_settings(x, &item->u.settings);
        break;
    case IPC_stop:
        apply_stop(x, &item->u.stop);
        break;
    case IPC_complete:
        log_event(LOG_INFO, "control_adopted", LOG_U64("swept", item->u.complete.swept));
        x->adopted = true;
        break;
    default: /* acknowledgements are the contract's, the rest is no command */
        break;
    }
}

void commit_apply(struct commit *commit, struct exchange *x, const struct ipc_items *items,
                  uint64_t now)
{
    for (size_t i = 0; i < commit->count; i++)
        apply_part(x, &items->list[i], &commit->parts[i], now);
    commit_abort(commit, x);
}
