#include "tests/phone/meter.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/media.h"
#include "tests/phone/stamp.h"

void meter_init(struct meter *m)
{
    *m = (struct meter){0};
}

void meter_free(struct meter *m)
{
    for (size_t i = 0; i < m->sender_count; i++)
        free(m->senders[i].seen);
    free(m->latencies);
    *m = (struct meter){0};
}

static struct meter_sender *find_sender(struct meter *m, bool stamped, uint32_t id)
{
    for (size_t i = 0; i < m->sender_count; i++)
        if (m->senders[i].stamped == stamped && m->senders[i].id == id)
            return &m->senders[i];
    if (m->sender_count == METER_SENDERS_MAX)
        return NULL;
    struct meter_sender *s = &m->senders[m->sender_count++];
    s->stamped = stamped;
    s->id = id;
    return s;
}

/* Makes the bit for `sequence` exist; false for lack of memory. */
static bool reserve_bit(struct meter_sender *s, uint32_t sequence)
{
    size_t needed = sequence / 8 + 1, bytes = s->seen_bytes == 0 ? 64 : s->seen_bytes;
    while (bytes < needed)
        bytes *= 2;
    if (bytes == s->seen_bytes)
        return true;
    uint8_t *seen = realloc(s->seen, bytes);
    if (seen == NULL)
        return false;
    memset(seen + s->seen_bytes, 0, bytes - s->seen_bytes);
    s->seen = seen;
    s->seen_bytes = bytes;
    return true;
}

/* The 16-bit number nearest to the highest one seen. */
static uint32_t unwrap(const struct meter_sender *s, uint16_t sequence)
{
    if (s->distinct == 0)
        return sequence;
    int16_t step = (int16_t)(uint16_t)(sequence - (uint16_t)s->highest);
    int64_t value = (int64_t)s->highest + step;
    return value < 0 ? sequence : (uint32_t)value;
}

static void count_packet(struct meter *m, struct meter_sender *s, uint32_t sequence, uint64_t now)
{
    if (sequence >= METER_SEQUENCE_MAX || !reserve_bit(s, sequence)) {
        m->refused++;
        return;
    }
    m->received++;
    if (s->last_at != 0 && now - s->last_at > s->max_gap)
        s->max_gap = now - s->last_at;
    if (s->max_gap > m->max_gap)
        m->max_gap = s->max_gap;
    s->last_at = now;
    uint8_t *byte = &s->seen[sequence / 8], bit = (uint8_t)(1u << sequence % 8);
    if (*byte & bit) {
        m->duplicated++;
        s->duplicated++;
        return;
    }
    *byte |= bit;
    if (s->distinct > 0 && sequence < s->highest)
        m->reordered++;
    if (sequence > s->highest)
        s->highest = sequence;
    s->distinct++;
}

static void count_latency(struct meter *m, uint64_t sent, uint64_t now)
{
    uint64_t us = now > sent ? (now - sent) / CLOCK_US : 0;
    uint32_t value = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    if (value > m->latency_max)
        m->latency_max = value;
    if (m->latency_count == m->latency_capacity) {
        size_t capacity = m->latency_capacity == 0 ? 256 : 2 * m->latency_capacity;
        uint32_t *grown =
            capacity > METER_LATENCIES_MAX ? NULL : realloc(m->latencies, capacity * sizeof *grown);
        if (grown == NULL)
            return;
        m->latencies = grown;
        m->latency_capacity = capacity;
    }
    m->latencies[m->latency_count++] = value;
}

void meter_take(struct meter *m, struct bytes packet, uint64_t now)
{
    struct media_packet media;
    struct stamp stamp;
    if (media_packet_parse(packet, &media) != 0) {
        m->refused++;
        return;
    }
    bool stamped = stamp_read(media.payload, &stamp);
    struct meter_sender *s = find_sender(m, stamped, stamped ? stamp.sender : 0);
    if (s == NULL) {
        m->refused++;
        return;
    }
    if (stamped) {
        s->total = stamp.total;
        count_latency(m, stamp.sent, now);
    }
    count_packet(m, s, stamped ? stamp.sequence : unwrap(s, media.header.sequence), now);
}

static uint32_t expected(const struct meter_sender *s)
{
    return s->total > s->highest + 1 ? s->total : s->highest + 1;
}

uint64_t meter_sender_lost(const struct meter_sender *s)
{
    return expected(s) > s->distinct ? expected(s) - s->distinct : 0;
}

static bool came(const struct meter_sender *s, uint32_t sequence)
{
    return sequence / 8 < s->seen_bytes && (s->seen[sequence / 8] >> sequence % 8 & 1);
}

bool meter_sender_missing(const struct meter_sender *s, uint32_t from, uint32_t *first,
                          uint32_t *last)
{
    uint32_t end = expected(s), at = from;
    while (at < end && came(s, at))
        at++;
    if (at >= end)
        return false;
    *first = at;
    while (at + 1 < end && !came(s, at + 1))
        at++;
    *last = at;
    return true;
}

uint64_t meter_lost(const struct meter *m)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < m->sender_count; i++)
        lost += meter_sender_lost(&m->senders[i]);
    return lost;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

struct meter_latency meter_latency(struct meter *m)
{
    if (m->latency_count == 0)
        return (struct meter_latency){0};
    qsort(m->latencies, m->latency_count, sizeof *m->latencies, compare);
    size_t last = m->latency_count - 1;
    return (struct meter_latency){.known = true,
                                  .p50 = m->latencies[last / 2],
                                  .p99 = m->latencies[last * 99 / 100],
                                  .max = m->latency_max};
}
