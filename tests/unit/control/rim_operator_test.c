#include "control/rim/operator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "idle.h"

#define NOW IDLE_NOW

static struct idle idle;
static struct operator_window window;

static int begin(void **state)
{
    (void)state;
    int rc = idle_begin(&idle, "relay: { name: relay-x }\n");
    window = (struct operator_window){.config = &idle.config,
                                      .core = idle.core,
                                      .contract = idle.contract,
                                      .build = "chappe-test",
                                      .aes = "",
                                      .started = NOW - 7 * CLOCK_SECOND};
    return rc;
}

static int end(void **state)
{
    (void)state;
    idle_end(&idle);
    return 0;
}

/* ---- asking ---- */

/* The answer as JSON, owned by the caller: always one whole object with a boolean "ok". */
static cJSON *ask(struct bytes request)
{
    struct buffer answer = {0};
    operator_answer(&window, request, NOW, &answer);
    assert_false(answer.failed);
    cJSON *json = cJSON_ParseWithLength((char *)answer.data, answer.len);
    buffer_free(&answer);
    assert_true(cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(json, "ok")));
    return json;
}

/* The "result" of a good answer, owned by the caller. */
static cJSON *ask_good(const char *request)
{
    cJSON *json = ask(bytes_of_string(request));
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "ok")));
    cJSON *result = cJSON_DetachItemFromObjectCaseSensitive(json, "result");
    assert_non_null(result);
    cJSON_Delete(json);
    return result;
}

static void assert_refused(struct bytes request)
{
    cJSON *json = ask(request);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(json, "ok")));
    assert_non_null(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "error")));
    assert_null(cJSON_GetObjectItemCaseSensitive(json, "result"));
    cJSON_Delete(json);
}

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    assert_non_null(text);
    return text;
}

static void status_has_its_keys(void **state)
{
    (void)state;
    cJSON *status = ask_good("{\"command\":\"status\"}");
    assert_string_equal(text_of(status, "name"), "relay-x");
    assert_string_equal(text_of(status, "version"), "chappe-test");
    assert_string_equal(text_of(status, "aes"), "");
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(status, "uptime_s")->valueint, 7);
    assert_true(cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(status, "data_epoch")));
    assert_true(cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(status, "control_epoch")));
    cJSON_Delete(status);
}

/* What a view is worth is said with it. */
static void assert_warned(const char *request, const char *warning)
{
    cJSON *json = ask(bytes_of_string(request));
    const cJSON *said = cJSON_GetObjectItemCaseSensitive(json, "warning");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "ok")));
    if (warning == NULL)
        assert_null(said);
    else
        assert_string_equal(cJSON_GetStringValue(said), warning);
    cJSON_Delete(json);
}

static void expect_data_plane(const char *state)
{
    cJSON *status = ask_good("{\"command\":\"status\"}");
    assert_string_equal(text_of(status, "data_plane"), state);
    cJSON_Delete(status);
}

static void views_say_whether_the_data_plane_answers(void **state)
{
    (void)state;
    window.answered = window.silent = false;
    expect_data_plane("not adopted yet");
    assert_warned("{\"command\":\"peers\"}",
                  "the data plane is not adopted yet: views show what was, not what is");
    window.silent = true;
    window.silent_since_ms = 1000;
    expect_data_plane("silent since 1970-01-01T00:00:01.000Z");
    static const char *const commands[] = {"status", "peers",    "sessions", "rooms",
                                           "calls",  "presence", "probes"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char request[64];
        snprintf(request, sizeof request, "{\"command\":\"%s\"}", commands[i]);
        assert_warned(request, "the data plane is silent since 1970-01-01T00:00:01.000Z: views "
                               "show what was, not what is");
    }
    window.silent = false;
    window.answered = true;
    expect_data_plane("answering");
    assert_warned("{\"command\":\"peers\"}", NULL);
}

