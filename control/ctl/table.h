/*
 * JSON as people read it: an array of objects as a table with aligned columns, an object as lines
 * of `key: value`, and below them its members that are such arrays.
 */
#ifndef CHAPPE_CONTROL_CTL_TABLE_H
#define CHAPPE_CONTROL_CTL_TABLE_H

#include <cjson/cJSON.h>
#include <stdio.h>

/* `empty` is printed for an array without elements. */
void table_print(FILE *out, const cJSON *value, const char *empty);

#endif
