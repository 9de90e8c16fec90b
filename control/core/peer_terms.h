/*
 * What the config says of one peer: its entries of `peers` and `trusted` taken together.
 */
#ifndef CHAPPE_CONTROL_CORE_PEER_TERMS_H
#define CHAPPE_CONTROL_CORE_PEER_TERMS_H

#include <stdbool.h>

#include "common/config.h"

struct peer_terms {
    const char *label;     /* the config's, like all texts here */
    const char *address;   /* host:port to dial; NULL: we don't */
    struct address source; /* the only address it may come from; none: any */
    bool delegate;
    bool legacy;
};

/* False: the config does not name this relay. */
bool peer_terms_of(const struct config *config, const struct fingerprint_tls *fingerprint,
                   struct peer_terms *out);

#endif
