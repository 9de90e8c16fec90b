#include "control/core/core.h"

#include <stdlib.h>
#include <string.h>

#include "control/core/adopt.h"
#include "control/core/calls.h"
#include "control/core/connection.h"
#include "control/core/ended.h"
#include "control/core/envelope.h"
#include "control/core/federation.h"
#include "control/core/link.h"
#include "control/core/peers.h"
#include "control/core/probe.h"
#include "control/core/registry.h"
#include "control/core/replay.h"
#include "control/core/route.h"
#include "control/core/rooms.h"
#include "control/core/trust.h"

/* ---- life of the core ---- */

int core_init(struct core **out, const struct core_settings *settings, uint64_t now)
{
    *out = NULL;
    struct core *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_MEMORY;
    c->settings = *settings;
    c->now = now;
    fingerprint_tls_text(&settings->tls, c->tls_text);
    heap_init(&c->timers);
    report_limits_init(&c->report_limits);
    ended_init(c);
    replay_init(c);
    drain_init(c);
    c->seen = envelope_seen_new();
    int err = c->seen == NULL ? ERR_MEMORY : peers_init(c);
    if (err == 0)
        err = probe_targets_init(c);
    if (err == 0)
        err = federation_init(c);
    if (err < 0) {
        core_free(c);
        return err;
    }
    *out = c;
    return 0;
}

/* Everything but the configuration goes; the data plane is not told. */
static void forget(struct core *c, uint64_t data_epoch)
{
    c->live = false;
    adopt_free(c);
    route_forget_all(c);
    probe_said_forget(c);
    if (c->federation != NULL)
        federation_forget(c, data_epoch);
    while (c->calls != NULL)
        calls_free(c, c->calls);
    while (c->connections != NULL) {
        struct connection *conn = c->connections;
        if (conn->phone != NULL)
            registry_remove(c, conn->phone);
        if (conn->member != NULL)
            free(conn->member->alias);
        free(conn->phone);
        free(conn->member);
        free(conn->link);
        connection_free(c, conn);
    }
    while (c->rooms != NULL)
        rooms_free(c, c->rooms);
    ended_free(c);
    replay_free(c);
    peers_forget(c);
    probe_targets_forget(c);
    drain_forget(c);
    c->phone_count = c->session_count = 0;
    buffer_clear(&c->transaction.row);
}

void core_free(struct core *c)
{
    if (c == NULL)
        return;
    forget(c, 0);
    federation_free(c);
    peers_free(c);
    probe_targets_free(c);
    heap_free(&c->timers);
    transaction_free(&c->transaction);
    free(c->seen);
    free(c);
}

uint64_t core_order(struct core *c)
{
    c->last_order = c->now > c->last_order ? c->now : c->last_order + 1;
    return c->last_order;
}

static void send_row(struct core *c)
{
    struct buffer *row = &c->transaction.row;
    if (row->failed)
        c->failed = true;
    if (row->len > 0 && !c->failed) {
        c->counters.transactions++;
        c->settings.effects.transact(c->settings.context, buffer_view(row));
    }
    buffer_clear(row);
}

void core_commit(struct core *c)
{
    while (deferred_run(c))
        send_row(c);
    send_row(c);
}

void core_split(struct core *c, size_t max)
{
    if (c->transaction.row.len > max)
        core_commit(c);
}

/* ---- adoption ---- */

void core_adopting(struct core *c, uint64_t data_epoch)
{
    forget(c,
           data_epoch); /* what died with another life of the data plane is not in its snapshot */
    adopt_begin(c);
}

void core_installed(struct core *c, const struct ipc_item *item, uint64_t now)
{
    c->now = now;
    adopt_item(c, item);
}

void core_adopted(struct core *c, uint64_t now)
{
    c->now = now;
    adopt_finish(c);
    trust_warn(c);
    c->live = true;
    core_commit(c);
}

/* ---- events ---- */

void core_input(struct core *c, const struct ipc_item *item, uint64_t now)
{
    c->now = now;
    c->counters.inputs++;
    switch (item->type) {
    case IPC_opened:
        connection_opened(c, &item->u.opened);
        break;
    case IPC_signal:
        connection_signal(c, &item->u.signal);
        break;
    case IPC_closed:
        connection_closed(c, &item->u.closed);
        break;
    default:
        return;
    }
    core_commit(c);
}

static void take_link_state(struct core *c, const struct ipc_link_state *state)
{
    struct peer *peer = peer_find(c, &state->link);
    if (peer != NULL)
        peer_traffic_take(&peer->traffic, state, c->now);
}

static void take_first_media(struct core *c, const struct ipc_first_media *media)
{
    const struct peer *peer = peer_find(c, &media->link);
    report(c, LOG_INFO, "first_media", LOG_STR("peer", peer == NULL ? NULL : peer->label),
           LOG_BYTES("room", media->room), LOG_STR("direction", media->inbound ? "in" : "out"));
}

void core_notice(struct core *c, const struct ipc_item *item, uint64_t now)
{
    c->now = now;
    if (item->type == IPC_link_state)
        take_link_state(c, &item->u.link_state);
    else if (item->type == IPC_first_media)
        take_first_media(c, &item->u.first_media);
}

void core_answer(struct core *c, const struct core_answer *answer, uint64_t now)
{
    c->now = now;
    uint64_t connection = question_connection(c, answer->id);
    question_answer(c, answer);
    core_commit(c);
    if (connection != 0)
        connection_resume(c, connection);
}

uint64_t core_deadline(const struct core *c)
{
    const struct heap_node *first = heap_first(&c->timers);
    return !c->live || first == NULL ? UINT64_MAX : first->key;
}

void core_expire(struct core *c, uint64_t now)
{
    c->now = now;
    if (!c->live)
        return;
    timer_run(c);
    core_commit(c);
}

/* ---- asking ---- */

bool core_failed(const struct core *c)
{
    return c->failed;
}

const struct core_counters *core_counters(const struct core *c)
{
    return &c->counters;
}

struct core_gauges core_gauges(const struct core *c)
{
    struct core_gauges g = {.connections = HASH_COUNT(c->connections),
                            .phones = c->phone_count,
                            .sessions = c->session_count,
                            .rooms = HASH_COUNT(c->rooms),
                            .calls = HASH_COUNT(c->calls)};
    for (const struct peer *peer = c->peers; peer != NULL; peer = peer->hh.next)
        g.links += peer_linked(peer);
    return g;
}
