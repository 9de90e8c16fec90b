#include "tests/phone/wav.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/error.h"

#define HEADER_SIZE 44
#define FORMAT_PCM 1
#define RATE_MAX 192000

static uint32_t little32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint16_t little16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static void put_little(uint8_t *p, uint32_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static int read_file(const char *path, struct buffer *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return ERR_SYSTEM;
    uint8_t block[65536];
    size_t len;
    while ((len = fread(block, 1, sizeof block, file)) > 0 && !out->failed)
        buffer_append(out, block, len);
    int rc = ferror(file) ? ERR_SYSTEM : out->failed ? ERR_TOO_LARGE : 0;
    fclose(file);
    return rc;
}

static int take_samples(struct bytes data, struct wav *out)
{
    size_t count = data.len / 2;
    if (count > WAV_SAMPLES_MAX)
        return ERR_TOO_LARGE;
    out->samples = malloc((count + 1) * sizeof *out->samples);
    if (out->samples == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        out->samples[i] = (int16_t)little16(data.data + 2 * i);
    out->count = count;
    return 0;
}

static int take_format(struct bytes chunk, struct wav *out)
{
    if (chunk.len < 16)
        return ERR_SYNTAX;
    out->rate = little32(chunk.data + 4);
    bool good = little16(chunk.data) == FORMAT_PCM && little16(chunk.data + 2) == 1 &&
                little16(chunk.data + 14) == 16 && out->rate > 0 && out->rate <= RATE_MAX;
    return good ? 0 : ERR_TYPE;
}

static int parse(struct bytes file, struct wav *out)
{
    struct reader r;
    reader_init(&r, file);
    struct bytes head = reader_bytes(&r, 12);
    if (r.failed || memcmp(head.data, "RIFF", 4) != 0 || memcmp(head.data + 8, "WAVE", 4) != 0)
        return ERR_SYNTAX;
    while (reader_left(&r) >= 8) {
        struct bytes name = reader_bytes(&r, 4);
        size_t len = little32(reader_bytes(&r, 4).data);
        /* A writer into a pipe cannot know the length: take what is there. */
        struct bytes chunk = reader_bytes(&r, len < reader_left(&r) ? len : reader_left(&r));
        if (memcmp(name.data, "fmt ", 4) == 0) {
            int rc = take_format(chunk, out);
            if (rc != 0)
                return rc;
        } else if (memcmp(name.data, "data", 4) == 0) {
            return out->rate == 0 ? ERR_SYNTAX : take_samples(chunk, out);
        }
        if (len % 2 == 1)
            reader_bytes(&r, 1);
    }
    return ERR_SYNTAX;
}

int wav_read(const char *path, struct wav *out)
{
    *out = (struct wav){0};
    struct buffer file = {0};
    int rc = read_file(path, &file);
    if (rc == 0)
        rc = parse(buffer_view(&file), out);
    buffer_free(&file);
    return rc;
}

int wav_write(const char *path, const struct wav *wav)
{
    uint32_t bytes = (uint32_t)(wav->count * 2);
    uint8_t head[HEADER_SIZE] = "RIFF....WAVEfmt ";
    put_little(head + 4, HEADER_SIZE - 8 + bytes, 4);
    put_little(head + 16, 16, 4);
    put_little(head + 20, FORMAT_PCM, 2);
    put_little(head + 22, 1, 2);
    put_little(head + 24, wav->rate, 4);
    put_little(head + 28, wav->rate * 2, 4);
    put_little(head + 32, 2, 2);
    put_little(head + 34, 16, 2);
    memcpy(head + 36, "data", 4);
    put_little(head + 40, bytes, 4);
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return ERR_SYSTEM;
    bool good = fwrite(head, 1, sizeof head, file) == sizeof head;
    for (size_t i = 0; good && i < wav->count; i++) {
        uint8_t sample[2];
        put_little(sample, (uint16_t)wav->samples[i], 2);
        good = fwrite(sample, 1, 2, file) == 2;
    }
    return fclose(file) == 0 && good ? 0 : ERR_SYSTEM;
}

int wav_resample(struct wav *wav, uint32_t rate)
{
    if (wav->rate == rate || wav->count == 0) {
        wav->rate = rate;
        return 0;
    }
    size_t count = (size_t)((uint64_t)wav->count * rate / wav->rate);
    if (count > WAV_SAMPLES_MAX)
        return ERR_TOO_LARGE;
    int16_t *out = malloc((count + 1) * sizeof *out);
    if (out == NULL)
        return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        double at = (double)i * wav->rate / rate;
        size_t left = (size_t)at, right = left + 1 < wav->count ? left + 1 : left;
        double part = at - (double)left;
        out[i] = (int16_t)(wav->samples[left] * (1 - part) + wav->samples[right] * part);
    }
    free(wav->samples);
    *wav = (struct wav){out, count, rate};
    return 0;
}

void wav_free(struct wav *wav)
{
    free(wav->samples);
    *wav = (struct wav){0};
}
