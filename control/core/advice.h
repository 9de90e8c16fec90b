/*
 * What an operator would have to write into the config so that a relay that is refused is admitted:
 * an item that can be pasted as it is, and where it goes; or keys to set in entries that are there.
 *
 *   add to trusted: - { fingerprint: 'aa:bb:...', legacy: true, address: '192.0.2.9' }
 *   at relay.yaml:12 set legacy: true, address: '192.0.2.9'
 */
#ifndef CHAPPE_CONTROL_CORE_ADVICE_H
#define CHAPPE_CONTROL_CORE_ADVICE_H

#include "common/config.h"

#define ADVICE_SIZE                                                                                \
    1024 /* bytes of a text with its NUL; a line of the log takes no longer value                  \
          */

/* For a relay that the config does not name. `original`: only its address speaks for it. */
void advice_add(const struct fingerprint_tls *fingerprint, bool original,
                const struct address *remote, char out[ADVICE_SIZE]);

/* What is to be different for a relay that the config names. */
struct advice_change {
    bool legacy;                               /* it is to be an original */
    bool address;                              /* it is to come from where it is now */
    const struct fingerprint_tls *fingerprint; /* it is to have this one; NULL: as it is */
};
/* In all entries of the relay; `out` may also name an entry to add. `remote` may be NULL if neither
   `legacy` nor `address` is to change. */
void advice_change(const struct config *config, const struct fingerprint_tls *relay,
                   const struct address *remote, const struct advice_change *change,
                   char out[ADVICE_SIZE]);

#endif
