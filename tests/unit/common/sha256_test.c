#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/hex.h"
#include "common/sha256.h"

static void assert_hash(const uint8_t hash[SHA256_SIZE], const char *expected)
{
    char text[2 * SHA256_SIZE + 1];
    hex_encode(hash, SHA256_SIZE, text);
    assert_string_equal(text, expected);
}

/* The examples that NIST publishes with FIPS 180-4. */
static void known_hashes(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE];
    assert_int_equal(sha256(BYTES_NONE, hash), 0);
    assert_hash(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(sha256(BYTES_LITERAL("abc"), hash), 0);
    assert_hash(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void two_parts_are_one_message(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE];
    assert_int_equal(sha256_two(BYTES_LITERAL("a"), BYTES_LITERAL("bc"), hash), 0);
    assert_hash(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(sha256_two(BYTES_NONE, BYTES_LITERAL("abc"), hash), 0);
    assert_hash(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_hashes),
        cmocka_unit_test(two_parts_are_one_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
