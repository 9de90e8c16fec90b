#include "control/core/probe.h"

#include <stdlib.h>

#include "control/core/link.h"
#include "control/core/phone.h"
#include "control/core/presence.h"
#include "control/core/purpose.h"
#include "control/core/route.h"

struct peer *probe_proven(const struct core *c, const struct connection *conn)
{
    return conn->has_certificate ? peer_find(c, &conn->certificate) : NULL;
}

void probe_tell(struct core *c, const struct connection *conn)
{
    struct signal_text names[PROBE_NAMES_MAX];
    char address[ADDRESS_TEXT];
    size_t count = 0;
    for (const struct phone *phone = c->phones; phone != NULL && count < PROBE_NAMES_MAX;
         phone = phone->hh.next)
        names[count++] = signal_text_of(phone->name);
    presence_address(c, conn, address);
    struct signal update = {.type = SIGNAL_PRESENCE_UPDATE};
    update.presence_update.fingerprints = (struct signal_texts){names, count};
    update.presence_update.relay_addr = signal_text_of(address);
    transaction_say(&c->transaction, conn->id, &update);
}

static void probe_opened(struct core *c, struct connection *conn)
{
    struct probe_target *target = conn->dialed ? probe_target_of_dial(c, conn->dial) : NULL;
    connection_enter(c, conn, CONNECTION_LIVE, UINT64_MAX);
    if (target != NULL)
        probe_target_up(c, target, conn);
}

static void answer_ping(struct core *c, const struct connection *conn, uint64_t timestamp_ms)
{
    struct signal pong = {.type = SIGNAL_PONG, .pong = {timestamp_ms}};
    transaction_say(&c->transaction, conn->id, &pong);
}

/* Whoever was dialed answers a list; whoever dialed gets one for its own. */
static void take_presence(struct core *c, const struct connection *conn, const struct peer *peer,
                          const struct signal_presence_update *m)
{
    if (!peer_is_ours(peer)) /* else its link tells, and better */
        probe_said_take(c, &peer->fingerprint, m);
    if (!conn->dialed)
        probe_tell(c, conn);
}

static void probe_message(struct core *c, struct connection *conn, const struct ipc_signal *raw,
                          const struct signal *message)
{
    const struct peer *peer = probe_proven(c, conn);
    struct probe_target *target = probe_target_of(c, conn);
    (void)raw;
    if (message->type == SIGNAL_PING)
        answer_ping(c, conn, message->ping.timestamp_ms);
    else if (message->type == SIGNAL_PONG && target != NULL)
        probe_window_answered(&target->window, message->pong.timestamp_ms, c->now);
    else if (message->type == SIGNAL_PRESENCE_UPDATE && peer != NULL)
        take_presence(c, conn, peer, &message->presence_update);
    else if (message->type == SIGNAL_ROUTE_QUERY && peer != NULL)
        route_asked_by_probe(c, conn, &message->route_query);
    else
        connection_unexpected(c, conn, message);
}

static void probe_gone(struct core *c, struct connection *conn, const char *reason)
{
    struct probe_target *target = probe_target_of(c, conn);
    if (target != NULL)
        probe_target_down(c, target, reason);
}

const struct purpose purpose_probe = {
    .name = "probe", .opened = probe_opened, .message = probe_message, .gone = probe_gone};
