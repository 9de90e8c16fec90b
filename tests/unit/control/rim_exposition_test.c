#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "control/rim/exposition.h"

static void assert_text(struct buffer *out, const char *text)
{
    buffer_append_u8(out, 0);
    assert_false(out->failed);
    assert_string_equal((const char *)out->data, text);
    buffer_free(out);
}

static void test_families_and_samples(void **state)
{
    (void)state;
    struct buffer out = {0};
    exposition_counter(&out, "a_total", "how many", UINT64_MAX);
    exposition_gauge(&out, "b", "how much", 0.25);
    exposition_family(&out, "c", "gauge", "labelled");
    exposition_sample_u64(&out, "c", EXPOSITION_LABELS("x", "1", "y", "2"), 3);
    assert_text(&out, "# HELP a_total how many\n# TYPE a_total counter\n"
                      "a_total 18446744073709551615\n"
                      "# HELP b how much\n# TYPE b gauge\nb 0.25\n"
                      "# HELP c labelled\n# TYPE c gauge\nc{x=\"1\",y=\"2\"} 3\n");
}

static void test_texts_are_escaped(void **state)
{
    (void)state;
    struct buffer out = {0};
    exposition_family(&out, "a", "gauge", "one\ntwo \\ \"three\"");
    exposition_sample_u64(&out, "a", EXPOSITION_LABEL("x", "\"\\\n"), 1);
    assert_text(&out, "# HELP a one\\ntwo \\\\ \"three\"\n# TYPE a gauge\n"
                      "a{x=\"\\\"\\\\\\n\"} 1\n");
}

static void test_milliseconds_since_1970_keep_all_their_digits(void **state)
{
    (void)state;
    struct buffer out = {0};
    exposition_sample(&out, "epoch", EXPOSITION_NO_LABELS, 1790000000123.0);
    assert_text(&out, "epoch 1790000000123\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families_and_samples),
        cmocka_unit_test(test_texts_are_escaped),
        cmocka_unit_test(test_milliseconds_since_1970_keep_all_their_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
