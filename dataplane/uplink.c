#include "dataplane/uplink.h"

#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "dataplane/snapshot.h"

/* Of one turn, so that media never waits long for commands. */
#define COMMANDS_PER_TURN 32
#define COMMAND_BYTES_PER_TURN (256u * 1024)
/* Bytes of notices in one message, about. */
#define NOTICE_ROW (32u * 1024)

/* ---- the contract's callbacks ---- */

static void on_publish(void *context, struct bytes message)
{
    struct uplink *u = context;

    ipc_sockets_publish(u->sockets, message);
}

static int on_check(void *context, const struct ipc_items *items)
{
    struct uplink *u = context;
    int err = commit_prepare(&u->commit, u->exchange, items);

    u->exchange->counters.commands_over_cap += err && err != ERR_MEMORY;
    return err;
}

static void on_commit(void *context, const struct ipc_items *items)
{
    struct uplink *u = context;

    commit_apply(&u->commit, u->exchange, items, u->now);
}

static void on_released(void *context, uint64_t number, enum ipc_type type)
{
    struct uplink *u = context;
    struct session *c = session_find(&u->exchange->sessions, number);

    if (!c)
        return;
    if (type == IPC_opened)
        exchange_acknowledge(u->exchange, c);
    else if (type == IPC_signal && c->quic)
        quic_connection_release_message(c->quic);
    else if (type == IPC_closed)
        exchange_forget(u->exchange, c);
}

static bool on_snapshot(void *context, uint64_t *cursor, struct buffer *out)
{
    struct uplink *u = context;

    return snapshot_slice(u->exchange, cursor, out);
}

static void on_poisoned(void *context, uint64_t number, uint64_t input)
{
    struct uplink *u = context;
    struct session *c = session_find(&u->exchange->sessions, number);

    log_event(LOG_ERROR, "input_poisoned", LOG_U64("connection", number), LOG_U64("input", input));
    u->exchange->counters.closed_poisoned++;
    if (c && c->quic)
        quic_connection_close(c->quic, "poisonous message", false);
}

static void on_note(void *context, const char *event, int error, uint64_t theirs)
{
    struct uplink *u = context;

    if (error == ERR_OK)
        log_event(LOG_INFO, "control_epoch", LOG_U64("epoch", theirs));
    else if (error == ERR_VERSION)
        log_event(LOG_ERROR, "contract_version", LOG_U64("ours", IPC_VERSION),
                  LOG_U64("theirs", theirs));
    else
        log_limited(&u->log, u->now, LOG_ERROR, "control_refused", LOG_STR("what", event),
                    LOG_U64("number", theirs), LOG_ERR(error));
}

static const struct ipc_data_callbacks callbacks = {
    .publish = on_publish,
    .check = on_check,
    .commit = on_commit,
    .released = on_released,
    .snapshot = on_snapshot,
    .poisoned = on_poisoned,
    .note = on_note,
};

int uplink_init(struct uplink *u, struct exchange *exchange, struct ipc_sockets *sockets,
                uint64_t epoch, uint64_t started_ms)
{
    *u = (struct uplink){
        .exchange = exchange,
        .sockets = sockets,
        .log = LOG_LIMITER(5),
        .started_ms = started_ms,
    };
    return ipc_data_side_init(&u->side, epoch, &callbacks, u);
}

void uplink_free(struct uplink *u)
{
    ipc_data_side_free(u->side);
    u->side = NULL;
    commit_abort(&u->commit, u->exchange);
    buffer_free(&u->scratch);
}

/* ---- inputs ---- */

static int input(struct uplink *u, struct ipc_item *item)
{
    size_t bytes = ipc_data_side_pending_bytes(u->side);

    if (item->type != IPC_closed && !pressure_admits(bytes, ipc_data_side_pending(u->side))) {
        u->exchange->counters.closed_pressure++;
        return ERR_FULL;
    }
    int err = ipc_data_side_input(u->side, item);
    u->exchange->counters.closed_no_memory += err == ERR_MEMORY && item->type != IPC_closed;
    return err;
}

int uplink_opened(struct uplink *u, const struct session *c)
{
    struct ipc_item item;

    session_opened(c, &item);
    return input(u, &item);
}

int uplink_signal(struct uplink *u, const struct session *c, struct bytes body)
{
    struct ipc_item item = {
        .type = IPC_signal,
        .u.signal = {.connection = c->number, .body = body},
    };

    session_remote(c, &item.u.signal.remote);
    int err = input(u, &item);
    u->exchange->counters.signals_in += err == ERR_OK;
    return err;
}

static int report_closed(struct uplink *u, const struct session *c, const struct quic_close *why)
{
    struct ipc_item item = {
        .type = IPC_closed,
        .u.closed = {.connection = c->number,
                     .dialed = c->dialed,
                     .dial = c->dial,
                     .error = (uint32_t)-why->error,
                     .by_peer = why->by_peer,
                     .reason = bytes_of_string(why->reason),
                     .has_certificate = why->has_certificate,
                     .fingerprint = why->fingerprint},
    };

    return input(u, &item);
}

void uplink_closed(struct uplink *u, struct session *c, const struct quic_close *why)
{
    if (report_closed(u, c, why) == ERR_MEMORY)
        exchange_keep_unreported(u->exchange, c, why->error);
}

