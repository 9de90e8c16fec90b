/*
 * Inside of a phone, for phone.c (life and legs), phone_signal.c (registration and calls),
 * phone_media.c (the room) and phone_report.c.
 */
#ifndef CHAPPE_PHONE_PHONE_STATE_H
#define CHAPPE_PHONE_PHONE_STATE_H

#include "common/fingerprint.h"
#include "common/keys.h"
#include "common/signal.h"
#include "tests/phone/meter.h"
#include "tests/phone/phone.h"
#include "tests/phone/talker.h"

#define PHONE_TEXT 128
#define PHONE_NEVER UINT64_MAX

/* One connection of a phone. */
struct phone_leg {
    struct phone *phone;
    struct quic_connection *connection; /* NULL = none */
    bool established;
};

struct phone_call {
    bool active; /* from the offer to the hang-up */
    bool ours;   /* we called */
    char id[PHONE_TEXT], room[PHONE_TEXT], peer_direct_addr[PHONE_TEXT];
    uint64_t offered_at;         /* ns: offer sent, or received */
    double ringing_ms, setup_ms; /* negative: did not happen */
    const char *hangup_reason;   /* NULL: none yet */
    const char *hangup_by;
};

struct phone {
    struct phone_options options;
    struct quic_endpoint *endpoint;
    struct keys_ed25519 identity;
    char fingerprint[FINGERPRINT_USER_TEXT];
    struct phone_leg signal, media;

    bool registered;
    char reflexive_addr[PHONE_TEXT]; /* as the relay sees us; "" = not known */
    uint64_t retry_at, backoff;

    struct phone_call call;
    uint32_t calls_ended;

    char room[PHONE_TEXT];  /* of the media leg */
    bool joined;            /* CallAnswer came */
    uint64_t talk_by;       /* start talking even if alone */
    uint64_t crowded_until; /* nothing is sent before: the queue is full */
    uint64_t leave_at;      /* hang up or leave: a while after the last packet */
    bool concluding;        /* told to end early: stays for longer */
    uint32_t participants;  /* most seen */
    uint64_t sent;
    struct talker talker;
    struct meter meter;
    struct voice_recorder *recorder; /* NULL: none wanted */

    bool stopping; /* told to by a signal */
    bool finishing;
    char error[256]; /* "": none */
};

/* ---- phone.c ---- */
void phone_say(const struct phone *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Notes the first error; later ones are only its consequences. */
void phone_fail(struct phone *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool phone_dial(struct phone *p, struct phone_leg *leg, const char *address, const char *sni,
                uint64_t now);
void phone_send(struct phone *p, struct phone_leg *leg, const struct signal *message);
void phone_send_token(struct phone *p, struct phone_leg *leg);
/* Parts from the relay; the phone is done when both legs are gone. */
void phone_finish(struct phone *p);

/* ---- phone_signal.c ---- */
void phone_signal_established(struct phone *p, const struct quic_peer *peer);
void phone_signal_message(struct phone *p, const struct signal *message, uint64_t now);
void phone_signal_closed(struct phone *p, const struct quic_close *why, uint64_t now);
/* We hang up. */
void phone_hang_up(struct phone *p, enum signal_hangup_reason reason);
/* The call is over, whoever ended it. */
void phone_call_ended(struct phone *p, const char *reason, const char *by);

/* ---- phone_media.c ---- */
void phone_media_join(struct phone *p, const char *address, const char *room, uint64_t now);
void phone_media_established(struct phone *p);
void phone_media_message(struct phone *p, const struct signal *message, uint64_t now);
void phone_media_datagram(struct phone *p, struct bytes packet, uint64_t now);
void phone_media_closed(struct phone *p, const struct quic_close *why);
void phone_media_expire(struct phone *p, uint64_t now);

#endif
