/*
 * A path as it is kept: no longer than it is, never changed, and shared by all who keep it. A relay
 * that knows 1,000 origins keeps some ten thousand of them (struct path is for one that is being
 * read or made).
 */
#ifndef CHAPPE_CONTROL_CORE_TRAIL_H
#define CHAPPE_CONTROL_CORE_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fingerprint.h"

struct path;

struct trail {
    uint32_t references;
    uint32_t count;                  /* at least 1, at most FEDERATION_PATH_MAX */
    struct fingerprint_tls relays[]; /* from the neighbour to the origin */
};

/* With one reference, the caller's; NULL without memory. */
struct trail *trail_new(const struct path *path);
/* The same with one more relay in front; `rest` has fewer than FEDERATION_PATH_MAX. */
struct trail *trail_behind(const struct fingerprint_tls *first, const struct trail *rest);
struct trail *trail_retain(struct trail *trail);
void trail_release(struct trail *trail); /* NULL is allowed */

struct path trail_path(const struct trail *trail);
bool trail_is(const struct trail *trail, const struct path *path);
bool trail_contains(const struct trail *trail, const struct fingerprint_tls *relay);
/* Shorter first, then the lower fingerprints. */
int trail_compare(const struct trail *a, const struct trail *b);
/* True if `trail` is `first` and then `rest`. */
bool trail_is_behind(const struct trail *trail, const struct fingerprint_tls *first,
                     const struct trail *rest);

#endif
