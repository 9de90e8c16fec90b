/*
 * Connections with SNI `_probe` (protocol.md 5.14): Ping is answered with Pong. Nothing else until
 * peers can be told from strangers here (defect 16).
 */
#include "control/core/purpose.h"

static void probe_opened(struct core *c, struct connection *conn)
{
    connection_enter(c, conn, CONNECTION_LIVE, UINT64_MAX);
}

static void probe_message(struct core *c, struct connection *conn, const struct ipc_signal *raw,
                          const struct signal *message)
{
    (void)raw;
    if (message->type != SIGNAL_PING) {
        connection_unexpected(c, conn, message);
        return;
    }
    struct signal pong = {.type = SIGNAL_PONG, .pong = {message->ping.timestamp_ms}};
    transaction_say(&c->transaction, conn->id, &pong);
}

const struct purpose purpose_probe = {
    .name = "probe", .opened = probe_opened, .message = probe_message};
