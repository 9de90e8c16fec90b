#include "control/core/calls.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "control/core/call_record.h"
#include "control/core/call_room.h"
#include "control/core/ended.h"
#include "control/core/relay_say.h"
#include "control/core/record.h"

/* ---- the table ---- */

struct call *calls_find(const struct core *c, const char *id)
{
    struct call *call = NULL;
    HASH_FIND_STR(c->calls, id, call);
    return call;
}

struct call *calls_find_text(const struct core *c, struct signal_text id)
{
    char normal[ROOM_CALL_ID_SIZE];
    if (room_call_id_normalize(signal_text_bytes(id), normal) < 0)
        return NULL;
    return calls_find(c, normal);
}

static void deadline_passed(struct core *c, struct timer *timer)
{
    struct call *call = heap_entry(timer, struct call, timer);
    struct call_ending ending = {.by_relay = true};
    if (call->state == CALL_RINGING) {
        c->counters.calls_timed_out++;
        ending.reason = SIGNAL_HANGUP_TIMEOUT;
        ending.why = "nobody answered";
    } else {
        ending.reason = SIGNAL_HANGUP_ERROR;
        ending.why = "the link to the peer's relay is lost";
    }
    call_end(c, call, &ending);
}

struct call *calls_restore(struct core *c, const char *id, struct signal_text spelling)
{
    struct call *call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    memcpy(call->id, id, strlen(id) + 1);
    signal_text_copy(spelling, call->spelling, sizeof(call->spelling));
    call->caller.call = call;
    call->callee.call = call;
    call->link_deadline = UINT64_MAX;
    call->timer.due = deadline_passed;
    call->record.run = call_record_write;
    HASH_ADD_STR(c->calls, id, call);
    return call;
}

struct call *calls_add(struct core *c, const char *id, struct signal_text spelling,
                       struct bytes offer)
{
    if (HASH_COUNT(c->calls) >= CALLS_MAX)
        return NULL;
    struct call *call = calls_restore(c, id, spelling);
    if (call == NULL)
        return NULL;
    if (buffer_append_bytes(&call->offer, offer) < 0)
        c->failed = true;
    call->order = core_order(c);
    call->ring_deadline = c->now + c->settings.config->limits.ring_timeout_s * CLOCK_SECOND;
    call_changed(c, call);
    return call;
}

static void leave_phone(struct call_side *side)
{
    if (side->phone == NULL)
        return;
    DL_DELETE(side->phone->sides, side);
    side->phone->side_count--;
    side->phone = NULL;
}

void calls_free(struct core *c, struct call *call)
{
    leave_phone(&call->caller);
    leave_phone(&call->callee);
    timer_stop(c, &call->timer);
    deferred_cancel(c, &call->record);
    HASH_DEL(c->calls, call);
    free(call->asked);
    buffer_free(&call->offer);
    buffer_free(&call->answer);
    free(call);
}

void call_changed(struct core *c, struct call *call)
{
    uint64_t deadline = call->state == CALL_RINGING ? call->ring_deadline : call->link_deadline;
    if (deadline == UINT64_MAX)
        timer_stop(c, &call->timer);
    else
        timer_set(c, &call->timer, deadline);
    deferred_add(c, &call->record);
}

/* ---- sides ---- */

void call_side_here(struct call_side *side, struct phone *phone)
{
    memcpy(side->name, phone->name, sizeof(side->name));
    side->phone = phone;
    DL_APPEND(phone->sides, side);
    phone->side_count++;
}

struct call_side *call_other(struct call_side *side)
{
    struct call *call = side->call;
    return side == &call->caller ? &call->callee : &call->caller;
}

struct call_side *call_side_of(struct call *call, const struct phone *phone)
{
    if (call->caller.phone == phone)
        return &call->caller;
    return call->callee.phone == phone ? &call->callee : NULL;
}

struct call_side *call_side_bridged(struct call *call)
{
    if (call->caller.phone != NULL && call->callee.phone != NULL)
        return NULL;
    return call->caller.phone != NULL ? &call->caller : &call->callee;
}

