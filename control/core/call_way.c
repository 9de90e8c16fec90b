#include "control/core/call_way.h"

#include "control/core/presence.h"
#include "control/core/topic.h"

size_t call_ways(const struct core *c, const char *name, struct path *out, size_t max)
{
    struct presence_place places[CALL_WAYS_MAX];
    size_t count = presence_find(c, name, places, max < CALL_WAYS_MAX ? max : CALL_WAYS_MAX);
    for (size_t i = 0; i < count; i++)
        out[i] = trail_path(places[i].path);
    return count;
}

/* ---- originals behind other relays of ours ---- */

/* Somebody we can reach publishes it, who is not the original itself. */
static bool leads_to_original(const struct core *c, const struct topic *topic)
{
    const struct peer *neighbour = peer_find(c, &topic->key.origin);
    return topic->best != NULL &&
           !fingerprint_tls_equal(&topic->key.publisher, &topic->key.origin) &&
           (neighbour == NULL || !peer_linked(neighbour));
}

/* One relay speaks with each original: the publisher with the lowest fingerprint. */
static void choose(struct path *ways, size_t *count, size_t max, const struct topic *topic)
{
    struct path path = trail_path(topic->best->path);
    for (size_t i = 0; i < *count; i++) {
        const struct fingerprint_tls *end = &ways[i].relays[ways[i].count - 1];
        if (!fingerprint_tls_equal(end, &topic->key.origin))
            continue;
        if (fingerprint_tls_compare(&topic->key.publisher, end - 1) < 0)
            ways[i] = path;
        return;
    }
    if (*count < max)
        ways[(*count)++] = path;
}

size_t call_ways_to_originals(const struct core *c, struct path *out, size_t max)
{
    size_t count = 0;
    for (const struct topic *topic = c->federation->topics; topic != NULL; topic = topic->hh.next) {
        if (leads_to_original(c, topic))
            choose(out, &count, max, topic);
    }
    return count;
}
