#include "control/core/relay_say.h"

#include "control/core/link.h"

bool relay_pass(struct core *c, struct peer *peer, struct bytes inner)
{
    struct connection *conn = peer == NULL ? NULL : link_speaker(c, peer);
    if (conn == NULL)
        return false;
    struct signal forward = {.type = SIGNAL_FEDERATED_SIGNAL_FORWARD};
    forward.federated_signal_forward.inner_raw = inner;
    forward.federated_signal_forward.origin_relay_fp = signal_text_of(c->tls_text);
    transaction_say(&c->transaction, conn->id, &forward);
    return true;
}

bool relay_say(struct core *c, struct peer *peer, const struct signal *inner)
{
    struct buffer raw = {0};
    if (signal_write(inner, &raw) < 0)
        c->failed = true;
    bool said = relay_pass(c, peer, buffer_view(&raw));
    buffer_free(&raw);
    return said;
}

void relay_hang_up(struct core *c, struct peer *peer, enum signal_hangup_reason reason,
                   struct signal_text call_id, bool not_here)
{
    static const bool yes = true;
    if (call_id.len > ROOM_NAME_MAX)
        return; /* no call of ours has such an id, nor of any relay's */
    struct signal_hangup_extension extension = {.by = SIGNAL_TEXT("relay"),
                                                .not_here = not_here ? &yes : NULL};
    struct signal hangup = {.type = SIGNAL_HANGUP};
    hangup.hangup.reason = reason;
    hangup.hangup.call_id = call_id;
    hangup.hangup.chappe = &extension;
    relay_say(c, peer, &hangup);
}
