#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataplane/quota.h"

#include "common/clock.h"
#include "common/error.h"

static void test_one_key_is_one_bucket(void **state)
{
    (void)state;
    const struct siphash_key secret = {1, 2};
    const struct quota_key key = {.room = 1, .link = 2}, others[] = {
                                                             {.room = 2, .link = 2},
                                                             {.room = 1, .link = 3},
                                                             {.room = 1, .link = 2, .tag = {1}},
                                                         };
    struct quota *a, *b, *other;
    struct table quotas;
    table_init(&quotas, &secret);
    assert_int_equal(quota_obtain(&quotas, &key, &a), ERR_OK);
    assert_int_equal(quota_obtain(&quotas, &key, &b), ERR_OK);
    assert_ptr_equal(a, b);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(quota_obtain(&quotas, &others[i], &other), ERR_OK);
        assert_ptr_not_equal(other, a);
        quota_release(&quotas, other);
    }
    quota_release(&quotas, a);
    assert_int_equal(quotas.count, 1);
    quota_release(&quotas, b);
    assert_int_equal(quotas.count, 0);
    table_free(&quotas);
}

static void test_the_rate_may_change(void **state)
{
    (void)state;
    struct quota quota = {0};
    uint64_t now = 100 * CLOCK_SECOND;
    for (int i = 0; i < 1000; i++)
        assert_true(quota_take(&quota, now)); /* unlimited */
    quota_set_rate(&quota, 2);
    assert_true(quota_take(&quota, now));
    assert_true(quota_take(&quota, now));
    assert_false(quota_take(&quota, now));
    quota_set_rate(&quota, 4); /* not filled */
    assert_false(quota_take(&quota, now));
    assert_true(quota_take(&quota, now + CLOCK_SECOND / 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_key_is_one_bucket),
        cmocka_unit_test(test_the_rate_may_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
