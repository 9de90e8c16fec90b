#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/options.h"

#define ARGS_MAX 8

/* What one run of the parser gave. */
struct run {
    int rc;
    const char *config;
    const char *timeout;
    bool check;
    char *argv[ARGS_MAX + 1];
    int argc;
    int operand;
    char out[1024];
    char err[1024];
};

/* Runs the parser on a command line of words separated by spaces. */
static void run_line(struct run *run, const char *line, int operands_max)
{
    static char words[256];
    *run = (struct run){0};
    snprintf(words, sizeof(words), "%s", line);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        run->argv[run->argc++] = word;

    const struct options_entry entries[] = {
        OPTIONS_CONFIG(&run->config),
        {.name = "check", .help = "check the config and exit", .flag = &run->check},
        {.name = "timeout", .argument = "S", .help = "seconds", .value = &run->timeout},
    };
    const struct options options = {
        .program = "prog",
        .about = "a program",
        .operands = operands_max == 0 ? "" : "COMMAND",
        .entries = entries,
        .count = 3,
        .operands_min = operands_max == 0 ? 0 : 1,
        .operands_max = operands_max,
    };
    FILE *out = fmemopen(run->out, sizeof(run->out), "w");
    FILE *err = fmemopen(run->err, sizeof(run->err), "w");
    run->rc = options_parse(&options, run->argc, run->argv, out, err, &run->operand);
    fclose(out);
    fclose(err);
}

static void test_takes_options_and_operands_in_any_order(void **state)
{
    (void)state;
    struct run run;
    run_line(&run, "prog ready -c a.yaml --timeout=5 --check", 2);
    assert_int_equal(run.rc, OPTIONS_RUN);
    assert_string_equal(run.config, "a.yaml");
    assert_string_equal(run.timeout, "5");
    assert_true(run.check);
    assert_int_equal(run.argc - run.operand, 1);
    assert_string_equal(run.argv[run.operand], "ready");

    run_line(&run, "prog --config b.yaml -- --check", 1);
    assert_int_equal(run.rc, OPTIONS_RUN);
    assert_string_equal(run.config, "b.yaml");
    assert_null(run.timeout);
    assert_false(run.check);
    assert_string_equal(run.argv[run.operand], "--check");
}

static void test_wrong_usage_is_told(void **state)
{
    (void)state;
    const struct {
        const char *line;
        int operands_max;
        const char *message;
    } cases[] = {
        {"prog", 0, "--config FILE is missing"},
        {"prog -c", 0, "--config needs a value"},
        {"prog --config", 0, "--config needs a value"},
        {"prog -c a --check=1", 0, "--check takes no value"},
        {"prog -c a --frob", 0, "unknown option --frob"},
        {"prog -c a -x", 0, "unknown option -x"},
        {"prog -c a extra", 0, "too many arguments"},
        {"prog -c a one two", 1, "too many arguments"},
        {"prog -c a", 1, "COMMAND is missing"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[128];
        struct run run;
        snprintf(expected, sizeof(expected), "prog: %s\nTry 'prog --help'.\n", cases[i].message);
        run_line(&run, cases[i].line, cases[i].operands_max);
        assert_int_equal(run.rc, EXIT_USAGE);
        assert_string_equal(run.err, expected);
        assert_string_equal(run.out, "");
    }
}

static void test_help_and_version(void **state)
{
    (void)state;
    struct run run;
    run_line(&run, "prog --help", 1);
    assert_int_equal(run.rc, EXIT_DONE);
    assert_string_equal(run.out, "Usage: prog -c FILE [OPTION...] COMMAND\n"
                                 "prog: a program.\n"
                                 "\n"
                                 "  -c, --config FILE          the relay's config (YAML)\n"
                                 "      --check                check the config and exit\n"
                                 "      --timeout S            seconds\n"
                                 "  -h, --help                 print this\n"
                                 "      --version              print the version\n");
    run_line(&run, "prog --version", 0);
    assert_int_equal(run.rc, EXIT_DONE);
    assert_string_equal(run.out, "prog " CHAPPE_VERSION "\n");
    assert_string_equal(run.err, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_options_and_operands_in_any_order),
        cmocka_unit_test(test_wrong_usage_is_told),
        cmocka_unit_test(test_help_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
