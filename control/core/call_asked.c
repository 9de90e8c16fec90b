#include "control/core/call_asked.h"

#include <stdlib.h>

#include "control/core/call_flow.h"
#include "control/core/relay_say.h"

struct call_asked *call_asked_find(const struct call *call, const struct fingerprint_tls *relay)
{
    for (size_t i = 0; i < call->asked_count; i++) {
        if (fingerprint_tls_equal(&call->asked[i].relay, relay))
            return &call->asked[i];
    }
    return NULL;
}

static bool note_asked(struct core *c, struct call *call, const struct peer *peer)
{
    struct call_asked *asked = call_asked_find(call, &peer->fingerprint);
    if (asked == NULL) {
        struct call_asked *more =
            realloc(call->asked, (call->asked_count + 1) * sizeof(*call->asked));
        if (more == NULL) {
            c->failed = true;
            return false;
        }
        call->asked = more;
        asked = &more[call->asked_count++];
    }
    *asked = (struct call_asked){peer->fingerprint, false};
    return true;
}

void call_asked_offer(struct core *c, struct call *call, struct peer *peer)
{
    if (!relay_pass(c, peer, buffer_view(&call->offer)) || !note_asked(c, call, peer))
        return;
    /* An original never says that it rings. */
    if (!peer_is_ours(peer))
        call_flow_ring(c, call);
    call_changed(c, call);
}

size_t call_asked_all(struct core *c, struct call *call)
{
    for (struct peer *peer = c->peers; peer != NULL; peer = peer->hh.next)
        call_asked_offer(c, call, peer);
    return call->asked_count;
}

bool call_asked_nowhere(const struct call *call)
{
    for (size_t i = 0; i < call->asked_count; i++) {
        if (!call->asked[i].not_here)
            return false;
    }
    return true;
}

void call_asked_bind(struct core *c, struct call *call, const struct fingerprint_tls *relay)
{
    for (size_t i = 0; i < call->asked_count; i++) {
        const struct call_asked *asked = &call->asked[i];
        struct peer *peer = peer_find(c, &asked->relay);
        if (peer != NULL && !asked->not_here && !fingerprint_tls_equal(&asked->relay, relay))
            relay_hang_up(c, peer, SIGNAL_HANGUP_NORMAL, signal_text_of(call->spelling), false);
    }
    call->bound = true;
    call->relay = *relay;
    free(call->asked);
    call->asked = NULL;
    call->asked_count = 0;
    call_changed(c, call);
}
