#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/outbox.h"

static void commands_stay_until_committed(void **state)
{
    struct outbox o = {0};
    (void)state;
    for (uint64_t i = 6; i <= 9; i++)
        assert_int_equal(outbox_append(&o, i, BYTES_LITERAL("row")), 0);
    assert_int_equal(o.count, 4);
    assert_int_equal(o.bytes, 12);
    assert_int_equal(outbox_after(&o, 0)->sequence, 6);
    assert_int_equal(outbox_after(&o, 7)->sequence, 8);
    assert_null(outbox_after(&o, 9));
    outbox_commit(&o, 5);
    assert_int_equal(o.count, 4);
    outbox_commit(&o, 7);
    assert_int_equal(o.count, 2);
    assert_int_equal(o.first->sequence, 8);
    assert_null(o.first->prev);
    outbox_clear(&o);
    assert_int_equal(o.count, 0);
    assert_int_equal(o.bytes, 0);
    assert_null(o.last);
    assert_int_equal(outbox_append(&o, 10, BYTES_LITERAL("row")), 0);
    assert_int_equal(outbox_after(&o, 0)->sequence, 10);
    outbox_clear(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(commands_stay_until_committed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
