/*
 * A connection to a room (protocol.md 4.4, 5.3): AuthToken if asked for, then a signed CallOffer;
 * the rim verifies it and makes the CallAnswer, and the connection becomes a member, all in one
 * transaction. Later signals of a member mean nothing.
 */
#ifndef CHAPPE_CONTROL_CORE_ROOM_JOIN_H
#define CHAPPE_CONTROL_CORE_ROOM_JOIN_H

#include "control/core/connection.h"

#define ROOM_ALIAS_MAX 64 /* bytes; a longer one, or one with control characters, is left out */

/* The CallOffer that is being verified. */
struct room_greeting {
    uint8_t identity[32];
    uint8_t ephemeral[32];
    char alias[ROOM_ALIAS_MAX + 1];
};

#endif
