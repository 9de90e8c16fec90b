#include "control/core/forward.h"

#include <string.h>

#include "control/core/call_asked.h"
#include "control/core/call_flow.h"
#include "control/core/call_room.h"
#include "control/core/ended.h"
#include "control/core/incoming.h"
#include "control/core/relay_say.h"
#include "control/core/reroute.h"
#include "control/core/transit.h"

/* What came: the message as it was written, and its envelope as it is passed on. */
struct word {
    struct peer *peer;
    struct bytes raw;
    struct envelope envelope;
    struct envelope onward;
    bool may_go_on;
};

static void report_refusal(struct core *c, const struct peer *peer, struct signal_text call_id,
                           const char *why)
{
    report_limited(c, REPORT_FORWARD, LOG_WARN, "forward_refused", LOG_STR("peer", peer->label),
                   LOG_BYTES("call_id", signal_text_bytes(call_id)), LOG_STR("why", why));
}

/* Passes it on to the relay of this side. */
static void pass_on(struct core *c, const struct word *w, const struct call_side *side)
{
    if (w->may_go_on)
        relay_pass(c, peer_find(c, &side->relay), w->raw, &w->onward);
    else
        c->counters.forwards_too_far++;
}

/* ---- about calls that exist ---- */

/* The side for which the peer may speak; else NULL, and the peer learns that it is over for us. */
static struct call_side *side_or_answer(struct core *c, struct peer *peer,
                                        struct signal_text call_id)
{
    struct call *call = calls_find_text(c, call_id);
    struct call_side *side = call == NULL ? NULL : call_side_of_relay(call, &peer->fingerprint);
    if (side != NULL)
        return side;
    if (call != NULL) {
        c->counters.forwards_refused++;
        report_refusal(c, peer, call_id, "the call is another relay's");
        relay_end_way(c, peer, call);
    } else if (peer_is_ours(peer)) {
        ended_say(c, peer, call_id);
    }
    return NULL;
}

static void take_reject(struct core *c, const struct word *w, struct call *call)
{
    c->counters.calls_rejected++;
    struct call_ending ending = {.reason = SIGNAL_HANGUP_DECLINED,
                                 .why = "the callee rejected it",
                                 .by_relay = true,
                                 .by_relay_of = &w->peer->fingerprint,
                                 .answer = w->raw,
                                 .envelope = w->may_go_on ? &w->onward : NULL};
    call_end(c, call, &ending);
}

/* The callee has it elsewhere now. */
static void silence_phone(struct core *c, struct call *call)
{
    static const struct signal_hangup_extension by_relay = {.by = {"relay", 5}};
    struct signal hangup = {.type = SIGNAL_HANGUP};
    if (call->callee.phone == NULL)
        return;
    hangup.hangup.reason = SIGNAL_HANGUP_NORMAL;
    hangup.hangup.call_id = signal_text_of(call->spelling);
    hangup.hangup.chappe = &by_relay;
    transaction_say(&c->transaction, call->callee.phone->connection->id, &hangup);
}

static void tell_caller(struct core *c, const struct word *w, struct call *call,
                        const struct signal_direct_call_answer *m)
{
    struct signal_text direct;
    struct signal_texts local;
    if (call->caller.phone == NULL) {
        buffer_append_bytes(&call->answer, w->raw);
        pass_on(c, w, &call->caller);
        transit_open(c, call);
        return;
    }
    call_flow_answer_addresses(m, &direct, &local);
    transaction_send(&c->transaction, call->caller.phone->connection->id, w->raw);
    call_flow_setup(c, &call->caller, direct, local);
    call_room_open(c, call);
}

static void take_accept(struct core *c, const struct word *w, struct call *call,
                        const struct signal_direct_call_answer *m)
{
    c->counters.calls_accepted++;
    report_limited(c, REPORT_CALL, LOG_INFO, "call_accepted", LOG_STR("call_id", call->spelling),
                   LOG_STR("mode", signal_accept_mode_name(m->accept_mode)),
                   LOG_STR("peer", w->peer->label));
    silence_phone(c, call);
    call->state = CALL_ACTIVE;
    call_side_bind(&call->callee, &w->peer->fingerprint, &w->envelope.origin);
    call_asked_settle(c, call, &w->peer->fingerprint);
    tell_caller(c, w, call, m);
    buffer_free(&call->offer);
}

/* It was said before, or makes another way. */
static void take_answer_again(struct core *c, const struct word *w, struct call *call)
{
    if (reroute_answered(c, call, w->peer, &w->envelope) && call->caller.bound)
        pass_on(c, w, &call->caller);
}

