/*
 * Tokens (protocol.md 4.5): with auth.url set the first message of a phone and of a room connection
 * must be an AuthToken; the rim asks the auth service. Without auth.url a token that comes first is
 * skipped, where the original would fail.
 */
#ifndef CHAPPE_CONTROL_CORE_AUTH_H
#define CHAPPE_CONTROL_CORE_AUTH_H

#include "control/core/connection.h"

/* The first stage of a phone's or room's connection: TOKEN or GREETING. */
void auth_start(struct core *c, struct connection *conn);
/* A message in the stage TOKEN. */
void auth_message(struct core *c, struct connection *conn, const struct signal *message);

#endif
