#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/pressure.h"

static void test_refuses_above_the_cap_until_half(void **state)
{
    (void)state;
    struct pressure p = {0};
    assert_false(pressure_update(&p, PRESSURE_REFUSE, 0));
    assert_false(p.refusing);
    assert_true(pressure_update(&p, PRESSURE_REFUSE + 1, 0));
    assert_true(p.refusing);
    assert_false(pressure_update(&p, PRESSURE_REFUSE / 2 + 1, 0));
    assert_true(p.refusing);
    assert_true(pressure_update(&p, PRESSURE_REFUSE / 2, 0));
    assert_false(p.refusing);
}

static void test_small_inputs_count_too(void **state)
{
    (void)state;
    struct pressure p = {0};
    assert_true(pressure_update(&p, 0, PRESSURE_REFUSE / PRESSURE_INPUT_COST + 1));
    assert_true(pressure_admits(0, PRESSURE_CLOSE / PRESSURE_INPUT_COST));
    assert_false(pressure_admits(1, PRESSURE_CLOSE / PRESSURE_INPUT_COST));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_above_the_cap_until_half),
        cmocka_unit_test(test_small_inputs_count_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
