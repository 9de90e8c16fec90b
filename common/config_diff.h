/*
 * What differs between two configs, for a reload.
 */
#ifndef CHAPPE_COMMON_CONFIG_DIFF_H
#define CHAPPE_COMMON_CONFIG_DIFF_H

#include <stdbool.h>

#include "common/config.h"

struct config_change {
    const char *key;      /* "relay.listen", "global_rooms"; "peers[FINGERPRINT]" for a whole entry,
                             "peers[FINGERPRINT].label" for one value of it */
    const char *old_text; /* NULL: was not there (an optional key, an entry) */
    const char *new_text; /* NULL: is not there any more */
    bool needs_restart;   /* takes effect only when the processes start again */
};

/*
 * Calls `changed` for each difference, in the schema's order. Entries of `peers` and `trusted` are
 * told apart by their fingerprint, so their order does not count. The texts live until the call
 * returns. 0 or ERR_MEMORY.
 */
int config_diff(const struct config *old_config, const struct config *new_config,
                void (*changed)(void *context, const struct config_change *change), void *context);

/*
 * Exchanges what needs a restart: afterwards `fresh`, a config just read, holds in these keys what
 * the process runs with, so that it can take the place of `running`, and the next config_diff still
 * tells what waits for a restart.
 */
void config_keep_running(struct config *fresh, struct config *running);

#endif