/* Of a way that is tried no more; the callee's relay learns of the newer one. */
static bool is_late(const struct core *c, const struct word *w, struct signal_text call_id)
{
    struct call *call = calls_find_text(c, call_id);
    return call != NULL && call->round > 0 &&
           call_side_of_relay(call, &w->peer->fingerprint) == NULL;
}

static void take_answer(struct core *c, const struct word *w,
                        const struct signal_direct_call_answer *m)
{
    if (is_late(c, w, m->call_id))
        return;
    struct call_side *side = side_or_answer(c, w->peer, m->call_id);
    if (side == NULL || side != &side->call->callee)
        return; /* not theirs to answer */
    if (side->call->state == CALL_ACTIVE)
        take_answer_again(c, w, side->call);
    else if (w->raw.len > CALL_BODY_MAX)
        relay_hang_up(c, w->peer, SIGNAL_HANGUP_ERROR, m->call_id);
    else if (m->accept_mode == SIGNAL_ACCEPT_REJECT)
        take_reject(c, w, side->call);
    else
        take_accept(c, w, side->call, m);
}

static void take_ringing(struct core *c, const struct word *w, const struct signal_call_ringing *m)
{
    struct call_side *side = side_or_answer(c, w->peer, m->call_id);
    if (side != NULL && side->call->state == CALL_RINGING && side == &side->call->callee)
        call_flow_ring(c, side->call);
}

static void take_report(struct core *c, const struct word *w,
                        const struct signal_media_path_report *m)
{
    struct call_side *side = side_or_answer(c, w->peer, m->call_id);
    if (side == NULL || side->call->state != CALL_ACTIVE)
        return;
    const struct call_side *other = call_other(side);
    struct peer *peer = other->bound ? peer_find(c, &other->relay) : NULL;
    if (other->phone != NULL && other->phone->later)
        transaction_send(&c->transaction, other->phone->connection->id, w->raw);
    else if (peer != NULL && peer_knows_later(peer))
        pass_on(c, w, other);
}

/* ---- hang-ups ---- */

/* Without a call id (originals): the call that is bound to this link, if it is the only one. */
static struct call *only_call_of(const struct core *c, const struct peer *peer)
{
    struct call *found = NULL;
    for (struct call *call = c->calls; call != NULL; call = call->hh.next) {
        if (call_side_of_relay(call, &peer->fingerprint) == NULL)
            continue;
        if (found != NULL)
            return NULL;
        found = call;
    }
    return found;
}

/* The way of a call that is on is cut further on, or another one leads nowhere. */
static void take_cut(struct core *c, const struct word *w, struct call *call,
                     struct call_side *side)
{
    if (side != &call->callee)
        return;
    if (call->caller.bound)
        pass_on(c, w, &call->caller);
    else
        reroute_lost(c, call, side, w->peer);
}

static void take_not_here(struct core *c, const struct word *w, struct call *call)
{
    struct call_asked *asked = call_asked_find(call, &w->peer->fingerprint, &w->envelope.origin);
    if (asked == NULL || asked->not_here)
        return;
    asked->not_here = true;
    call_changed(c, call);
    if (call->callee.phone != NULL)
        return; /* it rings here */
    if (call->caller.bound)
        pass_on(c, w, &call->caller);
    if (call_asked_nowhere(call))
        call_asked_exhausted(c, call);
}

static bool is_by_relay(const struct signal_hangup *m)
{
    return m->chappe != NULL && signal_text_equal_string(m->chappe->by, "relay");
}

/* A relay that was asked does not want the call, nobody rejected it: the callee may be elsewhere.
 */
static bool rings_on_elsewhere(struct core *c, const struct word *w, struct call *call,
                               const struct signal_hangup *m)
{
    if (call->state != CALL_RINGING || !is_by_relay(m) || !call_asked_withdraw(c, call, w->peer))
        return false;
    return call->callee.phone != NULL || !call_asked_nowhere(call);
}

/* Nobody hung up: a relay in between has lost the call, or does not take another way for it. */
static bool is_lost_between(const struct word *w, const struct call_side *side,
                            const struct signal_hangup *m)
{
    if (side->call->state != CALL_ACTIVE || call_is_transit(side->call) || !is_by_relay(m) ||
        fingerprint_tls_equal(&w->envelope.origin, &side->origin))
        return false;
    bool lost = m->chappe->lost != NULL && *m->chappe->lost;
    return lost || !fingerprint_tls_equal(&side->relay, &w->peer->fingerprint);
}

/* It ends the way to this side, not the call: there is another way, or there will be. */
static bool ends_way(struct core *c, const struct word *w, struct call_side *side)
{
    const struct call *call = side->call;
    uint32_t again = w->envelope.again;
    bool is_newer = again > call->round;
    if (again == 0)
        return false;
    if (call->state != CALL_ACTIVE || call_is_transit(call))
        return !is_newer; /* in between: the call, too, unless an `again` as high was seen */
    bool is_callees = call->callee.phone != NULL;
    if (is_callees && !is_newer)
        return true; /* the callee's relay has taken that way, or a later one: nothing happens */
    if (!is_callees && is_newer)
        return false; /* the caller's relay has not tried as many: a hang-up like any other */
    /* The caller's relay looks for another way, the callee's waits for the one that is tried. */
    reroute_lost(c, side->call, side, w->peer);
    return true;
}

