#include "tests/sim/packet.h"

#include <string.h>

void packet_write(const struct packet *p, uint8_t out[PACKET_SIZE])
{
    memset(out, 0, MEDIA_HEADER_SIZE);
    out[2] = (uint8_t)(p->number >> 8);
    out[3] = (uint8_t)p->number;
    memcpy(out + MEDIA_HEADER_SIZE, p, sizeof(*p));
}

bool packet_read(struct bytes data, struct packet *out)
{
    if (data.len != PACKET_SIZE)
        return false;
    memcpy(out, data.data + MEDIA_HEADER_SIZE, sizeof(*out));
    return true;
}

uint32_t packet_room(const char *name)
{
    uint32_t hash = 2166136261;
    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619;
    return hash;
}
