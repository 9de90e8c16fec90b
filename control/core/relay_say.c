#include "control/core/relay_say.h"

#include "control/core/link.h"

/* The envelope as it is written. */
struct written {
    struct signal_forward_extension extension;
    char origin[FINGERPRINT_TLS_TEXT];
    char way[FEDERATION_PATH_MAX][FINGERPRINT_TLS_TEXT];
    struct signal_text texts[FEDERATION_PATH_MAX];
};

static void write_envelope(const struct envelope *e, struct written *out)
{
    fingerprint_tls_text(&e->origin, out->origin);
    for (size_t i = 0; i < e->way_count; i++) {
        fingerprint_tls_text(&e->way[i], out->way[i]);
        out->texts[i] = signal_text_of(out->way[i]);
    }
    out->extension = (struct signal_forward_extension){
        .origin = signal_text_of(out->origin),
        .hops = &e->hops,
        .id = signal_text_of(e->id[0] == '\0' ? NULL : e->id),
        .way = {e->way_count == 0 ? NULL : out->texts, e->way_count},
        .again = e->again == 0 ? NULL : &e->again,
    };
}

bool relay_pass(struct core *c, struct peer *peer, struct bytes inner, const struct envelope *e)
{
    struct connection *conn = peer == NULL ? NULL : link_speaker(c, peer);
    if (conn == NULL)
        return false;
    struct written written;
    struct signal forward = {.type = SIGNAL_FEDERATED_SIGNAL_FORWARD};
    forward.federated_signal_forward.inner_raw = inner;
    forward.federated_signal_forward.origin_relay_fp = signal_text_of(c->tls_text);
    if (peer_is_ours(peer)) {
        write_envelope(e, &written);
        forward.federated_signal_forward.chappe = &written.extension;
    }
    transaction_say(&c->transaction, conn->id, &forward);
    return true;
}

bool relay_say(struct core *c, struct peer *peer, const struct signal *inner,
               const struct envelope *e)
{
    struct buffer raw = {0};
    if (signal_write(inner, &raw) < 0)
        c->failed = true;
    bool said = relay_pass(c, peer, buffer_view(&raw), e);
    buffer_free(&raw);
    return said;
}

static const bool yes = true;

static void hang_up(struct core *c, struct peer *peer, enum signal_hangup_reason reason,
                    struct signal_text call_id, struct signal_hangup_extension extension,
                    const struct envelope *e)
{
    if (call_id.len > ROOM_NAME_MAX)
        return; /* no call of ours has such an id, nor of any relay's */
    extension.by = SIGNAL_TEXT("relay");
    struct signal hangup = {.type = SIGNAL_HANGUP};
    hangup.hangup.reason = reason;
    hangup.hangup.call_id = call_id;
    hangup.hangup.chappe = &extension;
    relay_say(c, peer, &hangup, e);
}

void relay_hang_up(struct core *c, struct peer *peer, enum signal_hangup_reason reason,
                   struct signal_text call_id)
{
    struct envelope e = envelope_for(&c->settings.tls);
    hang_up(c, peer, reason, call_id, (struct signal_hangup_extension){0}, &e);
}

void relay_lost(struct core *c, struct peer *peer, struct signal_text call_id)
{
    struct envelope e = envelope_for(&c->settings.tls);
    hang_up(c, peer, SIGNAL_HANGUP_NORMAL, call_id, (struct signal_hangup_extension){.lost = &yes},
            &e);
}

void relay_end_way(struct core *c, struct peer *peer, const struct call *call)
{
    struct envelope e = envelope_for(&c->settings.tls);
    e.again = call->round;
    hang_up(c, peer, SIGNAL_HANGUP_NORMAL, signal_text_of(call->spelling),
            (struct signal_hangup_extension){0}, &e);
}

void relay_not_here(struct core *c, struct peer *peer, const struct fingerprint_tls *relay,
                    struct signal_text call_id)
{
    struct envelope e = envelope_for(relay);
    hang_up(c, peer, SIGNAL_HANGUP_NORMAL, call_id,
            (struct signal_hangup_extension){.not_here = &yes}, &e);
}
