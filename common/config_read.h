/*
 * From a YAML tree to struct config, by the schema.
 */
#ifndef CHAPPE_COMMON_CONFIG_READ_H
#define CHAPPE_COMMON_CONFIG_READ_H

#include "common/config.h"
#include "common/config_tree.h"

#define CONFIG_KEY_MAX 96 /* bytes of a key's path with its NUL, as messages show it */

/*
 * Sets what the tree says in `config`, which holds the defaults; `root` may be NULL. Everything
 * that is wrong goes to `errors`; an entry of `peers` or `trusted` in which something is wrong is
 * left zeroed but for its line. 0 or ERR_MEMORY.
 */
int config_read(struct config *config, const struct config_node *root,
                struct config_errors *errors);

#endif
