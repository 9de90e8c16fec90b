#include "control/core/call_asked.h"

#include <stdlib.h>
#include <string.h>

#include "control/core/call_flow.h"
#include "control/core/call_way.h"
#include "control/core/registry.h"
#include "control/core/relay_say.h"
#include "control/core/route.h"

/* ---- the list ---- */

const struct fingerprint_tls *call_asked_place(const struct call_asked *asked)
{
    return asked->way_count == 0 ? &asked->relay : &asked->way[asked->way_count - 1];
}

struct call_asked *call_asked_find(struct call *call, const struct fingerprint_tls *relay,
                                   const struct fingerprint_tls *place)
{
    for (size_t i = 0; i < call->asked_count; i++) {
        struct call_asked *asked = &call->asked[i];
        if (fingerprint_tls_equal(&asked->relay, relay) &&
            fingerprint_tls_equal(call_asked_place(asked), place))
            return asked;
    }
    return NULL;
}

static void set_way(struct core *c, struct call_asked *asked, const struct fingerprint_tls *way,
                    size_t count)
{
    struct fingerprint_tls *copy = calloc(count + 1, sizeof(*copy));
    if (copy == NULL) {
        c->failed = true;
        return;
    }
    if (count > 0)
        memcpy(copy, way, count * sizeof(*copy));
    free(asked->way);
    asked->way = copy;
    asked->way_count = count;
    asked->not_here = false;
}

static void note_asked(struct core *c, struct call *call, const struct peer *peer,
                       const struct fingerprint_tls *way, size_t way_count)
{
    const struct fingerprint_tls *place = way_count == 0 ? &peer->fingerprint : &way[way_count - 1];
    struct call_asked *asked = call_asked_find(call, &peer->fingerprint, place);
    if (asked == NULL) {
        struct call_asked *more =
            realloc(call->asked, (call->asked_count + 1) * sizeof(*call->asked));
        if (more == NULL) {
            c->failed = true;
            return;
        }
        call->asked = more;
        asked = &more[call->asked_count++];
        *asked = (struct call_asked){.relay = peer->fingerprint};
    }
    set_way(c, asked, way, way_count);
}

void call_asked_free(struct call *call)
{
    for (size_t i = 0; i < call->asked_count; i++)
        free(call->asked[i].way);
    free(call->asked);
    call->asked = NULL;
    call->asked_count = 0;
}

bool call_asked_withdraw(struct core *c, struct call *call, const struct peer *peer)
{
    bool any = false;
    for (size_t i = 0; i < call->asked_count; i++) {
        struct call_asked *asked = &call->asked[i];
        if (asked->not_here || !fingerprint_tls_equal(&asked->relay, &peer->fingerprint))
            continue;
        any = asked->not_here = true;
    }
    if (any)
        call_changed(c, call);
    return any;
}

bool call_asked_nowhere(const struct call *call)
{
    for (size_t i = 0; i < call->asked_count; i++) {
        if (!call->asked[i].not_here)
            return false;
    }
    return true;
}

/* ---- asking ---- */

/* Whom the offer is from, for the envelope. */
static struct envelope envelope_of_offer(struct core *c, struct call *call)
{
    struct envelope e = envelope_own(c, call);
    e.again = call->round;
    if (call->caller.bound)
        e.origin = call->caller.origin;
    return e;
}

/* An original takes no more than a link; a relay of ours must let us speak for others. */
static bool may_carry(const struct call *call, const struct peer *peer, size_t way_count)
{
    const struct federation_link *link = peer->federation;
    if (!peer_is_ours(peer))
        return way_count == 0;
    return call->caller.phone != NULL || (link != NULL && link->accepts_forwarded);
}

bool call_asked_by(struct core *c, struct call *call, struct peer *peer,
                   const struct fingerprint_tls *way, size_t way_count,
                   const struct envelope *envelope)
{
    if (way_count > ENVELOPE_HOPS_MAX || !may_carry(call, peer, way_count))
        return false;
    struct envelope e = envelope == NULL ? envelope_of_offer(c, call) : *envelope;
    e.hops = (uint32_t)way_count;
    e.way_count = way_count;
    if (way_count > 0)
        memcpy(e.way, way, way_count * sizeof(*way));
    if (!relay_pass(c, peer, buffer_view(&call->offer), &e))
        return false;
    note_asked(c, call, peer, way, way_count);
    /* An original never says that it rings. */
    if (!peer_is_ours(peer))
        call_flow_ring(c, call);
    call_changed(c, call);
    return true;
}

/* By those of the ways that were not gone before; how many. */
static size_t ask_by(struct core *c, struct call *call, const struct path *ways, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        struct peer *peer = peer_find(c, &ways[i].relays[0]);
        const struct fingerprint_tls *place = &ways[i].relays[ways[i].count - 1];
        if (peer != NULL && call_asked_find(call, &peer->fingerprint, place) == NULL)
            n += call_asked_by(c, call, peer, ways[i].relays + 1, ways[i].count - 1, NULL);
    }
    return n;
}

