/*
 * A reload, up to the point where the new config takes the running one's place: reads the file
 * again, checks it as at the start, says in the log and to the operator what differs.
 */
#ifndef CHAPPE_CONTROL_RIM_RELOAD_H
#define CHAPPE_CONTROL_RIM_RELOAD_H

#include <cjson/cJSON.h>

#include "common/config.h"

/*
 * 0: `fresh` is what the process is to run with from now on; it has the running values of what
 * needs a restart, and `running` is only good for core_reload's comparison and config_free.
 * `answer` is {"changes":[{key, old, new, needs_restart}], "needs_restart"}, where `old` and `new`
 * are null for what was not set. Else nothing changed, and `answer` is a text that names file, line
 * and key of each error. The caller frees it; NULL: out of memory.
 */
int reload_read(struct config *running, const struct fingerprint_tls *own, struct config *fresh,
                cJSON **answer);

#endif
