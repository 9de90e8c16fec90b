#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/error.h"
#include "ipc/ledger.h"
#include "script.h"

static void append(struct ledger *l, uint64_t connection, enum ipc_type type, uint64_t sequence)
{
    uint64_t number;
    assert_int_equal(ledger_next_number(l, connection, &number), 0);
    assert_int_equal(ledger_append(l, connection, type, sequence,
                                   script_raw(IPC_KIND_input, 1, 2, sequence, BYTES_NONE)),
                     0);
    assert_int_equal(ledger_last_number(l, connection), number);
}

static void numbers_count_per_connection(void **state)
{
    struct ledger l = {0};
    uint64_t number;
    (void)state;
    assert_int_equal(ledger_last_number(&l, 7), 0);
    append(&l, 7, IPC_opened, 1);
    append(&l, 8, IPC_opened, 2);
    append(&l, 7, IPC_signal, 3);
    assert_int_equal(ledger_last_number(&l, 7), 2);
    assert_int_equal(ledger_last_number(&l, 8), 1);
    append(&l, 7, IPC_closed, 4);
    assert_int_equal(ledger_next_number(&l, 7, &number), ERR_CLOSED);
    ledger_free(&l);
}

static void released_inputs_leave_the_rest(void **state)
{
    struct ledger l = {0};
    (void)state;
    for (uint64_t i = 1; i <= 4; i++)
        append(&l, 7, IPC_signal, i);
    append(&l, 8, IPC_signal, 5);
    assert_int_equal(l.count, 5);
    assert_int_equal(l.bytes, 5 * IPC_FRAME_SIZE);
    ledger_release(&l, ledger_find(&l, 7, 2));
    assert_null(ledger_find(&l, 7, 2));
    assert_null(ledger_find(&l, 7, 9));
    assert_null(ledger_find(&l, 9, 1));
    assert_int_equal(ledger_oldest(&l, 7, 4)->number, 1);
    ledger_release(&l, ledger_oldest(&l, 7, 4));
    assert_int_equal(ledger_oldest(&l, 7, 4)->number, 3);
    assert_null(ledger_oldest(&l, 7, 2));
    ledger_release(&l, ledger_find(&l, 7, 4));
    assert_int_equal(l.first->sequence, 3);
    assert_int_equal(l.first->next->sequence, 5);
    assert_int_equal(l.count, 2);
    assert_int_equal(l.bytes, 2 * IPC_FRAME_SIZE);
    ledger_free(&l);
}

static void closed_takes_the_connection_along(void **state)
{
    struct ledger l = {0};
    (void)state;
    append(&l, 7, IPC_opened, 1);
    append(&l, 7, IPC_closed, 2);
    append(&l, 8, IPC_opened, 3);
    ledger_release(&l, ledger_find(&l, 7, 2));
    assert_int_equal(l.count, 1);
    assert_int_equal(l.first->sequence, 3);
    assert_int_equal(ledger_last_number(&l, 7), 0);
    ledger_free(&l);
}

static void a_connection_is_known_without_inputs(void **state)
{
    struct ledger l = {0};
    (void)state;
    append(&l, 7, IPC_opened, 1);
    ledger_release(&l, l.first);
    append(&l, 7, IPC_signal, 2);
    assert_int_equal(ledger_last_number(&l, 7), 2);
    ledger_free(&l);
}

static void after_finds_what_to_send_again(void **state)
{
    struct ledger l = {0};
    (void)state;
    assert_null(ledger_after(&l, 0));
    for (uint64_t i = 1; i <= 9; i++)
        append(&l, i % 3, IPC_signal, i);
    assert_int_equal(ledger_after(&l, 0)->sequence, 1);
    assert_int_equal(ledger_after(&l, 6)->sequence, 7);
    assert_null(ledger_after(&l, 9));
    ledger_free(&l);
}

static void renumbering_closes_the_holes(void **state)
{
    struct ledger l = {0};
    struct ipc_frame frame;
    (void)state;
    for (uint64_t i = 1; i <= 4; i++)
        append(&l, i, IPC_signal, i);
    ledger_release(&l, ledger_find(&l, 2, 1));
    ledger_renumber(&l, 5, 300);
    uint64_t sequence = 5;
    for (struct ledger_entry *e = l.first; e != NULL; e = e->next, sequence++) {
        assert_int_equal(e->sequence, sequence);
        assert_int_equal(ipc_frame_read(&frame, (struct bytes){e->frame, e->size}), 0);
        assert_int_equal(frame.sequence, sequence);
        assert_int_equal(frame.to, 300);
    }
    assert_int_equal(sequence, 8);
    ledger_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_count_per_connection),
        cmocka_unit_test(released_inputs_leave_the_rest),
        cmocka_unit_test(closed_takes_the_connection_along),
        cmocka_unit_test(a_connection_is_known_without_inputs),
        cmocka_unit_test(after_finds_what_to_send_again),
        cmocka_unit_test(renumbering_closes_the_holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
