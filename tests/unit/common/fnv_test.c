#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/fnv.h"

/* Of the draft's test vectors. */
static void test_vectors(void **state)
{
    (void)state;
    assert_true(fnv64_add(FNV64, "", 0) == FNV64);
    assert_true(fnv64_add(FNV64, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(fnv64_add(FNV64, "foobar", 6) == UINT64_C(0x85944171f73967e8));
}

static void test_in_parts(void **state)
{
    (void)state;
    assert_true(fnv64_add(fnv64_add(FNV64, "foo", 3), "bar", 3) == fnv64_add(FNV64, "foobar", 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
