#include "control/core/incoming.h"

#include <string.h>

#include "common/text.h"
#include "control/core/call_asked.h"
#include "control/core/call_flow.h"
#include "control/core/call_way.h"
#include "control/core/ended.h"
#include "control/core/registry.h"
#include "control/core/relay_say.h"
#include "control/core/reroute.h"
#include "control/core/transit.h"

struct incoming {
    struct peer *peer;
    const struct signal_direct_call_offer *offer;
    struct bytes raw;
    const struct envelope *envelope;
    char id[ROOM_CALL_ID_SIZE];
    char caller[CONNECTION_NAME_SIZE];
    char target[CONNECTION_NAME_SIZE];
    struct phone *callee; /* NULL: not here */
};

/* `counter`: of the reason; nothing counts twice. */
static void refuse_as(struct core *c, const struct incoming *in, uint64_t *counter,
                      enum signal_hangup_reason reason, const char *why)
{
    ++*counter;
    report_limited(c, REPORT_FORWARD, LOG_WARN, "forward_refused", LOG_STR("peer", in->peer->label),
                   LOG_BYTES("call_id", signal_text_bytes(in->offer->call_id)),
                   LOG_STR("why", why));
    relay_hang_up(c, in->peer, reason, in->offer->call_id);
}

static void refuse(struct core *c, const struct incoming *in, enum signal_hangup_reason reason,
                   const char *why)
{
    refuse_as(c, in, &c->counters.calls_refused, reason, why);
}

/* The relay that is meant by this copy of the offer. */
static const struct fingerprint_tls *place_of(const struct core *c, const struct incoming *in)
{
    const struct envelope *e = in->envelope;
    return e->way_count == 0 ? &c->settings.tls : &e->way[e->way_count - 1];
}

static void say_not_here(struct core *c, const struct incoming *in)
{
    if (peer_is_ours(in->peer))
        relay_not_here(c, in->peer, place_of(c, in), in->offer->call_id);
}

static struct call *add_call(struct core *c, const struct incoming *in)
{
    struct call *call = calls_add(c, in->id, in->offer->call_id, in->raw);
    if (call == NULL) {
        refuse(c, in, SIGNAL_HANGUP_BUSY, "too many calls");
        return NULL;
    }
    memcpy(call->caller.name, in->caller, sizeof(call->caller.name));
    memcpy(call->callee.name, in->target, sizeof(call->callee.name));
    call_side_bind(&call->caller, &in->peer->fingerprint, &in->envelope->origin);
    call->round = in->envelope->again;
    c->counters.calls_offered++;
    report_limited(c, REPORT_CALL, LOG_INFO, "call_offered", LOG_STR("call_id", call->spelling),
                   LOG_STR("caller", in->caller), LOG_STR("callee", in->target),
                   LOG_STR("peer", in->peer->label), LOG_BOOL("transit", in->callee == NULL));
    return call;
}

/* ---- to another relay ---- */

/* Sends the offer on along this way. False: it cannot go there. */
static bool carry(struct core *c, const struct incoming *in, struct call *call,
                  const struct fingerprint_tls *way, size_t count)
{
    struct peer *next = peer_find(c, &way[0]);
    struct envelope on;
    if (next == NULL || next == in->peer || call->asked_count >= CALL_ASKED_MAX ||
        !envelope_onward(in->envelope, &on) || on.hops < count - 1)
        return false;
    /* An original's message has no id: it gets one of ours. */
    return call_asked_by(c, call, next, way + 1, count - 1, on.id[0] == '\0' ? NULL : &on);
}

/* Sends it on by each way; how many could be taken. */
static size_t carry_all(struct core *c, const struct incoming *in, struct call *call)
{
    struct path ways[CALL_ASKED_MAX];
    const struct envelope *e = in->envelope;
    size_t n = 0, count = 0;
    if (e->way_count > 0)
        return carry(c, in, call, e->way, e->way_count);
    if (!peer_is_ours(in->peer))
        count = call_ways(c, in->target, ways, CALL_ASKED_MAX);
    for (size_t i = 0; i < count; i++)
        n += carry(c, in, call, ways[i].relays, ways[i].count);
    return n;
}

/* Wherever it was to go: he may be here since a moment ago. */
static void take_for_phone(struct core *c, const struct incoming *in)
{
    struct call *call;
    if (c->drain.on) {
        refuse(c, in, SIGNAL_HANGUP_ERROR, DRAIN_REFUSAL);
    } else if (in->callee->side_count >= PHONE_CALLS_MAX) {
        refuse(c, in, SIGNAL_HANGUP_BUSY, "the callee has too many calls");
    } else if ((call = add_call(c, in)) != NULL) {
        call_flow_ring_here(c, call, in->callee);
        if (in->envelope->way_count > 0)
            carry_all(c, in, call);
    }
}

