#include "control/core/renewal.h"

#include "control/core/drain.h"
#include "control/core/link.h"

static void due(struct core *c, struct timer *timer)
{
    struct peer *peer = heap_entry(timer, struct peer, renewal.timer);
    peer->renewal.at = 0;
    peer_changed(c, peer);
    if (!peer_linked(peer) || peer_is_ours(peer) || drain_refuses_peer(c, peer))
        return;
    report(c, LOG_INFO, "link_made_anew", LOG_STR("peer", peer->label),
           LOG_STR("why", "an original may have dropped it together with an older connection"));
    while (peer->links != NULL)
        connection_close(c, peer->links->connection, "made anew");
    peer_dial_at(c, peer, c->now + RENEWAL_PAUSE_NS);
}

void renewal_init(struct renewal *r)
{
    r->timer.due = due;
}

/* An original may still have a connection with us that we have no longer. */
static void owe(struct core *c, struct peer *peer)
{
    if (!peer->legacy || peer->address == NULL)
        return;
    peer->renewal.at = c->now + RENEWAL_AFTER_NS;
    peer_changed(c, peer);
    renewal_start(c, peer);
}

void renewal_lost(struct core *c, struct peer *peer, const struct connection *conn)
{
    if (conn->timed_out)
        owe(c, peer);
    else if (!conn->by_peer)
        peer->renewal.unsure = true;
    peer_changed(c, peer);
}

void renewal_dial_failed(struct core *c, struct peer *peer)
{
    if (!peer->renewal.unsure)
        return;
    peer->renewal.unsure = false;
    owe(c, peer);
}

void renewal_linked(struct core *c, struct peer *peer)
{
    peer->renewal.unsure = false;
    if (peer->since == 0)
        owe(c, peer); /* of another life of our data plane */
}

void renewal_start(struct core *c, struct peer *peer)
{
    if (peer->renewal.at != 0)
        timer_set(c, &peer->renewal.timer, peer->renewal.at);
}

void renewal_forget(struct core *c, struct peer *peer)
{
    timer_stop(c, &peer->renewal.timer);
    peer->renewal.at = 0;
    peer->renewal.unsure = false;
}