static void hang_up(struct core *c, const struct word *w, struct call_side *side,
                    const struct signal_hangup *m)
{
    struct call *call = side->call;
    if (ends_way(c, w, side))
        return;
    if (rings_on_elsewhere(c, w, call, m))
        return;
    if (is_lost_between(w, side, m)) {
        reroute_lost(c, call, side, w->peer);
        return;
    }
    struct call_ending ending = {
        .reason = m->reason, .why = "hung up at the peer's", .by_relay_of = &w->peer->fingerprint};
    if (signal_text_equal_string(m->call_id, call->spelling) && w->may_go_on) {
        ending.raw = w->raw;
        ending.envelope = &w->onward;
    }
    call_end(c, call, &ending);
}

static void note_unknown(struct core *c, const struct signal_hangup *m)
{
    char id[ROOM_CALL_ID_SIZE];
    if (room_call_id_normalize(signal_text_bytes(m->call_id), id) == 0 && !ended_knows(c, id))
        ended_add_unknown(c, id, m->call_id);
}

static void take_hangup(struct core *c, const struct word *w, const struct signal_hangup *m)
{
    bool is_not_here = m->chappe != NULL && m->chappe->not_here != NULL && *m->chappe->not_here;
    struct call *call =
        m->call_id.data == NULL ? only_call_of(c, w->peer) : calls_find_text(c, m->call_id);
    struct call_side *side = call == NULL ? NULL : call_side_of_relay(call, &w->peer->fingerprint);
    if (call == NULL && !is_not_here) {
        note_unknown(c, m);
    } else if (call != NULL && side == NULL) {
        c->counters.forwards_refused++;
        report_refusal(c, w->peer, m->call_id, "the call is another relay's");
    } else if (call != NULL && is_not_here && call->state == CALL_ACTIVE) {
        take_cut(c, w, call, side);
    } else if (call != NULL && is_not_here) {
        take_not_here(c, w, call);
    } else if (call != NULL) {
        hang_up(c, w, side, m);
    }
}

/* ---- the envelope ---- */

static bool is_from(const struct peer *peer, struct signal_text origin)
{
    struct fingerprint_tls named;
    return fingerprint_tls_parse(signal_text_bytes(origin), &named) == 0 &&
           fingerprint_tls_equal(&named, &peer->fingerprint);
}

static bool open_envelope(struct core *c, struct word *w,
                          const struct signal_federated_signal_forward *forward)
{
    const char *why = NULL;
    if (!is_from(w->peer, forward->origin_relay_fp))
        why = "the origin is not the relay that sends it";
    else if (!envelope_read(w->peer, forward, &w->envelope))
        why = "what it says of itself makes no sense";
    if (why != NULL) {
        c->counters.forwards_forged++;
        report_limited(
            c, REPORT_FORWARD, LOG_WARN, "forward_refused", LOG_STR("peer", w->peer->label),
            LOG_BYTES("origin", signal_text_bytes(forward->origin_relay_fp)), LOG_STR("why", why));
        return false;
    }
    if (fingerprint_tls_equal(&w->envelope.origin, &c->settings.tls) ||
        envelope_seen(c, &w->envelope)) {
        c->counters.forwards_repeated++;
        return false;
    }
    w->may_go_on = envelope_onward(&w->envelope, &w->onward);
    return true;
}

void forward_message(struct core *c, struct peer *peer,
                     const struct signal_federated_signal_forward *forward)
{
    const struct signal *inner = forward->inner;
    struct word w = {.peer = peer, .raw = forward->inner_raw};
    if (!open_envelope(c, &w, forward))
        return;
    switch (inner->type) {
    case SIGNAL_DIRECT_CALL_OFFER:
        incoming_offer(c, peer, &inner->direct_call_offer, w.raw, &w.envelope);
        break;
    case SIGNAL_DIRECT_CALL_ANSWER:
        take_answer(c, &w, &inner->direct_call_answer);
        break;
    case SIGNAL_CALL_RINGING:
        take_ringing(c, &w, &inner->call_ringing);
        break;
    case SIGNAL_HANGUP:
        take_hangup(c, &w, &inner->hangup);
        break;
    case SIGNAL_MEDIA_PATH_REPORT:
        take_report(c, &w, &inner->media_path_report);
        break;
    default:
        c->counters.signals_unexpected++;
    }
}