static size_t ask_places(struct core *c, struct call *call)
{
    struct path ways[CALL_WAYS_MAX];
    return ask_by(c, call, ways, call_ways(c, call->callee.name, ways, CALL_WAYS_MAX));
}

/* All that are linked, and the originals beyond. */
static size_t ask_everybody(struct core *c, struct call *call)
{
    struct path ways[CALL_WAYS_MAX];
    size_t n = 0;
    call->everybody = true;
    for (struct peer *peer = c->peers; peer != NULL; peer = peer->hh.next) {
        if (call_asked_find(call, &peer->fingerprint, &peer->fingerprint) == NULL)
            n += call_asked_by(c, call, peer, NULL, 0, NULL);
    }
    return n + ask_by(c, call, ways, call_ways_to_originals(c, ways, CALL_WAYS_MAX));
}

/* Looks for a way beyond the reach of presence. True: asked, or the answer is to be looked for. */
static bool ask_by_route(struct core *c, struct call *call)
{
    struct route route;
    if (!route_asked_by_call(c, call->callee.name, &route)) {
        call->search_next = c->now + CALL_SEARCH_STEP_NS;
        call_changed(c, call);
        return true;
    }
    return route.found && route.path.count > 0 && ask_by(c, call, &route.path, 1) > 0;
}

size_t call_asked_start(struct core *c, struct call *call)
{
    size_t n = ask_places(c, call);
    if (n > 0)
        return n;
    n = ask_everybody(c, call);
    return n + ask_by_route(c, call);
}

/* He has come to us meanwhile. */
static bool is_here_now(struct core *c, struct call *call)
{
    struct phone *phone = registry_find(c, call->callee.name);
    if (phone == NULL || phone->side_count >= PHONE_CALLS_MAX)
        return false;
    call_flow_ring_here(c, call, phone);
    return true;
}

/* True if there is somebody to ask, or there may be soon. */
static bool search(struct core *c, struct call *call)
{
    bool asking = call->everybody && call->search_next != UINT64_MAX;
    call->search_next = UINT64_MAX;
    if (is_here_now(c, call) || ask_places(c, call) > 0)
        return true;
    if (call->everybody)
        return asking && ask_by_route(c, call);
    if (call->search_until == 0)
        call->search_until = c->now + CALL_SEARCH_NS;
    if (c->now >= call->search_until)
        return ask_everybody(c, call) + ask_by_route(c, call) > 0;
    call->search_next = c->now + CALL_SEARCH_STEP_NS;
    call_changed(c, call);
    return true;
}

static void end_nowhere(struct core *c, struct call *call)
{
    struct call_ending ending = {.reason = SIGNAL_HANGUP_NORMAL,
                                 .why = "the callee is with none of the relays",
                                 .by_relay = true};
    call_end(c, call, &ending);
}

void call_asked_search(struct core *c, struct call *call)
{
    if (!search(c, call) && call->callee.phone == NULL && call_asked_nowhere(call))
        end_nowhere(c, call);
    else
        call_changed(c, call);
}

void call_asked_exhausted(struct core *c, struct call *call)
{
    if (call_is_transit(call))
        call_forget(c, call);
    else
        call_asked_search(c, call);
}

void call_asked_repeat(struct core *c, struct call *call, struct peer *peer)
{
    bool ours = peer_is_ours(peer), known = false;
    size_t count = call->asked_count;
    for (size_t i = 0; i < count; i++) {
        struct call_asked *asked = &call->asked[i];
        if (!fingerprint_tls_equal(&asked->relay, &peer->fingerprint))
            continue;
        known = true;
        if (ours && !asked->not_here)
            call_asked_by(c, call, peer, asked->way, asked->way_count, NULL);
    }
    if (!known && call->everybody)
        call_asked_by(c, call, peer, NULL, 0, NULL);
}

/* ---- somebody accepted ---- */

bool call_asked_is_owed(const struct call *call, size_t at)
{
    if (call->asked[at].not_here)
        return false;
    for (size_t i = 0; i < at; i++) {
        if (!call->asked[i].not_here &&
            fingerprint_tls_equal(&call->asked[i].relay, &call->asked[at].relay))
            return false;
    }
    return true;
}

void call_asked_settle(struct core *c, struct call *call, const struct fingerprint_tls *relay)
{
    for (size_t i = 0; i < call->asked_count; i++) {
        const struct call_asked *asked = &call->asked[i];
        struct peer *peer = peer_find(c, &asked->relay);
        if (peer != NULL && call_asked_is_owed(call, i) &&
            (relay == NULL || !fingerprint_tls_equal(&asked->relay, relay)))
            relay_hang_up(c, peer, SIGNAL_HANGUP_NORMAL, signal_text_of(call->spelling));
    }
    call_asked_free(call);
    call->search_next = UINT64_MAX;
    call->search_until = 0;
    call_changed(c, call);
}
