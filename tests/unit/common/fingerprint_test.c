#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/fingerprint.h"
#include "tests/unit/common/vectors.h"

#define TLS_TEXT                                                                                   \
    "79:2a:11:fe:0b:d3:02:53:18:15:7b:4d:6c:16:49:2e:"                                             \
    "b0:05:60:95:f8:53:8d:96:31:3d:40:50:90:d8:c1:1b"

static void user_fingerprints_of_the_identity_vectors(void **state)
{
    (void)state;
    cJSON *lines = vectors_load("identity.jsonl");
    const cJSON *line;
    cJSON_ArrayForEach(line, lines)
    {
        uint8_t public_key[KEYS_SIZE];
        struct fingerprint_user fingerprint;
        struct fingerprint_user parsed;
        char text[FINGERPRINT_USER_TEXT];
        assert_int_equal(vectors_hex(line, "identity_pub", public_key, sizeof(public_key)), 32);
        assert_int_equal(fingerprint_user_of_key(public_key, &fingerprint), 0);
        fingerprint_user_text(&fingerprint, text);
        assert_string_equal(text, vectors_string(line, "fingerprint"));
        assert_int_equal(fingerprint_user_parse(bytes_of_string(text), &parsed), 0);
        assert_true(fingerprint_user_equal(&parsed, &fingerprint));
    }
    cJSON_Delete(lines);
}

static void user_fingerprints_of_the_protocol_page(void **state)
{
    (void)state;
    static const struct {
        uint8_t seed;
        const char *text;
    } cases[] = {
        {0xaa, "0258:ab5d:7c27:9b61:3b75:a4e3:7ce7:1bf9"},
        {0xbb, "5daf:cd48:13fb:bc41:a1e9:9a27:2ebe:6d66"},
        {0xcc, "22cc:3fae:3780:409d:079f:1f02:78a9:03ec"},
        {0xdd, "6634:c0ca:00f8:b4b1:0efd:8654:333f:3c89"},
    };
    struct fingerprint_user fingerprint;
    char text[FINGERPRINT_USER_TEXT];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct identity_seed seed;
        struct keys_ed25519 key;
        memset(seed.bytes, cases[i].seed, sizeof(seed.bytes));
        assert_int_equal(keys_identity(&seed, &key), 0);
        assert_int_equal(fingerprint_user_of_key(key.public_key, &fingerprint), 0);
        fingerprint_user_text(&fingerprint, text);
        assert_string_equal(text, cases[i].text);
    }
    /* The key of zeros that all probers of the original share. */
    const uint8_t zeros[KEYS_SIZE] = {0};
    assert_int_equal(fingerprint_user_of_key(zeros, &fingerprint), 0);
    fingerprint_user_text(&fingerprint, text);
    assert_string_equal(text, "6668:7aad:f862:bd77:6c8f:c18b:8e9f:8e20");
}

static void tls_fingerprint_is_the_hash_of_the_der(void **state)
{
    (void)state;
    struct fingerprint_tls fingerprint;
    char text[FINGERPRINT_TLS_TEXT];
    assert_int_equal(fingerprint_tls_of_der(BYTES_LITERAL("abc"), &fingerprint), 0);
    fingerprint_tls_text(&fingerprint, text);
    assert_string_equal(text, "ba:78:16:bf:8f:01:cf:ea:41:41:40:de:5d:ae:22:23:"
                              "b0:03:61:a3:96:17:7a:9c:b4:10:ff:61:f2:00:15:ad");
    assert_int_equal(strlen(text), 95);
}

static void tls_text_is_read_in_any_case_and_grouping(void **state)
{
    (void)state;
    static const char *texts[] = {
        TLS_TEXT,
        "79:2A:11:FE:0B:D3:02:53:18:15:7B:4D:6C:16:49:2E:"
        "B0:05:60:95:F8:53:8D:96:31:3D:40:50:90:D8:C1:1B",
        "792a11fe0bd3025318157b4d6c16492eb0056095f8538d96313d405090d8c11b",
        "792a:11fe:0bd3:0253:1815:7b4d:6c16:492e:b005:6095:f853:8d96:313d:4050:90d8:c11b",
        " 792a11fe-0bd30253-18157b4d-6c16492e b0056095 f8538d96 313d4050 90d8c11b ",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct fingerprint_tls fingerprint;
        char text[FINGERPRINT_TLS_TEXT];
        assert_int_equal(fingerprint_tls_parse(bytes_of_string(texts[i]), &fingerprint), 0);
        fingerprint_tls_text(&fingerprint, text);
        assert_string_equal(text, TLS_TEXT);
    }
}

