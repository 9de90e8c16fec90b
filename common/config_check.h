/*
 * What concerns more than one key of a config: defaults made by a rule, and contradictions.
 */
#ifndef CHAPPE_COMMON_CONFIG_CHECK_H
#define CHAPPE_COMMON_CONFIG_CHECK_H

#include "common/config.h"

/* Sets relay.name and the labels where the file says none. 0 or ERR_MEMORY. */
int config_set_rule_defaults(struct config *config);

/*
 * Reports: an entry of `trusted` that is legacy without an address; a fingerprint that is
 * twice in a list; a fingerprint that is in both lists with different rights; a label that
 * two relays share. Zeroed entries are passed over.
 */
void config_check(const struct config *config, struct config_errors *errors);

/*
 * What is allowed and hardly meant, in lines like those of errors: a global room that is named by
 * the hash of a name. Relays that configure the name itself are not in that room.
 */
void config_warnings(const struct config *config, struct config_errors *warnings);

#endif