bool call_speaks(const struct call *call, const struct fingerprint_tls *relay)
{
    if (call->bound)
        return fingerprint_tls_equal(&call->relay, relay);
    for (size_t i = 0; i < call->asked_count; i++) {
        if (fingerprint_tls_equal(&call->asked[i].relay, relay))
            return true;
    }
    return false;
}

/* ---- the end ---- */

static struct signal hangup_of(const struct call *call, const struct call_ending *e)
{
    static const struct signal_hangup_extension by_relay = {.by = {"relay", 5}};
    struct signal hangup = {.type = SIGNAL_HANGUP};
    hangup.hangup.reason = e->reason;
    hangup.hangup.call_id = signal_text_of(call->spelling);
    hangup.hangup.chappe = e->by_relay ? &by_relay : NULL;
    return hangup;
}

static void tell_relay(struct core *c, const struct call *call, const struct fingerprint_tls *relay,
                       const struct call_ending *e)
{
    if (e->by_relay_of != NULL && fingerprint_tls_equal(e->by_relay_of, relay))
        return;
    struct peer *peer = peer_find(c, relay);
    if (peer == NULL)
        return;
    if (e->answer.data != NULL)
        relay_pass(c, peer, e->answer);
    if (e->raw.data != NULL) {
        relay_pass(c, peer, e->raw);
    } else if (e->answer.data == NULL || !peer_is_ours(peer)) {
        struct signal hangup = hangup_of(call, e);
        relay_say(c, peer, &hangup);
    }
}

static void tell(struct core *c, const struct call *call, const struct call_side *side,
                 const struct call_ending *e)
{
    if (side == e->by)
        return;
    if (side->phone != NULL) {
        struct signal hangup = hangup_of(call, e);
        if (e->raw.data != NULL)
            transaction_send(&c->transaction, side->phone->connection->id, e->raw);
        else
            transaction_say(&c->transaction, side->phone->connection->id, &hangup);
    } else if (call->bound) {
        tell_relay(c, call, &call->relay, e);
    }
    for (size_t i = 0; i < call->asked_count && side->phone == NULL; i++) {
        if (!call->asked[i].not_here)
            tell_relay(c, call, &call->asked[i].relay, e);
    }
}

static void report_end(struct core *c, const struct call *call, const struct call_ending *e)
{
    c->counters.calls_ended++;
    report_limited(c, REPORT_CALL, LOG_INFO, "call_ended", LOG_STR("call_id", call->spelling),
                   LOG_STR("caller", call->caller.name), LOG_STR("callee", call->callee.name),
                   LOG_STR("reason", signal_hangup_reason_name(e->reason)), LOG_STR("why", e->why));
}

void call_end(struct core *c, struct call *call, const struct call_ending *ending)
{
    report_end(c, call, ending);
    tell(c, call, &call->caller, ending);
    tell(c, call, &call->callee, ending);
    ended_add(c, call, ending->reason, ending->by_relay_of);
    call_room_close(c, call);
    char key[RECORD_KEY_SIZE];
    record_key(key, RECORD_CALL, call->id);
    transaction_record_delete(&c->transaction, key);
    calls_free(c, call);
}

void calls_phone_lost(struct core *c, struct phone *phone)
{
    while (phone->sides != NULL) {
        struct call_side *side = phone->sides;
        struct call_ending ending = {.reason = SIGNAL_HANGUP_NORMAL,
                                     .why = side == &side->call->caller
                                                ? "the caller's phone is gone"
                                                : "the callee's phone is gone",
                                     .by_relay = true,
                                     .by = side};
        call_end(c, side->call, &ending);
    }
}

void calls_move(struct core *c, struct phone *from, struct phone *to)
{
    while (from->sides != NULL) {
        struct call_side *side = from->sides;
        struct call *call = side->call;
        leave_phone(side);
        call_side_here(side, to);
        if (side == &call->callee && call->state == CALL_RINGING)
            transaction_send(&c->transaction, to->connection->id, buffer_view(&call->offer));
        call_changed(c, call);
    }
}
