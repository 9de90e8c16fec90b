/*
 * Packets that came back to the original at which they were said. An original does not know again
 * what its own people said: it gives it to them, and to its links once more, and nobody behind
 * these can tell that from somebody who says the same (federation.md, "Media": "echoes between two
 * originals"). It takes another original to bring a packet back, so with one of them there is none.
 */
#ifndef CHAPPE_TESTS_SIM_ECHO_H
#define CHAPPE_TESTS_SIM_ECHO_H

#include <uthash.h>

#include "tests/sim/packet.h"

struct echo {
    uint64_t key;
    UT_hash_handle hh;
};

/* `*echoes`: all of them, NULL at first. */
void echo_note(struct echo **echoes, const struct packet *p);
bool echo_find(const struct echo *echoes, const struct packet *p);
void echo_free_all(struct echo **echoes);

#endif
