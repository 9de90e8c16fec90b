#include "tests/unit/phone/tone.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define PI 3.14159265358979323846

struct wav tone_make(double hertz, double seconds, uint32_t rate)
{
    size_t count = (size_t)(seconds * rate);
    struct wav wav = {.samples = calloc(count, sizeof(int16_t)), .count = count, .rate = rate};
    assert_non_null(wav.samples);
    for (size_t i = 0; i < count; i++)
        wav.samples[i] = (int16_t)lrint(16384 * sin(2 * PI * hertz * (double)i / rate));
    return wav;
}

double tone_share(const struct wav *wav, double hertz, size_t from, size_t count)
{
    double angle = 2 * PI * hertz / wav->rate, real = 0, imaginary = 0, energy = 0;
    assert_true(from + count <= wav->count);
    for (size_t i = 0; i < count; i++) {
        double sample = wav->samples[from + i];
        real += sample * cos(angle * (double)i);
        imaginary += sample * sin(angle * (double)i);
        energy += sample * sample;
    }
    return energy == 0 ? 0 : 2 * (real * real + imaginary * imaginary) / (energy * (double)count);
}
