#include "control/core/call_flow.h"

#include <string.h>

#include "control/core/call_asked.h"
#include "control/core/call_room.h"
#include "control/core/ended.h"
#include "control/core/registry.h"
#include "control/core/relay_say.h"

/* ---- shared with forward.c ---- */

void call_flow_ring(struct core *c, struct call *call)
{
    if (call->rung)
        return;
    call->rung = true;
    call_flow_say_ringing(c, call);
    call_changed(c, call);
}

void call_flow_say_ringing(struct core *c, struct call *call)
{
    struct signal ringing = {.type = SIGNAL_CALL_RINGING};
    ringing.call_ringing.call_id = signal_text_of(call->spelling);
    if (call->caller.phone != NULL) {
        transaction_say(&c->transaction, call->caller.phone->connection->id, &ringing);
        return;
    }
    struct peer *peer = peer_find(c, &call->caller.relay);
    if (peer == NULL || !peer_is_ours(peer))
        return; /* an original rang its phone when it sent the offer */
    struct envelope e = envelope_own(c, call);
    relay_say(c, peer, &ringing, &e);
}

void call_flow_ring_here(struct core *c, struct call *call, struct phone *callee)
{
    call_side_here(&call->callee, callee);
    transaction_send(&c->transaction, callee->connection->id, buffer_view(&call->offer));
    call_flow_ring(c, call);
    call_changed(c, call);
}

/* The address at which this phone reaches us: as configured, else as it did (defect 60). */
static void relay_address(const struct core *c, const struct connection *conn,
                          char text[ADDRESS_TEXT])
{
    const struct address *advertise = &c->settings.config->relay.advertise;
    address_text(address_is_none(advertise) ? &conn->local : advertise, text);
}

void call_flow_setup(struct core *c, const struct call_side *side,
                     struct signal_text direct_address, struct signal_texts local_addresses)
{
    char room[ROOM_NAME_SIZE], address[ADDRESS_TEXT];
    room_of_call(side->call->id, room);
    relay_address(c, side->phone->connection, address);
    struct signal setup = {.type = SIGNAL_CALL_SETUP};
    setup.call_setup.call_id = signal_text_of(side->call->spelling);
    setup.call_setup.room = signal_text_of(room);
    setup.call_setup.relay_addr = signal_text_of(address);
    setup.call_setup.peer_direct_addr = direct_address;
    setup.call_setup.peer_local_addrs = local_addresses;
    transaction_say(&c->transaction, side->phone->connection->id, &setup);
}

void call_flow_answer_addresses(const struct signal_direct_call_answer *m,
                                struct signal_text *direct_address,
                                struct signal_texts *local_addresses)
{
    bool open = m->accept_mode == SIGNAL_ACCEPT_TRUSTED;
    *direct_address = open ? m->callee_reflexive_addr : SIGNAL_TEXT_NONE;
    *local_addresses = open ? m->callee_local_addrs : (struct signal_texts){NULL, 0};
}

bool call_flow_key_fits(const struct signal_direct_call_offer *m, const char *caller)
{
    static const uint8_t zeros[32];
    struct fingerprint_user named, of_key;
    if (memcmp(m->identity_pub, zeros, sizeof(zeros)) == 0 ||
        fingerprint_user_parse(bytes_of_string(caller), &named) < 0)
        return true;
    return fingerprint_user_of_key(m->identity_pub, &of_key) == 0 &&
           fingerprint_user_equal(&named, &of_key);
}

/* ---- offers ---- */

struct refusal {
    enum signal_hangup_reason reason;
    const char *why;   /* NULL: not refused */
    uint64_t *counter; /* NULL: calls_refused */
};

static void say_hangup(struct core *c, const struct phone *phone, enum signal_hangup_reason reason,
                       struct signal_text call_id)
{
    static const struct signal_hangup_extension by_relay = {.by = {"relay", 5}};
    struct signal hangup = {.type = SIGNAL_HANGUP};
    hangup.hangup.reason = reason;
    hangup.hangup.call_id = call_id.len <= ROOM_NAME_MAX ? call_id : SIGNAL_TEXT_NONE;
    hangup.hangup.chappe = &by_relay;
    transaction_say(&c->transaction, phone->connection->id, &hangup);
}

static void refuse_offer(struct core *c, const struct phone *phone,
                         const struct signal_direct_call_offer *m, const struct refusal *refusal)
{
    ++*(refusal->counter == NULL ? &c->counters.calls_refused : refusal->counter);
    report_limited(c, REPORT_CALL, LOG_WARN, "offer_refused", LOG_STR("caller", phone->name),
                   LOG_BYTES("call_id", signal_text_bytes(m->call_id)),
                   LOG_BYTES("callee", signal_text_bytes(m->target_fingerprint)),
                   LOG_STR("why", refusal->why));
    say_hangup(c, phone, refusal->reason, m->call_id);
}

static bool is_forged(const struct phone *phone, const struct signal_direct_call_offer *m)
{
    return !signal_text_equal_string(m->caller_fingerprint, phone->name) ||
           !call_flow_key_fits(m, phone->name);
}

