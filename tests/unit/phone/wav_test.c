#include "tests/phone/wav.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "tests/unit/phone/scratch.h"

static void put16(struct buffer *b, unsigned value)
{
    buffer_append_u8(b, (uint8_t)value);
    buffer_append_u8(b, (uint8_t)(value >> 8));
}

static void put32(struct buffer *b, uint32_t value)
{
    put16(b, value & 0xffff);
    put16(b, value >> 16);
}

struct format {
    unsigned kind, channels, bits;
    uint32_t rate;
};

static const struct format good = {.kind = 1, .channels = 1, .bits = 16, .rate = 8000};

static void put_format(struct buffer *b, const struct format *f)
{
    buffer_append_string(b, "fmt ");
    put32(b, 16);
    put16(b, f->kind);
    put16(b, f->channels);
    put32(b, f->rate);
    put32(b, f->rate * f->channels * f->bits / 8);
    put16(b, f->channels * f->bits / 8);
    put16(b, f->bits);
}

static void put_chunk(struct buffer *b, const char *name, uint32_t stated, struct bytes content)
{
    buffer_append_string(b, name);
    put32(b, stated);
    buffer_append_bytes(b, content);
    if (content.len % 2 == 1)
        buffer_append_u8(b, 0);
}

static void put_riff(struct buffer *b)
{
    buffer_append_string(b, "RIFF");
    put32(b, 0); /* readers of ours do not look at it */
    buffer_append_string(b, "WAVE");
}

/* Reads `b` as a file. Takes its memory. */
static int read_back(void **state, struct buffer *b, struct wav *out)
{
    char path[SCRATCH_PATH];
    scratch_write(state, "sample.wav", buffer_view(b));
    scratch_path(state, "sample.wav", path);
    buffer_free(b);
    return wav_read(path, out);
}

static void what_is_written_is_read_back(void **state)
{
    char path[SCRATCH_PATH];
    int16_t samples[] = {0, 1, -1, INT16_MAX, INT16_MIN, 12345};
    const struct wav wav = {.samples = samples, .count = 6, .rate = 44100};
    struct wav back;
    scratch_path(state, "written.wav", path);
    assert_int_equal(wav_write(path, &wav), 0);
    assert_int_equal(wav_read(path, &back), 0);
    assert_int_equal(back.rate, 44100);
    assert_int_equal(back.count, 6);
    assert_memory_equal(back.samples, samples, sizeof samples);
    wav_free(&back);
}

static void silence_of_no_length_is_a_file_too(void **state)
{
    char path[SCRATCH_PATH];
    const struct wav wav = {.rate = 48000};
    struct wav back;
    scratch_path(state, "empty.wav", path);
    assert_int_equal(wav_write(path, &wav), 0);
    assert_int_equal(wav_read(path, &back), 0);
    assert_int_equal(back.count, 0);
    wav_free(&back);
}

static void unknown_chunks_are_skipped(void **state)
{
    struct buffer b = {0};
    struct wav wav;
    put_riff(&b);
    put_chunk(&b, "LIST", 5, BYTES_LITERAL("INFO!")); /* odd: padded */
    put_format(&b, &good);
    put_chunk(&b, "data", 4, BYTES_LITERAL("\x01\x00\xff\xff"));
    assert_int_equal(read_back(state, &b, &wav), 0);
    assert_int_equal(wav.count, 2);
    assert_int_equal(wav.samples[0], 1);
    assert_int_equal(wav.samples[1], -1);
    wav_free(&wav);
}

/* A program that writes into a pipe states no length, or the largest one. */
static void a_length_beyond_the_file_means_up_to_its_end(void **state)
{
    struct buffer b = {0};
    struct wav wav;
    put_riff(&b);
    put_format(&b, &good);
    put_chunk(&b, "data", UINT32_MAX, BYTES_LITERAL("\x01\x00\x02\x00"));
    assert_int_equal(read_back(state, &b, &wav), 0);
    assert_int_equal(wav.count, 2);
    wav_free(&wav);
}

static void other_formats_are_refused(void **state)
{
    static const struct format others[] = {
        {3, 1, 16, 8000},  {1, 2, 16, 8000}, {1, 1, 8, 8000},
        {1, 1, 24, 48000}, {1, 1, 16, 0},    {1, 1, 16, 4000000000},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct buffer b = {0};
        struct wav wav;
        put_riff(&b);
        put_format(&b, &others[i]);
        put_chunk(&b, "data", 2, BYTES_LITERAL("\x01\x00"));
        assert_int_equal(read_back(state, &b, &wav), ERR_TYPE);
        wav_free(&wav);
    }
}

