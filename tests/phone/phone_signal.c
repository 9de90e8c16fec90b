#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/random.h"
#include "tests/phone/phone_state.h"

#define REGISTER_LABEL "register-presence"
#define BACKOFF_MIN (250 * CLOCK_MS)
#define BACKOFF_MAX (8 * CLOCK_SECOND)

static double milliseconds(uint64_t from, uint64_t to)
{
    return (double)(to - from) / (double)CLOCK_MS;
}

/* ---- registration ---- */

void phone_signal_established(struct phone *p, const struct quic_peer *peer)
{
    uint8_t raw[sizeof REGISTER_LABEL - 1 + KEYS_SIZE], signature[KEYS_SIGNATURE_SIZE];
    uint8_t proof[KEYS_SIGNATURE_SIZE];
    memcpy(raw, REGISTER_LABEL, sizeof REGISTER_LABEL - 1);
    memcpy(raw + sizeof REGISTER_LABEL - 1, p->identity.public_key, KEYS_SIZE);
    if (keys_sign(&p->identity, (struct bytes){raw, sizeof raw}, signature) != 0 ||
        keys_sign(&p->identity, (struct bytes){peer->exporter, sizeof peer->exporter}, proof) !=
            0) {
        phone_fail(p, "cannot sign the registration");
        phone_finish(p);
        return;
    }
    struct signal message = {
        .type = SIGNAL_REGISTER_PRESENCE,
        .register_presence = {.signature = {signature, sizeof signature},
                              .alias = signal_text_of(p->options.alias),
                              .chappe_proof = {proof, sizeof proof}},
    };
    memcpy(message.register_presence.identity_pub, p->identity.public_key, KEYS_SIZE);
    phone_send_token(p, &p->signal);
    phone_send(p, &p->signal, &message);
}

static void registered(struct phone *p, const struct signal_register_presence_ack *ack)
{
    if (!ack->success) {
        phone_fail(p, "the relay refused the registration: %.*s", (int)ack->error.len,
                   ack->error.data == NULL ? "" : ack->error.data);
        phone_finish(p);
        return;
    }
    p->registered = true;
    p->backoff = 0;
    phone_say(p, "registered %s", p->fingerprint);
    phone_send(p, &p->signal, &(struct signal){.type = SIGNAL_REFLECT});
}

/* A call that its relay left alone is over; a phone that waits for calls comes back. */
void phone_signal_closed(struct phone *p, const struct quic_close *why, uint64_t now)
{
    phone_say(p, "signal connection lost: %s%s%s", error_text(why->error),
              why->reason[0] == '\0' ? "" : ": ", why->reason);
    p->registered = false;
    if (p->call.active)
        phone_call_ended(p, "Error", "relay");
    if (p->finishing)
        return;
    if (p->options.mode == PHONE_CALL) {
        phone_fail(p, "signal connection lost: %s", error_text(why->error));
        phone_finish(p);
        return;
    }
    p->backoff = p->backoff == 0 ? BACKOFF_MIN : 2 * p->backoff;
    if (p->backoff > BACKOFF_MAX)
        p->backoff = BACKOFF_MAX;
    p->retry_at = now + p->backoff;
}

/* ---- calls ---- */

static void begin_call(struct phone *p, bool ours, struct signal_text id, uint64_t now)
{
    p->call = (struct phone_call){
        .active = true, .ours = ours, .offered_at = now, .ringing_ms = -1, .setup_ms = -1};
    signal_text_copy(id, p->call.id, sizeof p->call.id);
}

static void offer_call(struct phone *p, uint64_t now)
{
    uint64_t random = 0;
    char id[17];
    if (random_fill(&random, sizeof random) != 0) {
        phone_fail(p, "no random numbers to be had");
        phone_finish(p);
        return;
    }
    snprintf(id, sizeof id, "%016" PRIx64, random);
    struct signal message = {
        .type = SIGNAL_DIRECT_CALL_OFFER,
        .direct_call_offer = {.caller_fingerprint = signal_text_of(p->fingerprint),
                              .caller_alias = signal_text_of(p->options.alias),
                              .target_fingerprint = signal_text_of(p->options.target),
                              .call_id = signal_text_of(id),
                              .supported_profiles = signal_profiles_good},
    };
    struct signal_direct_call_offer *offer = &message.direct_call_offer;
    memcpy(offer->identity_pub, p->identity.public_key, KEYS_SIZE);
    if (p->reflexive_addr[0] != '\0')
        offer->caller_reflexive_addr = signal_text_of(p->reflexive_addr);
    begin_call(p, true, signal_text_of(id), now);
    phone_say(p, "calling %s call %s", p->options.target, id);
    phone_send(p, &p->signal, &message);
}

static void reflected(struct phone *p, const struct signal_reflect_response *response, uint64_t now)
{
    signal_text_copy(response->observed_addr, p->reflexive_addr, sizeof p->reflexive_addr);
    if (p->options.mode == PHONE_CALL && !p->call.active)
        offer_call(p, now);
}

