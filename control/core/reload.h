/*
 * A new reading of the config, applied to what is there: relays that are no longer named lose their
 * links and calls, new ones are dialed, changed ones keep their link unless the new terms would not
 * have admitted it; rates go to the data plane; rooms that became global join. Everything else is
 * read from the config where it is needed.
 */
#ifndef CHAPPE_CONTROL_CORE_RELOAD_H
#define CHAPPE_CONTROL_CORE_RELOAD_H

#include "control/core/state.h"

/* What the data plane enforces by itself (ipc/settings.h); part of each adoption. */
void reload_settings(struct core *c);
/* Rooms and routes get the config's rates. */
void reload_rates(struct core *c);
/*
 * Who is in a room under the hashed name of what is now a global room moves there: one room has one
 * name, whoever came first (defect 28). Part of each adoption, as the config may have changed
 * before it.
 */
void reload_global_rooms(struct core *c);
/* Ends calls with relays that the config no longer names; part of each adoption, likewise. */
void reload_calls(struct core *c);

#endif