static void no_wav_is_refused(void **state)
{
    static const struct bytes files[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"RIFF", 4},
        {(const uint8_t *)"OggS________________", 20},
        {(const uint8_t *)"RIFF____WAVE", 12},
        {(const uint8_t *)"RIFF____AVI LIST____", 20},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct buffer b = {0};
        struct wav wav;
        buffer_append_bytes(&b, files[i]);
        assert_int_equal(read_back(state, &b, &wav), ERR_SYNTAX);
        wav_free(&wav);
    }
}

static void samples_before_their_format_are_refused(void **state)
{
    struct buffer b = {0};
    struct wav wav;
    put_riff(&b);
    put_chunk(&b, "data", 2, BYTES_LITERAL("\x01\x00"));
    put_format(&b, &good);
    assert_int_equal(read_back(state, &b, &wav), ERR_SYNTAX);
    wav_free(&wav);
}

/* Every prefix of a good file: an error or fewer samples, never more than was there. */
static void a_file_that_is_cut_anywhere(void **state)
{
    struct buffer whole = {0};
    put_riff(&whole);
    put_format(&whole, &good);
    put_chunk(&whole, "data", 8, BYTES_LITERAL("\x01\x00\x02\x00\x03\x00\x04\x00"));
    for (size_t len = 0; len < whole.len; len++) {
        struct buffer b = {0};
        struct wav wav;
        buffer_append(&b, whole.data, len);
        if (read_back(state, &b, &wav) == 0)
            assert_true(wav.count < 4);
        wav_free(&wav);
    }
    buffer_free(&whole);
}

static void a_file_that_is_not_there(void **state)
{
    char path[SCRATCH_PATH];
    struct wav wav;
    scratch_path(state, "absent.wav", path);
    assert_int_equal(wav_read(path, &wav), ERR_SYSTEM);
    scratch_path(state, "no-such-directory/x.wav", path);
    assert_int_equal(wav_write(path, &(struct wav){.rate = 8000}), ERR_SYSTEM);
}

static struct wav ramp(size_t count, uint32_t rate)
{
    struct wav wav = {.samples = calloc(count, sizeof(int16_t)), .count = count, .rate = rate};
    assert_non_null(wav.samples);
    for (size_t i = 0; i < count; i++)
        wav.samples[i] = (int16_t)(100 * i);
    return wav;
}

static void resampling_keeps_the_shape(void **state)
{
    (void)state;
    struct wav wav = ramp(100, 8000);
    assert_int_equal(wav_resample(&wav, 16000), 0);
    assert_int_equal(wav.rate, 16000);
    assert_int_equal(wav.count, 200);
    for (size_t i = 0; i < 199; i++)
        assert_int_equal(wav.samples[i], 50 * (int)i);
    assert_int_equal(wav_resample(&wav, 8000), 0);
    assert_int_equal(wav.count, 100);
    for (size_t i = 0; i < 99; i++)
        assert_int_equal(wav.samples[i], 100 * (int)i);
    wav_free(&wav);
}

static void resampling_to_the_same_rate_changes_nothing(void **state)
{
    (void)state;
    struct wav wav = ramp(10, 48000);
    const int16_t *before = wav.samples;
    assert_int_equal(wav_resample(&wav, 48000), 0);
    assert_ptr_equal(wav.samples, before);
    wav_free(&wav);
}

static void resampling_is_bounded(void **state)
{
    (void)state;
    struct wav wav = ramp(WAV_SAMPLES_MAX / 100, 1);
    assert_int_equal(wav_resample(&wav, 48000), ERR_TOO_LARGE);
    wav_free(&wav);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_written_is_read_back),
        CASE(silence_of_no_length_is_a_file_too),
        CASE(unknown_chunks_are_skipped),
        CASE(a_length_beyond_the_file_means_up_to_its_end),
        CASE(other_formats_are_refused),
        CASE(no_wav_is_refused),
        CASE(samples_before_their_format_are_refused),
        CASE(a_file_that_is_cut_anywhere),
        CASE(a_file_that_is_not_there),
        cmocka_unit_test(resampling_keeps_the_shape),
        cmocka_unit_test(resampling_to_the_same_rate_changes_nothing),
        cmocka_unit_test(resampling_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