/* What is wrong with an offer, whatever else is going on. */
static struct refusal judge_offer(struct core *c, const struct phone *phone,
                                  const struct signal_direct_call_offer *m, const char *id,
                                  const char *target, struct bytes raw)
{
    if (c->drain.on)
        return (struct refusal){SIGNAL_HANGUP_ERROR, DRAIN_REFUSAL, NULL};
    if (id[0] == '\0')
        return (struct refusal){SIGNAL_HANGUP_ERROR, "the call id cannot name a room", NULL};
    if (!phone->listed || is_forged(phone, m))
        return (struct refusal){SIGNAL_HANGUP_ERROR, "the caller is not who registered",
                                &c->counters.offers_forged};
    if (target[0] == '\0' || strcmp(target, phone->name) == 0)
        return (struct refusal){SIGNAL_HANGUP_ERROR, "nobody can be called by that name", NULL};
    if (raw.len > CALL_BODY_MAX)
        return (struct refusal){SIGNAL_HANGUP_ERROR, "the offer is too long", NULL};
    if (calls_find(c, id) != NULL || ended_knows(c, id))
        return (struct refusal){SIGNAL_HANGUP_ERROR, "another call has this id",
                                &c->counters.offers_duplicate};
    if (phone->side_count >= PHONE_CALLS_MAX)
        return (struct refusal){SIGNAL_HANGUP_ERROR, "the caller has too many calls", NULL};
    const struct phone *callee = registry_find(c, target);
    if (callee != NULL && callee->side_count >= PHONE_CALLS_MAX)
        return (struct refusal){SIGNAL_HANGUP_BUSY, "the callee has too many calls", NULL};
    return (struct refusal){.why = NULL};
}

/* The same offer once more: the phone has not heard from us, and need not. */
static bool is_repeat(const struct core *c, const struct phone *phone, const char *id,
                      const char *target)
{
    const struct call *call = calls_find(c, id);
    return call != NULL && call->caller.phone == phone && strcmp(call->callee.name, target) == 0;
}

static void report_offer(struct core *c, const struct call *call, size_t relays)
{
    c->counters.calls_offered++;
    report_limited(c, REPORT_CALL, LOG_INFO, "call_offered", LOG_STR("call_id", call->spelling),
                   LOG_STR("caller", call->caller.name), LOG_STR("callee", call->callee.name),
                   LOG_U64("relays_asked", relays));
}

/* Hands the offer to the callee or to the relays that may have him. */
static void start_call(struct core *c, struct phone *phone,
                       const struct signal_direct_call_offer *m, const char *id, const char *target,
                       struct bytes raw)
{
    struct call *call = calls_add(c, id, m->call_id, raw);
    if (call == NULL) {
        refuse_offer(c, phone, m, &(struct refusal){SIGNAL_HANGUP_ERROR, "too many calls", NULL});
        return;
    }
    call_side_here(&call->caller, phone);
    struct phone *callee = registry_find(c, target);
    if (callee != NULL) {
        call_flow_ring_here(c, call, callee);
        report_offer(c, call, 0);
        return;
    }
    memcpy(call->callee.name, target, strlen(target) + 1);
    size_t relays = call_asked_start(c, call);
    report_offer(c, call, relays);
    if (relays > 0)
        return;
    struct call_ending nowhere = {.reason = SIGNAL_HANGUP_NORMAL,
                                  .why = "the callee is not here, and no relay is linked",
                                  .by_relay = true};
    call_end(c, call, &nowhere);
}

void call_flow_offer(struct core *c, struct phone *phone, const struct signal_direct_call_offer *m,
                     struct bytes raw)
{
    char id[ROOM_CALL_ID_SIZE], target[CONNECTION_NAME_SIZE];
    room_call_id_normalize(signal_text_bytes(m->call_id), id);
    if (!signal_text_copy(m->target_fingerprint, target, sizeof(target)))
        target[0] = '\0';
    if (is_repeat(c, phone, id, target))
        return;
    struct refusal refusal = judge_offer(c, phone, m, id, target, raw);
    if (refusal.why != NULL)
        refuse_offer(c, phone, m, &refusal);
    else
        start_call(c, phone, m, id, target, raw);
}

/* ---- answers ---- */

static void refuse_answer(struct core *c, const struct phone *phone,
                          const struct signal_direct_call_answer *m)
{
    c->counters.answers_refused++;
    report_limited(c, REPORT_CALL, LOG_WARN, "answer_refused", LOG_STR("phone", phone->name),
                   LOG_BYTES("call_id", signal_text_bytes(m->call_id)),
                   LOG_STR("why", "not the callee of a ringing call"));
    if (phone->side_count == 0)
        say_hangup(c, phone, SIGNAL_HANGUP_ERROR, m->call_id);
}

static void reject_call(struct core *c, struct call *call, struct bytes raw)
{
    c->counters.calls_rejected++;
    struct call_ending ending = {.reason = SIGNAL_HANGUP_DECLINED,
                                 .why = "the callee rejected it",
                                 .by_relay = true,
                                 .by = &call->callee,
                                 .answer = raw};
    call_end(c, call, &ending);
}

