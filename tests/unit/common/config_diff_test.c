#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/config_diff.h"
#include "common/error.h"

#define PRINT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PRINT_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define TEXT_B                                                                                     \
    "bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:bb:"   \
    "bb:bb"
#define TEXT_C                                                                                     \
    "cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:cc:"   \
    "cc:cc"

/* Collects the changes as text, one a line: "key: old -> new", with "!" if it needs a restart. */
static void collect(void *context, const struct config_change *change)
{
    buffer_printf(context, "%s%s: %s -> %s\n", change->key, change->needs_restart ? "!" : "",
                  change->old_text == NULL ? "(none)" : change->old_text,
                  change->new_text == NULL ? "(none)" : change->new_text);
}

static void assert_diff(const char *old_text, const char *new_text, const char *expected)
{
    struct config old_config;
    struct config new_config;
    struct config_errors errors;
    struct buffer said = {0};
    assert_int_equal(config_load_text(bytes_of_string(old_text), "a", &old_config, &errors), 0);
    assert_int_equal(config_load_text(bytes_of_string(new_text), "b", &new_config, &errors), 0);
    assert_int_equal(config_diff(&old_config, &new_config, collect, &said), 0);
    buffer_append_u8(&said, 0);
    assert_string_equal((const char *)said.data, expected);
    buffer_free(&said);
    config_free(&old_config);
    config_free(&new_config);
}

static void test_same_configs_differ_in_nothing(void **state)
{
    (void)state;
    assert_diff("", "relay: {workers: 1}\npeers: []\n", "");
    assert_diff("peers: [{address: 'b:1', fingerprint: " PRINT_B "}]\nglobal_rooms: [a]\n",
                "# moved\nglobal_rooms: [a]\npeers:\n  - fingerprint: '" TEXT_B "'\n"
                "    address: b:1\n    label: b:1\n",
                "");
}

static void test_single_values(void **state)
{
    (void)state;
    assert_diff("relay: {listen: '0.0.0.0:1'}\nlimits: {ring_timeout_s: 5}\nevent_log: /a\n",
                "relay: {workers: 0}\nlog: {level: debug}\nauth: {url: 'http://a'}\n",
                "relay.listen!: 0.0.0.0:1 -> 0.0.0.0:4433\n"
                "relay.workers!: 1 -> 0\n"
                "log.level: info -> debug\n"
                "auth.url: (none) -> http://a\n"
                "event_log: /a -> (none)\n"
                "limits.ring_timeout_s: 5 -> 60\n");
}

static void test_lists(void **state)
{
    (void)state;
    assert_diff("global_rooms: [a, b]\n", "global_rooms: [b, a]\n",
                "global_rooms: [a, b] -> [b, a]\n");
    assert_diff("", "global_rooms: [a]\n", "global_rooms: (none) -> [a]\n");
    assert_diff("peers: [{address: 'b:1', fingerprint: " PRINT_B "},\n"
                "        {address: 'c:1', fingerprint: " PRINT_C "}]\n",
                "peers: [{address: 'c:2', fingerprint: " PRINT_C ", label: 'c:1', legacy: true}]\n"
                "trusted: [{fingerprint: " PRINT_B ", address: 192.0.2.1}]\n",
                "peers[" TEXT_B "]: {address: b:1, fingerprint: " TEXT_B
                ", label: b:1, delegate: false, legacy: false} -> (none)\n"
                "peers[" TEXT_C "].address: c:1 -> c:2\n"
                "peers[" TEXT_C "].legacy: false -> true\n"
                "trusted[" TEXT_B "]: (none) -> {fingerprint: " TEXT_B
                ", label: bbbbbbbbbbbbbbbb, delegate: false, legacy: false, address: 192.0.2.1}\n");
}

/* What needs a restart stays as it runs, and is still told by the next comparison. */
static void test_what_needs_a_restart_waits_for_it(void **state)
{
    (void)state;
    struct config running, fresh;
    struct config_errors errors;
    assert_int_equal(config_load_text(BYTES_LITERAL("relay: {listen: '0.0.0.0:1', name: one}\n"),
                                      "a", &running, &errors),
                     0);
    assert_int_equal(config_load_text(BYTES_LITERAL("relay: {listen: '0.0.0.0:2', name: two,\n"
                                                    "  identity: /elsewhere, workers: 3}\n"),
                                      "b", &fresh, &errors),
                     0);
    config_keep_running(&fresh, &running);
    assert_int_equal(address_port(&fresh.relay.listen), 1);
    assert_string_equal(fresh.relay.identity, "/var/lib/chappe/identity");
    assert_int_equal(fresh.relay.workers, 1);
    assert_string_equal(fresh.relay.name, "two");
    assert_int_equal(address_port(&running.relay.listen), 2);
    config_free(&fresh);
    config_free(&running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_configs_differ_in_nothing),
        cmocka_unit_test(test_single_values),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_what_needs_a_restart_waits_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
