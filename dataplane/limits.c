#include "dataplane/limits.h"

struct quic_limits limits_of(const struct ipc_settings *settings)
{
    uint32_t bytes = settings->signal_bytes;
    return (struct quic_limits){
        .connections_max = settings->max_sessions + settings->max_phones + LIMITS_OTHER_CONNECTIONS,
        .address_connections = settings->address_connections,
        .message_max = bytes < IPC_BODY_MAX ? bytes : IPC_BODY_MAX,
    };
}
