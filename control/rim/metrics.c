#include "control/rim/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "control/rim/exposition.h"

#define DROP_PREFIX "drop_"
#define QUIC_DROP_PREFIX "quic_drop_"
#define NAME_SIZE (SCOREBOARD_NAME_SIZE + 32)

/* ---- the original's names ---- */

static void write_tokens(const struct core_counters *counters, struct buffer *out)
{
    static const char name[] = "wzp_relay_auth_attempts_total";
    exposition_family(out, name, "counter", "token checks");
    exposition_sample_u64(out, name, EXPOSITION_LABEL("result", "ok"), counters->tokens_accepted);
    exposition_sample_u64(out, name, EXPOSITION_LABEL("result", "fail"), counters->tokens_refused);
}

static void write_join_times(const struct core_join_times *times, struct buffer *out)
{
    static const char bucket[] = "wzp_relay_handshake_duration_seconds_bucket";
    static const char *const bounds[] = {
#define X(ns, text) text,
        CORE_JOIN_BUCKETS(X)
#undef X
    };
    uint64_t below = 0;
    exposition_family(out, "wzp_relay_handshake_duration_seconds", "histogram",
                      "media joins, from the connection to the CallAnswer");
    for (size_t i = 0; i < CORE_JOIN_BUCKET_COUNT; i++) {
        below += times->buckets[i];
        exposition_sample_u64(out, bucket, EXPOSITION_LABEL("le", bounds[i]), below);
    }
    exposition_sample_u64(out, bucket, EXPOSITION_LABEL("le", "+Inf"), times->count);
    exposition_sample(out, "wzp_relay_handshake_duration_seconds_sum", EXPOSITION_NO_LABELS,
                      (double)times->sum / (double)CLOCK_SECOND);
    exposition_sample_u64(out, "wzp_relay_handshake_duration_seconds_count", EXPOSITION_NO_LABELS,
                          times->count);
}

static void write_relay(const struct metrics_source *s, struct buffer *out)
{
    const struct core_counters *counters = core_counters(s->core);
    const struct core_gauges gauges = core_gauges(s->core);
    exposition_gauge(out, "wzp_relay_active_sessions", "media connections in a room",
                     (double)gauges.sessions);
    exposition_gauge(out, "wzp_relay_active_rooms", "rooms with members", (double)gauges.rooms);
    exposition_counter(out, "wzp_relay_packets_forwarded_total", "media packets to room members",
                       scoreboard_value(s->data, "media_to_members"));
    exposition_counter(out, "wzp_relay_bytes_forwarded_total",
                       "payload bytes of media packets to room members",
                       scoreboard_value(s->data, "media_bytes_to_members"));
    write_tokens(counters, out);
    write_join_times(&counters->join_times, out);
    exposition_counter(out, "wzp_federation_packets_deduped_total", "copies dropped",
                       scoreboard_value(s->data, "drop_copy"));
    exposition_counter(out, "wzp_federation_packets_rate_limited_total",
                       "media over a peer's rate in one room",
                       scoreboard_value(s->data, "drop_route_rate"));
}

/* ---- peers ---- */

static double number_of(const cJSON *peer, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(peer, key);
    return cJSON_IsNumber(value) ? value->valuedouble : 0;
}

static const char *text_of(const cJSON *row, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, key));
    return text == NULL ? "" : text;
}

static const char *label_of(const cJSON *peer)
{
    return text_of(peer, "label");
}

static double state_up(const cJSON *probe)
{
    const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(probe, "state"));
    return state != NULL && strcmp(state, "up") == 0;
}

static double loss_pct(const cJSON *probe)
{
    return number_of(probe, "loss_pct");
}

static double jitter_ms(const cJSON *probe)
{
    return number_of(probe, "jitter_ms");
}

static double linked(const cJSON *peer)
{
    return number_of(peer, "connections") > 0;
}

static double rtt_ms(const cJSON *peer)
{
    return number_of(peer, "rtt_ms");
}

static double connections(const cJSON *peer)
{
    return number_of(peer, "connections");
}

static double loss(const cJSON *peer)
{
    return number_of(peer, "loss_pct") / 100;
}

static double lost(const cJSON *peer)
{
    return number_of(peer, "packets_lost");
}

static double rooms(const cJSON *peer)
{
    return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(peer, "rooms"));
}

