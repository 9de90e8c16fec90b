/*
 * Adoption: a new control plane reads what the data plane keeps (design: "Records"), makes the same
 * objects of it that its predecessor had, and only then removes, by name, what was installed and
 * belongs to nothing. Protocol deadlines (token, greeting, hello) begin anew, because nobody waited
 * for the phone meanwhile; those in records go on.
 */
#ifndef CHAPPE_CONTROL_CORE_ADOPT_H
#define CHAPPE_CONTROL_CORE_ADOPT_H

#include "control/core/state.h"

#define ADOPT_ROW_MAX (4u * 1024 * 1024) /* bytes of one transaction that sweeps */

void adopt_begin(struct core *c);
void adopt_item(struct core *c, const struct ipc_item *item);
void adopt_finish(struct core *c);
void adopt_free(struct core *c);

#endif
