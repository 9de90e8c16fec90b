#include "control/core/peer_terms.h"

bool peer_terms_of(const struct config *config, const struct fingerprint_tls *fingerprint,
                   struct peer_terms *out)
{
    bool found = false;
    *out = (struct peer_terms){0};
    for (size_t i = 0; i < config->peer_count && !found; i++) {
        const struct config_peer *entry = &config->peers[i];
        if (!fingerprint_tls_equal(&entry->fingerprint, fingerprint))
            continue;
        found = true;
        *out = (struct peer_terms){.label = entry->label,
                                   .address = entry->address,
                                   .delegate = entry->delegate,
                                   .legacy = entry->legacy};
    }
    for (size_t i = 0; i < config->trusted_count; i++) {
        const struct config_trusted *entry = &config->trusted[i];
        if (!fingerprint_tls_equal(&entry->fingerprint, fingerprint))
            continue;
        if (!found)
            out->label = entry->label;
        out->source = entry->address;
        out->delegate |= entry->delegate;
        out->legacy |= entry->legacy;
        return true;
    }
    return found;
}
