#include "common/config_schema.h"

#include <string.h>

#include "common/config.h"

#define AT(member) offsetof(struct config, member)
#define PEER(member) offsetof(struct config_peer, member)
#define TRUSTED(member) offsetof(struct config_trusted, member)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PATH_BYTES 1, 4095
#define LABEL_BYTES 1, CONFIG_LABEL_MAX

/* clang-format off */
const struct config_field config_fields[] = {
    {"relay.name", &config_type_text, AT(relay.name), NULL, 1, CONFIG_NAME_MAX, 0, "relay-a",
     "label that others see; default: the host's name"},
    {"relay.listen", &config_type_listen, AT(relay.listen), "0.0.0.0:4433", 0, 0,
     CONFIG_RESTART, NULL,
     "UDP; \"[::]:4433\" for both families"},
    {"relay.advertise", &config_type_endpoint, AT(relay.advertise), NULL, 0, 0, 0,
     "203.0.113.5:4433",
     "address given to phones; default: the address at which this phone reached us"},
    {"relay.identity", &config_type_path, AT(relay.identity), "/var/lib/chappe/identity",
     PATH_BYTES, CONFIG_RESTART, NULL,
     "64 hex digits; made with mode 0600 if absent; never overwritten"},
    {"relay.runtime_dir", &config_type_runtime_dir, AT(relay.runtime_dir), "/run/chappe",
     PATH_BYTES, CONFIG_RESTART, NULL,
     "ipc sockets, locks"},
    {"relay.workers", &config_type_number, AT(relay.workers), "1",
     0, 255, CONFIG_RESTART, NULL,
     "data-plane threads; 0 = one per core"},
    {"relay.max_sessions", &config_type_number, AT(relay.max_sessions), "10000",
     1, 10000000, 0, NULL,
     "media connections"},
    {"relay.max_phones", &config_type_number, AT(relay.max_phones), "50000",
     1, 10000000, 0, NULL,
     "registered phones"},

    {"log.level", &config_type_level, AT(log.level), "info", 0, 0, 0, NULL,
     "error, warn, info or debug"},
    {"log.format", &config_type_format, AT(log.format), "text", 0, 0, CONFIG_RESTART, NULL,
     "text or json"},

    {"metrics.listen", &config_type_listen, AT(metrics_listen), NULL, 0, 0, CONFIG_RESTART,
     "127.0.0.1:9090",
     "/metrics /healthz /readyz, served by the control plane; default: off"},

    {"auth.url", &config_type_url, AT(auth_url), NULL, 1, 2000, 0,
     "https://chat.example.com/v1/auth/validate",
     "checks the tokens of phones; default: no token needed"},

    {"event_log", &config_type_path, AT(event_log), NULL, PATH_BYTES, 0,
     "/var/log/chappe/events.jsonl",
     "both planes append whole lines; reopened on SIGHUP; default: off"},

    {"limits.federation_room_pps", &config_type_number, AT(limits.federation_room_pps), "4000",
     0, 100000000, 0, NULL,
     "packets/s from one peer in one room, burst one second; 0 = unlimited"},
    {"limits.participant_pps", &config_type_number, AT(limits.participant_pps), "2000",
     0, 100000000, 0, NULL,
     "packets/s from one sender in one room; 0 = unlimited"},
    {"limits.address_connections", &config_type_number, AT(limits.address_connections), "4096",
     0, 10000000, 0, NULL,
     "connections from one address; 0 = unlimited"},
    {"limits.federation_hops", &config_type_number, AT(limits.federation_hops), "2",
     1, 16, 0, NULL,
     "how far media and presence go, in links"},
    {"limits.signal_bytes", &config_type_number, AT(limits.signal_bytes), "1048576",
     1024, 16777216, 0, NULL,
     "longest signal message"},
    {"limits.ring_timeout_s", &config_type_number, AT(limits.ring_timeout_s), "60",
     1, 3600, 0, NULL,
     "how long a call may ring, in seconds"},
};
const size_t config_field_count = COUNT(config_fields);

static const struct config_field room_fields[] = {
    {"", &config_type_room, 0, NULL, 0, 0, 0, "general", "name of a room"},
};

