/*
 * What a phone says: media packets on schedule, either stamped ones (stamp.h) or a voice (voice.h).
 */
#ifndef CHAPPE_PHONE_TALKER_H
#define CHAPPE_PHONE_TALKER_H

#include "common/bytes.h"
#include "common/clock.h"
#include "tests/phone/voice.h"

#define TALKER_PACKET_MAX 1200 /* bytes of a media packet */
#define TALKER_LAST 3

struct talker {
    uint32_t pps;   /* packets/s, at least 1 */
    uint32_t bytes; /* of a stamped media packet, header included */
    uint32_t total; /* packets to be sent */
    uint32_t sent;
    uint32_t sender;               /* of the stamps */
    struct voice_speaker *speaker; /* NULL: stamped packets; owned */
    uint64_t started;              /* ns; 0 = not yet */
};

/* Stamped packets for `seconds`; `bytes` from STAMP_PACKET_MIN to TALKER_PACKET_MAX. */
void talker_init(struct talker *t, uint32_t pps, uint32_t bytes, uint32_t seconds, uint32_t sender);
/* A WAV file instead, 50 packets/s. Errors as voice_speaker_init. */
int talker_init_voice(struct talker *t, const char *wav_path);
void talker_free(struct talker *t);

void talker_start(struct talker *t, uint64_t now);
/* Everything again, as another sender, for the next call. */
void talker_rewind(struct talker *t);
/* Ends early: says TALKER_LAST packets more, which carry the new total. */
void talker_conclude(struct talker *t);
bool talker_done(const struct talker *t);
/* When the next packet is due; UINT64_MAX: not started, or done. */
uint64_t talker_deadline(const struct talker *t);
/* Writes the next packet if it is due by `now`; its length, or 0. */
size_t talker_next(struct talker *t, uint64_t now, uint8_t out[TALKER_PACKET_MAX]);

#endif
