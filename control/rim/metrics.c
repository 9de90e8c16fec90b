#include "control/rim/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DROP_PREFIX "drop_"
#define QUIC_DROP_PREFIX "quic_drop_"

static void head(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(struct buffer *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    head(out, name, type, help);
    buffer_printf(out, "%s %" PRIu64 "\n", name, value);
}

/* A label's value: `\`, `"` and line ends escaped, as the format wants. */
static void label_value(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == '"')
            buffer_append_u8(out, '\\');
        buffer_append_u8(out, (uint8_t)*text);
    }
}

static void labelled(struct buffer *out, const char *name, const char *label, const char *text)
{
    buffer_printf(out, "%s{%s=\"", name, label);
    label_value(out, text);
    buffer_append_string(out, "\"} ");
}

/* ---- the original's names ---- */

static void write_relay(const struct metrics_source *s, struct buffer *out)
{
    const struct core_counters *counters = core_counters(s->core);
    const struct core_gauges gauges = core_gauges(s->core);
    number(out, "wzp_relay_active_sessions", "gauge", "media connections", gauges.sessions);
    number(out, "wzp_relay_active_rooms", "gauge", "rooms", gauges.rooms);
    number(out, "wzp_relay_packets_forwarded_total", "counter", "media packets to room members",
           scoreboard_value(s->data, "media_to_members"));
    head(out, "wzp_relay_auth_attempts_total", "counter", "token checks");
    buffer_printf(out, "wzp_relay_auth_attempts_total{result=\"ok\"} %" PRIu64 "\n",
                  counters->tokens_accepted);
    buffer_printf(out, "wzp_relay_auth_attempts_total{result=\"fail\"} %" PRIu64 "\n",
                  counters->tokens_refused);
}

static const char *text_of(const cJSON *peer, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(peer, key));
    return text == NULL ? "" : text;
}

static void write_peers(const struct metrics_source *s, struct buffer *out)
{
    cJSON *peers = core_view_peers(s->core, s->now);
    const cJSON *peer;
    head(out, "wzp_federation_peer_status", "gauge", "1 linked, 0 not");
    cJSON_ArrayForEach(peer, peers)
    {
        labelled(out, "wzp_federation_peer_status", "peer", text_of(peer, "label"));
        buffer_printf(out, "%d\n", strcmp(text_of(peer, "state"), "linked") == 0);
    }
    head(out, "wzp_federation_peer_rtt_ms", "gauge", "round trip to the peer");
    cJSON_ArrayForEach(peer, peers)
    {
        const cJSON *rtt = cJSON_GetObjectItemCaseSensitive(peer, "rtt_us");
        if (!cJSON_IsNumber(rtt))
            continue;
        labelled(out, "wzp_federation_peer_rtt_ms", "peer", text_of(peer, "label"));
        buffer_printf(out, "%.3f\n", rtt->valuedouble / 1000);
    }
    cJSON_Delete(peers);
    number(out, "wzp_federation_packets_deduped_total", "counter", "copies dropped",
           scoreboard_value(s->data, "drop_copy"));
    number(out, "wzp_federation_packets_rate_limited_total", "counter",
           "media over a peer's rate in one room", scoreboard_value(s->data, "drop_route_rate"));
}

/* ---- our own ---- */

static void write_control(const struct metrics_source *s, struct buffer *out)
{
    const struct core_counters *counters = core_counters(s->core);
    const struct core_gauges gauges = core_gauges(s->core);
#define X(name, help)                                                                              \
    number(out, "chappe_control_" #name "_total", "counter", help, counters->name);
    CORE_COUNTERS(X)
#undef X
#define X(name, help) number(out, "chappe_control_" #name, "gauge", help, gauges.name);
    CORE_GAUGES(X)
#undef X
    number(out, "chappe_control_uncommitted", "gauge", "transactions not known to be committed",
           ipc_control_side_uncommitted(s->contract));
    head(out, "chappe_build_info", "gauge", "what runs");
    labelled(out, "chappe_build_info", "version", s->build);
    buffer_append_string(out, "1\n");
}

static const char *drop_reason(const char *name)
{
    if (strncmp(name, DROP_PREFIX, sizeof DROP_PREFIX - 1) == 0)
        return name + sizeof DROP_PREFIX - 1;
    if (strncmp(name, QUIC_DROP_PREFIX, sizeof QUIC_DROP_PREFIX - 1) == 0)
        return name;
    return NULL;
}

static void write_data(const struct metrics_source *s, struct buffer *out)
{
    head(out, "chappe_drops_total", "counter", "what the data plane dropped, by reason");
    for (size_t i = 0; i < s->data->count; i++) {
        const struct scoreboard_entry *e = &s->data->entries[i];
        const char *reason = drop_reason(e->name);
        if (reason == NULL)
            continue;
        labelled(out, "chappe_drops_total", "reason", reason);
        buffer_printf(out, "%" PRIu64 "\n", e->value);
    }
    for (size_t i = 0; i < s->data->count; i++) {
        const struct scoreboard_entry *e = &s->data->entries[i];
        if (drop_reason(e->name) == NULL)
            buffer_printf(out,
                          "# TYPE chappe_data_%s_total counter\nchappe_data_%s_total %" PRIu64 "\n",
                          e->name, e->name, e->value);
    }
}

void metrics_write(const struct metrics_source *source, struct buffer *out)
{
    write_relay(source, out);
    write_peers(source, out);
    write_control(source, out);
    write_data(source, out);
}
