/*
 * A middleman between the two planes of one relay: it takes every message from the real nng socket
 * of one plane and gives it to the other, or not: it drops, doubles, delays (and so reorders), and
 * cuts all connections. Which message suffers comes from a seed. Or it holds up a chosen message,
 * so that a plane can be killed at that very step (gate.h).
 *
 * The planes are started with CHAPPE_IPC_SHIM=FAKE (ipc/sockets.h): they listen in their
 * runtime_dir and look for each other in FAKE, where the shim listens.
 */
#ifndef CHAPPE_TESTS_SHIM_SHIM_H
#define CHAPPE_TESTS_SHIM_SHIM_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/bytes.h"

/* Chances are per mille of the messages. Zeros: everything passes. */
struct shim_faults {
    unsigned drop;
    unsigned duplicate;
    unsigned delay;
    unsigned delay_ms; /* at most so long */
};

/* name, what it counts */
#define SHIM_COUNTERS(X)                                                                           \
    X(passed, "messages given on at once")                                                         \
    X(dropped, "messages dropped by chance")                                                       \
    X(duplicated, "messages given on twice")                                                       \
    X(delayed, "messages given on later")                                                          \
    X(cut, "messages lost in cuts")                                                                \
    X(cuts, "times that all connections were cut")

struct shim_counters {
#define X(name, text) uint64_t name;
    SHIM_COUNTERS(X)
#undef X
};

struct shim;

#define SHIM_POLL_MAX 4 /* descriptors that shim_poll fills in */

/* `real`: the planes' runtime_dir. `fake` is made. Both are copied. `trace`: NULL, or gets every
   message in words. 0, or an error code of common/error.h. */
int shim_init(struct shim **out, const char *real, const char *fake, uint64_t seed, FILE *trace);
/* From now on all messages claim another version of the contract; 0: none does. */
void shim_set_version(struct shim *s, uint16_t version);
void shim_free(struct shim *s);

void shim_set_faults(struct shim *s, const struct shim_faults *faults);
/* Cuts all connections, and whatever is on its way; or lets them be made again. */
int shim_cut(struct shim *s, bool cut);

/*
 * Inputs (those that the data plane publishes) and transactions (the control plane) are counted
 * from shim_count_anew on, each once. From the nth of one of them on all messages of that way wait,
 * until shim_release gives them on, or not.
 */
enum shim_stream { SHIM_INPUTS, SHIM_COMMANDS, SHIM_STREAMS };
const char *shim_stream_name(enum shim_stream stream);
void shim_count_anew(struct shim *s);
uint64_t shim_counted(const struct shim *s, enum shim_stream stream);
void shim_hold(struct shim *s, enum shim_stream stream, uint64_t nth);
/* True: messages wait; `what` gets what the first one does. */
bool shim_holds(const struct shim *s, struct buffer *what);
void shim_release(struct shim *s, bool give_on);

/* Sends so many messages of nonsense, and damaged ones of the real kind, all ways. */
void shim_garbage(struct shim *s, unsigned count);

/* What to wait for: descriptors, and how long at most, in ms, until shim_run is to be called. */
size_t shim_poll(const struct shim *s, struct pollfd fds[SHIM_POLL_MAX], uint64_t now,
                 int *timeout_ms);
/* Deals with everything that waits. `now` in ns. */
void shim_run(struct shim *s, uint64_t now);

const struct shim_counters *shim_counters(const struct shim *s);

#endif
