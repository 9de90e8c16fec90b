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

static void names_are_those_on_the_wire(void **state)
{
    (void)state;
    assert_string_equal(signal_type_name(SIGNAL_CALL_OFFER), "CallOffer");
    assert_string_equal(signal_type_name(SIGNAL_QUALITY_DIRECTIVE), "QualityDirective");
    assert_string_equal(signal_type_name(SIGNAL_TYPES), "?");
    assert_string_equal(signal_codec_name(SIGNAL_CODEC_OPUS64K), "Opus64k");
    assert_string_equal(signal_codec_name(SIGNAL_CODECS), "?");
    assert_string_equal(signal_hangup_reason_name(SIGNAL_HANGUP_DECLINED), "Declined");
    assert_string_equal(signal_accept_mode_name(SIGNAL_ACCEPT_GENERIC), "AcceptGeneric");
}

static void check_profile(const struct signal_profile *profile, const char *expected)
{
    struct buffer out = {0};
    const struct signal signal = {.type = SIGNAL_QUALITY_DIRECTIVE,
                                  .quality_directive = {.recommended_profile = *profile}};
    assert_int_equal(signal_write(&signal, &out), 0);
    assert_int_equal(buffer_append_u8(&out, 0), 0);
    if (strstr((const char *)out.data, expected) == NULL)
        fail_msg("%s, not %s", (const char *)out.data, expected);
    buffer_free(&out);
}

static void profiles_are_the_originals(void **state)
{
    (void)state;
    static const struct {
        const struct signal_profile *profile;
        const char *json;
    } cases[] = {
        {&signal_profile_good, "\"Opus24k\",\"fec_ratio\":0.2,\"frame_duration_ms\":20,"
                               "\"frames_per_block\":5}"},
        {&signal_profile_degraded, "\"Opus6k\",\"fec_ratio\":0.5,\"frame_duration_ms\":40,"
                                   "\"frames_per_block\":10}"},
        {&signal_profile_catastrophic, "\"Codec2_1200\",\"fec_ratio\":1.0,\"frame_duration_ms\":40,"
                                       "\"frames_per_block\":8}"},
        {&signal_profile_studio_32k, "\"Opus32k\",\"fec_ratio\":0.1,\"frame_duration_ms\":20,"},
        {&signal_profile_studio_48k, "\"Opus48k\",\"fec_ratio\":0.1,\"frame_duration_ms\":20,"},
        {&signal_profile_studio_64k, "\"Opus64k\",\"fec_ratio\":0.1,\"frame_duration_ms\":20,"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_profile(cases[i].profile, cases[i].json);
    assert_int_equal(signal_profiles_good.count, 1);
}

static void texts_compare_and_copy(void **state)
{
    (void)state;
    char out[4];
    assert_true(signal_text_equal(SIGNAL_TEXT("a"), signal_text_of("a")));
    assert_true(signal_text_equal(SIGNAL_TEXT_NONE, SIGNAL_TEXT("")));
    assert_false(signal_text_equal_string(SIGNAL_TEXT("a\0"), "a"));
    assert_null(signal_text_of(NULL).data);
    assert_true(bytes_equal_string(signal_text_bytes(SIGNAL_TEXT("ab")), "ab"));
    assert_true(signal_text_equal_string(signal_text_of_bytes(BYTES_LITERAL("ab")), "ab"));
    assert_true(signal_text_copy(SIGNAL_TEXT("abc"), out, sizeof(out)));
    assert_string_equal(out, "abc");
    assert_false(signal_text_copy(SIGNAL_TEXT("abcd"), out, sizeof(out)));
    assert_string_equal(out, "abc");
    assert_false(signal_text_copy(SIGNAL_TEXT("a\0b"), out, sizeof(out)));
    assert_true(signal_text_copy(SIGNAL_TEXT(""), out, sizeof(out)));
    assert_false(signal_text_copy(SIGNAL_TEXT_NONE, out, sizeof(out)));
    assert_string_equal(out, "");
}

static void freeing_twice_is_harmless(void **state)
{
    (void)state;
    struct signal signal;
    assert_int_equal(
        signal_parse(BYTES_LITERAL("{\"AuthToken\":{\"token\":\"t\"}}"), &signal, NULL), 0);
    signal_free(&signal);
    signal_free(&signal);
    assert_null(signal.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector),
        cmocka_unit_test(names_are_those_on_the_wire),
        cmocka_unit_test(profiles_are_the_originals),
        cmocka_unit_test(texts_compare_and_copy),
        cmocka_unit_test(freeing_twice_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
