#include "common/media.h"

#include <string.h>

#include "common/error.h"

#define MEDIA_FEC_MAX 127

const char *media_codec_name(unsigned codec)
{
    switch (codec) {
#define X(name, value, text)                                                                       \
    case name:                                                                                     \
        return text;
        MEDIA_CODEC_TABLE(X)
#undef X
    }
    return NULL;
}

static void media_header_read(struct reader *reader, struct media_header *out)
{
    uint8_t first = reader_u8(reader);
    uint8_t second = reader_u8(reader);
    out->version = first >> 7;
    out->is_repair = (first >> 6 & 1) != 0;
    out->codec = first >> 2 & 15;
    out->has_quality = (first >> 1 & 1) != 0;
    out->fec_ratio = (uint8_t)((first & 1) << 6 | second >> 2);
    out->sequence = reader_u16(reader);
    out->timestamp = reader_u32(reader);
    out->fec_block = reader_u8(reader);
    out->fec_symbol = reader_u8(reader);
    out->reserved = reader_u8(reader);
    out->csrc_count = reader_u8(reader);
}

static void media_quality_read(struct reader *reader, struct media_quality *out)
{
    out->loss = reader_u8(reader);
    out->rtt_4ms = reader_u8(reader);
    out->jitter_ms = reader_u8(reader);
    out->bitrate_kbps = reader_u8(reader);
}

int media_packet_parse(struct bytes packet, struct media_packet *out)
{
    struct reader reader;
    memset(out, 0, sizeof(*out));
    reader_init(&reader, packet);
    media_header_read(&reader, &out->header);
    if (reader.failed)
        return ERR_TRUNCATED;
    if (out->header.codec > MEDIA_CODEC_MAX)
        return ERR_RANGE;
    size_t trailer = out->header.has_quality ? MEDIA_QUALITY_SIZE : 0;
    if (reader_left(&reader) < trailer)
        return ERR_TRUNCATED;
    out->payload = reader_bytes(&reader, reader_left(&reader) - trailer);
    if (out->header.has_quality)
        media_quality_read(&reader, &out->quality);
    return reader_finish(&reader);
}

void media_header_write(const struct media_header *header, uint8_t out[MEDIA_HEADER_SIZE])
{
    out[0] = (uint8_t)((header->version & 1) << 7 | (header->is_repair ? 1 : 0) << 6 |
                       (header->codec & 15) << 2 | (header->has_quality ? 1 : 0) << 1 |
                       (header->fec_ratio >> 6 & 1));
    out[1] = (uint8_t)((header->fec_ratio & 63) << 2);
    out[2] = (uint8_t)(header->sequence >> 8);
    out[3] = (uint8_t)header->sequence;
    out[4] = (uint8_t)(header->timestamp >> 24);
    out[5] = (uint8_t)(header->timestamp >> 16);
    out[6] = (uint8_t)(header->timestamp >> 8);
    out[7] = (uint8_t)header->timestamp;
    out[8] = header->fec_block;
    out[9] = header->fec_symbol;
    out[10] = header->reserved;
    out[11] = header->csrc_count;
}

int media_packet_write(const struct media_packet *packet, struct buffer *out)
{
    uint8_t header[MEDIA_HEADER_SIZE];
    const struct media_quality *quality = &packet->quality;
    uint8_t trailer[MEDIA_QUALITY_SIZE] = {quality->loss, quality->rtt_4ms, quality->jitter_ms,
                                           quality->bitrate_kbps};
    media_header_write(&packet->header, header);
    int rc = buffer_append(out, header, sizeof(header));
    if (rc == 0)
        rc = buffer_append_bytes(out, packet->payload);
    if (rc == 0 && packet->header.has_quality)
        rc = buffer_append(out, trailer, sizeof(trailer));
    return rc;
}

uint8_t media_fec_encode(double ratio)
{
    if (!(ratio > 0)) /* not a number, too */
        return 0;
    if (ratio >= 2)
        return MEDIA_FEC_MAX;
    return (uint8_t)(ratio * 63.5 + 0.5);
}

int media_tagged_parse(struct bytes datagram, struct room_tag *tag, struct bytes *packet)
{
    struct reader reader;
    reader_init(&reader, datagram);
    reader_copy(&reader, tag->bytes, sizeof(tag->bytes));
    *packet = reader_bytes(&reader, reader_left(&reader));
    if (packet->len < MEDIA_HEADER_SIZE)
        return ERR_TRUNCATED;
    if (media_packet_valid(packet->data, packet->len))
        return 0;
    return (packet->data[0] >> 2 & 15) > MEDIA_CODEC_MAX ? ERR_RANGE : ERR_TRUNCATED;
}

int media_tagged_write(const struct room_tag *tag, struct bytes packet, struct buffer *out)
{
    int rc = buffer_append(out, tag->bytes, sizeof(tag->bytes));
    return rc != 0 ? rc : buffer_append_bytes(out, packet);
}