static void retry_closed(struct uplink *u)
{
    struct session *c = u->exchange->unreported;

    u->exchange->unreported = NULL;
    for (struct session *next; c; c = next) {
        const struct quic_close why = {.error = c->close_error};
        next = c->next;
        c->unreported = false;
        uplink_closed(u, c, &why);
    }
}

/* ---- commands and snapshots ---- */

bool uplink_receive(struct uplink *u)
{
    size_t bytes = 0;

    for (int i = 0; i < COMMANDS_PER_TURN && bytes < COMMAND_BYTES_PER_TURN; i++) {
        struct bytes message;
        if (ipc_sockets_receive(u->sockets, &message) != ERR_OK)
            return false;
        bytes += message.len;
        ipc_data_side_receive(u->side, message); /* what is refused is counted and noted there */
    }
    return true;
}

bool uplink_answer(struct uplink *u)
{
    struct bytes request;

    if (ipc_sockets_receive_snapshot(u->sockets, &request) != ERR_OK)
        return false;
    ipc_data_side_request(u->side, request, &u->scratch);
    ipc_sockets_send_snapshot(u->sockets, buffer_view(&u->scratch)); /* else it asks again */
    return true;
}

void uplink_tick(struct uplink *u)
{
    ipc_data_side_tick(u->side);
}

/* ---- notices ---- */

/* Publishes the row when it is long enough, or what is left of it. */
static void put_row(struct uplink *u, struct buffer *row, size_t least)
{
    if (row->len == 0 || row->len < least)
        return;
    if (!row->failed)
        ipc_data_side_notice(u->side, buffer_view(row));
    buffer_clear(row);
}

static void put_counters(struct uplink *u, struct buffer *row)
{
    const struct quic_counters *quic = quic_endpoint_counters(u->exchange->endpoint);
    const struct ipc_data_counters *ipc = ipc_data_side_counters(u->side);

    const struct event_log_counters events = event_log_counters(u->exchange->event_log);

    counters_encode(&u->exchange->counters, row);
#define X(name, text) counters_encode_one(row, "event_log_", #name, text, events.name);
    EVENT_FILE_COUNTERS(X)
#undef X
#define X(name, text) counters_encode_one(row, "quic_", #name, text, quic->name);
    QUIC_COUNTER_TABLE(X)
#undef X
#define X(name, text) counters_encode_one(row, "ipc_", #name, text, ipc->name);
    IPC_DATA_COUNTERS(X)
#undef X
}

static void put_links(struct uplink *u, struct buffer *row)
{
    const struct table *links = &u->exchange->links;
    uint64_t slot = 0;

    for (struct table_node *node; (node = table_walk(links, &slot));) {
        const struct link *link = table_entry(node, struct link, node);
        const struct link_traffic sum = link_traffic(link);
        const struct session *active = link->active;
        struct ipc_item item = {
            .type = IPC_link_state,
            .u.link_state =
                {.link = link->fingerprint,
                 .connections = link_living(link),
                 .rtt_us = active ? (uint32_t)(quic_connection_rtt(active->quic) / CLOCK_US) : 0,
                 .datagrams_in = sum.datagrams_in,
                 .datagrams_out = sum.datagrams_out,
                 .datagrams_lost = sum.datagrams_lost,
                 .datagram_max = active ? quic_connection_datagram_max(active->quic) : 0},
        };
        ipc_item_encode(row, &item);
        put_row(u, row, NOTICE_ROW);
    }
}

static void put_plane(struct uplink *u, struct buffer *row)
{
    struct ipc_item item = {
        .type = IPC_plane_state,
        .u.plane_state = {.started_ms = u->started_ms,
                          .connections = quic_endpoint_connections(u->exchange->endpoint),
                          .unacknowledged = ipc_data_side_pending(u->side),
                          .aes = bytes_of_string(quic_aes_implementation())},
    };

    ipc_item_encode(row, &item);
}

/* Dedup forgot packets before their time: our own phones' media is not in the routes' rates. */
static void grow_dedup(struct exchange *x, uint64_t now)
{
    if (x->dedup.evicted != x->counters.dedup_evicted)
        dedup_reserve(&x->dedup, x->dedup.count / 16 + 1, now);
    x->counters.dedup_evicted = x->dedup.evicted;
}

void uplink_notices(struct uplink *u)
{
    struct buffer *row = &u->scratch;

    grow_dedup(u->exchange, u->now);
    buffer_clear(row);
    put_plane(u, row);
    put_counters(u, row);
    put_row(u, row, NOTICE_ROW);
    put_links(u, row);
    put_row(u, row, 1);
}

void uplink_flush(struct uplink *u)
{
    struct exchange *x = u->exchange;

    if (x->unreported)
        retry_closed(u);
    if (x->adopted)
        uplink_notices(u);
    x->adopted = false;
    put_row(u, &x->notices, 1);
    if (pressure_update(&u->pressure, ipc_data_side_pending_bytes(u->side),
                        ipc_data_side_pending(u->side))) {
        x->counters.pressure_refusals += u->pressure.refusing;
        log_limited(&u->log, u->now, LOG_WARN, "pressure",
                    LOG_BOOL("refusing", u->pressure.refusing),
                    LOG_U64("unacknowledged", ipc_data_side_pending(u->side)));
    }
    quic_endpoint_refuse_new(x->endpoint, x->refuse_new || u->pressure.refusing);
}
