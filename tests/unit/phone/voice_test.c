#include "tests/phone/voice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "tests/unit/phone/scratch.h"
#include "tests/unit/phone/tone.h"

#define HERTZ 440.0
#define FRAMES 100u /* two seconds */

/* What a tone of two seconds becomes. */
struct spoken {
    uint8_t frames[FRAMES][VOICE_PACKET_MAX];
    size_t lengths[FRAMES];
};

static void speak(void **state, struct spoken *out)
{
    char path[SCRATCH_PATH];
    struct voice_speaker *speaker;
    struct wav wav = tone_make(HERTZ, 2, 22050);
    scratch_path(state, "spoken.wav", path);
    assert_int_equal(wav_write(path, &wav), 0);
    wav_free(&wav);
    assert_int_equal(voice_speaker_init(&speaker, path), 0);
    assert_int_equal(voice_speaker_frames(speaker), FRAMES);
    for (size_t i = 0; i < FRAMES; i++) {
        int len = voice_speaker_next(speaker, out->frames[i]);
        assert_in_range(len, 1, VOICE_PACKET_MAX);
        out->lengths[i] = (size_t)len;
    }
    voice_speaker_free(speaker);
}

static void hear(struct voice_recorder *r, const struct spoken *s, size_t i, uint16_t first)
{
    voice_recorder_take(r, (uint16_t)(first + i), (struct bytes){s->frames[i], s->lengths[i]});
}

/* Saves and reads the recording, and frees the recorder. */
static struct wav heard(void **state, struct voice_recorder *r)
{
    char path[SCRATCH_PATH];
    struct wav wav;
    scratch_path(state, "heard.wav", path);
    assert_true(voice_recorder_save(r, path) >= 0);
    voice_recorder_free(r);
    assert_int_equal(wav_read(path, &wav), 0);
    assert_int_equal(wav.rate, VOICE_RATE);
    return wav;
}

static void assert_tone(const struct wav *wav)
{
    assert_true(tone_share(wav, HERTZ, VOICE_RATE / 2, VOICE_RATE) > 0.9);
    assert_true(tone_share(wav, 2 * HERTZ, VOICE_RATE / 2, VOICE_RATE) < 0.1);
}

static void what_is_said_is_heard(void **state)
{
    static struct spoken spoken;
    struct voice_recorder *r;
    speak(state, &spoken);
    assert_int_equal(voice_recorder_init(&r), 0);
    for (size_t i = 0; i < FRAMES; i++)
        hear(r, &spoken, i, 0);
    struct wav wav = heard(state, r);
    assert_int_equal(wav.count, FRAMES * VOICE_FRAME);
    assert_tone(&wav);
    wav_free(&wav);
}

static void losses_are_concealed(void **state)
{
    static struct spoken spoken;
    struct voice_recorder *r;
    speak(state, &spoken);
    assert_int_equal(voice_recorder_init(&r), 0);
    for (size_t i = 0; i < FRAMES; i++)
        if (i % 10 != 5)
            hear(r, &spoken, i, 0);
    struct wav wav = heard(state, r);
    assert_int_equal(wav.count, FRAMES * VOICE_FRAME); /* the sound keeps its length */
    assert_tone(&wav);
    wav_free(&wav);
}

/* Pairs swapped, each sent twice, and the numbers wrap in the middle. */
static void order_is_restored(void **state)
{
    static struct spoken spoken;
    struct voice_recorder *r;
    const uint16_t first = 65536 - FRAMES / 2;
    speak(state, &spoken);
    assert_int_equal(voice_recorder_init(&r), 0);
    hear(r, &spoken, 0, first);
    for (size_t i = 1; i + 1 < FRAMES; i += 2) {
        hear(r, &spoken, i + 1, first);
        hear(r, &spoken, i, first);
        hear(r, &spoken, i, first);
    }
    hear(r, &spoken, FRAMES - 1, first);
    struct wav wav = heard(state, r);
    assert_int_equal(wav.count, FRAMES * VOICE_FRAME);
    assert_tone(&wav);
    wav_free(&wav);
}

static void a_long_gap_is_silence_of_its_length(void **state)
{
    static struct spoken spoken;
    struct voice_recorder *r;
    speak(state, &spoken);
    assert_int_equal(voice_recorder_init(&r), 0);
    for (size_t i = 0; i < FRAMES; i++)
        if (i < 10 || i >= 60)
            hear(r, &spoken, i, 0);
    struct wav wav = heard(state, r);
    assert_int_equal(wav.count, FRAMES * VOICE_FRAME);
    wav_free(&wav);
}

static void garbage_does_no_harm(void **state)
{
    static struct spoken spoken;
    struct voice_recorder *r;
    uint8_t noise[VOICE_PACKET_MAX + 1];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)(i * 151 + 7);
    speak(state, &spoken);
    assert_int_equal(voice_recorder_init(&r), 0);
    voice_recorder_take(r, 9, BYTES_NONE);
    voice_recorder_take(r, 9, (struct bytes){noise, sizeof noise}); /* too long for a frame */
    for (uint16_t i = 0; i < 50; i++)
        voice_recorder_take(r, i, (struct bytes){noise + i, 1u + i});
    for (size_t i = 0; i < FRAMES; i++)
        hear(r, &spoken, i, 50);
    struct wav wav = heard(state, r);
    assert_true(wav.count >= FRAMES * VOICE_FRAME);
    wav_free(&wav);
}

static void nothing_heard_is_an_empty_recording(void **state)
{
    struct voice_recorder *r;
    assert_int_equal(voice_recorder_init(&r), 0);
    struct wav wav = heard(state, r);
    assert_int_equal(wav.count, 0);
    wav_free(&wav);
}

static void a_recording_that_cannot_be_written(void **state)
{
    char path[SCRATCH_PATH];
    struct voice_recorder *r;
    scratch_path(state, "no-such-directory/x.wav", path);
    assert_int_equal(voice_recorder_init(&r), 0);
    assert_int_equal(voice_recorder_save(r, path), ERR_SYSTEM);
    voice_recorder_free(r);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_said_is_heard),
        CASE(losses_are_concealed),
        CASE(order_is_restored),
        CASE(a_long_gap_is_silence_of_its_length),
        CASE(garbage_does_no_harm),
        CASE(nothing_heard_is_an_empty_recording),
        CASE(a_recording_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
