/*
 * The media packet: 12 bytes of header, payload, and 4 bytes of quality report if the header says
 * so (protocol.md 3.1, 3.2). One packet is one QUIC datagram; on federation links the 8-byte tag of
 * its room stands before it (protocol.md 3.5). A relay never changes a packet.
 */
#ifndef CHAPPE_COMMON_MEDIA_H
#define CHAPPE_COMMON_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/room.h"

#define MEDIA_HEADER_SIZE 12
#define MEDIA_QUALITY_SIZE 4

/* number on the wire, name in signal messages */
#define MEDIA_CODEC_TABLE(X)                                                                       \
    X(MEDIA_OPUS_24K, 0, "Opus24k")                                                                \
    X(MEDIA_OPUS_16K, 1, "Opus16k")                                                                \
    X(MEDIA_OPUS_6K, 2, "Opus6k")                                                                  \
    X(MEDIA_CODEC2_3200, 3, "Codec2_3200")                                                         \
    X(MEDIA_CODEC2_1200, 4, "Codec2_1200")                                                         \
    X(MEDIA_COMFORT_NOISE, 5, "ComfortNoise")                                                      \
    X(MEDIA_OPUS_32K, 6, "Opus32k")                                                                \
    X(MEDIA_OPUS_48K, 7, "Opus48k")                                                                \
    X(MEDIA_OPUS_64K, 8, "Opus64k")

enum media_codec {
#define X(name, value, text) name = (value),
    MEDIA_CODEC_TABLE(X)
#undef X
};

#define MEDIA_CODEC_MAX 8 /* 9 to 15 make a packet invalid */

/* The name of a codec; NULL for a number that is none. */
const char *media_codec_name(unsigned codec);

struct media_header {
    uint8_t version;    /* 0 or 1; originals send 0 and do not look */
    bool is_repair;     /* FEC repair symbols */
    uint8_t codec;      /* enum media_codec */
    bool has_quality;   /* a report is behind the payload */
    uint8_t fec_ratio;  /* 0 to 127, see media_fec_encode */
    uint16_t sequence;  /* per sender, wraps */
    uint32_t timestamp; /* ms since the sender's session began */
    uint8_t fec_block;
    uint8_t fec_symbol;
    uint8_t reserved;
    uint8_t csrc_count;
};

struct media_quality {
    uint8_t loss;    /* 0 to 255 for 0 to 100 % */
    uint8_t rtt_4ms; /* round trip in units of 4 ms */
    uint8_t jitter_ms;
    uint8_t bitrate_kbps; /* the most that the sender of the report wants to receive */
};

struct media_packet {
    struct media_header header;
    struct bytes payload;         /* a view into the packet; may be empty */
    struct media_quality quality; /* zeros unless header.has_quality */
};

/*
 * The filter of the media path: true exactly if media_packet_parse would return 0. Looks at the
 * length and one byte.
 */
static inline bool media_packet_valid(const uint8_t *data, size_t len)
{
    if (len < MEDIA_HEADER_SIZE || (data[0] >> 2 & 15) > MEDIA_CODEC_MAX)
        return false;
    return (data[0] & 2) == 0 || len >= MEDIA_HEADER_SIZE + MEDIA_QUALITY_SIZE;
}

/* How many bytes of a valid packet are payload. */
static inline size_t media_packet_payload(const uint8_t *data, size_t len)
{
    return len - MEDIA_HEADER_SIZE - ((data[0] & 2) == 0 ? 0 : MEDIA_QUALITY_SIZE);
}

/* The sequence number of a valid packet. */
static inline uint16_t media_packet_sequence(const uint8_t *data)
{
    return (uint16_t)(data[2] << 8 | data[3]);
}

/* Returns 0, ERR_TRUNCATED (too short for what it says) or ERR_RANGE (no such codec). */
int media_packet_parse(struct bytes packet, struct media_packet *out);

/* Fields that are too large for their bits lose what does not fit. */
void media_header_write(const struct media_header *header, uint8_t out[MEDIA_HEADER_SIZE]);
/*
 * Appends a whole packet. It differs from the one that was parsed in nothing but the two unused
 * bits of byte 1, which become 0. Returns 0 or ERR_MEMORY.
 */
int media_packet_write(const struct media_packet *packet, struct buffer *out);

/* The header's form of a FEC ratio (repair packets per source packet): round(ratio * 63.5). */
uint8_t media_fec_encode(double ratio);

/*
 * Splits a federation datagram: `packet` becomes a view of a valid media packet. Returns 0,
 * ERR_TRUNCATED, or ERR_RANGE as media_packet_parse.
 */
int media_tagged_parse(struct bytes datagram, struct room_tag *tag, struct bytes *packet);
/* Appends tag and packet. Returns 0 or ERR_MEMORY. */
int media_tagged_write(const struct room_tag *tag, struct bytes packet, struct buffer *out);

#endif
