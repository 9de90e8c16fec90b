#include "control/rim/reload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/error.h"

static char path[] = "/tmp/chappe-reload-XXXXXX";
static const struct fingerprint_tls own = {{0xaa}};

static int begin(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int end(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const char *yaml)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(yaml, file);
    assert_int_equal(fclose(file), 0);
}

static void load(const char *yaml, struct config *config)
{
    struct config_errors errors;
    write_file(yaml);
    assert_int_equal(config_load(path, config, &errors), 0);
}

static void expect_change(const cJSON *answer, int index, const char *key, const char *old_text,
                          const char *new_text, bool needs_restart)
{
    const cJSON *o = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(answer, "changes"), index);
    assert_non_null(o);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(o, "key")), key);
    const char *old_said = cJSON_GetStringValue(cJSON_GetObjectItem(o, "old"));
    const char *new_said = cJSON_GetStringValue(cJSON_GetObjectItem(o, "new"));
    assert_string_equal(old_said == NULL ? "null" : old_said, old_text);
    assert_string_equal(new_said == NULL ? "null" : new_said, new_text);
    assert_int_equal(cJSON_IsTrue(cJSON_GetObjectItem(o, "needs_restart")), needs_restart);
}

static int changes_of(const cJSON *answer)
{
    return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(answer, "changes"));
}

static void changes_are_told_and_a_restart_is_asked_for_again_and_again(void **state)
{
    (void)state;
    struct config running, fresh, again;
    cJSON *answer;
    load("relay: { name: one }\n", &running);
    write_file("relay: { name: two, workers: 2 }\nauth: { url: 'http://a' }\n");
    assert_int_equal(reload_read(&running, &own, &fresh, &answer), 0);
    assert_int_equal(changes_of(answer), 3);
    expect_change(answer, 0, "relay.name", "one", "two", false);
    expect_change(answer, 1, "relay.workers", "1", "2", true);
    expect_change(answer, 2, "auth.url", "null", "http://a", false);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(answer, "needs_restart")));
    assert_int_equal(fresh.relay.workers, 1); /* still */
    assert_string_equal(fresh.relay.name, "two");
    cJSON_Delete(answer);

    assert_int_equal(reload_read(&fresh, &own, &again, &answer), 0);
    assert_int_equal(changes_of(answer), 1);
    expect_change(answer, 0, "relay.workers", "1", "2", true);
    cJSON_Delete(answer);
    config_free(&running);
    config_free(&fresh);
    config_free(&again);
}

static void expect_refused(const char *yaml, int error, const char *text)
{
    struct config running, fresh;
    cJSON *answer;
    load("relay: { name: one }\n", &running);
    write_file(yaml);
    assert_int_equal(reload_read(&running, &own, &fresh, &answer), error);
    assert_non_null(strstr(cJSON_GetStringValue(answer), text));
    assert_string_equal(running.relay.name, "one");
    cJSON_Delete(answer);
    config_free(&running);
}

static void a_file_that_is_wrong_changes_nothing(void **state)
{
    (void)state;
    char text[200];
    snprintf(text, sizeof(text), "%s:2: relay.listen: ", path);
    expect_refused("relay:\n  listen: nowhere\n  name: two\n", ERR_SYNTAX, text);
    expect_refused("relay:\n  listne: '0.0.0.0:1'\n", ERR_SYNTAX, "listne");
    expect_refused("peers:\n  - address: 'x:1'\n    fingerprint: "
                   "aa00000000000000000000000000000000000000000000000000000000000000\n",
                   ERR_DUPLICATE, "peers[0].fingerprint");
}

static void all_errors_are_told(void **state)
{
    (void)state;
    expect_refused("relay: { listen: x }\nlimits: { ring_timeout_s: 0 }\n", ERR_SYNTAX,
                   "limits.ring_timeout_s");
    expect_refused("relay: { listen: x }\nlimits: { ring_timeout_s: 0 }\n", ERR_SYNTAX,
                   "relay.listen");
}

static void a_file_that_is_gone_changes_nothing(void **state)
{
    (void)state;
    struct config running, fresh;
    cJSON *answer;
    load("relay: { name: one }\n", &running);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(reload_read(&running, &own, &fresh, &answer), ERR_SYSTEM);
    assert_non_null(strstr(cJSON_GetStringValue(answer), path));
    cJSON_Delete(answer);
    config_free(&running);
    write_file("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_told_and_a_restart_is_asked_for_again_and_again),
        cmocka_unit_test(a_file_that_is_wrong_changes_nothing),
        cmocka_unit_test(all_errors_are_told),
        cmocka_unit_test(a_file_that_is_gone_changes_nothing),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
