/*
 * The cure of what an original's defect 21 (protocol.md 6) does to a link that we dial.
 *
 * An original has one entry for all connections with us, and whichever ends takes it along. If one
 * ended without a close that reached it (our data plane died, or nothing passed for 30 s), we dial
 * again at once; but the original keeps the old connection until its own idle time-out, and then
 * drops the entry of the new one: it never says anything on it again, and we cannot tell. So when
 * that time must be over, a link that is up is closed in order and dialed anew, once.
 *
 * That may have happened when a connection ends by silence; when we close one, this time too, and
 * the next dial fails, for then the close may have been lost; and with the first link in a life of
 * the data plane: nobody knows how its predecessor ended. Never with relays of ours; and not where
 * only the original dials, which does so after its old connection has ended.
 *
 * The time is in the peer's record: a new control plane goes on with it.
 */
#ifndef CHAPPE_CONTROL_CORE_RENEWAL_H
#define CHAPPE_CONTROL_CORE_RENEWAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "control/core/timer.h"

/* The original's idle time-out, 30 s, begins anew with its keep-alive, up to 5 s later. */
#define RENEWAL_AFTER_NS (40 * CLOCK_SECOND)
#define RENEWAL_PAUSE_NS CLOCK_SECOND /* for the close to get there before the new connection */

struct connection;
struct peer;

struct renewal {
    uint64_t at; /* ns; 0: nothing is owed */
    bool unsure; /* we have closed it; whether the original knows, the next dial shows */
    struct timer timer;
};

void renewal_init(struct renewal *r);
/* One of the link's connections is gone. */
void renewal_lost(struct core *c, struct peer *peer, const struct connection *conn);
/* The peer was dialed in vain. */
void renewal_dial_failed(struct core *c, struct peer *peer);
/* The link is up again. */
void renewal_linked(struct core *c, struct peer *peer);
/* Sets the timer, if something is owed: then, and after adoption. */
void renewal_start(struct core *c, struct peer *peer);
void renewal_forget(struct core *c, struct peer *peer);

#endif