static void answer_call(struct phone *p, struct signal_text id, enum signal_accept_mode mode)
{
    struct signal message = {
        .type = SIGNAL_DIRECT_CALL_ANSWER,
        .direct_call_answer = {.call_id = id, .accept_mode = mode},
    };
    if (mode != SIGNAL_ACCEPT_REJECT)
        message.direct_call_answer.chosen_profile = &signal_profile_good;
    if (mode == SIGNAL_ACCEPT_TRUSTED && p->reflexive_addr[0] != '\0')
        message.direct_call_answer.callee_reflexive_addr = signal_text_of(p->reflexive_addr);
    phone_send(p, &p->signal, &message);
}

static void called(struct phone *p, const struct signal_direct_call_offer *offer, uint64_t now)
{
    static const enum signal_accept_mode modes[] = {
        [PHONE_ACCEPT] = SIGNAL_ACCEPT_TRUSTED,
        [PHONE_PRIVACY] = SIGNAL_ACCEPT_GENERIC,
        [PHONE_REJECT] = SIGNAL_ACCEPT_REJECT,
    };
    char caller[PHONE_TEXT] = "";
    if (p->call.active || p->options.mode != PHONE_REGISTER) {
        answer_call(p, offer->call_id, SIGNAL_ACCEPT_REJECT); /* busy */
        return;
    }
    signal_text_copy(offer->caller_fingerprint, caller, sizeof caller);
    begin_call(p, false, offer->call_id, now);
    phone_say(p, "offer from %s call %s", caller, p->call.id);
    answer_call(p, offer->call_id, modes[p->options.answer]);
    if (p->options.answer == PHONE_REJECT)
        phone_call_ended(p, "Declined", "us");
}

static void set_up(struct phone *p, const struct signal_call_setup *setup, uint64_t now)
{
    char address[PHONE_TEXT] = "", room[PHONE_TEXT] = "";
    signal_text_copy(setup->relay_addr, address, sizeof address);
    signal_text_copy(setup->room, room, sizeof room);
    signal_text_copy(setup->peer_direct_addr, p->call.peer_direct_addr,
                     sizeof p->call.peer_direct_addr);
    memcpy(p->call.room, room, sizeof p->call.room);
    phone_say(p, "setup room %s at %s", room, address);
    if (p->media.connection == NULL)
        phone_media_join(p, address, room, now);
}

static bool is_our_call(const struct phone *p, struct signal_text id)
{
    return p->call.active && signal_text_equal_string(id, p->call.id);
}

void phone_hang_up(struct phone *p, enum signal_hangup_reason reason)
{
    phone_send(p, &p->signal,
               &(struct signal){
                   .type = SIGNAL_HANGUP,
                   .hangup = {.reason = reason, .call_id = signal_text_of(p->call.id)},
               });
    phone_call_ended(p, signal_hangup_reason_name(reason), "us");
}

static void hung_up(struct phone *p, const struct signal_hangup *hangup)
{
    bool other = hangup->call_id.data != NULL && !is_our_call(p, hangup->call_id);
    if (!p->call.active || other)
        return;
    bool relay = hangup->chappe != NULL && signal_text_equal_string(hangup->chappe->by, "relay");
    phone_call_ended(p, signal_hangup_reason_name(hangup->reason), relay ? "relay" : "peer");
}

void phone_call_ended(struct phone *p, const char *reason, const char *by)
{
    bool talked = p->joined && talker_done(&p->talker);
    p->call.active = false;
    p->call.hangup_reason = reason;
    p->call.hangup_by = by;
    p->calls_ended++;
    p->leave_at = PHONE_NEVER;
    phone_say(p, "hangup %s by %s", reason, by);
    if (p->media.connection != NULL && p->options.mode == PHONE_REGISTER)
        quic_connection_close(p->media.connection, "hangup", false);
    if (p->options.mode == PHONE_CALL) {
        if (strcmp(by, "us") != 0)
            phone_fail(p, "the call ended: %s by %s", reason, by);
        else if (!talked)
            phone_fail(p, p->stopping ? "stopped by a signal"
                                      : "the call ended before everything was said");
        phone_finish(p);
        return;
    }
    if (p->options.calls == 0 || p->calls_ended < p->options.calls)
        return;
    if (!p->joined && strcmp(reason, "Error") == 0)
        phone_fail(p, "the call failed before it was joined: %s by %s", reason, by);
    phone_finish(p);
}

void phone_signal_message(struct phone *p, const struct signal *message, uint64_t now)
{
    switch (message->type) {
    case SIGNAL_REGISTER_PRESENCE_ACK:
        registered(p, &message->register_presence_ack);
        break;
    case SIGNAL_REFLECT_RESPONSE:
        reflected(p, &message->reflect_response, now);
        break;
    case SIGNAL_DIRECT_CALL_OFFER:
        called(p, &message->direct_call_offer, now);
        break;
    case SIGNAL_CALL_RINGING:
        if (is_our_call(p, message->call_ringing.call_id) && p->call.ringing_ms < 0) {
            p->call.ringing_ms = milliseconds(p->call.offered_at, now);
            phone_say(p, "ringing");
        }
        break;
    case SIGNAL_DIRECT_CALL_ANSWER:
        phone_say(p, "answered %s",
                  signal_accept_mode_name(message->direct_call_answer.accept_mode));
        break;
    case SIGNAL_CALL_SETUP:
        if (is_our_call(p, message->call_setup.call_id))
            set_up(p, &message->call_setup, now);
        break;
    case SIGNAL_HANGUP:
        hung_up(p, &message->hangup);
        break;
    default:
        break; /* later additions that this phone has no use for */
    }
}
