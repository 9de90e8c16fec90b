#include "control/core/repeat.h"

#include "control/core/call_asked.h"
#include "control/core/call_room.h"
#include "control/core/ended.h"
#include "control/core/relay_say.h"

static void repeat_ringing(struct core *c, struct call *call, struct peer *peer, bool ours)
{
    if (call->callee.phone == NULL) {
        const struct call_asked *asked = call_asked_find(call, &peer->fingerprint);
        if (asked == NULL || (ours && !asked->not_here))
            call_asked_offer(c, call, peer);
    } else if (ours && call->bound && call_speaks(call, &peer->fingerprint)) {
        struct signal ringing = {.type = SIGNAL_CALL_RINGING};
        ringing.call_ringing.call_id = signal_text_of(call->spelling);
        relay_say(c, peer, &ringing);
    }
}

static void repeat_active(struct core *c, struct call *call, struct peer *peer)
{
    char name[ROOM_NAME_SIZE];
    if (call->answer.len > 0)
        relay_pass(c, peer, buffer_view(&call->answer));
    room_of_call(call->id, name);
    const struct room *room = rooms_find(c, name);
    if (room != NULL)
        call_room_announce(c, room);
}

void repeat_all(struct core *c, struct peer *peer)
{
    bool ours = peer_is_ours(peer);
    if (ours)
        ended_repeat(c, peer);
    for (struct call *call = c->calls; call != NULL; call = call->hh.next) {
        if (call->state == CALL_RINGING)
            repeat_ringing(c, call, peer, ours);
        else if (ours && call->bound && call_speaks(call, &peer->fingerprint))
            repeat_active(c, call, peer);
    }
}
