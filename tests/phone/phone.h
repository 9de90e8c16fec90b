/*
 * chappe-phone: a phone without audio hardware, as a state machine over the QUIC library. Several
 * phones can share one endpoint. What it does and prints: shared design page, "The phone"; what it
 * says on the wire: protocol.md 4.4, 5.7, 5.8, as the original clients do.
 *
 * Its report has, beyond that page, `sender` (the number in its stamps) and `heard`, a list with
 * one {sender, received, lost, missing, duplicated, max_gap_ms} for each sender that it heard;
 * `missing` are the lost ones as runs [first, last] of their numbers, the first PHONE_MISSING_MAX
 * of them.
 */
#ifndef CHAPPE_PHONE_PHONE_H
#define CHAPPE_PHONE_PHONE_H

#include <stdbool.h>

#include "common/identity.h"
#include "dataplane/quic/quic.h"

#define PHONE_MISSING_MAX 64

enum phone_mode {
    PHONE_REGISTER, /* waits for calls */
    PHONE_CALL,
    PHONE_ROOM,
};

enum phone_answer { PHONE_ACCEPT, PHONE_PRIVACY, PHONE_REJECT };

/* Strings are borrowed for the phone's life; NULL = not given. */
struct phone_options {
    enum phone_mode mode;
    const char *relay; /* HOST:PORT */
    const char *alias, *token;
    const char *target; /* CALL: a user fingerprint */
    const char *room;   /* ROOM */
    enum phone_answer answer;
    uint32_t calls; /* REGISTER: hang-ups after which it ends; 0 = never */
    /* ROOM: it talks half a second after so many others were there, and leaves when nobody has
     * talked for a second. 0: it talks with one other there or 2 s after it joined, and leaves 1 s
     * after its last packet. */
    uint32_t others;
    uint32_t pps, bytes, seconds;
    const char *play, *record; /* WAV files */
};

struct phone;

/* For quic_endpoint_init: an endpoint whose connections all belong to phones. */
extern const struct quic_callbacks phone_callbacks;

/* 0, ERR_MEMORY, ERR_CRYPTO, ERR_RANDOM, or what wav_read says of `play`. */
int phone_init(struct phone **out, struct quic_endpoint *endpoint,
               const struct phone_options *options, const struct identity_seed *seed);
void phone_free(struct phone *p); /* after its endpoint */

void phone_start(struct phone *p, uint64_t now);
uint64_t phone_deadline(const struct phone *p);
void phone_expire(struct phone *p, uint64_t now);
/* SIGTERM: hang up, part, be done. */
void phone_stop(struct phone *p, uint64_t now);
/* SIGUSR1: it has said enough. Goes on as after its last packet, but gives others time for theirs:
   leaves 3 s afterwards, not 1 s. */
void phone_conclude(struct phone *p);
bool phone_done(const struct phone *p);
/* True if what was asked for happened. */
bool phone_succeeded(const struct phone *p);
/* The JSON object, with a line end. Saves the recording first. */
void phone_report(struct phone *p, struct buffer *out);
/* The same of a phone that could not even be made. */
void phone_report_failure(const char *why, struct buffer *out);

#endif
