#include "control/core/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "common/fnv.h"
#include "common/hex.h"
#include "common/sha256.h"
#include "common/text.h"

/* ---- ours ---- */

/* The same whoever makes it again after a death, and another one for each message. */
static void make_id(struct core *c, const struct call *call, char out[ENVELOPE_ID_SIZE])
{
    struct buffer text = {0};
    uint8_t hash[SHA256_SIZE];
    buffer_append(&text, c->settings.tls.bytes, sizeof(c->settings.tls.bytes));
    buffer_append_u32(&text, call->said);
    buffer_append(&text, call->id, strlen(call->id));
    if (text.failed || sha256(buffer_view(&text), hash) < 0)
        c->failed = true;
    else
        hex_encode(hash, 8, out);
    buffer_free(&text);
}

struct envelope envelope_for(const struct fingerprint_tls *origin)
{
    return (struct envelope){.origin = *origin, .hops = ENVELOPE_HOPS_MAX};
}

struct envelope envelope_own(struct core *c, struct call *call)
{
    struct envelope e = envelope_for(&c->settings.tls);
    call->said++;
    make_id(c, call, e.id);
    call_changed(c, call);
    return e;
}

/* ---- theirs ---- */

static bool read_way(const struct signal_texts *texts, struct envelope *out)
{
    if (texts->count > FEDERATION_PATH_MAX)
        return false;
    for (size_t i = 0; i < texts->count; i++) {
        if (fingerprint_tls_parse(signal_text_bytes(texts->items[i]), &out->way[i]) < 0)
            return false;
    }
    out->way_count = texts->count;
    return true;
}

bool envelope_read(const struct peer *peer, const struct signal_federated_signal_forward *m,
                   struct envelope *out)
{
    *out = envelope_for(&peer->fingerprint);
    const struct signal_forward_extension *x = peer_is_ours(peer) ? m->chappe : NULL;
    if (x == NULL)
        return true;
    out->hops = x->hops == NULL ? 0 : *x->hops;
    if (out->hops > ENVELOPE_HOPS_MAX)
        out->hops = ENVELOPE_HOPS_MAX;
    if (x->origin.data != NULL &&
        fingerprint_tls_parse(signal_text_bytes(x->origin), &out->origin) < 0)
        return false;
    if (x->id.data != NULL && (!signal_text_copy(x->id, out->id, sizeof(out->id)) ||
                               !text_is_clean(signal_text_bytes(x->id))))
        return false;
    out->again = x->again == NULL ? 0 : *x->again;
    return read_way(&x->way, out);
}

bool envelope_onward(const struct envelope *in, struct envelope *out)
{
    *out = *in;
    out->way_count = 0;
    if (in->hops == 0)
        return false;
    out->hops--;
    if (in->way_count > 0) {
        out->way_count = in->way_count - 1;
        memmove(out->way, in->way + 1, out->way_count * sizeof(out->way[0]));
    }
    return true;
}

bool envelope_is_forwarded(const struct envelope *e, const struct peer *peer)
{
    return !fingerprint_tls_equal(&e->origin, &peer->fingerprint);
}

/* ---- seen before ---- */

struct envelope_seen *envelope_seen_new(void)
{
    return calloc(1, sizeof(struct envelope_seen));
}

/* Never 0. */
static uint64_t digest_of(const struct envelope *e)
{
    uint64_t hash = fnv64_add(FNV64, e->origin.bytes, sizeof(e->origin.bytes));
    return fnv64_add(hash, e->id, strlen(e->id)) | 1;
}

bool envelope_seen(struct core *c, const struct envelope *e)
{
    if (e->id[0] == '\0')
        return false;
    uint64_t digest = digest_of(e);
    struct envelope_slot *slot = &c->seen->slots[(digest >> 32) % ENVELOPE_SEEN_MAX];
    if (slot->digest == digest && c->now < slot->when + ENVELOPE_SEEN_NS)
        return true;
    *slot = (struct envelope_slot){digest, c->now};
    return false;
}
