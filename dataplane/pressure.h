/*
 * Back pressure of all inputs together that the control plane has not acknowledged. QUIC bounds
 * each connection's by itself (credit returns with the acknowledgement), but not their number.
 *
 * Above PRESSURE_REFUSE new connections are refused, until the half of it is left. Above
 * PRESSURE_CLOSE a connection that sends more is closed: connections that were there before can
 * reach it only with messages of the largest size.
 */
#ifndef CHAPPE_DATAPLANE_PRESSURE_H
#define CHAPPE_DATAPLANE_PRESSURE_H

#include <stdbool.h>
#include <stddef.h>

#define PRESSURE_REFUSE ((size_t)64 * 1024 * 1024)
#define PRESSURE_CLOSE ((size_t)256 * 1024 * 1024)
#define PRESSURE_INPUT_COST 256 /* bytes that an input counts besides its content */

/* Zero-initialised: none. */
struct pressure {
    bool refusing; /* new connections */
};

/* What is pending: bytes and number of inputs. True if `refusing` has changed. */
bool pressure_update(struct pressure *p, size_t bytes, size_t inputs);
/* True if one more input may be kept. */
bool pressure_admits(size_t bytes, size_t inputs);

#endif
