#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/media.h"
#include "tests/unit/common/vectors.h"

#define PACKET_MAX 64

/* The header as the original's debug output has it. */
static void header_text(const struct media_header *h, char *out, size_t size)
{
    snprintf(out, size,
             "MediaHeader { version: %u, is_repair: %s, codec_id: %s, has_quality_report: %s, "
             "fec_ratio_encoded: %u, seq: %u, timestamp: %u, fec_block: %u, fec_symbol: %u, "
             "reserved: %u, csrc_count: %u }",
             h->version, h->is_repair ? "true" : "false", media_codec_name(h->codec),
             h->has_quality ? "true" : "false", h->fec_ratio, h->sequence, h->timestamp,
             h->fec_block, h->fec_symbol, h->reserved, h->csrc_count);
}

static void assert_quality(const struct media_packet *packet, const cJSON *expected)
{
    char text[128];
    if (cJSON_IsNull(expected)) {
        assert_false(packet->header.has_quality);
        return;
    }
    snprintf(text, sizeof(text),
             "QualityReport { loss_pct: %u, rtt_4ms: %u, jitter_ms: %u, bitrate_cap_kbps: %u }",
             packet->quality.loss, packet->quality.rtt_4ms, packet->quality.jitter_ms,
             packet->quality.bitrate_kbps);
    assert_true(packet->header.has_quality);
    assert_true(cJSON_IsString(expected));
    assert_string_equal(text, expected->valuestring);
}

static void assert_parsed(const struct media_packet *packet, const cJSON *line)
{
    char text[256];
    uint8_t expected[PACKET_MAX];
    struct buffer out = {0};
    header_text(&packet->header, text, sizeof(text));
    assert_string_equal(text, vectors_string(line, "header"));
    const cJSON *payload = cJSON_GetObjectItemCaseSensitive(line, "payload");
    assert_true(cJSON_IsNumber(payload));
    assert_int_equal(packet->payload.len, payload->valueint);
    assert_quality(packet, cJSON_GetObjectItemCaseSensitive(line, "quality"));
    size_t len = vectors_hex(line, "out", expected, sizeof(expected));
    assert_int_equal(media_packet_write(packet, &out), 0);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, expected, len);
    buffer_free(&out);
}

static void packets_of_the_vectors(void **state)
{
    (void)state;
    cJSON *lines = vectors_load("media.jsonl");
    const cJSON *line;
    cJSON_ArrayForEach(line, lines)
    {
        uint8_t in[PACKET_MAX];
        struct media_packet packet;
        size_t len = vectors_hex(line, "in", in, sizeof(in));
        bool ok = vectors_bool(line, "ok");
        assert_int_equal(media_packet_valid(in, len), ok);
        int rc = media_packet_parse((struct bytes){in, len}, &packet);
        assert_int_equal(rc == 0, ok);
        if (ok)
            assert_parsed(&packet, line);
    }
    assert_int_equal(cJSON_GetArraySize(lines), 29);
    cJSON_Delete(lines);
}

static void packet_of_the_protocol_page(void **state)
{
    (void)state;
    uint8_t raw[18];
    struct media_packet packet;
    vectors_bytes("02001234a1b2c3d409030000dead0a141ec8", raw, sizeof(raw));
    assert_int_equal(media_packet_parse((struct bytes){raw, sizeof(raw)}, &packet), 0);
    assert_int_equal(packet.header.codec, MEDIA_OPUS_24K);
    assert_int_equal(packet.header.sequence, 0x1234);
    assert_int_equal(media_packet_sequence(raw), 0x1234);
    assert_int_equal(packet.header.timestamp, 0xa1b2c3d4);
    assert_int_equal(packet.header.fec_block, 9);
    assert_int_equal(packet.header.fec_symbol, 3);
    assert_true(bytes_equal(packet.payload, BYTES_LITERAL("\xde\xad")));
    assert_int_equal(packet.quality.loss, 10);
    assert_int_equal(packet.quality.rtt_4ms, 20);
    assert_int_equal(packet.quality.jitter_ms, 30);
    assert_int_equal(packet.quality.bitrate_kbps, 200);
    vectors_bytes("63a8", raw, 2);
    assert_int_equal(media_packet_parse((struct bytes){raw, sizeof(raw)}, &packet), 0);
    assert_true(packet.header.is_repair && packet.header.has_quality);
    assert_int_equal(packet.header.codec, MEDIA_OPUS_64K);
    assert_int_equal(packet.header.fec_ratio, 0x6a);
}

static void errors_say_why(void **state)
{
    (void)state;
    uint8_t raw[16] = {0x24};
    struct media_packet packet;
    assert_int_equal(media_packet_parse(BYTES_NONE, &packet), ERR_TRUNCATED);
    assert_int_equal(media_packet_parse((struct bytes){raw, 11}, &packet), ERR_TRUNCATED);
    assert_int_equal(media_packet_parse((struct bytes){raw, 12}, &packet), ERR_RANGE);
    raw[0] = 0x02;
    assert_int_equal(media_packet_parse((struct bytes){raw, 15}, &packet), ERR_TRUNCATED);
    assert_int_equal(media_packet_parse((struct bytes){raw, 16}, &packet), 0);
    assert_int_equal(packet.payload.len, 0);
}

