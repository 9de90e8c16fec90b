#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/media.h"
#include "common/random.h"
#include "tests/phone/phone_state.h"
#include "tests/phone/stamp.h"

#define OFFER_LABEL "call-offer"
#define ANSWER_LABEL "call-answer"
#define LABEL_MAX 16
#define TALK_AFTER (2 * CLOCK_SECOND)      /* of the CallAnswer, even if nobody else is there */
#define FULL_PAUSE (CLOCK_SECOND / 2)      /* of a full room: lists are ahead of media */
#define LINGER CLOCK_SECOND                /* after the last packet */
#define LINGER_TOGETHER (3 * CLOCK_SECOND) /* when all were told to end */
#define BURST_MAX 256                      /* packets sent at one wake-up */
#define CROWD (QUIC_DATAGRAM_QUEUE / 2)
#define CROWD_PAUSE CLOCK_MS /* until there may be room again */

void phone_media_join(struct phone *p, const char *address, const char *room, uint64_t now)
{
    snprintf(p->room, sizeof p->room, "%s", room);
    p->joined = false;
    if (p->talker.started != 0)
        talker_rewind(&p->talker);
    if (!phone_dial(p, &p->media, address, room, now))
        phone_media_closed(p, &(struct quic_close){.error = ERR_NOT_FOUND});
}

/* key ++ label, which is what both sides sign (protocol.md 4.2). */
static struct bytes signed_text(uint8_t out[KEYS_SIZE + LABEL_MAX], const uint8_t key[KEYS_SIZE],
                                const char *label)
{
    size_t len = strlen(label);
    memcpy(out, key, KEYS_SIZE);
    memcpy(out + KEYS_SIZE, label, len);
    return (struct bytes){out, KEYS_SIZE + len};
}

/* The session key is never used (protocol.md 4.4), so the secret half of the key is forgotten. */
void phone_media_established(struct phone *p)
{
    uint8_t random[KEYS_SIZE], raw[KEYS_SIZE + LABEL_MAX], signature[KEYS_SIGNATURE_SIZE];
    struct keys_x25519 ephemeral;
    int rc = random_fill(random, sizeof random);
    if (rc == 0)
        rc = keys_x25519_from_random(random, &ephemeral);
    if (rc == 0)
        rc =
            keys_sign(&p->identity, signed_text(raw, ephemeral.public_key, OFFER_LABEL), signature);
    if (rc != 0) {
        phone_fail(p, "cannot make the CallOffer: %s", error_text(rc));
        phone_finish(p);
        return;
    }
    struct signal message = {
        .type = SIGNAL_CALL_OFFER,
        .call_offer = {.signature = {signature, sizeof signature},
                       .supported_profiles = signal_profiles_good,
                       .alias = signal_text_of(p->options.alias)},
    };
    memcpy(message.call_offer.identity_pub, p->identity.public_key, KEYS_SIZE);
    memcpy(message.call_offer.ephemeral_pub, ephemeral.public_key, KEYS_SIZE);
    keys_x25519_wipe(&ephemeral);
    phone_send_token(p, &p->media);
    phone_send(p, &p->media, &message);
}

static void leave_when_done(struct phone *p, uint64_t now)
{
    bool waits = p->options.mode == PHONE_REGISTER; /* for the other side's hang-up */
    if (!waits && !p->finishing && talker_done(&p->talker) && p->leave_at == PHONE_NEVER)
        p->leave_at = now + (p->concluding ? LINGER_TOGETHER : LINGER);
}

static void start_talking(struct phone *p, uint64_t now)
{
    p->talk_by = PHONE_NEVER;
    if (p->talker.started == 0)
        phone_say(p, "talking");
    talker_start(&p->talker, now);
    leave_when_done(p, now); /* who has nothing to say */
}

static void talk_soon(struct phone *p, uint64_t now)
{
    if (p->talker.started == 0 && p->talk_by == PHONE_NEVER)
        p->talk_by = now + FULL_PAUSE;
}

