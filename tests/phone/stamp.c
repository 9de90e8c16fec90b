#include "tests/phone/stamp.h"

#include <string.h>

static const uint8_t magic[4] = {'C', 'H', 'P', 'S'};

static void put(uint8_t *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

void stamp_write(const struct stamp *stamp, uint8_t out[STAMP_SIZE])
{
    memcpy(out, magic, sizeof magic);
    put(out + 4, stamp->sender, 4);
    put(out + 8, stamp->sequence, 4);
    put(out + 12, stamp->total, 4);
    put(out + 16, stamp->sent, 8);
}

bool stamp_read(struct bytes payload, struct stamp *out)
{
    if (payload.len < STAMP_SIZE || memcmp(payload.data, magic, sizeof magic) != 0)
        return false;
    struct reader r;
    reader_init(&r, payload);
    reader_u32(&r);
    out->sender = reader_u32(&r);
    out->sequence = reader_u32(&r);
    out->total = reader_u32(&r);
    out->sent = reader_u64(&r);
    return true;
}