/* The original cuts 16 bytes off a text of any length and dies of a shorter one. */
static void defect_20_a_tls_fingerprint_has_64_digits(void **state)
{
    (void)state;
    struct fingerprint_tls out;
    assert_int_equal(fingerprint_tls_parse(BYTES_NONE, &out), ERR_TRUNCATED);
    assert_int_equal(fingerprint_tls_parse(BYTES_LITERAL("aa:bb"), &out), ERR_TRUNCATED);
    assert_int_equal(fingerprint_tls_parse(BYTES_LITERAL(":::: - ::::"), &out), ERR_TRUNCATED);
    assert_int_equal(
        fingerprint_tls_parse(BYTES_LITERAL("518e:b935:62fa:9e34:e59c:28b6:7fc2:d384"), &out),
        ERR_TRUNCATED);
    struct bytes text = BYTES_LITERAL(TLS_TEXT);
    text.len--;
    assert_int_equal(fingerprint_tls_parse(text, &out), ERR_TRUNCATED);
    assert_int_equal(fingerprint_tls_parse(BYTES_LITERAL(TLS_TEXT "0"), &out), ERR_TOO_LARGE);
    assert_int_equal(fingerprint_tls_parse(BYTES_LITERAL(TLS_TEXT "\n"), &out), ERR_SYNTAX);
    assert_int_equal(fingerprint_tls_parse(BYTES_LITERAL(TLS_TEXT "\0"), &out), ERR_SYNTAX);
    assert_int_equal(fingerprint_tls_parse(BYTES_LITERAL("g" TLS_TEXT), &out), ERR_SYNTAX);
    assert_int_equal(fingerprint_tls_parse(BYTES_LITERAL("\xc3\xa9"), &out), ERR_SYNTAX);
}

static void people_write_user_fingerprints_in_any_way(void **state)
{
    (void)state;
    static const char *texts[] = {
        "518e:b935:62fa:9e34:e59c:28b6:7fc2:d384",
        "518EB93562FA9E34E59C28B67FC2D384",
        "518e-b935 62fa-9e34 e59c-28b6 7fc2-d384",
    };
    struct fingerprint_user out;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char text[FINGERPRINT_USER_TEXT];
        assert_int_equal(fingerprint_user_read(bytes_of_string(texts[i]), &out), 0);
        fingerprint_user_text(&out, text);
        assert_string_equal(text, texts[0]);
    }
    assert_int_equal(fingerprint_user_read(BYTES_LITERAL("518e"), &out), ERR_TRUNCATED);
    assert_int_equal(fingerprint_user_read(BYTES_LITERAL("zzz"), &out), ERR_SYNTAX);
    assert_int_equal(fingerprint_user_read(BYTES_LITERAL(TLS_TEXT), &out), ERR_TOO_LARGE);
}

static void defect_20_a_user_fingerprint_has_one_spelling(void **state)
{
    (void)state;
    static const char *texts[] = {
        "",
        "518e:b935",
        "518EB93562FA9E34E59C28B67FC2D384",
        "518E:B935:62FA:9E34:E59C:28B6:7FC2:D384",
        "518e-b935-62fa-9e34-e59c-28b6-7fc2-d384",
        "518eb:935:62fa:9e34:e59c:28b6:7fc2:d384",
        "518e:b935:62fa:9e34:e59c:28b6:7fc2:d38g",
        "518e:b935:62fa:9e34:e59c:28b6:7fc2:d38",
        "518e:b935:62fa:9e34:e59c:28b6:7fc2:d3844",
    };
    struct fingerprint_user out;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(fingerprint_user_parse(bytes_of_string(texts[i]), &out), ERR_SYNTAX);
    assert_int_equal(
        fingerprint_user_parse(BYTES_LITERAL("518e:b935:62fa:9e34:e59c:28b6:7fc2:d384"), &out), 0);
    assert_int_equal(out.bytes[15], 0x84);
}

static void order_is_that_of_the_bytes(void **state)
{
    (void)state;
    struct fingerprint_tls low = {{0x01, 0xff}};
    struct fingerprint_tls high = {{0x80}};
    struct fingerprint_user user_low = {{[15] = 1}};
    struct fingerprint_user user_high = {{[15] = 0xff}};
    assert_true(fingerprint_tls_compare(&low, &high) < 0);
    assert_true(fingerprint_tls_compare(&high, &low) > 0);
    assert_int_equal(fingerprint_tls_compare(&low, &low), 0);
    assert_false(fingerprint_tls_equal(&low, &high));
    const struct fingerprint_tls both[] = {low, high};
    assert_true(fingerprint_tls_among(both, 2, &high));
    assert_false(fingerprint_tls_among(both, 1, &high));
    assert_false(fingerprint_tls_among(NULL, 0, &low));
    assert_true(fingerprint_user_compare(&user_low, &user_high) < 0);
    assert_false(fingerprint_user_equal(&user_low, &user_high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_fingerprints_of_the_identity_vectors),
        cmocka_unit_test(user_fingerprints_of_the_protocol_page),
        cmocka_unit_test(tls_fingerprint_is_the_hash_of_the_der),
        cmocka_unit_test(tls_text_is_read_in_any_case_and_grouping),
        cmocka_unit_test(defect_20_a_tls_fingerprint_has_64_digits),
        cmocka_unit_test(people_write_user_fingerprints_in_any_way),
        cmocka_unit_test(defect_20_a_user_fingerprint_has_one_spelling),
        cmocka_unit_test(order_is_that_of_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
