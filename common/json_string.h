/*
 * A string as it stands in JSON source: a view whose escapes are still there. Made by json_reader,
 * which has checked it.
 */
#ifndef CHAPPE_COMMON_JSON_STRING_H
#define CHAPPE_COMMON_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes.h"

struct json_string {
    struct bytes raw; /* between the quotes */
    size_t len;       /* with escapes resolved; at most raw.len */
};

bool json_string_equal(const struct json_string *s, const char *text);
/* Writes s->len bytes, escapes resolved, and no NUL behind them. */
void json_string_copy(const struct json_string *s, char *out);

#endif
