#include "control/core/forward.h"

#include <string.h>

#include "common/text.h"
#include "control/core/call_asked.h"
#include "control/core/call_flow.h"
#include "control/core/call_room.h"
#include "control/core/ended.h"
#include "control/core/registry.h"
#include "control/core/relay_say.h"

/* ---- offers for phones that are here ---- */

struct incoming {
    const struct signal_direct_call_offer *offer;
    struct bytes raw;
    char id[ROOM_CALL_ID_SIZE];
    char caller[CONNECTION_NAME_SIZE];
    struct phone *callee; /* NULL: not here */
};

static void report_refusal(struct core *c, const struct peer *peer, struct signal_text call_id,
                           const char *why)
{
    report_limited(c, REPORT_FORWARD, LOG_WARN, "forward_refused", LOG_STR("peer", peer->label),
                   LOG_BYTES("call_id", signal_text_bytes(call_id)), LOG_STR("why", why));
}

static void refuse_offer(struct core *c, struct peer *peer, const struct incoming *in,
                         enum signal_hangup_reason reason, const char *why)
{
    c->counters.calls_refused++;
    report_refusal(c, peer, in->offer->call_id, why);
    relay_hang_up(c, peer, reason, in->offer->call_id, false);
}

/* An offer may come twice: again after a link-up, or over another relay. */
static bool is_known(const struct core *c, const struct incoming *in)
{
    const struct call *call = calls_find(c, in->id);
    return call != NULL && strcmp(call->caller.name, in->caller) == 0 &&
           signal_text_equal_string(in->offer->target_fingerprint, call->callee.name);
}

static void ring_here(struct core *c, struct peer *peer, const struct incoming *in)
{
    struct call *call = calls_add(c, in->id, in->offer->call_id, in->raw);
    if (call == NULL) {
        refuse_offer(c, peer, in, SIGNAL_HANGUP_BUSY, "too many calls");
        return;
    }
    memcpy(call->caller.name, in->caller, sizeof(call->caller.name));
    call_side_here(&call->callee, in->callee);
    call->bound = true;
    call->relay = peer->fingerprint;
    c->counters.calls_offered++;
    report_limited(c, REPORT_CALL, LOG_INFO, "call_offered", LOG_STR("call_id", call->spelling),
                   LOG_STR("caller", in->caller), LOG_STR("callee", call->callee.name),
                   LOG_STR("peer", peer->label));
    transaction_send(&c->transaction, in->callee->connection->id, in->raw);
    if (!peer_is_ours(peer))
        return; /* an original rang its phone when it sent the offer */
    struct signal ringing = {.type = SIGNAL_CALL_RINGING};
    ringing.call_ringing.call_id = in->offer->call_id;
    relay_say(c, peer, &ringing);
}

static void judge_offer(struct core *c, struct peer *peer, const struct incoming *in)
{
    if (is_known(c, in))
        return;
    if (calls_find(c, in->id) != NULL) {
        c->counters.offers_duplicate++;
        refuse_offer(c, peer, in, SIGNAL_HANGUP_ERROR, "another call has this id");
    } else if (!call_flow_key_fits(in->offer, in->caller)) {
        c->counters.offers_forged++;
        refuse_offer(c, peer, in, SIGNAL_HANGUP_ERROR, "the caller's key is another's");
    } else if (ended_knows(c, in->id)) {
        relay_hang_up(c, peer, SIGNAL_HANGUP_NORMAL, in->offer->call_id, false);
    } else if (in->callee == NULL) {
        if (peer_is_ours(peer))
            relay_hang_up(c, peer, SIGNAL_HANGUP_NORMAL, in->offer->call_id, true);
    } else if (c->drain.on) {
        refuse_offer(c, peer, in, SIGNAL_HANGUP_ERROR, DRAIN_REFUSAL);
    } else if (in->callee->side_count >= PHONE_CALLS_MAX) {
        refuse_offer(c, peer, in, SIGNAL_HANGUP_BUSY, "the callee has too many calls");
    } else {
        ring_here(c, peer, in);
    }
}

