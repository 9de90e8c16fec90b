/*
 * A troubled hour: people come, go and talk while links are cut, relays die and peers read slowly,
 * all by the world's dice; then everything is healed.
 */
#ifndef CHAPPE_TESTS_SIM_FAULTS_H
#define CHAPPE_TESTS_SIM_FAULTS_H

#include "tests/sim/world.h"

/* name, how often in 100, what happens */
#define FAULTS(X)                                                                                  \
    X(call, 8, "somebody calls somebody, or hangs up")                                             \
    X(move, 6, "a phone registers, perhaps elsewhere")                                             \
    X(join, 20, "somebody joins a room, perhaps leaving another")                                  \
    X(leave, 6, "somebody leaves")                                                                 \
    X(cut, 12, "nothing passes between two relays, for a while")                                   \
    X(part, 10, "a link is closed in order")                                                       \
    X(island, 4, "some relays are cut off from the others, for a while")                           \
    X(control, 10, "a control plane dies; another adopts at once or later")                        \
    X(data, 6, "a data plane dies; the control plane adopts another one at once or later")         \
    X(restart, 6, "both planes of a relay die, and start again in any order")                      \
    X(slow, 8, "a relay reads no message for some seconds")                                        \
    X(lossy, 4, "datagrams are lost or late, until the end of the hour")

/* So many things happen; then all is healed and everybody has time to find back. */
void faults_run(struct world *w, int things);

#endif