static void lists_are_empty_not_absent(void **state)
{
    (void)state;
    static const char *const commands[] = {"peers", "sessions", "rooms", "calls"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct buffer request = {0};
        buffer_printf(&request, "{\"command\":\"%s\"}", commands[i]);
        buffer_append_u8(&request, '\0');
        cJSON *list = ask_good((char *)request.data);
        assert_true(cJSON_IsArray(list));
        assert_int_equal(cJSON_GetArraySize(list), 0);
        cJSON_Delete(list);
        buffer_free(&request);
    }
}

static void not_ready_without_a_data_plane(void **state)
{
    (void)state;
    window.answered = false;
    cJSON *ready = ask_good("{\"command\":\"ready\",\"more\":[1,2]}");
    assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(ready, "ready")));
    assert_string_not_equal(text_of(ready, "why"), "");
    cJSON_Delete(ready);
}

/* ---- actions ---- */

static int answer_reload(void *context, cJSON **result)
{
    int rc = *(int *)context;
    *result = cJSON_CreateString(rc == 0 ? "changed" : "x.yaml:3: relay.listen: wrong");
    return rc;
}

static void an_action_answers_with_its_result_or_why_not(void **state)
{
    (void)state;
    int rc = 0;
    window.actions = (struct operator_actions){.reload = answer_reload, .context = &rc};
    cJSON *good = ask_good("{\"command\":\"reload\"}");
    assert_string_equal(cJSON_GetStringValue(good), "changed");
    cJSON_Delete(good);
    rc = ERR_SYNTAX;
    cJSON *bad = ask(BYTES_LITERAL("{\"command\":\"reload\"}"));
    assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(bad, "ok")));
    assert_string_equal(text_of(bad, "error"), "x.yaml:3: relay.listen: wrong");
    cJSON_Delete(bad);
}

static uint32_t drained_for;
static int drains, undrains;

static void note_drain(void *context, const uint32_t *seconds)
{
    (void)context;
    drains++;
    drained_for = seconds == NULL ? UINT32_MAX : *seconds;
    core_drain(idle.core, seconds == NULL ? UINT64_MAX : NOW + *seconds * CLOCK_SECOND, NOW);
}

static void note_undrain(void *context)
{
    (void)context;
    undrains++;
    core_undrain(idle.core, NOW);
}

static bool is_draining(const cJSON *o)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "draining"));
}

static void a_drain_tells_what_is_left(void **state)
{
    (void)state;
    window.actions = (struct operator_actions){.drain = note_drain, .undrain = note_undrain};
    window.answered = true;
    cJSON *answer = ask_good("{\"command\":\"drain\",\"deadline_s\":90}");
    assert_int_equal(drained_for, 90);
    assert_true(is_draining(answer));
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(answer, "deadline_s")->valueint, 90);
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(answer, "calls")->valueint, 0);
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(answer, "connections")->valueint, 0);
    cJSON_Delete(answer);
    answer = ask_good("{\"command\":\"drain\"}");
    assert_int_equal(drained_for, UINT32_MAX);
    assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(answer, "deadline_s")));
    cJSON_Delete(answer);
    answer = ask_good("{\"command\":\"status\"}");
    assert_true(is_draining(answer));
    cJSON_Delete(answer);
    answer = ask_good("{\"command\":\"undrain\"}");
    assert_false(is_draining(answer));
    cJSON_Delete(answer);
    assert_int_equal(undrains, 1);
}

static void a_deadline_that_makes_no_sense_drains_nothing(void **state)
{
    (void)state;
    int before = drains;
    window.answered = true;
    assert_refused(BYTES_LITERAL("{\"command\":\"drain\",\"deadline_s\":-1}"));
    assert_refused(BYTES_LITERAL("{\"command\":\"drain\",\"deadline_s\":1e300}"));
    assert_refused(BYTES_LITERAL("{\"command\":\"drain\",\"deadline_s\":\"5\"}"));
    assert_refused(BYTES_LITERAL("{\"command\":\"drain\",\"deadline_s\":null}"));
    assert_int_equal(drains, before);
}

