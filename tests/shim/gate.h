/*
 * Counts what passes one way, inputs or transactions, each once however often it is sent; and holds
 * it up from a chosen one on, with everything behind it of the same life of the sender, until it is
 * opened. So a test can kill a plane at each step of what it does, before its message arrives or
 * after.
 */
#ifndef CHAPPE_TESTS_SHIM_GATE_H
#define CHAPPE_TESTS_SHIM_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nng/nng.h>

#include "common/bytes.h"

struct gate {
    uint64_t from, sequence; /* of the last one counted */
    uint64_t counted;
    uint64_t shut_at; /* 0: never */
    bool shut;
    uint64_t shut_for; /* the epoch of the first kept one: other lives' messages pass */
    nng_msg **kept;    /* in the order in which they came; owned */
    size_t kept_count, kept_capacity;
};

/* Zero-initialised is open, and has counted nothing. */
void gate_free(struct gate *g);

/* The next one is the first. */
void gate_count_anew(struct gate *g);
/* Shuts before the nth that is counted. */
void gate_shut_at(struct gate *g, uint64_t nth);

/* True: it is kept, and owned from now on (without memory it is lost, as on any bad line). */
bool gate_keeps(struct gate *g, nng_msg *message);
/* What the first kept message does, e.g. "ack record_put send"; only if it is shut. */
void gate_print(const struct gate *g, struct buffer *out);
/* Opens, and gives what was kept, one by one; the caller owns it. NULL: that was all. */
nng_msg *gate_open(struct gate *g);

#endif
