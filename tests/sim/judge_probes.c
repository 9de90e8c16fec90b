#include "tests/sim/judge_probes.h"

#include "tests/sim/net_connection.h"
#include "tests/sim/ways.h"

#define TOLERANCE 1.0 /* ms */

static double number_of(const cJSON *row, const char *key)
{
    const cJSON *item = cJSON_GetObjectItem(row, key);
    return cJSON_IsNumber(item) ? item->valuedouble : -1;
}

static void judge_probe(struct world *w, int relay, int target)
{
    cJSON *rows = core_view_probes(w->relays[relay]->core, w->net.now);
    const cJSON *row = cJSON_GetArrayItem(rows, 0);
    uint64_t line = world_endpoint(w, relay)->latency + world_endpoint(w, target)->latency;
    double wanted = 2.0 * (double)line / CLOCK_MS, rtt = number_of(row, "rtt_ms");
    bool known = cJSON_IsString(cJSON_GetObjectItem(row, "label"));
    if (rtt < wanted - TOLERANCE || rtt > wanted + TOLERANCE || number_of(row, "loss_pct") != 0)
        world_wrong(w,
                    "relay %d measures %.1f ms and %.0f %% loss to relay %d, not %.1f ms and none",
                    relay, rtt, number_of(row, "loss_pct"), target, wanted);
    if (known != ways_linked(w, relay, target))
        world_wrong(w, "relay %d %s relay %d on its probe", relay,
                    known ? "knows" : "does not know", target);
    cJSON_Delete(rows);
}

void judge_probes(struct world *w)
{
    for (int i = 0; i < w->options.relays; i++) {
        int target = world_probed_by(w, i);
        if (target >= 0)
            judge_probe(w, i, target);
    }
}
