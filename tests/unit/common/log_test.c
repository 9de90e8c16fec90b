#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/log.h"

#define UNIX_MS UINT64_C(1795359845123) /* 2026-11-22T15:04:05.123Z */

/* The line for the given fields, in a static buffer. */
static const char *line_of(enum log_format format, const struct log_field *fields, size_t count)
{
    static char out[LOG_LINE_MAX + 1];
    size_t len = log_line(out, format, UNIX_MS, "control", LOG_INFO, "call_ringing", fields, count);
    assert_true(len <= LOG_LINE_MAX);
    out[len] = '\0';
    return out;
}

#define HEAD_TEXT "2026-11-22T15:04:05.123Z info call_ringing plane=control"
#define HEAD_JSON                                                                                  \
    "{\"ts\":\"2026-11-22T15:04:05.123Z\",\"level\":\"info\",\"event\":\"call_ringing\","          \
    "\"plane\":\"control\""

static void test_text_line(void **state)
{
    (void)state;
    assert_string_equal(line_of(LOG_TEXT, NULL, 0), HEAD_TEXT "\n");
    const struct log_field fields[] = {
        LOG_STR("call_id", "c-1"),
        LOG_STR("alias", "Bob B"),
        LOG_U64("n", 18446744073709551615u),
        LOG_I64("drift", -3),
        LOG_BOOL("proven", true),
        LOG_HEX("tag", BYTES_LITERAL("\x00\xff")),
        LOG_STR("none", NULL),
        LOG_STR("empty", ""),
        LOG_STR("word", "null"),
        LOG_ERR(ERR_PIN),
    };
    assert_string_equal(line_of(LOG_TEXT, fields, sizeof(fields) / sizeof(fields[0])),
                        HEAD_TEXT " call_id=c-1 alias=\"Bob B\" n=18446744073709551615 drift=-3"
                                  " proven=true tag=00ff none=null empty=\"\" word=\"null\""
                                  " error=\"the peer's certificate is not the pinned one\"\n");
}

static void test_json_line(void **state)
{
    (void)state;
    assert_string_equal(line_of(LOG_JSON, NULL, 0), HEAD_JSON "}\n");
    const struct log_field fields[] = {
        LOG_STR("call_id", "c-1"), LOG_U64("n", 7),       LOG_I64("drift", -3),
        LOG_BOOL("proven", false), LOG_STR("none", NULL), LOG_HEX("tag", BYTES_LITERAL("\x01")),
    };
    assert_string_equal(line_of(LOG_JSON, fields, sizeof(fields) / sizeof(fields[0])),
                        HEAD_JSON ",\"call_id\":\"c-1\",\"n\":7,\"drift\":-3,\"proven\":false,"
                                  "\"none\":null,\"tag\":\"01\"}\n");
}

struct escape_case {
    struct bytes value;
    const char *text;
    const char *json;
};

static void test_values_cannot_forge_a_line(void **state)
{
    (void)state;
    const struct escape_case cases[] = {
        {BYTES_LITERAL("a\nerror fake"), "\"a\\nerror fake\"", "\"a\\nerror fake\""},
        {BYTES_LITERAL("a\r\tb"), "\"a\\r\\tb\"", "\"a\\r\\tb\""},
        {BYTES_LITERAL("say \"hi\""), "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\""},
        {BYTES_LITERAL("back\\slash"), "\"back\\\\slash\"", "\"back\\\\slash\""},
        {BYTES_LITERAL("k=v"), "\"k=v\"", "\"k=v\""},
        {BYTES_LITERAL("nul\0inside"), "\"nul\\u0000inside\"", "\"nul\\u0000inside\""},
        {BYTES_LITERAL("\x1b[31mred\x7f"), "\"\\u001b[31mred\\u007f\"",
         "\"\\u001b[31mred\\u007f\""},
        {BYTES_LITERAL("Zo\xc3\xab"), "\"Zo\xc3\xab\"", "\"Zo\xc3\xab\""},
        {BYTES_LITERAL("\xf0\x9f\x93\x9e"), "\"\xf0\x9f\x93\x9e\"", "\"\xf0\x9f\x93\x9e\""},
        {BYTES_LITERAL("c1 \xc2\x85"), "\"c1 \\u0085\"", "\"c1 \\u0085\""},
        {BYTES_LITERAL("\xe2\x80\xae turned"), "\"\\u202e turned\"", "\"\\u202e turned\""},
        {BYTES_LITERAL("\xff\xc0\x80"), "\"\\xff\\xc0\\x80\"", "\"\\ufffd\\ufffd\\ufffd\""},
        {BYTES_LITERAL("half \xe2\x82"), "\"half \\xe2\\x82\"", "\"half \\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[256];
        const struct log_field field = LOG_BYTES("v", cases[i].value);
        snprintf(expected, sizeof(expected), HEAD_TEXT " v=%s\n", cases[i].text);
        assert_string_equal(line_of(LOG_TEXT, &field, 1), expected);
        snprintf(expected, sizeof(expected), HEAD_JSON ",\"v\":%s}\n", cases[i].json);
        assert_string_equal(line_of(LOG_JSON, &field, 1), expected);
    }
}

static void test_long_values_are_cut_between_characters(void **state)
{
    (void)state;
    uint8_t value[LOG_VALUE_MAX + 1];
    memset(value, 'x', sizeof(value));
    value[LOG_VALUE_MAX - 1] = 0xc3;
    value[LOG_VALUE_MAX] = 0xab;
    const struct log_field cut = LOG_BYTES("v", ((struct bytes){value, sizeof(value)}));
    const char *line = line_of(LOG_TEXT, &cut, 1);
    assert_int_equal(strlen(line), strlen(HEAD_TEXT " v=\"\"...\n") + LOG_VALUE_MAX - 1);
    assert_string_equal(line + strlen(line) - 7, "xx...\"\n");

    value[LOG_VALUE_MAX - 1] = 'x';
    const struct log_field whole = LOG_BYTES("v", ((struct bytes){value, LOG_VALUE_MAX}));
    line = line_of(LOG_TEXT, &whole, 1);
    assert_string_equal(line + strlen(line) - 3, "xx\n");

    const struct log_field hex = LOG_HEX("v", ((struct bytes){value, sizeof(value)}));
    line = line_of(LOG_TEXT, &hex, 1);
    assert_string_equal(line + strlen(line) - 6, "78...\n");
}

static void test_what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    uint8_t value[LOG_VALUE_MAX];
    memset(value, 0x01, sizeof(value));
    const struct log_field fields[] = {
        LOG_U64("first", 1),
        LOG_BYTES("v", ((struct bytes){value, sizeof(value)})),
        LOG_U64("last", 2),
    };
    assert_string_equal(line_of(LOG_TEXT, fields, 3), HEAD_TEXT " first=1 truncated=true\n");
    assert_string_equal(line_of(LOG_JSON, fields, 3),
                        HEAD_JSON ",\"first\":1,\"truncated\":true}\n");
}

