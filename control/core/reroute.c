#include "control/core/reroute.h"

#include <string.h>

#include "control/core/call_asked.h"
#include "control/core/call_room.h"
#include "control/core/call_way.h"
#include "control/core/relay_say.h"
#include "control/core/transit.h"

/* ---- the caller's relay ---- */

static bool is_ours_to_search(const struct call *call)
{
    return call->state == CALL_ACTIVE && call->caller.phone != NULL && call->callee.bound;
}

void reroute_start(struct core *c, struct call *call)
{
    reroute_tell_cut(c, call);
    if (!is_ours_to_search(call))
        return;
    call->search_until = c->now + CALL_LINK_NS;
    if (call->search_next == UINT64_MAX)
        call->search_next = c->now;
    call_changed(c, call);
}

/* What those on the way have to know; the phones have had the whole of it. */
static void write_offer(struct core *c, struct call *call)
{
    struct signal offer = {.type = SIGNAL_DIRECT_CALL_OFFER};
    offer.direct_call_offer.caller_fingerprint = signal_text_of(call->caller.name);
    offer.direct_call_offer.target_fingerprint = signal_text_of(call->callee.name);
    offer.direct_call_offer.call_id = signal_text_of(call->spelling);
    buffer_clear(&call->offer);
    if (signal_write(&offer, &call->offer) < 0)
        c->failed = true;
}

/* Offers it once more. False: it cannot go there. */
static bool try_way(struct core *c, struct call *call, const struct path *way)
{
    struct peer *peer = peer_find(c, &way->relays[0]);
    if (peer == NULL || !peer_linked(peer))
        return false;
    struct envelope e = envelope_own(c, call);
    e.again = ++call->round;
    call_asked_free(call);
    write_offer(c, call);
    return call_asked_by(c, call, peer, way->relays + 1, way->count - 1, &e);
}

static void try_ways(struct core *c, struct call *call)
{
    struct path ways[CALL_WAYS_MAX];
    size_t count = call_ways(c, call->callee.name, ways, CALL_WAYS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct fingerprint_tls *place = &ways[i].relays[ways[i].count - 1];
        if (fingerprint_tls_equal(place, &call->callee.origin) && try_way(c, call, &ways[i]))
            return;
    }
}

/* Its way is whole again, and no offer is under way that would make another one. */
static bool is_needless(const struct call *call)
{
    return call->link_deadline == UINT64_MAX && call_asked_nowhere(call);
}

static void stop(struct core *c, struct call *call)
{
    call->search_next = UINT64_MAX;
    call_asked_free(call);
    buffer_free(&call->offer);
    call_changed(c, call);
}

void reroute_search(struct core *c, struct call *call)
{
    if (is_needless(call) || c->now >= call->search_until) {
        stop(c, call);
        return;
    }
    call->search_next = c->now + REROUTE_STEP_NS;
    try_ways(c, call);
    call_changed(c, call);
}

/* ---- who is told ---- */

void reroute_tell_cut(struct core *c, struct call *call)
{
    const struct peer *onward = peer_find(c, &call->callee.relay);
    struct peer *back = peer_find(c, &call->caller.relay);
    if (call->state != CALL_ACTIVE || !call_is_transit(call) || back == NULL ||
        !peer_is_ours(back) || (onward != NULL && peer_linked(onward)))
        return;
    relay_not_here(c, back, &call->callee.origin, signal_text_of(call->spelling));
}

void reroute_lost(struct core *c, struct call *call, struct call_side *side,
                  const struct peer *peer)
{
    call_asked_withdraw(c, call, peer);
    if (!side->bound || !fingerprint_tls_equal(&side->relay, &peer->fingerprint))
        return; /* it was only a try */
    call->severed = true;
    call_changed(c, call);
    call_room_watch(c, call);
}

/* ---- those on the new way ---- */

bool reroute_is_new(const struct call *call, const struct envelope *e)
{
    return e->again > call->round && call->caller.bound &&
           fingerprint_tls_equal(&call->caller.origin, &e->origin);
}

static void take_side(struct core *c, struct call_side *side, const struct fingerprint_tls *relay)
{
    struct call *call = side->call;
    if (fingerprint_tls_equal(&side->relay, relay)) {
        call_room_tell(c, call, side);
    } else if (call->state != CALL_ACTIVE) {
        side->relay = *relay;
    } else if (call_is_transit(call)) {
        transit_close(c, call);
        side->relay = *relay;
        transit_open(c, call);
    } else {
        call_room_rebind(c, side, relay);
    }
    call_changed(c, call);
    call_room_watch(c, call);
}

void reroute_from(struct core *c, struct call *call, struct peer *peer, uint32_t round)
{
    const struct fingerprint_tls old = call->caller.relay;
    call->round = round;
    call->severed = false;
    take_side(c, &call->caller, &peer->fingerprint);
    struct peer *before = peer_find(c, &old);
    if (before != NULL && before != peer)
        relay_end_way(c, before, call);
}

void reroute_answer(struct core *c, struct call *call, struct peer *peer)
{
    struct envelope e = envelope_own(c, call);
    relay_pass(c, peer, buffer_view(&call->answer), &e);
}

static void report_new_way(struct core *c, const struct call *call, const struct peer *peer)
{
    c->counters.calls_rerouted++;
    report_limited(c, REPORT_CALL, LOG_INFO, "call_rerouted", LOG_STR("call_id", call->spelling),
                   LOG_STR("peer", peer->label), LOG_U64("attempt", call->round));
}

bool reroute_answered(struct core *c, struct call *call, const struct peer *peer,
                      const struct envelope *e)
{
    if (call_asked_find(call, &peer->fingerprint, &call->callee.origin) == NULL ||
        !fingerprint_tls_equal(&e->origin, &call->callee.origin))
        return false;
    stop(c, call);
    call->severed = false;
    take_side(c, &call->callee, &peer->fingerprint);
    report_new_way(c, call, peer);
    return true;
}
