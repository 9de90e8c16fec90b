#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/trunk.h"
#include "tests/unit/common/vectors.h"

#define FRAME_MAX 64

/* Reads a whole frame and writes it again, as the original does for `out`. */
static int read_frame(struct bytes frame, struct buffer *out, unsigned *packets)
{
    struct trunk trunk;
    struct trunk_entry entry;
    *packets = 0;
    int rc = trunk_init(&trunk, frame);
    if (rc != 0)
        return rc;
    buffer_append_u16(out, trunk.left);
    while ((rc = trunk_next(&trunk, &entry)) == 1) {
        buffer_append(out, entry.session, sizeof(entry.session));
        buffer_append_u16(out, (uint16_t)entry.packet.len);
        buffer_append_bytes(out, entry.packet);
        ++*packets;
    }
    return rc;
}

static void frames_of_the_vectors(void **state)
{
    (void)state;
    cJSON *lines = vectors_load("trunk.jsonl");
    const cJSON *line;
    cJSON_ArrayForEach(line, lines)
    {
        uint8_t in[FRAME_MAX];
        uint8_t expected[FRAME_MAX];
        struct buffer out = {0};
        unsigned packets;
        size_t len = vectors_hex(line, "in", in, sizeof(in));
        int rc = read_frame((struct bytes){in, len}, &out, &packets);
        assert_int_equal(rc == 0, vectors_bool(line, "ok"));
        if (rc == 0) {
            const cJSON *count = cJSON_GetObjectItemCaseSensitive(line, "packets");
            assert_true(cJSON_IsNumber(count));
            assert_int_equal(packets, count->valueint);
            len = vectors_hex(line, "out", expected, sizeof(expected));
            assert_int_equal(out.len, len);
            assert_memory_equal(out.data, expected, len);
        }
        buffer_free(&out);
    }
    assert_int_equal(cJSON_GetArraySize(lines), 5);
    cJSON_Delete(lines);
}

static void a_frame_may_end_anywhere(void **state)
{
    (void)state;
    uint8_t frame[14];
    vectors_bytes("00020a0b00030102030c0d0001ff", frame, sizeof(frame));
    for (size_t len = 0; len <= sizeof(frame); len++) {
        struct buffer out = {0};
        unsigned packets;
        int rc = read_frame((struct bytes){frame, len}, &out, &packets);
        assert_int_equal(rc, len < sizeof(frame) ? ERR_TRUNCATED : 0);
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_the_vectors),
        cmocka_unit_test(a_frame_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