static void take_offer(struct core *c, struct peer *peer, const struct signal_direct_call_offer *m,
                       struct bytes raw)
{
    struct incoming in = {.offer = m, .raw = raw};
    char target[CONNECTION_NAME_SIZE];
    if (room_call_id_normalize(signal_text_bytes(m->call_id), in.id) < 0 ||
        !signal_text_copy(m->caller_fingerprint, in.caller, sizeof(in.caller)) ||
        !text_is_clean(bytes_of_string(in.caller)) || raw.len > CALL_BODY_MAX) {
        refuse_offer(c, peer, &in, SIGNAL_HANGUP_ERROR, "the offer makes no call");
        return;
    }
    if (signal_text_copy(m->target_fingerprint, target, sizeof(target)))
        in.callee = registry_find(c, target);
    judge_offer(c, peer, &in);
}

/* ---- about calls that exist ---- */

/* The call, if the peer may speak about it; else the peer learns that it is over for us. */
static struct call *find_call(struct core *c, struct peer *peer, struct signal_text call_id)
{
    struct call *call = calls_find_text(c, call_id);
    if (call != NULL && call_speaks(call, &peer->fingerprint))
        return call;
    if (call != NULL) {
        c->counters.forwards_refused++;
        report_refusal(c, peer, call_id, "the call is another relay's");
    }
    if (peer_is_ours(peer) || call != NULL)
        relay_hang_up(c, peer, SIGNAL_HANGUP_NORMAL, call_id, false);
    return NULL;
}

static void take_reject(struct core *c, struct peer *peer, struct call *call)
{
    c->counters.calls_rejected++;
    struct call_ending ending = {.reason = SIGNAL_HANGUP_DECLINED,
                                 .why = "the callee rejected it",
                                 .by_relay = true,
                                 .by_relay_of = &peer->fingerprint};
    call_end(c, call, &ending);
}

static void take_accept(struct core *c, struct peer *peer, struct call *call,
                        const struct signal_direct_call_answer *m, struct bytes raw)
{
    struct signal_text direct;
    struct signal_texts local;
    c->counters.calls_accepted++;
    report_limited(c, REPORT_CALL, LOG_INFO, "call_accepted", LOG_STR("call_id", call->spelling),
                   LOG_STR("mode", signal_accept_mode_name(m->accept_mode)),
                   LOG_STR("peer", peer->label));
    call->state = CALL_ACTIVE;
    call_asked_bind(c, call, &peer->fingerprint);
    call_flow_answer_addresses(m, &direct, &local);
    transaction_send(&c->transaction, call->caller.phone->connection->id, raw);
    call_flow_setup(c, &call->caller, direct, local);
    call_room_open(c, call);
    buffer_free(&call->offer);
}

static void take_answer(struct core *c, struct peer *peer,
                        const struct signal_direct_call_answer *m, struct bytes raw)
{
    struct call *call = find_call(c, peer, m->call_id);
    if (call == NULL || call->callee.phone != NULL || call->state == CALL_ACTIVE)
        return; /* not theirs to answer, or said before */
    if (m->accept_mode == SIGNAL_ACCEPT_REJECT)
        take_reject(c, peer, call);
    else
        take_accept(c, peer, call, m, raw);
}

static void take_ringing(struct core *c, struct peer *peer, const struct signal_call_ringing *m)
{
    struct call *call = find_call(c, peer, m->call_id);
    if (call != NULL && call->state == CALL_RINGING && call->callee.phone == NULL)
        call_flow_ring(c, call);
}

static void take_report(struct core *c, struct peer *peer, const struct signal_media_path_report *m,
                        struct bytes raw)
{
    struct call *call = find_call(c, peer, m->call_id);
    struct call_side *side = call == NULL ? NULL : call_side_bridged(call);
    if (side != NULL && side->phone->later && call->state == CALL_ACTIVE)
        transaction_send(&c->transaction, side->phone->connection->id, raw);
}

