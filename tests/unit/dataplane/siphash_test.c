#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/siphash.h"

/* The example of appendix A of the SipHash paper. */
static void test_the_papers_example(void **state)
{
    (void)state;
    const struct siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    uint8_t input[15];
    for (uint8_t i = 0; i < sizeof(input); i++)
        input[i] = i;
    assert_true(siphash(&key, input, sizeof(input)) == UINT64_C(0xa129ca6149be45e5));
}

static void test_key_and_length_count(void **state)
{
    (void)state;
    const struct siphash_key a = {1, 2};
    const struct siphash_key b = {1, 3};
    const uint8_t zeros[9] = {0};
    assert_true(siphash(&a, zeros, 8) != siphash(&b, zeros, 8));
    assert_true(siphash(&a, zeros, 8) != siphash(&a, zeros, 9));
    assert_true(siphash(&a, zeros, 0) != siphash(&a, zeros, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_papers_example),
        cmocka_unit_test(test_key_and_length_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
