#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/error.h"
#include "script.h"

static void header_survives_the_way(void **state)
{
    struct ipc_frame frame;
    (void)state;
    struct bytes m = script_raw(IPC_KIND_command, 1000, 2000, 3000, BYTES_LITERAL("row"));
    assert_int_equal(m.len, IPC_FRAME_SIZE + 3);
    assert_int_equal(ipc_frame_read(&frame, m), 0);
    assert_int_equal(frame.version, IPC_VERSION);
    assert_int_equal(frame.kind, IPC_KIND_command);
    assert_int_equal(frame.from, 1000);
    assert_int_equal(frame.to, 2000);
    assert_int_equal(frame.sequence, 3000);
    assert_true(bytes_equal_string(frame.row, "row"));
}

/* These bytes may never change: planes of any two versions must be able to name both. */
static void version_comes_first_for_ever(void **state)
{
    const uint8_t first[] = {'C', 'H', 'I', 'P', 0, IPC_VERSION};
    const uint8_t other[] = {'C', 'H', 'I', 'P', 0x12, 0x34};
    struct ipc_frame frame;
    (void)state;
    struct bytes m = script_raw(IPC_KIND_input, 1, 2, 3, BYTES_NONE);
    assert_memory_equal(m.data, first, sizeof(first));
    assert_int_equal(ipc_frame_read(&frame, (struct bytes){other, sizeof(other)}), ERR_VERSION);
    assert_int_equal(frame.version, 0x1234);
}

static void wrong_headers_are_refused(void **state)
{
    struct ipc_frame frame;
    struct buffer m = {0};
    (void)state;
    buffer_append_bytes(&m, script_raw(IPC_KIND_input, 1, 2, 3, BYTES_NONE));
    for (size_t len = 0; len < IPC_FRAME_SIZE; len++)
        assert_int_equal(ipc_frame_read(&frame, (struct bytes){m.data, len}), ERR_TRUNCATED);
    const size_t places[] = {0, 6, 7};
    for (size_t i = 0; i < 3; i++) {
        m.data[places[i]] ^= 0x40;
        assert_int_equal(ipc_frame_read(&frame, buffer_view(&m)), ERR_SYNTAX);
        m.data[places[i]] ^= 0x40;
    }
    m.data[15] = 0; /* from nobody */
    assert_int_equal(ipc_frame_read(&frame, buffer_view(&m)), ERR_SYNTAX);
    buffer_free(&m);
}

static void readdressing_changes_two_fields(void **state)
{
    struct ipc_frame frame;
    struct buffer m = {0};
    (void)state;
    buffer_append_bytes(&m, script_raw(IPC_KIND_input, 1, 2, 3, BYTES_LITERAL("row")));
    ipc_frame_readdress(m.data, 0x0102030405060708, 77);
    assert_int_equal(ipc_frame_read(&frame, buffer_view(&m)), 0);
    assert_int_equal(frame.from, 1);
    assert_true(frame.to == 0x0102030405060708);
    assert_int_equal(frame.sequence, 77);
    assert_true(bytes_equal_string(frame.row, "row"));
    buffer_free(&m);
}

static void print(struct buffer *out, struct bytes message)
{
    buffer_clear(out);
    ipc_message_print(out, message);
    buffer_append_u8(out, 0);
}

static void messages_can_be_looked_at(void **state)
{
    struct ipc_item items[] = {script_signal(7, "{\"a\":\n\"b\"}"), script_ack(7, 3)};
    uint8_t other[] = {'C', 'H', 'I', 'P', 0, 9};
    struct buffer out = {0};
    (void)state;
    print(&out, script_message(IPC_KIND_input, 1, 2, 3, items, 2));
    assert_string_equal(
        (char *)out.data,
        "input from 1 to 2 sequence 3\n"
        "  signal connection=7 input=0 remote= body=\"{\\\"a\\\":\\x0a\\\"b\\\"}\"\n"
        "  ack connection=7 input=3\n");
    print(&out, script_raw(IPC_KIND_input, 1, 2, 3, BYTES_LITERAL("\377\377")));
    assert_string_equal((char *)out.data,
                        "input from 1 to 2 sequence 3\n  2 bytes: unknown name\n");
    print(&out, (struct bytes){other, sizeof(other)});
    assert_string_equal((char *)out.data, "6 bytes: version 9 of the contract\n");
    print(&out, BYTES_LITERAL("x"));
    assert_string_equal((char *)out.data, "1 bytes: input ends too early\n");
    buffer_free(&out);
}

static void long_bodies_are_cut(void **state)
{
    char body[1001];
    struct buffer out = {0};
    (void)state;
    for (size_t i = 0; i < 1000; i++)
        body[i] = 'x';
    body[1000] = 0;
    struct ipc_item item = script_signal(7, body);
    ipc_item_print(&out, &item);
    assert_in_range(out.len, 200, 300);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_survives_the_way),
        cmocka_unit_test(version_comes_first_for_ever),
        cmocka_unit_test(wrong_headers_are_refused),
        cmocka_unit_test(readdressing_changes_two_fields),
        cmocka_unit_test(messages_can_be_looked_at),
        cmocka_unit_test(long_bodies_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