/* CallSetup for a callee here, with the addresses that the caller's offer gave. */
static void setup_callee(struct core *c, struct call *call)
{
    static const struct signal_direct_call_offer no_address;
    const struct signal_direct_call_offer *m = &no_address;
    struct signal offer = {0};
    /* It parsed when it came; a damaged record of it costs the direct path only. */
    if (signal_parse(buffer_view(&call->offer), &offer, NULL) == 0 &&
        offer.type == SIGNAL_DIRECT_CALL_OFFER)
        m = &offer.direct_call_offer;
    call_flow_setup(c, &call->callee, m->caller_reflexive_addr, m->caller_local_addrs);
    signal_free(&offer);
}

static void accept_call(struct core *c, struct call *call,
                        const struct signal_direct_call_answer *m, struct bytes raw)
{
    c->counters.calls_accepted++;
    report_limited(c, REPORT_CALL, LOG_INFO, "call_accepted", LOG_STR("call_id", call->spelling),
                   LOG_STR("mode", signal_accept_mode_name(m->accept_mode)));
    call->state = CALL_ACTIVE;
    call_asked_settle(c, call, NULL);
    if (call->caller.phone != NULL) {
        struct signal_text direct;
        struct signal_texts local;
        call_flow_answer_addresses(m, &direct, &local);
        transaction_send(&c->transaction, call->caller.phone->connection->id, raw);
        call_flow_setup(c, &call->caller, direct, local);
        setup_callee(c, call);
    } else {
        struct envelope e = envelope_own(c, call);
        buffer_append_bytes(&call->answer, raw);
        relay_pass(c, peer_find(c, &call->caller.relay), raw, &e);
        setup_callee(c, call);
        call_room_open(c, call);
    }
    buffer_free(&call->offer);
}

void call_flow_answer(struct core *c, struct phone *phone,
                      const struct signal_direct_call_answer *m, struct bytes raw)
{
    struct call *call = calls_find_text(c, m->call_id);
    if (call == NULL || call->callee.phone != phone || raw.len > CALL_BODY_MAX)
        refuse_answer(c, phone, m);
    else if (call->state == CALL_ACTIVE)
        return; /* said before */
    else if (m->accept_mode == SIGNAL_ACCEPT_REJECT)
        reject_call(c, call, raw);
    else
        accept_call(c, call, m, raw);
}

/* ---- hang-ups ---- */

static void hang_up(struct core *c, struct call_side *side, const struct signal_hangup *m,
                    struct bytes raw)
{
    struct call_ending ending = {.reason = m->reason, .by = side};
    ending.why = side == &side->call->caller ? "the caller hung up" : "the callee hung up";
    if (signal_text_equal_string(m->call_id, side->call->spelling))
        ending.raw = raw; /* else ours, which names the call */
    call_end(c, side->call, &ending);
}

static bool has_active(const struct phone *phone)
{
    for (const struct call_side *s = phone->sides; s != NULL; s = s->next) {
        if (s->call->state == CALL_ACTIVE)
            return true;
    }
    return false;
}

static void hang_up_unnamed(struct core *c, struct phone *phone, const struct signal_hangup *m,
                            struct bytes raw)
{
    enum call_state state = has_active(phone) ? CALL_ACTIVE : CALL_RINGING;
    struct call_side *next;
    for (struct call_side *side = phone->sides; side != NULL; side = next) {
        next = side->next;
        if (side->call->state == state)
            hang_up(c, side, m, raw);
    }
}

void call_flow_hangup(struct core *c, struct phone *phone, const struct signal_hangup *m,
                      struct bytes raw)
{
    if (m->call_id.data == NULL) {
        hang_up_unnamed(c, phone, m, raw);
        return;
    }
    struct call *call = calls_find_text(c, m->call_id);
    struct call_side *side = call == NULL ? NULL : call_side_of(call, phone);
    if (side != NULL) {
        hang_up(c, side, m, raw);
    } else if (call != NULL) {
        c->counters.hangups_refused++;
        report_limited(c, REPORT_CALL, LOG_WARN, "hangup_refused", LOG_STR("phone", phone->name),
                       LOG_STR("call_id", call->spelling), LOG_STR("why", "not in this call"));
    }
}

/* ---- MediaPathReport (protocol.md 2.4, 2.5) ---- */

void call_flow_report(struct core *c, struct phone *phone, const struct signal_media_path_report *m,
                      struct bytes raw)
{
    struct call *call = calls_find_text(c, m->call_id);
    struct call_side *side = call == NULL ? NULL : call_side_of(call, phone);
    if (side == NULL || call->state != CALL_ACTIVE)
        return;
    const struct call_side *other = call_other(side);
    if (other->phone != NULL) {
        if (other->phone->later)
            transaction_send(&c->transaction, other->phone->connection->id, raw);
        return;
    }
    struct peer *peer = peer_find(c, &other->relay);
    struct envelope e = envelope_own(c, call);
    if (peer != NULL && peer_knows_later(peer))
        relay_pass(c, peer, raw, &e);
}
