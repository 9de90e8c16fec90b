/* The printed defaults, and the example files of deploy/examples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/config.h"
#include "common/config_diff.h"
#include "common/config_print.h"

#define EXAMPLES TESTS_DIR "/../deploy/examples/"

static void count_change(void *context, const struct config_change *change)
{
    fprintf(stderr, "%s differs\n", change->key);
    ++*(int *)context;
}

static void assert_is_default(const struct config *config)
{
    struct config nothing;
    struct config_errors errors;
    int changes = 0;
    assert_int_equal(config_load_text(BYTES_NONE, "none", &nothing, &errors), 0);
    assert_int_equal(config_diff(&nothing, config, count_change, &changes), 0);
    assert_int_equal(changes, 0);
    config_free(&nothing);
}

static void test_the_printed_defaults_are_the_defaults(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct config config;
    struct config_errors errors;
    assert_int_equal(config_print_defaults(&text), 0);
    int rc = config_load_text(buffer_view(&text), "printed", &config, &errors);
    config_errors_print(&errors, stderr);
    assert_int_equal(rc, 0);
    assert_is_default(&config);
    config_free(&config);
    buffer_free(&text);
}

static void read_whole(const char *path, struct buffer *out)
{
    char chunk[4096];
    size_t len;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0)
        buffer_append(out, chunk, len);
    fclose(file);
}

/* After a change of the schema: CHAPPE_WRITE_EXAMPLES=1 makes the file anew. */
static void test_the_file_of_defaults_is_up_to_date(void **state)
{
    (void)state;
    struct buffer printed = {0};
    struct buffer stored = {0};
    assert_int_equal(config_print_defaults(&printed), 0);
    if (getenv("CHAPPE_WRITE_EXAMPLES") != NULL) {
        FILE *file = fopen(EXAMPLES "defaults.yaml", "w");
        assert_non_null(file);
        fwrite(printed.data, 1, printed.len, file);
        fclose(file);
    }
    read_whole(EXAMPLES "defaults.yaml", &stored);
    buffer_append_u8(&printed, 0);
    buffer_append_u8(&stored, 0);
    assert_string_equal((const char *)stored.data, (const char *)printed.data);
    buffer_free(&printed);
    buffer_free(&stored);
}

static void load_example(const char *path, struct config *config)
{
    struct config_errors errors;
    int rc = config_load(path, config, &errors);
    config_errors_print(&errors, stderr);
    config_errors_free(&errors);
    assert_int_equal(rc, 0);
}

static void test_the_examples_are_good(void **state)
{
    (void)state;
    struct config a;
    struct config b;
    load_example(EXAMPLES "single-relay.yaml", &a);
    assert_int_equal(a.peer_count + a.trusted_count, 0);
    config_free(&a);

    load_example(EXAMPLES "relay-a.yaml", &a);
    load_example(EXAMPLES "relay-b.yaml", &b);
    assert_int_equal(a.peer_count, 1);
    assert_int_equal(b.trusted_count, 1);
    assert_string_equal(a.peers[0].label, b.relay.name);
    assert_string_equal(b.trusted[0].label, a.relay.name);
    config_free(&a);
    config_free(&b);

    load_example(EXAMPLES "original-peer.yaml", &a);
    assert_true(a.peers[0].legacy && a.trusted[0].legacy);
    config_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_printed_defaults_are_the_defaults),
        cmocka_unit_test(test_the_file_of_defaults_is_up_to_date),
        cmocka_unit_test(test_the_examples_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
