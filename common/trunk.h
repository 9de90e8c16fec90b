/*
 * Trunk frames: several media packets in one datagram (protocol.md 3.4). No client of the original
 * reads them and we never send them; they can only be read here, so that one can be recognised.
 */
#ifndef CHAPPE_COMMON_TRUNK_H
#define CHAPPE_COMMON_TRUNK_H

#include <stdint.h>

#include "common/bytes.h"

#define TRUNK_SESSION_SIZE 2

struct trunk_entry {
    uint8_t session[TRUNK_SESSION_SIZE]; /* tells senders apart */
    struct bytes packet;                 /* a view into the frame; not checked */
};

/* Walks over the entries of one frame. */
struct trunk {
    struct reader reader;
    uint16_t left; /* entries that the frame still promises */
};

/* Begins with a frame. Returns 0 or ERR_TRUNCATED (no count). */
int trunk_init(struct trunk *trunk, struct bytes frame);
/*
 * Takes the next entry. Returns 1, or 0 after the last one (what follows it in the frame is
 * ignored, as the original does), or ERR_TRUNCATED if the frame is shorter than it promises.
 */
int trunk_next(struct trunk *trunk, struct trunk_entry *out);

#endif