/* ---- hang-ups ---- */

/* Without a call id (originals): the call that is bound to this link, if it is the only one. */
static struct call *only_call_of(const struct core *c, const struct peer *peer)
{
    struct call *found = NULL;
    for (struct call *call = c->calls; call != NULL; call = call->hh.next) {
        if (!call_speaks(call, &peer->fingerprint))
            continue;
        if (found != NULL)
            return NULL;
        found = call;
    }
    return found;
}

static void not_here(struct core *c, struct call *call, struct call_asked *asked)
{
    asked->not_here = true;
    call_changed(c, call);
    if (!call_asked_nowhere(call))
        return;
    struct call_ending ending = {.reason = SIGNAL_HANGUP_NORMAL,
                                 .why = "the callee is with none of the relays",
                                 .by_relay = true};
    call_end(c, call, &ending);
}

static void hang_up(struct core *c, struct peer *peer, struct call *call,
                    const struct signal_hangup *m, struct bytes raw)
{
    struct call_ending ending = {
        .reason = m->reason, .why = "hung up at the peer's", .by_relay_of = &peer->fingerprint};
    if (signal_text_equal_string(m->call_id, call->spelling))
        ending.raw = raw;
    call_end(c, call, &ending);
}

static void take_hangup(struct core *c, struct peer *peer, const struct signal_hangup *m,
                        struct bytes raw)
{
    bool is_not_here = m->chappe != NULL && m->chappe->not_here != NULL && *m->chappe->not_here;
    char id[ROOM_CALL_ID_SIZE];
    struct call *call =
        m->call_id.data == NULL ? only_call_of(c, peer) : calls_find_text(c, m->call_id);
    if (call == NULL) {
        if (!is_not_here && room_call_id_normalize(signal_text_bytes(m->call_id), id) == 0 &&
            !ended_knows(c, id))
            ended_add_unknown(c, id, m->call_id);
        return;
    }
    if (!call_speaks(call, &peer->fingerprint)) {
        c->counters.forwards_refused++;
        report_refusal(c, peer, m->call_id, "the call is another relay's");
        return;
    }
    struct call_asked *asked = call_asked_find(call, &peer->fingerprint);
    if (!is_not_here)
        hang_up(c, peer, call, m, raw);
    else if (asked != NULL)
        not_here(c, call, asked);
}

/* ---- the envelope ---- */

static bool is_from(const struct peer *peer, struct signal_text origin)
{
    struct fingerprint_tls named;
    return fingerprint_tls_parse(signal_text_bytes(origin), &named) == 0 &&
           fingerprint_tls_equal(&named, &peer->fingerprint);
}

void forward_message(struct core *c, struct peer *peer,
                     const struct signal_federated_signal_forward *forward)
{
    const struct signal *inner = forward->inner;
    struct bytes raw = forward->inner_raw;
    if (!is_from(peer, forward->origin_relay_fp)) {
        c->counters.forwards_forged++;
        report_limited(c, REPORT_FORWARD, LOG_WARN, "forward_refused", LOG_STR("peer", peer->label),
                       LOG_BYTES("origin", signal_text_bytes(forward->origin_relay_fp)),
                       LOG_STR("why", "the origin is not the relay that sends it"));
        return;
    }
    switch (inner->type) {
    case SIGNAL_DIRECT_CALL_OFFER:
        take_offer(c, peer, &inner->direct_call_offer, raw);
        break;
    case SIGNAL_DIRECT_CALL_ANSWER:
        take_answer(c, peer, &inner->direct_call_answer, raw);
        break;
    case SIGNAL_CALL_RINGING:
        take_ringing(c, peer, &inner->call_ringing);
        break;
    case SIGNAL_HANGUP:
        take_hangup(c, peer, &inner->hangup, raw);
        break;
    case SIGNAL_MEDIA_PATH_REPORT:
        take_report(c, peer, &inner->media_path_report, raw);
        break;
    default:
        c->counters.signals_unexpected++;
    }
}