static const struct config_field probe_fields[] = {
    {"", &config_type_host_port, 0, NULL, 0, 0, 0, "relay-b.example.org:4433",
     "resolved at every dial"},
};

static const struct config_field peer_fields[] = {
    {"address", &config_type_host_port, PEER(address), NULL, 0, 0, CONFIG_REQUIRED,
     "relay-b.example.org:4433",
     "resolved at every dial"},
    {"fingerprint", &config_type_fingerprint, PEER(fingerprint), NULL, 0, 0, CONFIG_REQUIRED,
     "aa:bb:...",
     "SHA-256 of the TLS certificate, 32 bytes; any case and grouping"},
    {"label", &config_type_text, PEER(label), NULL, LABEL_BYTES, 0, "relay-b",
     "default: the address"},
    {"delegate", &config_type_bool, PEER(delegate), "false", 0, 0, 0, NULL,
     "accept what it forwards from others"},
    {"legacy", &config_type_bool, PEER(legacy), "false", 0, 0, 0, NULL,
     "an original: it presents no certificate when it dials us"},
};

static const struct config_field trusted_fields[] = {
    {"fingerprint", &config_type_fingerprint, TRUSTED(fingerprint), NULL, 0, 0, CONFIG_REQUIRED,
     "cc:dd:...",
     "SHA-256 of the TLS certificate, 32 bytes; any case and grouping"},
    {"label", &config_type_text, TRUSTED(label), NULL, LABEL_BYTES, 0, "relay-c",
     "default: the first 16 digits of the fingerprint"},
    {"delegate", &config_type_bool, TRUSTED(delegate), "false", 0, 0, 0, NULL,
     "accept what it forwards from others"},
    {"legacy", &config_type_bool, TRUSTED(legacy), "false", 0, 0, 0, NULL,
     "an original; needs the source address"},
    {"address", &config_type_ip, TRUSTED(address), NULL, 0, 0, 0, "192.0.2.9",
     "the only IP address that it may come from; default: any"},
};

const struct config_list config_lists[] = {
    {"global_rooms", AT(global_rooms), AT(global_room_count), sizeof(char *), CONFIG_ROOMS_MAX,
     CONFIG_NO_LINE, room_fields, COUNT(room_fields), NULL, 0,
     "rooms shared with peers; default: none"},
    {"peers", AT(peers), AT(peer_count), sizeof(struct config_peer), CONFIG_PEERS_MAX,
     PEER(line), peer_fields, COUNT(peer_fields), &peer_fields[1], 0,
     "relays that we dial; each may dial us too; default: none"},
    {"trusted", AT(trusted), AT(trusted_count), sizeof(struct config_trusted), CONFIG_PEERS_MAX,
     TRUSTED(line), trusted_fields, COUNT(trusted_fields), &trusted_fields[0], 0,
     "relays that may dial us; default: none"},
    {"probe_targets", AT(probe_targets), AT(probe_target_count), sizeof(char *),
     CONFIG_PROBES_MAX, CONFIG_NO_LINE, probe_fields, COUNT(probe_fields), NULL, 0,
     "relays to which round-trip time and loss are measured; default: none"},
};
const size_t config_list_count = COUNT(config_lists);
/* clang-format on */

int config_fields_init(const struct config_field *fields, size_t count, void *base)
{
    for (size_t i = 0; i < count; i++) {
        const struct config_field *field = &fields[i];
        char why[CONFIG_WHY_MAX];
        if (field->initial == NULL)
            continue;
        int rc = field->type->parse(field, bytes_of_string(field->initial),
                                    (char *)base + field->offset, why);
        if (rc != 0)
            return rc;
    }
    return 0;
}

void config_fields_free(const struct config_field *fields, size_t count, void *base)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].type->free != NULL)
            fields[i].type->free((char *)base + fields[i].offset);
}

void *config_list_items(const struct config_list *list, const void *config, size_t *count)
{
    void *items;
    memcpy(&items, (const char *)config + list->items, sizeof(items));
    memcpy(count, (const char *)config + list->count, sizeof(*count));
    return items;
}

void config_list_set_items(const struct config_list *list, void *config, void *items, size_t count)
{
    memcpy((char *)config + list->items, &items, sizeof(items));
    memcpy((char *)config + list->count, &count, sizeof(count));
}
