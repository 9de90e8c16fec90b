/*
 * The record of a call: everything of struct call but what is in the heap and the tables. Phones
 * are named by the number of their connection.
 */
#ifndef CHAPPE_CONTROL_CORE_CALL_RECORD_H
#define CHAPPE_CONTROL_CORE_CALL_RECORD_H

#include "control/core/calls.h"

/* call->record.run */
void call_record_write(struct core *c, struct deferred *work);
/*
 * Makes the call that a record describes. Connections must be there already. ERR_SYNTAX,
 * ERR_NOT_FOUND (a phone of it is not), ERR_MEMORY; then there is no such call.
 */
int call_record_restore(struct core *c, struct bytes id, struct bytes value);

#endif
