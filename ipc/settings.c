#include "ipc/settings.h"

struct ipc_settings ipc_settings_of(const struct config *config)
{
    return (struct ipc_settings){
        .max_sessions = config->relay.max_sessions,
        .max_phones = config->relay.max_phones,
        .address_connections = config->limits.address_connections,
        .signal_bytes = config->limits.signal_bytes,
        .log_level = config->log.level,
        .event_log = bytes_of_string(config->event_log == NULL ? "" : config->event_log),
    };
}