/* A family with a sample for each row of a view. */
static const struct row_family {
    const char *name, *type, *help;
    double (*value)(const cJSON *peer);
    const char *needs; /* no sample where this is null; NULL: always one */
} peer_families[] = {
    {"wzp_federation_peer_status", "gauge", "1 linked, 0 not", linked, NULL},
    {"wzp_federation_peer_rtt_ms", "gauge", "round trip to the peer", rtt_ms, "rtt_ms"},
    {"chappe_peer_connections", "gauge", "live connections of the link", connections, NULL},
    {"chappe_peer_loss_ratio", "gauge", "packets to the peer lost on the way, of the last 10 s",
     loss, "loss_pct"},
    {"chappe_peer_packets_lost_total", "counter", "packets to the peer lost on the way", lost,
     NULL},
    {"chappe_peer_rooms", "gauge", "rooms that share media with the peer", rooms, NULL},
};

static const struct row_family probe_families[] = {
    {"wzp_probe_up", "gauge", "1 connected, 0 not", state_up, NULL},
    {"wzp_probe_rtt_ms", "gauge", "round trip of the last answer", rtt_ms, "rtt_ms"},
    {"wzp_probe_loss_pct", "gauge", "pings of the last 60 without an answer", loss_pct, "loss_pct"},
    {"wzp_probe_jitter_ms", "gauge", "standard deviation of the last 60 round trips", jitter_ms,
     "jitter_ms"},
};

/* The samples have the label `label`, its values are the rows' `key`. */
static void write_row_family(const struct row_family *family, const cJSON *rows, const char *label,
                             const char *key, struct buffer *out)
{
    const cJSON *row;
    exposition_family(out, family->name, family->type, family->help);
    cJSON_ArrayForEach(row, rows)
    {
        if (family->needs == NULL ||
            cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(row, family->needs)))
            exposition_sample(out, family->name, EXPOSITION_LABEL(label, text_of(row, key)),
                              family->value(row));
    }
}

static void write_peer_packets(const cJSON *peers, struct buffer *out)
{
    static const char name[] = "wzp_federation_packets_forwarded_total";
    const cJSON *peer;
    exposition_family(out, name, "counter", "media packets from and to the peer");
    cJSON_ArrayForEach(peer, peers)
    {
        exposition_sample(out, name, EXPOSITION_LABELS("peer", label_of(peer), "direction", "in"),
                          number_of(peer, "packets_in"));
        exposition_sample(out, name, EXPOSITION_LABELS("peer", label_of(peer), "direction", "out"),
                          number_of(peer, "packets_out"));
    }
}

static void write_peers(const struct metrics_source *s, struct buffer *out)
{
    cJSON *peers = core_view_peers(s->core, s->now);
    cJSON *peer;
    double sum = 0;
    cJSON_ArrayForEach(peer, peers)
    {
        if (!s->answered) /* whoever held the links is gone, or stands still */
            cJSON_ReplaceItemInObjectCaseSensitive(peer, "connections", cJSON_CreateNumber(0));
    }
    for (size_t i = 0; i < sizeof peer_families / sizeof *peer_families; i++)
        write_row_family(&peer_families[i], peers, "peer", "label", out);
    write_peer_packets(peers, out);
    cJSON_ArrayForEach(peer, peers)
    {
        sum += rooms(peer);
    }
    exposition_gauge(out, "wzp_federation_active_rooms", "rooms shared with a peer, over all peers",
                     sum);
    cJSON_Delete(peers);
}

static void write_probes(const struct metrics_source *s, struct buffer *out)
{
    cJSON *probes = core_view_probes(s->core, s->now);
    for (size_t i = 0; i < sizeof probe_families / sizeof *probe_families; i++)
        write_row_family(&probe_families[i], probes, "target", "target", out);
    cJSON_Delete(probes);
}

/* ---- drops ---- */

static const char *drop_reason(const char *name)
{
    if (strncmp(name, DROP_PREFIX, sizeof DROP_PREFIX - 1) == 0)
        return name + sizeof DROP_PREFIX - 1;
    if (strncmp(name, QUIC_DROP_PREFIX, sizeof QUIC_DROP_PREFIX - 1) == 0)
        return name;
    return NULL;
}

static void write_drop(struct buffer *out, const char *plane, const char *reason, uint64_t value)
{
    exposition_sample_u64(out, "chappe_drops_total",
                          EXPOSITION_LABELS("plane", plane, "reason", reason), value);
}

static void write_drops(const struct metrics_source *s, struct buffer *out)
{
    const struct core_counters *counters = core_counters(s->core);
    exposition_family(out, "chappe_drops_total", "counter", "what came to nothing, by reason");
    for (size_t i = 0; i < s->data->count; i++) {
        const struct scoreboard_entry *e = &s->data->entries[i];
        if (drop_reason(e->name) != NULL)
            write_drop(out, "data", drop_reason(e->name), e->value);
    }
#define X(name, help) write_drop(out, "control", #name, counters->name);
    CORE_DROPS(X)
#undef X
}

