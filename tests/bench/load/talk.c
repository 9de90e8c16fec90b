#include "tests/bench/load/talk.h"

#include "common/clock.h"
#include "common/error.h"

/* As much as one connection queues; more would only throw away the oldest. */
#define FLAT_OUT_WAITING QUIC_DATAGRAM_QUEUE

static int send_one(struct talk *t, size_t room, size_t talker, uint64_t now)
{
    struct member *m = &t->swarm->members[room * t->members + talker];
    int rc = member_talk(m, swarm_endpoint(t->swarm, m), t->bytes, now);
    if (rc == 0)
        t->sent++;
    return rc;
}

static uint64_t next_due(const struct talk *t)
{
    return t->start + t->turns * t->period / (t->rooms * t->talkers);
}

/* Sends what is due; when the next packet is. */
static int talk_paced(struct talk *t, uint64_t now, uint64_t *next)
{
    int rc = 0;
    for (; rc == 0 && next_due(t) <= now; t->turns++)
        rc = send_one(t, t->turns % t->rooms, t->turns / t->rooms % t->talkers, now);
    *next = next_due(t);
    return rc;
}

/* Fills the one talker's queue; goes on at once if that was of use. */
static int talk_flat_out(struct talk *t, uint64_t now, uint64_t *next)
{
    uint64_t waiting = swarm_waiting(t->swarm, t->sent);
    int rc = 0;
    for (; rc == 0 && waiting < FLAT_OUT_WAITING; waiting++)
        rc = send_one(t, 0, 0, now);
    swarm_flush(t->swarm, now);
    *next = swarm_waiting(t->swarm, t->sent) < FLAT_OUT_WAITING ? now : UINT64_MAX;
    return rc;
}

int talk_run(struct talk *t, uint64_t until)
{
    for (;;) {
        uint64_t now = clock_monotonic();
        if (now >= until)
            return 0;
        uint64_t next;
        int rc = t->period == 0 ? talk_flat_out(t, now, &next) : talk_paced(t, now, &next);
        if (rc == 0) {
            swarm_flush(t->swarm, now);
            rc = swarm_step(t->swarm, next < until ? next : until);
        }
        if (rc == 0 && t->swarm->lost > 0)
            rc = ERR_CLOSED;
        if (rc != 0)
            return rc;
    }
}
