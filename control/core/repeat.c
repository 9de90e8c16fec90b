#include "control/core/repeat.h"

#include "control/core/call_asked.h"
#include "control/core/call_flow.h"
#include "control/core/call_room.h"
#include "control/core/ended.h"
#include "control/core/relay_say.h"
#include "control/core/reroute.h"

static bool is_behind(const struct call_side *side, const struct peer *peer)
{
    return side->bound && fingerprint_tls_equal(&side->relay, &peer->fingerprint);
}

static void repeat_ringing(struct core *c, struct call *call, struct peer *peer)
{
    call_asked_repeat(c, call, peer);
    if (call->rung && is_behind(&call->caller, peer))
        call_flow_say_ringing(c, call);
}

static void repeat_active(struct core *c, struct call *call, struct peer *peer)
{
    if (call->answer.len > 0 && is_behind(&call->caller, peer)) {
        struct envelope e = envelope_own(c, call);
        if (call->callee.bound)
            e.origin = call->callee.origin;
        relay_pass(c, peer, buffer_view(&call->answer), &e);
    }
    if (is_behind(&call->caller, peer)) {
        call_room_tell(c, call, &call->caller);
        reroute_tell_cut(c, call);
    }
    if (is_behind(&call->callee, peer))
        call_room_tell(c, call, &call->callee);
}

void repeat_all(struct core *c, struct peer *peer)
{
    bool ours = peer_is_ours(peer);
    if (ours)
        ended_repeat(c, peer);
    for (struct call *call = c->calls; call != NULL; call = call->hh.next) {
        if (call->state == CALL_RINGING)
            repeat_ringing(c, call, peer);
        else if (ours)
            repeat_active(c, call, peer);
    }
}