/* ---- the control plane ---- */

static void write_signals(const struct core_counters *counters, struct buffer *out)
{
    static const char name[] = "chappe_signals_total";
    exposition_family(out, name, "counter", "signal messages read, by variant");
    for (int i = 0; i < SIGNAL_TYPES; i++)
        exposition_sample_u64(out, name,
                              EXPOSITION_LABEL("kind", signal_type_name((enum signal_type)i)),
                              counters->signals[i]);
}

static void write_control(const struct metrics_source *s, struct buffer *out)
{
    const struct core_counters *counters = core_counters(s->core);
    const struct core_gauges gauges = core_gauges(s->core);
    const struct ipc_control_counters *ipc = ipc_control_side_counters(s->contract);
#define X(name, help)                                                                              \
    exposition_counter(out, "chappe_control_" #name "_total", help, counters->name);
    CORE_EVENTS(X)
#undef X
#define X(name, help) exposition_gauge(out, "chappe_control_" #name, help, (double)gauges.name);
    CORE_GAUGES(X)
#undef X
#define X(name, help)                                                                              \
    exposition_counter(out, "chappe_control_ipc_" #name "_total", help, ipc->name);
    IPC_CONTROL_COUNTERS(X)
#undef X
#define X(name, help)                                                                              \
    exposition_counter(out, "chappe_control_event_log_" #name "_total", help, s->events->name);
    EVENT_FILE_COUNTERS(X)
#undef X
    write_signals(counters, out);
    exposition_gauge(out, "chappe_control_uncommitted", "transactions not known to be committed",
                     (double)ipc_control_side_uncommitted(s->contract));
    exposition_counter(out, "chappe_control_log_lines_lost_total",
                       "log lines that could not be written", log_lost());
}

/* ---- the lives of both ---- */

static void write_lives(const struct metrics_source *s, struct buffer *out)
{
    const struct lives *l = s->lives;
    exposition_gauge(out, "chappe_control_epoch", "the control plane's life",
                     (double)ipc_control_side_epoch(s->contract));
    exposition_gauge(out, "chappe_data_epoch", "the data plane's life",
                     (double)ipc_control_side_data_epoch(s->contract));
    exposition_gauge(out, "chappe_control_start_time_seconds", "start of the control plane",
                     (double)l->started_ms / 1000);
    exposition_gauge(out, "chappe_data_start_time_seconds", "start of the data plane; 0: not heard",
                     (double)l->data_started_ms / 1000);
    exposition_counter(out, "chappe_data_restarts_total",
                       "new lives of the data plane that this control plane has seen",
                       l->data_restarts);
    exposition_gauge(out, "chappe_control_adoption_seconds",
                     "time that the last adoption took; 0: none yet",
                     (double)l->adoption / (double)CLOCK_SECOND);
    exposition_gauge(out, "chappe_control_live", "1: what the data plane holds is adopted",
                     ipc_control_side_state(s->contract) == IPC_CONTROL_LIVE);
    exposition_gauge(out, "chappe_data_answering",
                     "1: it is adopted and gives signs of life; 0: the rest shows what was",
                     s->answered);
    exposition_gauge(out, "chappe_data_connections", "QUIC connections",
                     (double)l->data_connections);
    exposition_gauge(out, "chappe_data_unacknowledged", "inputs that wait for the control plane",
                     (double)l->data_unacknowledged);
    exposition_family(out, "chappe_build_info", "gauge", "what runs");
    exposition_sample(out, "chappe_build_info",
                      EXPOSITION_LABELS("version", s->build, "aes", l->aes), 1);
}

/* ---- the data plane ---- */

static void write_data(const struct metrics_source *s, struct buffer *out)
{
    for (size_t i = 0; i < s->data->count; i++) {
        const struct scoreboard_entry *e = &s->data->entries[i];
        char name[NAME_SIZE];
        if (drop_reason(e->name) != NULL)
            continue;
        snprintf(name, sizeof name, "chappe_data_%s_total", e->name);
        exposition_counter(out, name, e->help, e->value);
    }
}

void metrics_write(const struct metrics_source *source, struct buffer *out)
{
    write_relay(source, out);
    write_peers(source, out);
    write_probes(source, out);
    write_drops(source, out);
    write_control(source, out);
    write_lives(source, out);
    write_data(source, out);
}
