/*
 * Records of what originals said and what they were told: they announce only at link-up, so a new
 * control plane must know it. Each list has a record of its own, which thus stays small enough.
 */
#ifndef CHAPPE_CONTROL_CORE_ORIGINAL_RECORD_H
#define CHAPPE_CONTROL_CORE_ORIGINAL_RECORD_H

#include "control/core/original.h"

/* The parts of an original, each a bit in `changed`. */
#define ORIGINAL_HERE(spelling) ((spelling)*2)
#define ORIGINAL_BEHIND(spelling) ((spelling)*2 + 1)
#define ORIGINAL_ACTED_PART 4 /* `behind` */
#define ORIGINAL_STATE_PART 5 /* all else */
#define ORIGINAL_PARTS 6
#define ORIGINAL_ACTED (1u << ORIGINAL_ACTED_PART)
#define ORIGINAL_STATE (1u << ORIGINAL_STATE_PART)

/* These parts are to be written at the end of the transaction. */
void original_changed(struct core *c, struct original *o, unsigned parts);
void original_record_write(struct core *c, struct deferred *work); /* of an original */
void original_record_gone(struct core *c, struct original *o);
int original_record_restore(struct core *c, struct bytes name, struct bytes value);

#endif
