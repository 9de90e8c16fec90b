#include "control/core/calls.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "control/core/call_asked.h"
#include "control/core/call_record.h"
#include "control/core/call_room.h"
#include "control/core/ended.h"
#include "control/core/envelope.h"
#include "control/core/record.h"
#include "control/core/relay_say.h"
#include "control/core/reroute.h"
#include "control/core/transit.h"

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
    if (call->state == CALL_RINGING && c->now < call->ring_deadline) {
        call_asked_search(c, call);
        return;
    }
    if (call->state == CALL_ACTIVE && c->now < call->link_deadline) {
        reroute_search(c, call);
        return;
    }
    if (call->state == CALL_RINGING) {
        c->counters.calls_timed_out++;
        ending.reason = SIGNAL_HANGUP_TIMEOUT;
        ending.why = "nobody answered";
    } else {
        ending.reason = SIGNAL_HANGUP_ERROR;
        ending.why = "a link on the way is lost, and there is no other way";
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
    call->link_deadline = call->search_next = UINT64_MAX;
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

void calls_free(struct core *c, struct call *call)
{
    call_side_leave(&call->caller);
    call_side_leave(&call->callee);
    timer_stop(c, &call->timer);
    deferred_cancel(c, &call->record);
    HASH_DEL(c->calls, call);
    call_asked_free(call);
    transit_free(c, call);
    buffer_free(&call->offer);
    buffer_free(&call->answer);
    free(call);
}

static uint64_t deadline_of(const struct call *call)
{
    uint64_t end = call->state == CALL_ACTIVE ? call->link_deadline : call->ring_deadline;
    return call->search_next < end ? call->search_next : end;
}

void call_changed(struct core *c, struct call *call)
{
    uint64_t deadline = deadline_of(call);
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

void call_side_leave(struct call_side *side)
{
    if (side->phone == NULL)
        return;
    DL_DELETE(side->phone->sides, side);
    side->phone->side_count--;
    side->phone = NULL;
}

void call_side_bind(struct call_side *side, const struct fingerprint_tls *relay,
                    const struct fingerprint_tls *origin)
{
    call_side_leave(side);
    side->bound = true;
    side->relay = *relay;
    side->origin = *origin;
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

struct call_side *call_side_of_relay(struct call *call, const struct fingerprint_tls *relay)
{
    if (call->caller.bound && fingerprint_tls_equal(&call->caller.relay, relay))
        return &call->caller;
    if (call->callee.bound && fingerprint_tls_equal(&call->callee.relay, relay))
        return &call->callee;
    for (size_t i = 0; i < call->asked_count; i++) {
        if (fingerprint_tls_equal(&call->asked[i].relay, relay))
            return &call->callee;
    }
    return NULL;
}

bool call_is_transit(const struct call *call)
{
    return call->caller.phone == NULL && call->callee.phone == NULL;
}

struct call_side *call_side_far(struct call *call)
{
    if (call->state != CALL_ACTIVE || call_is_transit(call))
        return NULL;
    if (call->caller.bound)
        return &call->caller;
    return call->callee.bound ? &call->callee : NULL;
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

static void tell_relay(struct core *c, struct call *call, const struct call_side *side,
                       const struct fingerprint_tls *relay, const struct call_ending *e)
{
    bool answered = side == &call->caller && e->answer.data != NULL;
    if (e->by_relay_of != NULL && fingerprint_tls_equal(e->by_relay_of, relay))
        return;
    struct peer *peer = peer_find(c, relay);
    if (peer == NULL)
        return;
    struct envelope own = envelope_own(c, call);
    const struct envelope *envelope = e->envelope == NULL ? &own : e->envelope;
    if (answered)
        relay_pass(c, peer, e->answer, envelope);
    if (e->raw.data != NULL) {
        relay_pass(c, peer, e->raw, envelope);
    } else if (!answered || !peer_is_ours(peer)) {
        struct signal hangup = hangup_of(call, e);
        relay_say(c, peer, &hangup, &own);
    }
}

static void tell_phone(struct core *c, const struct call *call, const struct phone *phone,
                       const struct call_ending *e)
{
    struct signal hangup = hangup_of(call, e);
    if (e->raw.data != NULL)
        transaction_send(&c->transaction, phone->connection->id, e->raw);
    else
        transaction_say(&c->transaction, phone->connection->id, &hangup);
}

static void tell(struct core *c, struct call *call, const struct call_side *side,
                 const struct call_ending *e)
{
    if (side->phone != NULL && side != e->by)
        tell_phone(c, call, side->phone, e);
    else if (side->bound && side != e->by)
        tell_relay(c, call, side, &side->relay, e);
    for (size_t i = 0; i < call->asked_count && side == &call->callee; i++) {
        if (call_asked_is_owed(call, i))
            tell_relay(c, call, side, &call->asked[i].relay, e);
    }
}

static void report_end(struct core *c, const struct call *call, const struct call_ending *e)
{
    c->counters.calls_ended++;
    report_limited(c, REPORT_CALL, LOG_INFO, "call_ended", LOG_STR("call_id", call->spelling),
                   LOG_STR("caller", call->caller.name), LOG_STR("callee", call->callee.name),
                   LOG_STR("reason", signal_hangup_reason_name(e->reason)), LOG_STR("why", e->why));
}

/* It is gone here and in the data plane. */
static void remove_call(struct core *c, struct call *call)
{
    char key[RECORD_KEY_SIZE];
    call_room_close(c, call);
    transit_close(c, call);
    record_key(key, RECORD_CALL, call->id);
    transaction_record_delete(&c->transaction, key);
    calls_free(c, call);
}

void call_end(struct core *c, struct call *call, const struct call_ending *ending)
{
    report_end(c, call, ending);
    tell(c, call, &call->caller, ending);
    tell(c, call, &call->callee, ending);
    ended_add(c, call, ending->reason, ending->by_relay_of);
    remove_call(c, call);
}

void call_forget(struct core *c, struct call *call)
{
    remove_call(c, call);
}

/* The callee may still be elsewhere. */
static bool goes_on_without(struct call_side *side)
{
    struct call *call = side->call;
    if (side != &call->callee || call->state != CALL_RINGING || call_asked_nowhere(call))
        return false;
    call_side_leave(side);
    return true;
}

void calls_phone_lost(struct core *c, struct phone *phone)
{
    while (phone->sides != NULL) {
        struct call_side *side = phone->sides;
        if (goes_on_without(side)) {
            call_changed(c, side->call);
            continue;
        }
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
        call_side_leave(side);
        call_side_here(side, to);
        if (side == &call->callee && call->state == CALL_RINGING)
            transaction_send(&c->transaction, to->connection->id, buffer_view(&call->offer));
        call_changed(c, call);
    }
}
