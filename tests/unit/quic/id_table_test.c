#include "dataplane/quic/id_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"

#define KEYS 3000

static uint8_t keys[KEYS][ID_TABLE_KEY_MAX];

static struct bytes key(size_t i)
{
    /* All lengths; keys that differ only in their length are different. */
    return (struct bytes){keys[i], 4 + i % 17};
}

static void fill_keys(void)
{
    memset(keys, 0, sizeof(keys));
    for (size_t i = 0; i < KEYS; i++)
        memcpy(keys[i], &(uint32_t){(uint32_t)(i / 17)}, 4);
}

static void test_add_find_remove(void **state)
{
    struct id_table t;
    (void)state;
    fill_keys();
    id_table_init(&t, 12345);
    assert_null(id_table_find(&t, key(0)));
    id_table_remove(&t, key(0), &t);
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(id_table_add(&t, key(i), &keys[i]), ERR_OK);
        assert_int_equal(id_table_add(&t, key(i), &keys[0]), ERR_EXISTS);
    }
    /* In an order of its own, checking all the others now and then. */
    for (size_t n = 0; n < KEYS; n++) {
        size_t i = n * 7 % KEYS;
        assert_ptr_equal(id_table_find(&t, key(i)), &keys[i]);
        id_table_remove(&t, key(i), &t); /* not its value: stays */
        assert_ptr_equal(id_table_find(&t, key(i)), &keys[i]);
        id_table_remove(&t, key(i), &keys[i]);
        assert_null(id_table_find(&t, key(i)));
        for (size_t k = n + 1; n % 500 == 0 && k < KEYS; k++)
            assert_ptr_equal(id_table_find(&t, key(k * 7 % KEYS)), &keys[k * 7 % KEYS]);
    }
    assert_int_equal(t.count, 0);
    id_table_free(&t);
}

static void test_empty_and_long_keys(void **state)
{
    struct id_table t = {0};
    uint8_t long_key[ID_TABLE_KEY_MAX + 1] = {0};
    (void)state;
    assert_int_equal(id_table_add(&t, BYTES_LITERAL(""), &t), ERR_OK);
    assert_ptr_equal(id_table_find(&t, BYTES_LITERAL("")), &t);
    assert_int_equal(id_table_add(&t, (struct bytes){long_key, sizeof(long_key)}, &t), ERR_RANGE);
    assert_null(id_table_find(&t, (struct bytes){long_key, sizeof(long_key)}));
    id_table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_find_remove),
        cmocka_unit_test(test_empty_and_long_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