static void without_a_data_plane_nothing_is_drained(void **state)
{
    (void)state;
    int before = drains + undrains;
    window.actions = (struct operator_actions){.drain = note_drain, .undrain = note_undrain};
    window.answered = false;
    assert_refused(BYTES_LITERAL("{\"command\":\"drain\",\"deadline_s\":90}"));
    assert_refused(BYTES_LITERAL("{\"command\":\"drain\"}"));
    assert_refused(BYTES_LITERAL("{\"command\":\"undrain\"}"));
    assert_int_equal(drains + undrains, before);
}

/* ---- route ---- */

static cJSON *answer_route(void *context, const char *name, uint64_t now)
{
    (void)context;
    (void)now;
    return cJSON_CreateString(name);
}

static cJSON *ask_route(const char *phone)
{
    char request[256];
    snprintf(request, sizeof request, "{\"command\":\"route\",\"fingerprint\":\"%s\"}", phone);
    return ask(bytes_of_string(request));
}

static void a_fingerprint_is_read_as_people_write_it(void **state)
{
    (void)state;
    static const char *const good[] = {
        "0123:4567:89ab:cdef:0123:4567:89ab:cdef",
        "0123456789abcdef0123456789abcdef",
        "0123:4567:89AB:CDEF:0123:4567:89ab:cdef",
        "01234567-89abcdef 01234567-89ABCDEF",
    };
    window.actions = (struct operator_actions){.route = answer_route};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cJSON *json = ask_route(good[i]);
        assert_string_equal(text_of(json, "result"), good[0]);
        cJSON_Delete(json);
    }
}

static void what_can_be_nobodys_name_is_wrong_usage(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "zzz",
        "1234",
        "0123:4567:89ab:cdef:0123:4567:89ab:cdef:0",
        "0123456789abcdef0123456789abcdeg",
    };
    window.actions = (struct operator_actions){.route = answer_route};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cJSON *json = ask_route(bad[i]);
        assert_non_null(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "error")));
        assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "usage")));
        cJSON_Delete(json);
    }
    assert_refused(BYTES_LITERAL("{\"command\":\"route\"}"));
}

static void garbage_gets_an_error(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "",
        "{",
        "[]",
        "7",
        "null",
        "\"status\"",
        "{}",
        "{\"command\":null}",
        "{\"command\":7}",
        "{\"command\":[\"status\"]}",
        "{\"command\":\"\"}",
        "{\"command\":\"Status\"}",
        "{\"command\":\"status \"}",
        "{\"COMMAND\":\"status\"}",
        "{\"command\":\"\\u0000status\"}",
        "\xff\xfe\x01",
    };
    assert_refused(BYTES_NONE);
    assert_refused((struct bytes){(const uint8_t *)"\0\0\0", 3});
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        assert_refused(bytes_of_string(requests[i]));
}

static void a_request_that_is_too_long_is_not_read(void **state)
{
    (void)state;
    static uint8_t request[OPERATOR_REQUEST_MAX + 1];
    static const char good[] = "{\"command\":\"status\"}";
    memset(request, ' ', sizeof request);
    memcpy(request, good, sizeof good - 1);
    assert_refused((struct bytes){request, sizeof request});
    cJSON_Delete(ask((struct bytes){request, sizeof request - 1}));
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    static uint8_t request[OPERATOR_REQUEST_MAX];
    memset(request, '[', sizeof request);
    assert_refused((struct bytes){request, sizeof request});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_has_its_keys),
        cmocka_unit_test(views_say_whether_the_data_plane_answers),
        cmocka_unit_test(lists_are_empty_not_absent),
        cmocka_unit_test(not_ready_without_a_data_plane),
        cmocka_unit_test(an_action_answers_with_its_result_or_why_not),
        cmocka_unit_test(a_drain_tells_what_is_left),
        cmocka_unit_test(a_deadline_that_makes_no_sense_drains_nothing),
        cmocka_unit_test(without_a_data_plane_nothing_is_drained),
        cmocka_unit_test(a_fingerprint_is_read_as_people_write_it),
        cmocka_unit_test(what_can_be_nobodys_name_is_wrong_usage),
        cmocka_unit_test(garbage_gets_an_error),
        cmocka_unit_test(a_request_that_is_too_long_is_not_read),
        cmocka_unit_test(deep_nesting_is_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
