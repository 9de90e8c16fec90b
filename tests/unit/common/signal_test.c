#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/signal.h"
#include "common/signal_arena.h"
#include "tests/unit/common/vectors.h"

/* What a line says; the later commit's answer holds where there is one. */
struct expected {
    const char *name;
    const char *in;
    bool accepted; /* by one of the commits */
    bool seed_only;
    const char *out;
};

static struct expected expected_of(const cJSON *line)
{
    struct expected e = {.name = vectors_string(line, "name"),
                         .in = vectors_string(line, "in"),
                         .accepted = vectors_bool(line, "ok")};
    const cJSON *later = cJSON_GetObjectItemCaseSensitive(line, "later");
    const cJSON *out = cJSON_GetObjectItemCaseSensitive(later, "out");
    if (e.accepted)
        e.out = vectors_string(line, "out");
    if (cJSON_IsString(out)) {
        e.out = out->valuestring;
        e.accepted = true;
    }
    e.seed_only = cJSON_IsNull(out);
    return e;
}

/* The seed knows no fields of the later commit, so its answer does not show them. */
static void drop_later_fields(struct signal *signal)
{
    if (signal->type == SIGNAL_DIRECT_CALL_OFFER)
        signal->direct_call_offer.caller_build_version = SIGNAL_TEXT_NONE;
    else if (signal->type == SIGNAL_DIRECT_CALL_ANSWER)
        signal->direct_call_answer.callee_build_version = SIGNAL_TEXT_NONE;
}

static void check_line(const struct expected *e)
{
    struct signal signal;
    struct signal_error error;
    struct buffer out = {0};
    int rc = signal_parse(bytes_of_string(e->in), &signal, &error);
    if (e->accepted != (rc == 0))
        fail_msg("%s: %d", e->name, rc);
    if (rc != 0) {
        assert_int_equal(error.code, rc);
        assert_true(error.offset <= strlen(e->in));
        return;
    }
    if (e->seed_only)
        drop_later_fields(&signal);
    assert_int_equal(signal_write(&signal, &out), 0);
    if (!bytes_equal_string(buffer_view(&out), e->out))
        fail_msg("%s: %.*s, not %s", e->name, (int)out.len, (const char *)out.data, e->out);
    buffer_free(&out);
    signal_free(&signal);
}

static void every_vector(void **state)
{
    (void)state;
    cJSON *lines = vectors_load("signal.jsonl");
    const cJSON *line;
    assert_int_equal(cJSON_GetArraySize(lines), 304);
    cJSON_ArrayForEach(line, lines)
    {
        struct expected e = expected_of(line);
        check_line(&e);
    }
    cJSON_Delete(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
