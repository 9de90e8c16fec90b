#include "control/core/trail.h"

#include <stdlib.h>
#include <string.h>

#include "control/core/federation.h"

static struct trail *make(size_t count)
{
    struct trail *trail = malloc(sizeof(*trail) + count * sizeof(trail->relays[0]));
    if (trail == NULL)
        return NULL;
    trail->references = 1;
    trail->count = (uint32_t)count;
    return trail;
}

struct trail *trail_new(const struct path *path)
{
    struct trail *trail = make(path->count);
    if (trail != NULL)
        memcpy(trail->relays, path->relays, path->count * sizeof(path->relays[0]));
    return trail;
}

struct trail *trail_behind(const struct fingerprint_tls *first, const struct trail *rest)
{
    struct trail *trail = make((size_t)rest->count + 1);
    if (trail == NULL)
        return NULL;
    trail->relays[0] = *first;
    memcpy(trail->relays + 1, rest->relays, rest->count * sizeof(rest->relays[0]));
    return trail;
}

struct trail *trail_retain(struct trail *trail)
{
    trail->references++;
    return trail;
}

void trail_release(struct trail *trail)
{
    if (trail != NULL && --trail->references == 0)
        free(trail);
}

struct path trail_path(const struct trail *trail)
{
    struct path path = {.count = trail->count};
    memcpy(path.relays, trail->relays, trail->count * sizeof(trail->relays[0]));
    return path;
}

bool trail_is(const struct trail *trail, const struct path *path)
{
    return trail->count == path->count &&
           memcmp(trail->relays, path->relays, path->count * sizeof(path->relays[0])) == 0;
}

bool trail_contains(const struct trail *trail, const struct fingerprint_tls *relay)
{
    return fingerprint_tls_among(trail->relays, trail->count, relay);
}

int trail_compare(const struct trail *a, const struct trail *b)
{
    if (a == b)
        return 0;
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (size_t i = 0; i < a->count; i++) {
        int order = fingerprint_tls_compare(&a->relays[i], &b->relays[i]);
        if (order != 0)
            return order;
    }
    return 0;
}

bool trail_is_behind(const struct trail *trail, const struct fingerprint_tls *first,
                     const struct trail *rest)
{
    return trail->count == rest->count + 1 && fingerprint_tls_equal(&trail->relays[0], first) &&
           memcmp(trail->relays + 1, rest->relays, rest->count * sizeof(rest->relays[0])) == 0;
}
