#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/hex.h"
#include "common/room.h"
#include "tests/unit/common/vectors.h"

static void hashed_names_of_the_vectors(void **state)
{
    (void)state;
    cJSON *lines = vectors_load("room.jsonl");
    const cJSON *line;
    cJSON_ArrayForEach(line, lines)
    {
        char hashed[ROOM_HASHED_SIZE];
        struct bytes name = bytes_of_string(vectors_string(line, "in"));
        assert_int_equal(room_hashed_name(name, hashed), 0);
        assert_string_equal(hashed, vectors_string(line, "hashed"));
    }
    assert_int_equal(cJSON_GetArraySize(lines), 7);
    cJSON_Delete(lines);
}

static void tags_of_the_protocol_page(void **state)
{
    (void)state;
    static const char *cases[][2] = {
        {"general", "0feae16d55365acf"},
        {"android", "f60ed56a9c827589"},
        {"default", "37a8eec1ce19687d"},
        {"podcast", "f62a697de0475d83"},
        {"call-18a5b2c3d4e5f607", "69423547dc4b2b69"},
    };
    struct room_tag first;
    assert_int_equal(room_tag_of_name(BYTES_LITERAL("general"), &first), 0);
    assert_true(room_tag_number(&first) == 0x0feae16d55365acfu);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct room_tag tag;
        char text[2 * ROOM_TAG_SIZE + 1];
        assert_int_equal(room_tag_of_name(bytes_of_string(cases[i][0]), &tag), 0);
        hex_encode(tag.bytes, sizeof(tag.bytes), text);
        assert_string_equal(text, cases[i][1]);
        assert_int_equal(room_tag_equal(&tag, &first), i == 0);
    }
}

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz0123456789_abcdefghijklmnopqrstuvwxyz"

