/*
 * WAV files, 16-bit mono PCM (RIFF, WAVE_FORMAT_PCM), whole in memory.
 */
#ifndef CHAPPE_PHONE_WAV_H
#define CHAPPE_PHONE_WAV_H

#include <stddef.h>
#include <stdint.h>

#define WAV_SAMPLES_MAX (48000u * 600) /* ten minutes at 48 kHz */

struct wav {
    int16_t *samples; /* owned */
    size_t count;
    uint32_t rate; /* samples/s */
};

/* 0, ERR_SYSTEM, ERR_SYNTAX (no WAV), ERR_TYPE (not 16-bit mono PCM), ERR_TOO_LARGE, ERR_MEMORY. */
int wav_read(const char *path, struct wav *out);
int wav_write(const char *path, const struct wav *wav); /* 0 or ERR_SYSTEM */
/* Linear interpolation to another rate: good enough for speech to be understood and compared. */
int wav_resample(struct wav *wav, uint32_t rate);
void wav_free(struct wav *wav);

#endif