/* All first bytes and all lengths up to a quality report and one byte more. */
static void filter_and_parser_agree(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (size_t len = 0; len <= 17; len++) {
            uint8_t raw[17] = {(uint8_t)first};
            struct media_packet packet;
            int rc = media_packet_parse((struct bytes){raw, len}, &packet);
            assert_int_equal(media_packet_valid(raw, len), rc == 0);
        }
    }
}

static void every_header_survives_the_way_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        uint8_t raw[16] = {(uint8_t)(i >> 8), (uint8_t)(i & 0xfc)};
        uint8_t again[MEDIA_HEADER_SIZE];
        struct media_packet packet;
        if (media_packet_parse((struct bytes){raw, sizeof(raw)}, &packet) != 0)
            continue;
        media_header_write(&packet.header, again);
        assert_memory_equal(again, raw, sizeof(again));
    }
}

static void fields_too_large_are_cut(void **state)
{
    (void)state;
    struct media_header header = {.version = 0xff, .codec = 0xff, .fec_ratio = 0xff};
    uint8_t out[MEDIA_HEADER_SIZE];
    media_header_write(&header, out);
    assert_int_equal(out[0], 0x80 | 0x3c | 1);
    assert_int_equal(out[1], 0xfc);
}

static void fec_ratios(void **state)
{
    (void)state;
    assert_int_equal(media_fec_encode(0), 0);
    assert_int_equal(media_fec_encode(0.1), 6);
    assert_int_equal(media_fec_encode(0.2), 13);
    assert_int_equal(media_fec_encode(0.5), 32);
    assert_int_equal(media_fec_encode(1.0), 64);
    assert_int_equal(media_fec_encode(1.999), 127);
    assert_int_equal(media_fec_encode(2.0), 127);
    assert_int_equal(media_fec_encode(1e300), 127);
    assert_int_equal(media_fec_encode(-1), 0);
    assert_int_equal(media_fec_encode((double)__builtin_nanf("")), 0);
}

static void codecs_have_names(void **state)
{
    (void)state;
    assert_string_equal(media_codec_name(MEDIA_CODEC2_1200), "Codec2_1200");
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(media_codec_name(i) != NULL, i <= MEDIA_CODEC_MAX);
}

static void tagged_packets_split_and_join(void **state)
{
    (void)state;
    const uint8_t raw[] = {0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0xaa};
    struct bytes packet = {raw, sizeof(raw)};
    struct bytes split;
    struct room_tag tag;
    struct room_tag again;
    struct buffer datagram = {0};
    assert_int_equal(room_tag_of_name(BYTES_LITERAL("general"), &tag), 0);
    assert_int_equal(media_tagged_write(&tag, packet, &datagram), 0);
    assert_int_equal(datagram.len, 8 + sizeof(raw));
    assert_int_equal(datagram.data[0], 0x0f);
    assert_int_equal(media_tagged_parse(buffer_view(&datagram), &again, &split), 0);
    assert_true(room_tag_equal(&tag, &again));
    assert_true(bytes_equal(split, packet));
    buffer_free(&datagram);
}

static void tagged_packets_must_be_whole(void **state)
{
    (void)state;
    uint8_t raw[24] = {0};
    struct bytes split;
    struct room_tag tag;
    for (size_t len = 0; len < 20; len++)
        assert_int_equal(media_tagged_parse((struct bytes){raw, len}, &tag, &split), ERR_TRUNCATED);
    assert_int_equal(media_tagged_parse((struct bytes){raw, 20}, &tag, &split), 0);
    raw[8] = 0x02; /* a quality report is to come */
    assert_int_equal(media_tagged_parse((struct bytes){raw, 23}, &tag, &split), ERR_TRUNCATED);
    assert_int_equal(media_tagged_parse((struct bytes){raw, 24}, &tag, &split), 0);
    raw[8] = 0x3c;
    assert_int_equal(media_tagged_parse((struct bytes){raw, 24}, &tag, &split), ERR_RANGE);
    assert_int_equal(media_tagged_parse(BYTES_NONE, &tag, &split), ERR_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_the_vectors),
        cmocka_unit_test(packet_of_the_protocol_page),
        cmocka_unit_test(errors_say_why),
        cmocka_unit_test(filter_and_parser_agree),
        cmocka_unit_test(every_header_survives_the_way_back),
        cmocka_unit_test(fields_too_large_are_cut),
        cmocka_unit_test(fec_ratios),
        cmocka_unit_test(codecs_have_names),
        cmocka_unit_test(tagged_packets_split_and_join),
        cmocka_unit_test(tagged_packets_must_be_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
