#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "setup.h"

#include "common/error.h"

static struct record *find(struct setup *s, const char *key)
{
    return records_find(&s->exchange.records, bytes_of_string(key));
}

static void test_put_replace_delete(void **state)
{
    struct setup *s = *state;
    SETUP_APPLY(s, setup_record("call/1", "ringing", 0), setup_record("call/2", "", 0));
    assert_true(bytes_equal_string(record_value(find(s, "call/1")), "ringing"));
    SETUP_APPLY(s, setup_record("call/1", "active", 0));
    assert_true(bytes_equal_string(record_value(find(s, "call/1")), "active"));
    assert_int_equal(s->exchange.records.table.count, 2);
    SETUP_APPLY(s, (struct ipc_item){.type = IPC_record_delete,
                                     .u.record_delete = {.key = BYTES_LITERAL("call/1")}});
    assert_null(find(s, "call/1"));
    assert_int_equal(s->exchange.records.bytes, record_size(find(s, "call/2")));
}

static void test_owned_records_go_with_the_facts_of_their_owner(void **state)
{
    struct setup *s = *state;
    struct session *a = setup_session(s);
    struct session *b = setup_session(s);
    SETUP_APPLY(s, setup_record("1", "x", a->number), setup_record("2", "x", a->number),
                setup_record("3", "x", b->number), setup_record("4", "x", 0),
                setup_record("2", "y", b->number));
    setup_close(s, a);
    assert_non_null(find(s, "1"));
    /* also what is written after the close, before the control plane knows of it */
    SETUP_APPLY(s, setup_record("5", "x", a->number));
    assert_non_null(find(s, "5"));
    exchange_forget(&s->exchange, a);
    assert_null(find(s, "1"));
    assert_null(find(s, "5"));
    assert_non_null(find(s, "2"));
    assert_non_null(find(s, "3"));
    assert_non_null(find(s, "4"));
    assert_int_equal(b->record_bytes, 2 * record_size(find(s, "2")));
}

static void test_an_owner_that_is_not_there_is_skipped(void **state)
{
    struct setup *s = *state;
    SETUP_APPLY(s, setup_record("1", "x", 4711));
    assert_null(find(s, "1"));
    assert_int_equal(s->exchange.counters.skipped_unknown, 1);
}

static void test_an_owners_cap_refuses_the_whole_transaction(void **state)
{
    struct setup *s = *state;
    struct session *c = setup_session(s);
    char *value = calloc(1, IPC_VALUE_MAX + 1);
    char key[16];
    int err = 0;
    memset(value, 'v', IPC_VALUE_MAX);
    for (int i = 0; i < 100 && !err; i++) {
        snprintf(key, sizeof(key), "%d", i);
        struct ipc_item items[] = {setup_room(ROOM, NULL, 0), setup_record(key, value, c->number)};
        if (i > 0)
            items[0] = setup_record("first", key, 0);
        err = setup_commit(s, items, 2);
    }
    assert_int_equal(err, ERR_TOO_LARGE);
    assert_true(c->record_bytes <= RECORDS_OWNER_MAX);
    /* the one that was refused has left nothing */
    assert_null(find(s, key));
    assert_false(bytes_equal_string(record_value(find(s, "first")), key));
    free(value);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_begin, setup_end)
    const struct CMUnitTest tests[] = {
        TEST(test_put_replace_delete),
        TEST(test_owned_records_go_with_the_facts_of_their_owner),
        TEST(test_an_owner_that_is_not_there_is_skipped),
        TEST(test_an_owners_cap_refuses_the_whole_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
