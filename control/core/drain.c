#include "control/core/drain.h"

#include <string.h>

#include "control/core/adopt.h"
#include "control/core/call_asked.h"
#include "control/core/calls.h"
#include "control/core/link.h"
#include "control/core/record.h"
#include "control/core/rooms.h"

#define RECORD_VERSION 1
#define RECORD_NAME "wish"

/* ---- what is in use ---- */

static bool has_call_with(const struct core *c, const struct peer *peer)
{
    for (struct call *call = c->calls; call != NULL; call = call->hh.next) {
        if (call_side_of_relay(call, &peer->fingerprint) != NULL)
            return true;
    }
    return false;
}

/* Its media may come from any relay. */
static bool is_global_room_used(const struct core *c)
{
    const struct config *config = c->settings.config;
    for (size_t i = 0; i < config->global_room_count; i++) {
        const struct room *room = rooms_find(c, config->global_rooms[i]);
        if (room != NULL && room->members != NULL)
            return true;
    }
    return false;
}

static bool is_peer_needed(const struct core *c, const struct peer *peer)
{
    return has_call_with(c, peer) || is_global_room_used(c);
}

static bool is_room_of_a_call(const struct core *c, const char *room)
{
    struct bytes id = room_call_id(bytes_of_string(room));
    return id.data != NULL && calls_find_text(c, signal_text_of_bytes(id)) != NULL;
}

static bool is_idle(const struct core *c, const struct connection *conn)
{
    switch (conn->kind) {
    case CONNECTION_PHONE:
        return conn->phone == NULL || conn->phone->sides == NULL;
    case CONNECTION_ROOM:
        return conn->member == NULL && !is_room_of_a_call(c, conn->room);
    case CONNECTION_LINK:
        return conn->link == NULL || conn->link->peer == NULL ||
               !is_peer_needed(c, conn->link->peer);
    case CONNECTION_NONE:
    case CONNECTION_PROBE:
        break;
    }
    return true;
}

bool drain_refuses_phone(const struct core *c, const struct phone *current)
{
    return c->drain.on && (current == NULL || current->sides == NULL);
}

bool drain_refuses_peer(const struct core *c, const struct peer *peer)
{
    return c->drain.on && !is_peer_needed(c, peer);
}

/* ---- looking ---- */

static void close_idle(struct core *c)
{
    for (struct connection *conn = c->connections; conn != NULL; conn = conn->hh.next) {
        if (conn->stage != CONNECTION_CLOSING && is_idle(c, conn))
            connection_close(c, conn, DRAIN_REASON);
        core_split(c, ADOPT_ROW_MAX);
    }
}

static void refuse_new(struct core *c, bool refuse)
{
    if (c->drain.refusing == refuse)
        return;
    c->drain.refusing = refuse;
    struct ipc_item item = {.type = IPC_refuse_new, .u.refuse_new = {refuse}};
    transaction_add(&c->transaction, &item);
}

static void stop(struct core *c)
{
    c->drain.stopped = true;
    struct ipc_item item = {.type = IPC_stop, .u.stop = {BYTES_LITERAL("drained")}};
    transaction_add(&c->transaction, &item);
    report(c, LOG_INFO, "drained", LOG_U64("calls", HASH_COUNT(c->calls)),
           LOG_U64("sessions", c->session_count),
           LOG_U64("connections", HASH_COUNT(c->connections)));
}

static void look(struct core *c)
{
    struct drain *d = &c->drain;
    close_idle(c);
    if (c->calls == NULL)
        refuse_new(c, true);
    if ((c->calls == NULL && c->connections == NULL) || c->now >= d->deadline) {
        stop(c);
        return;
    }
    uint64_t next = c->now + DRAIN_LOOK_NS;
    timer_set(c, &d->timer, next < d->deadline ? next : d->deadline);
}

static void timer_due(struct core *c, struct timer *timer)
{
    (void)timer;
    look(c);
}

/* ---- the wish ---- */

static void write_record(struct core *c)
{
    struct buffer value = {0};
    char key[RECORD_KEY_SIZE];
    buffer_append_u8(&value, RECORD_VERSION);
    buffer_append_u64(&value, c->drain.deadline);
    if (value.failed)
        c->failed = true;
    record_key(key, RECORD_DRAIN, RECORD_NAME);
    transaction_record_put(&c->transaction, key, 0, buffer_view(&value));
    buffer_free(&value);
}

int drain_restore(struct core *c, struct bytes name, struct bytes value)
{
    struct reader r;
    reader_init(&r, value);
    bool known = bytes_equal_string(name, RECORD_NAME) && record_get_version(&r, RECORD_VERSION);
    uint64_t deadline = reader_u64(&r);
    if (!known || reader_finish(&r) < 0)
        return ERR_SYNTAX;
    if (c->drain.told) /* what this core was told is newer */
        return 0;
    c->drain.on = true;
    c->drain.deadline = deadline;
    return 0;
}

void core_drain(struct core *c, uint64_t deadline, uint64_t now)
{
    c->now = now;
    c->drain.on = c->drain.told = true;
    c->drain.deadline = deadline;
    report(c, LOG_INFO, "draining", LOG_U64("calls", HASH_COUNT(c->calls)),
           LOG_U64("sessions", c->session_count),
           LOG_U64("connections", HASH_COUNT(c->connections)));
    if (!c->live || c->drain.stopped)
        return;
    write_record(c);
    look(c);
    core_commit(c);
}

static void dial_again(struct core *c)
{
    for (struct peer *peer = c->peers; peer != NULL; peer = peer->hh.next) {
        if (!peer_linked(peer))
            peer_readdressed(c, peer);
    }
}

static void delete_record(struct core *c)
{
    char key[RECORD_KEY_SIZE];
    record_key(key, RECORD_DRAIN, RECORD_NAME);
    transaction_record_delete(&c->transaction, key);
}

void core_undrain(struct core *c, uint64_t now)
{
    c->now = now;
    if (!c->drain.on || c->drain.stopped)
        return;
    c->drain.on = false;
    c->drain.told = true;
    timer_stop(c, &c->drain.timer);
    report(c, LOG_INFO, "drain_called_off");
    if (!c->live)
        return;
    delete_record(c);
    refuse_new(c, false);
    dial_again(c);
    core_commit(c);
}

struct core_drain_state core_drain_state(const struct core *c)
{
    return (struct core_drain_state){c->drain.on, c->drain.stopped, c->drain.deadline};
}

/* ---- life ---- */

void drain_init(struct core *c)
{
    c->drain.timer.due = timer_due;
    c->drain.deadline = UINT64_MAX;
}

void drain_forget(struct core *c)
{
    timer_stop(c, &c->drain.timer);
    c->drain.on = c->drain.on && c->drain.told;
    c->drain.refusing = c->drain.stopped = false;
}

void drain_adopted(struct core *c)
{
    if (c->drain.on) {
        write_record(c);
        timer_set(c, &c->drain.timer, c->now);
    } else if (c->drain.told) {
        c->drain.refusing = true; /* perhaps */
        refuse_new(c, false);
        delete_record(c);
    }
}
