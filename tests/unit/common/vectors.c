#include "tests/unit/common/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/hex.h"

cJSON *vectors_load(const char *name)
{
    char path[512];
    char *text = NULL;
    size_t size = 0;
    snprintf(path, sizeof(path), "%s/vectors/%s", TESTS_DIR, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    cJSON *lines = cJSON_CreateArray();
    assert_non_null(lines);
    while (getline(&text, &size, file) > 0) {
        cJSON *line = cJSON_Parse(text);
        assert_non_null(line);
        assert_true(cJSON_AddItemToArray(lines, line));
    }
    free(text);
    fclose(file);
    assert_int_not_equal(cJSON_GetArraySize(lines), 0);
    return lines;
}

const char *vectors_string(const cJSON *line, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(line, key);
    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

bool vectors_bool(const cJSON *line, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(line, key);
    assert_true(cJSON_IsBool(item));
    return cJSON_IsTrue(item);
}

size_t vectors_hex(const cJSON *line, const char *key, uint8_t *out, size_t size)
{
    const char *hex = vectors_string(line, key);
    size_t len = strlen(hex) / 2;
    assert_true(len <= size);
    vectors_bytes(hex, out, len);
    return len;
}

void vectors_bytes(const char *hex, uint8_t *out, size_t len)
{
    assert_int_equal(strlen(hex), 2 * len);
    assert_int_equal(hex_decode(hex, out, len), 0);
}
