/*
 * Tones for the tests of the voice: made, and found again.
 */
#ifndef CHAPPE_TESTS_UNIT_PHONE_TONE_H
#define CHAPPE_TESTS_UNIT_PHONE_TONE_H

#include "tests/phone/wav.h"

/* A sine of half the full scale; the caller frees it with wav_free. */
struct wav tone_make(double hertz, double seconds, uint32_t rate);
/* The part of the sound's energy, 0 to 1, that lies at this pitch (Goertzel), from sample `from`.
 */
double tone_share(const struct wav *wav, double hertz, size_t from, size_t count);

#endif
