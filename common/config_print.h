/*
 * The schema as a config file for people.
 */
#ifndef CHAPPE_COMMON_CONFIG_PRINT_H
#define CHAPPE_COMMON_CONFIG_PRINT_H

#include "common/bytes.h"

/*
 * Appends a file that sets every key to its default and explains it; what has no default is shown
 * as a comment, with a sample value. deploy/examples/defaults.yaml is this text. 0 or ERR_MEMORY.
 */
int config_print_defaults(struct buffer *out);

#endif
