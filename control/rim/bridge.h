/*
 * The way between the core and the data plane: the contract and its sockets, the note of the input
 * at hand, and what is known of the other plane. What comes goes to the core, in the order and with
 * the acknowledgements that the contract wants; the core's transactions go out.
 */
#ifndef CHAPPE_CONTROL_RIM_BRIDGE_H
#define CHAPPE_CONTROL_RIM_BRIDGE_H

#include <stdbool.h>

#include "control/core/core.h"
#include "control/rim/lives.h"
#include "control/rim/questions.h"
#include "control/rim/scoreboard.h"
#include "ipc/control_side.h"
#include "ipc/note.h"
#include "ipc/sockets.h"

struct bridge {
    struct core *core;           /* borrowed */
    struct questions *questions; /* borrowed */
    const uint64_t *now;         /* the time of the loop's turn, ns; borrowed */
    char *runtime_dir;
    struct ipc_control_side *contract;
    struct ipc_sockets *sockets;
    struct ipc_note *note;
    struct lives lives;
    struct scoreboard scoreboard;
    bool unsent;              /* a transaction could not be sent since the last adoption */
    bool silent;              /* nothing is heard of the data plane ... */
    uint64_t silent_since_ms; /* ... since then, wall clock */
    bool mismatched; /* the data plane speaks another version of the contract, which is logged */
};

/*
 * Opens the sockets in runtime_dir, and reports the note that a dead predecessor left. `b` stays
 * where it is. 0 or an error, which is logged; bridge_free is due in any case.
 */
int bridge_init(struct bridge *b, const char *runtime_dir);
/* A zero-initialised one is fine. The core may be gone. */
void bridge_free(struct bridge *b);

/* The core's effect of that name. */
void bridge_transact(struct bridge *b, struct bytes row);

/* Take some of what waits at ipc_sockets_fd_subscribed and ipc_sockets_fd_snapshot. */
void bridge_receive(struct bridge *b);
void bridge_receive_slices(struct bridge *b);

/* What the data plane holds is adopted. */
bool bridge_is_live(const struct bridge *b);
/* ... and it has been heard lately. */
bool bridge_is_answered(const struct bridge *b);

#endif
