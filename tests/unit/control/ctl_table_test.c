#include "control/ctl/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void assert_printed(const char *json, const char *want)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    cJSON *value = cJSON_Parse(json);
    assert_non_null(value);
    table_print(out, value, "nothing there");
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, want);
    cJSON_Delete(value);
    free(text);
}

static void an_empty_list_says_so(void **state)
{
    (void)state;
    assert_printed("[]", "nothing there\n");
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    assert_printed("[{\"name\":\"a\",\"members\":2},{\"name\":\"general\",\"members\":1000000}]",
                   "name     members\n"
                   "a        2      \n"
                   "general  1000000\n");
}

static void what_is_absent_or_empty_is_a_dash(void **state)
{
    (void)state;
    assert_printed("[{\"a\":null,\"b\":\"\",\"c\":true},{\"a\":1}]", "a  b  c   \n"
                                                                     "-  -  true\n"
                                                                     "1  -  -   \n");
}

static void nested_values_are_printed_as_json(void **state)
{
    (void)state;
    assert_printed("[{\"x\":[1,{\"y\":2}]}]", "x          \n[1,{\"y\":2}]\n");
}

static void tables_in_an_object_come_below_its_lines(void **state)
{
    (void)state;
    assert_printed("{\"members\":[{\"a\":1},{\"a\":22}],\"name\":\"x\",\"empty\":[]}", "name   x\n"
                                                                                       "empty  []\n"
                                                                                       "\n"
                                                                                       "members\n"
                                                                                       "a \n"
                                                                                       "1 \n"
                                                                                       "22\n");
}

static void an_object_is_lines(void **state)
{
    (void)state;
    assert_printed("{\"name\":\"relay-a\",\"uptime_s\":7,\"aes\":\"\"}", "name      relay-a\n"
                                                                         "uptime_s  7\n"
                                                                         "aes       -\n");
}

static void rows_that_are_no_objects_do_no_harm(void **state)
{
    (void)state;
    assert_printed("[1,2]", "\n\n\n");
    assert_printed("[{\"a\":1},7]", "a\n1\n-\n");
}

static void more_columns_than_fit_are_left_out(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    cJSON *rows = cJSON_CreateArray(), *row = cJSON_CreateObject();
    for (int i = 0; i < 100; i++) {
        char key[] = {(char)('A' + i / 10), (char)('0' + i % 10), '\0'};
        cJSON_AddNumberToObject(row, key, i);
    }
    cJSON_AddItemToArray(rows, row);
    table_print(out, rows, "");
    fclose(out);
    assert_int_equal(len, 2 * (32 * 2 + 31 * 2 + 1));
    cJSON_Delete(rows);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_list_says_so),
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(what_is_absent_or_empty_is_a_dash),
        cmocka_unit_test(nested_values_are_printed_as_json),
        cmocka_unit_test(tables_in_an_object_come_below_its_lines),
        cmocka_unit_test(an_object_is_lines),
        cmocka_unit_test(rows_that_are_no_objects_do_no_harm),
        cmocka_unit_test(more_columns_than_fit_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