static void answered(struct phone *p, const struct signal_call_answer *answer, uint64_t now)
{
    uint8_t raw[KEYS_SIZE + LABEL_MAX];
    struct bytes text = signed_text(raw, answer->ephemeral_pub, ANSWER_LABEL);
    if (answer->signature.len != KEYS_SIGNATURE_SIZE ||
        keys_verify(answer->identity_pub, text, answer->signature.data) != 0) {
        phone_fail(p, "the CallAnswer's signature is wrong");
        phone_finish(p);
        return;
    }
    p->joined = true;
    if (p->call.active)
        p->call.setup_ms = (double)(now - p->call.offered_at) / (double)CLOCK_MS;
    p->talk_by = p->options.others > 0 ? PHONE_NEVER : now + TALK_AFTER;
    phone_say(p, "joined %s", p->room);
}

/* How many there are, and their aliases in the list's order, as far as they fit. */
static void say_participants(const struct phone *p, const struct signal_participants *list)
{
    char names[256] = "";
    size_t at = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct signal_text alias = list->items[i].alias;
        if (alias.len == 0)
            alias = SIGNAL_TEXT("-");
        if (at + alias.len + 1 > sizeof names)
            break;
        names[at] = ' ';
        memcpy(names + at + 1, alias.data, alias.len);
        at += alias.len + 1;
    }
    phone_say(p, "participants %zu%.*s", list->count, (int)at, names);
}

void phone_media_message(struct phone *p, const struct signal *message, uint64_t now)
{
    if (message->type == SIGNAL_CALL_ANSWER && !p->joined) {
        answered(p, &message->call_answer, now);
    } else if (message->type == SIGNAL_ROOM_UPDATE) {
        uint32_t count = (uint32_t)message->room_update.participants.count;
        if (count > p->participants)
            p->participants = count;
        say_participants(p, &message->room_update.participants);
        if (p->joined && p->options.others == 0 && count > 1)
            start_talking(p, now);
        else if (p->joined && p->options.others > 0 && count > p->options.others)
            talk_soon(p, now);
    }
}

void phone_media_datagram(struct phone *p, struct bytes packet, uint64_t now)
{
    struct media_packet media;
    struct stamp stamp;
    meter_take(&p->meter, packet, now);
    if (p->options.others > 0 && p->leave_at != PHONE_NEVER)
        p->leave_at = now + LINGER; /* it stays while somebody talks */
    if (p->recorder == NULL || media_packet_parse(packet, &media) != 0 ||
        stamp_read(media.payload, &stamp))
        return;
    voice_recorder_take(p->recorder, media.header.sequence, media.payload);
}

void phone_media_closed(struct phone *p, const struct quic_close *why)
{
    char text[sizeof p->error];
    snprintf(text, sizeof text, "media connection closed: %s%s%s", error_text(why->error),
             why->reason[0] == '\0' ? "" : ": ", why->reason);
    phone_say(p, "%s", text);
    p->talk_by = PHONE_NEVER;
    if (p->options.mode == PHONE_ROOM) {
        phone_fail(p, "%s", text);
        phone_finish(p);
    } else if (p->call.active) {
        if (p->options.calls > 0)
            phone_fail(p, "%s", text);
        phone_hang_up(p, SIGNAL_HANGUP_ERROR);
    }
}

/* A phone that was late sends what is due, but not more than its own queue can take. */
static bool is_crowded(struct phone *p, uint64_t now)
{
    if (quic_connection_datagrams_waiting(p->media.connection) < CROWD)
        return false;
    quic_endpoint_flush(p->endpoint, now);
    if (p->media.connection == NULL || quic_connection_datagrams_waiting(p->media.connection) > 0)
        p->crowded_until = now + CROWD_PAUSE;
    return p->crowded_until > now;
}

static void send_packets(struct phone *p, uint64_t now)
{
    uint8_t packet[TALKER_PACKET_MAX];
    for (int i = 0; i < BURST_MAX && now >= p->crowded_until && !is_crowded(p, now); i++) {
        size_t len = talker_next(&p->talker, now, packet);
        if (len == 0)
            return;
        struct quic_payload *payload = quic_payload_new(p->endpoint, (struct bytes){packet, len});
        if (payload == NULL)
            continue;
        if (quic_connection_send_datagram(p->media.connection, payload, NULL) == 0)
            p->sent++;
        quic_payload_release(payload);
    }
}

void phone_media_expire(struct phone *p, uint64_t now)
{
    if (p->media.connection == NULL || !p->joined)
        return;
    if (now >= p->talk_by)
        start_talking(p, now);
    send_packets(p, now);
    leave_when_done(p, now);
}