static void take_for_others(struct core *c, const struct incoming *in)
{
    struct call *call = NULL;
    if (!c->drain.on && HASH_COUNT(c->calls) < TRANSIT_CALLS_MAX)
        call = add_call(c, in);
    if (call != NULL) {
        call->ring_deadline += TRANSIT_EXTRA_NS;
        if (carry_all(c, in, call) > 0)
            return;
        call_forget(c, call);
    }
    say_not_here(c, in);
}

/* ---- who may, and whether it is new ---- */

/* Another way for a call that rings: also here, or also there. */
static void take_again(struct core *c, const struct incoming *in, struct call *call)
{
    const struct envelope *e = in->envelope;
    if (call_side_of_relay(call, &in->peer->fingerprint) != &call->caller) {
        if (e->id[0] != '\0')
            say_not_here(c, in);
        return;
    }
    if (call->state != CALL_RINGING)
        return;
    if (e->way_count == 0) {
        if (call->callee.phone == NULL && in->callee != NULL)
            call_flow_ring_here(c, call, in->callee);
        else if (call->callee.phone == NULL)
            say_not_here(c, in);
    } else if (call_asked_find(call, &e->way[0], place_of(c, in)) == NULL &&
               !carry(c, in, call, e->way, e->way_count)) {
        say_not_here(c, in);
    }
}

/* Sends it on to where this way goes, whichever it had. */
static bool carry_anew(struct core *c, const struct incoming *in, struct call *call)
{
    buffer_clear(&call->offer);
    if (buffer_append_bytes(&call->offer, in->raw) < 0)
        c->failed = true;
    call_asked_free(call);
    return carry(c, in, call, in->envelope->way, in->envelope->way_count);
}

/* Another way for a call that is on (reroute.h). */
static void take_new_way(struct core *c, const struct incoming *in, struct call *call)
{
    if (!reroute_is_new(call, in->envelope))
        return;
    reroute_from(c, call, in->peer, in->envelope->again);
    if (in->envelope->way_count > 0) {
        if (!carry_anew(c, in, call))
            say_not_here(c, in);
    } else if (call->state == CALL_ACTIVE && call->callee.phone != NULL) {
        reroute_answer(c, call, in->peer);
    } else {
        say_not_here(c, in);
    }
}

static bool is_same(const struct call *call, const struct incoming *in)
{
    return strcmp(call->caller.name, in->caller) == 0 && strcmp(call->callee.name, in->target) == 0;
}

static void take_known(struct core *c, const struct incoming *in, struct call *call)
{
    if (!is_same(call, in))
        refuse_as(c, in, &c->counters.offers_duplicate, SIGNAL_HANGUP_ERROR,
                  "another call has this id");
    else if (in->envelope->again > 0)
        take_new_way(c, in, call);
    else
        take_again(c, in, call);
}

static void take(struct core *c, const struct incoming *in)
{
    struct call *call = calls_find(c, in->id);
    if (envelope_is_forwarded(in->envelope, in->peer) && !in->peer->delegate) {
        refuse_as(c, in, &c->counters.forwards_refused, SIGNAL_HANGUP_ERROR,
                  "forwarded, and the relay is no delegate");
    } else if (call != NULL) {
        take_known(c, in, call);
    } else if (!call_flow_key_fits(in->offer, in->caller)) {
        refuse_as(c, in, &c->counters.offers_forged, SIGNAL_HANGUP_ERROR,
                  "the caller's key is another's");
    } else if (in->envelope->again > 0 && in->envelope->way_count > 0) {
        take_for_others(c, in); /* those at its ends know whether it is still on */
    } else if (in->envelope->again > 0 || ended_knows(c, in->id)) {
        relay_hang_up(c, in->peer, SIGNAL_HANGUP_NORMAL, in->offer->call_id);
    } else if (in->callee == NULL) {
        take_for_others(c, in);
    } else {
        take_for_phone(c, in);
    }
}

void incoming_offer(struct core *c, struct peer *peer, const struct signal_direct_call_offer *m,
                    struct bytes raw, const struct envelope *envelope)
{
    struct incoming in = {.peer = peer, .offer = m, .raw = raw, .envelope = envelope};
    if (room_call_id_normalize(signal_text_bytes(m->call_id), in.id) < 0 ||
        !signal_text_copy(m->caller_fingerprint, in.caller, sizeof(in.caller)) ||
        !text_is_clean(bytes_of_string(in.caller)) || raw.len > CALL_BODY_MAX) {
        refuse(c, &in, SIGNAL_HANGUP_ERROR, "the offer makes no call");
        return;
    }
    if (!signal_text_copy(m->target_fingerprint, in.target, sizeof(in.target)) ||
        !text_is_clean(bytes_of_string(in.target))) {
        say_not_here(c, &in);
        return;
    }
    in.callee = registry_find(c, in.target);
    take(c, &in);
}