static void names_that_phones_can_use(void **state)
{
    (void)state;
    static const char *good[] = {
        "general", "General", "a",    "a1", "1a",   "1.a",       "a.b.c",
        "my_room", "my-room", "a--b", "b_", "a._b", "xn--zo-ia", "a47b63f7d5b511ba5bc4089a74446906",
        LABEL_63};
    static const char *bad[] = {"",
                                "my room",
                                "Zo\xc3\xab",
                                "#general",
                                "-room",
                                "room-",
                                "a.-b",
                                "a-.b",
                                ".",
                                "a..b",
                                ".a",
                                "a.",
                                "123",
                                "a.123",
                                "127.0.0.1",
                                "a/b",
                                "a:1",
                                "a\nb",
                                "a\x7f"
                                "b",
                                LABEL_63 "x"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(room_name_valid(bytes_of_string(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(room_name_valid(bytes_of_string(bad[i])));
    assert_false(room_name_valid(BYTES_NONE));
    assert_false(room_name_valid(BYTES_LITERAL("a\0b")));
}

static void a_name_has_at_most_253_characters(void **state)
{
    (void)state;
    char name[256];
    char out[ROOM_NAME_SIZE];
    for (size_t i = 0; i < sizeof(name); i++)
        name[i] = i % 64 == 63 ? '.' : 'A';
    assert_true(room_name_valid((struct bytes){(const uint8_t *)name, 253}));
    assert_false(room_name_valid((struct bytes){(const uint8_t *)name, 254}));
    name[253] = '.';
    assert_int_equal(room_name_normalize((struct bytes){(const uint8_t *)name, 254}, out), 0);
    assert_int_equal(strlen(out), 253);
}

static void defect_29_names_are_compared_in_lower_case(void **state)
{
    (void)state;
    char out[ROOM_NAME_SIZE];
    assert_int_equal(room_name_normalize(BYTES_LITERAL("Podcast"), out), 0);
    assert_string_equal(out, "podcast");
    assert_int_equal(room_name_normalize(BYTES_LITERAL("A_b.C-9Z."), out), 0);
    assert_string_equal(out, "a_b.c-9z");
    assert_int_equal(room_name_normalize(BYTES_LITERAL("a.."), out), ERR_SYNTAX);
    assert_string_equal(out, "");
    assert_int_equal(room_name_normalize(BYTES_LITERAL("."), out), ERR_SYNTAX);
    assert_int_equal(room_name_normalize(BYTES_LITERAL("K\xc3\x84"), out), ERR_SYNTAX);
}

static void defect_29_call_ids_are_compared_in_lower_case(void **state)
{
    (void)state;
    char out[ROOM_CALL_ID_SIZE];
    assert_int_equal(room_call_id_normalize(BYTES_LITERAL("18A5B2C3-Zz"), out), 0);
    assert_string_equal(out, "18a5b2c3-zz");
    assert_true(room_is_call(BYTES_LITERAL("CALL-1")));
}

static void defect_64_call_ids_make_valid_host_names(void **state)
{
    (void)state;
    static const char *good[] = {"c", "0", "18a5b2c3d4e5f607", "-a", "a--b"};
    static const char *bad[] = {"", "-", "a-", "a b", "a_b", "a.b", "a/b", "\xc3\xa9", "a\n"};
    char id[64];
    char out[ROOM_CALL_ID_SIZE];
    char room[ROOM_NAME_SIZE];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(room_call_id_normalize(bytes_of_string(good[i]), out), 0);
        assert_string_equal(out, good[i]);
        room_of_call(out, room);
        assert_true(room_name_valid(bytes_of_string(room)));
        assert_true(bytes_equal_string(room_call_id(bytes_of_string(room)), good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(room_call_id_normalize(bytes_of_string(bad[i]), out), ERR_SYNTAX);
        assert_string_equal(out, "");
    }
    assert_int_equal(room_call_id_normalize(BYTES_LITERAL("a\0b"), out), ERR_SYNTAX);
    memset(id, 'x', sizeof(id));
    assert_int_equal(room_call_id_normalize((struct bytes){(uint8_t *)id, 58}, out), 0);
    assert_int_equal(strlen(out), 58);
    room_of_call(out, room);
    assert_true(room_name_valid(bytes_of_string(room)));
    assert_int_equal(room_call_id_normalize((struct bytes){(uint8_t *)id, 59}, out), ERR_TOO_LARGE);
}

static void call_rooms_are_told_by_their_prefix(void **state)
{
    (void)state;
    assert_true(room_is_call(BYTES_LITERAL("call-")));
    assert_int_equal(room_call_id(BYTES_LITERAL("call-")).len, 0);
    assert_false(room_is_call(BYTES_LITERAL("call")));
    assert_false(room_is_call(BYTES_LITERAL("recall-1")));
    assert_false(room_is_call(BYTES_NONE));
    assert_null(room_call_id(BYTES_LITERAL("general")).data);
}

static void defect_69_names_with_a_meaning_are_no_rooms(void **state)
{
    (void)state;
    static const char *names[] = {"_relay", "_signal", "_", "_x", "ping", "PING", "Version"};
    char out[ROOM_NAME_SIZE];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_true(room_name_reserved(bytes_of_string(names[i])));
        assert_false(room_name_valid(bytes_of_string(names[i])));
        assert_int_equal(room_name_normalize(bytes_of_string(names[i]), out), ERR_SYNTAX);
    }
    assert_false(room_name_reserved(BYTES_LITERAL("pings")));
    assert_false(room_name_reserved(BYTES_LITERAL("pin")));
    assert_false(room_name_reserved(BYTES_LITERAL("a_")));
    assert_false(room_name_reserved(BYTES_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashed_names_of_the_vectors),
        cmocka_unit_test(tags_of_the_protocol_page),
        cmocka_unit_test(names_that_phones_can_use),
        cmocka_unit_test(a_name_has_at_most_253_characters),
        cmocka_unit_test(defect_29_names_are_compared_in_lower_case),
        cmocka_unit_test(defect_29_call_ids_are_compared_in_lower_case),
        cmocka_unit_test(defect_64_call_ids_make_valid_host_names),
        cmocka_unit_test(call_rooms_are_told_by_their_prefix),
        cmocka_unit_test(defect_69_names_with_a_meaning_are_no_rooms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
