#include "tests/phone/voice.h"

#include <opus/opus.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

#define BIT_RATE 24000
#define WINDOW 8 /* frames that a late one may be behind */

struct voice_speaker {
    struct wav wav;
    OpusEncoder *encoder;
    size_t at; /* samples spoken */
};

int voice_speaker_init(struct voice_speaker **out, const char *wav_path)
{
    struct voice_speaker *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_MEMORY;
    int rc = wav_read(wav_path, &s->wav);
    if (rc == 0)
        rc = wav_resample(&s->wav, VOICE_RATE);
    int opus_rc = OPUS_OK;
    if (rc == 0) {
        s->encoder = opus_encoder_create(VOICE_RATE, 1, OPUS_APPLICATION_VOIP, &opus_rc);
        if (s->encoder == NULL ||
            opus_encoder_ctl(s->encoder, OPUS_SET_BITRATE(BIT_RATE)) != OPUS_OK)
            rc = ERR_SYSTEM;
    }
    if (rc != 0)
        voice_speaker_free(s);
    else
        *out = s;
    return rc;
}

void voice_speaker_free(struct voice_speaker *s)
{
    if (s == NULL)
        return;
    if (s->encoder != NULL)
        opus_encoder_destroy(s->encoder);
    wav_free(&s->wav);
    free(s);
}

void voice_speaker_rewind(struct voice_speaker *s)
{
    s->at = 0;
}

uint32_t voice_speaker_frames(const struct voice_speaker *s)
{
    return (uint32_t)((s->wav.count + VOICE_FRAME - 1) / VOICE_FRAME);
}

int voice_speaker_next(struct voice_speaker *s, uint8_t out[VOICE_PACKET_MAX])
{
    int16_t frame[VOICE_FRAME] = {0};
    size_t left = s->wav.count - s->at, count = left < VOICE_FRAME ? left : VOICE_FRAME;
    if (count > 0)
        memcpy(frame, s->wav.samples + s->at, count * sizeof *frame);
    s->at += count;
    opus_int32 len = opus_encode(s->encoder, frame, VOICE_FRAME, out, VOICE_PACKET_MAX);
    return len < 0 ? ERR_SYSTEM : (int)len;
}

/* One frame that waits for those before it. */
struct waiting {
    bool here;
    size_t len;
    uint8_t data[VOICE_PACKET_MAX];
};

struct voice_recorder {
    OpusDecoder *decoder;
    struct wav wav;
    size_t capacity; /* samples */
    struct waiting window[WINDOW];
    bool begun;
    uint16_t next; /* sequence to be decoded next */
};

int voice_recorder_init(struct voice_recorder **out)
{
    struct voice_recorder *r = calloc(1, sizeof *r);
    if (r == NULL)
        return ERR_MEMORY;
    int rc;
    r->wav.rate = VOICE_RATE;
    r->decoder = opus_decoder_create(VOICE_RATE, 1, &rc);
    if (r->decoder == NULL) {
        free(r);
        return ERR_SYSTEM;
    }
    *out = r;
    return 0;
}

void voice_recorder_free(struct voice_recorder *r)
{
    if (r == NULL)
        return;
    opus_decoder_destroy(r->decoder);
    wav_free(&r->wav);
    free(r);
}

static bool reserve_frame(struct voice_recorder *r)
{
    if (r->wav.count + VOICE_FRAME <= r->capacity)
        return true;
    size_t capacity = r->capacity == 0 ? VOICE_RATE : 2 * r->capacity;
    int16_t *grown =
        capacity > 2 * WAV_SAMPLES_MAX ? NULL : realloc(r->wav.samples, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    r->wav.samples = grown;
    r->capacity = capacity;
    return true;
}

/* Decodes what is due next; NULL: concealment. */
static void decode(struct voice_recorder *r, const uint8_t *data, size_t len)
{
    if (!reserve_frame(r))
        return;
    int got = opus_decode(r->decoder, data, (opus_int32)len, r->wav.samples + r->wav.count,
                          VOICE_FRAME, 0);
    if (got > 0)
        r->wav.count += (size_t)got;
}

static void decode_next(struct voice_recorder *r)
{
    struct waiting *w = &r->window[r->next % WINDOW];
    decode(r, w->here ? w->data : NULL, w->here ? w->len : 0);
    w->here = false;
    r->next++;
}

void voice_recorder_take(struct voice_recorder *r, uint16_t sequence, struct bytes frame)
{
    if (frame.len == 0 || frame.len > VOICE_PACKET_MAX)
        return;
    if (!r->begun)
        r->next = sequence;
    r->begun = true;
    uint16_t ahead = (uint16_t)(sequence - r->next);
    if (ahead >= 0x8000)
        return; /* its turn is over */
    while (ahead >= WINDOW) {
        decode_next(r);
        ahead = (uint16_t)(sequence - r->next);
    }
    struct waiting *w = &r->window[sequence % WINDOW];
    memcpy(w->data, frame.data, frame.len);
    w->len = frame.len;
    w->here = true;
    while (r->window[r->next % WINDOW].here)
        decode_next(r);
}

/* What still waits behind a gap, in order. */
static void decode_rest(struct voice_recorder *r)
{
    for (int left = WINDOW; left > 0; left--) {
        bool any = false;
        for (int i = 0; i < WINDOW; i++)
            any = any || r->window[i].here;
        if (!any)
            return;
        decode_next(r);
    }
}

int voice_recorder_save(struct voice_recorder *r, const char *wav_path)
{
    decode_rest(r);
    int rc = wav_write(wav_path, &r->wav);
    return rc != 0 ? rc : (int)(r->wav.count / VOICE_RATE);
}
