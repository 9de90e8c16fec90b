#include "tests/phone/talker.h"

#include <assert.h>
#include <string.h>

#include "common/media.h"
#include "tests/phone/stamp.h"

#define VOICE_PPS 50

void talker_init(struct talker *t, uint32_t pps, uint32_t bytes, uint32_t seconds, uint32_t sender)
{
    assert(pps > 0 && bytes >= STAMP_PACKET_MIN && bytes <= TALKER_PACKET_MAX);
    *t = (struct talker){.pps = pps, .bytes = bytes, .total = pps * seconds, .sender = sender};
}

int talker_init_voice(struct talker *t, const char *wav_path)
{
    *t = (struct talker){.pps = VOICE_PPS};
    int rc = voice_speaker_init(&t->speaker, wav_path);
    if (rc == 0)
        t->total = voice_speaker_frames(t->speaker);
    return rc;
}

void talker_free(struct talker *t)
{
    voice_speaker_free(t->speaker);
    *t = (struct talker){0};
}

void talker_start(struct talker *t, uint64_t now)
{
    if (t->started == 0)
        t->started = now;
}

void talker_rewind(struct talker *t)
{
    t->sent = 0;
    t->started = 0;
    t->sender++;
    if (t->speaker != NULL)
        voice_speaker_rewind(t->speaker);
}

void talker_conclude(struct talker *t)
{
    if (t->total > t->sent + TALKER_LAST)
        t->total = t->sent + TALKER_LAST;
}

bool talker_done(const struct talker *t)
{
    return t->started != 0 && t->sent >= t->total;
}

uint64_t talker_deadline(const struct talker *t)
{
    if (t->started == 0 || t->sent >= t->total)
        return UINT64_MAX;
    return t->started + (uint64_t)t->sent * CLOCK_SECOND / t->pps;
}

/* The payload of the next packet; its length. */
static size_t write_payload(struct talker *t, uint64_t now, uint8_t *out)
{
    if (t->speaker != NULL) {
        int len = voice_speaker_next(t->speaker, out);
        return len < 0 ? 0 : (size_t)len;
    }
    const struct stamp stamp = {
        .sender = t->sender, .sequence = t->sent, .total = t->total, .sent = now};
    stamp_write(&stamp, out);
    memset(out + STAMP_SIZE, 0, t->bytes - MEDIA_HEADER_SIZE - STAMP_SIZE);
    return t->bytes - MEDIA_HEADER_SIZE;
}

size_t talker_next(struct talker *t, uint64_t now, uint8_t out[TALKER_PACKET_MAX])
{
    if (talker_deadline(t) > now)
        return 0;
    const struct media_header header = {
        .codec = MEDIA_OPUS_24K,
        .sequence = (uint16_t)t->sent,
        .timestamp = (uint32_t)((now - t->started) / CLOCK_MS),
    };
    media_header_write(&header, out);
    size_t len = MEDIA_HEADER_SIZE + write_payload(t, now, out + MEDIA_HEADER_SIZE);
    t->sent++;
    return len;
}
