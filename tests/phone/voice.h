/*
 * A voice in the originals' format (protocol.md 3.1): Opus at 24 kbit/s, 20 ms frames, 48 kHz mono,
 * one frame a media packet, no FEC.
 */
#ifndef CHAPPE_PHONE_VOICE_H
#define CHAPPE_PHONE_VOICE_H

#include "common/bytes.h"
#include "tests/phone/wav.h"

#define VOICE_RATE 48000     /* samples/s */
#define VOICE_FRAME 960      /* samples of 20 ms */
#define VOICE_PACKET_MAX 512 /* bytes of one encoded frame */

/* The speaker's side: a sentence, frame by frame. */
struct voice_speaker;

/* Reads and resamples the file. As wav_read, or ERR_SYSTEM if Opus fails. */
int voice_speaker_init(struct voice_speaker **out, const char *wav_path);
void voice_speaker_free(struct voice_speaker *s);
void voice_speaker_rewind(struct voice_speaker *s);
uint32_t voice_speaker_frames(const struct voice_speaker *s);
/* Encodes the next frame into `out`; its length, or an error. After the end: silence. */
int voice_speaker_next(struct voice_speaker *s, uint8_t out[VOICE_PACKET_MAX]);

/*
 * The listener's side: decodes in the order of the sequence numbers and conceals what is missing
 * once the stream is eight frames ahead of it.
 */
struct voice_recorder;

int voice_recorder_init(struct voice_recorder **out);
void voice_recorder_free(struct voice_recorder *r);
/* Takes a media packet that is not stamped. */
void voice_recorder_take(struct voice_recorder *r, uint16_t sequence, struct bytes frame);
/* Writes what was heard. Seconds of sound, or an error. */
int voice_recorder_save(struct voice_recorder *r, const char *wav_path);

#endif
