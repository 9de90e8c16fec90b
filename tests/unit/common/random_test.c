#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/random.h"

/* More than one call of the kernel gives at once without being interrupted: 256 bytes. */
#define SIZE 100000

static void fills_everything(void **state)
{
    (void)state;
    static uint8_t data[SIZE + 1];
    unsigned seen[256] = {0};
    data[SIZE] = 0x5a;
    assert_int_equal(random_fill(data, SIZE), 0);
    assert_int_equal(data[SIZE], 0x5a);
    for (size_t i = 0; i < SIZE; i++)
        seen[data[i]]++;
    for (size_t i = 0; i < 256; i++)
        assert_in_range(seen[i], 200, 600); /* 391 on average, standard deviation 20 */
}

static void two_fills_differ(void **state)
{
    (void)state;
    uint8_t a[32];
    uint8_t b[32];
    assert_int_equal(random_fill(a, sizeof(a)), 0);
    assert_int_equal(random_fill(b, sizeof(b)), 0);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(random_fill(a, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_everything),
        cmocka_unit_test(two_fills_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