/* A pipe as the logger's output. */
struct capture {
    int read_end;
    int write_end;
};

static void capture_start(struct capture *capture, enum log_level level, const char *plane)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    *capture = (struct capture){ends[0], ends[1]};
    log_configure(&(struct log_config){level, LOG_TEXT, ends[1], plane});
}

static void capture_stop(struct capture *capture, char *out, size_t size)
{
    ssize_t len = read(capture->read_end, out, size - 1);
    out[len < 0 ? 0 : len] = '\0';
    close(capture->read_end);
    close(capture->write_end);
    log_configure(&(struct log_config){LOG_INFO, LOG_TEXT, STDERR_FILENO, NULL});
}

static int evaluated;

static uint64_t evaluate(void)
{
    evaluated++;
    return 5;
}

static void test_writes_one_line_and_honours_the_level(void **state)
{
    (void)state;
    struct capture capture;
    char out[1024];
    capture_start(&capture, LOG_WARN, "data");
    evaluated = 0;
    log_event(LOG_INFO, "quiet", LOG_U64("n", evaluate()));
    assert_int_equal(evaluated, 0);
    log_event(LOG_ERROR, "bad", LOG_U64("n", evaluate()));
    log_level_set(LOG_DEBUG);
    log_event(LOG_DEBUG, "bare");
    capture_stop(&capture, out, sizeof(out));

    assert_int_equal(evaluated, 1);
    char *second = strchr(out, '\n');
    assert_non_null(second);
    *second++ = '\0';
    assert_string_equal(out + strlen("2026-11-22T15:04:05.123Z"), " error bad plane=data n=5");
    assert_string_equal(second + strlen("2026-11-22T15:04:05.123Z"), " debug bare plane=data\n");
}

static void test_counts_lines_that_cannot_be_written(void **state)
{
    (void)state;
    uint64_t before = log_lost();
    log_configure(&(struct log_config){LOG_INFO, LOG_TEXT, -1, NULL});
    log_event(LOG_INFO, "nowhere");
    log_configure(&(struct log_config){LOG_INFO, LOG_TEXT, STDERR_FILENO, NULL});
    assert_int_equal(log_lost() - before, 1);
}

#define THREADS 4
#define THREAD_LINES 100

static void *log_many(void *arg)
{
    for (int i = 0; i < THREAD_LINES; i++)
        log_event(LOG_INFO, "threaded", LOG_U64("thread", *(uint64_t *)arg), LOG_STR("s", "a b"));
    return NULL;
}

static void test_threads_do_not_mix_their_lines(void **state)
{
    (void)state;
    static char out[THREADS * THREAD_LINES * 80];
    struct capture capture;
    capture_start(&capture, LOG_INFO, NULL);
    pthread_t threads[THREADS];
    uint64_t numbers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, &numbers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    capture_stop(&capture, out, sizeof(out));

    int lines = 0;
    char *rest = out;
    for (char *line = strtok_r(out, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        assert_int_equal(strlen(line),
                         strlen("2026-11-22T15:04:05.123Z info threaded thread=0 s=\"a b\""));
        assert_string_equal(line + strlen(line) - 6, " s=\"a b\"" + 2);
        lines++;
    }
    assert_int_equal(lines, THREADS * THREAD_LINES);
}

static void test_level_names(void **state)
{
    (void)state;
    assert_string_equal(log_level_name(LOG_ERROR), "error");
    assert_string_equal(log_level_name(LOG_WARN), "warn");
    assert_string_equal(log_level_name(LOG_INFO), "info");
    assert_string_equal(log_level_name(LOG_DEBUG), "debug");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_line),
        cmocka_unit_test(test_json_line),
        cmocka_unit_test(test_values_cannot_forge_a_line),
        cmocka_unit_test(test_long_values_are_cut_between_characters),
        cmocka_unit_test(test_what_does_not_fit_is_left_out),
        cmocka_unit_test(test_writes_one_line_and_honours_the_level),
        cmocka_unit_test(test_counts_lines_that_cannot_be_written),
        cmocka_unit_test(test_threads_do_not_mix_their_lines),
        cmocka_unit_test(test_level_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
