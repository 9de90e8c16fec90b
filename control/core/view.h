/* What the files of the views share. */
#ifndef CHAPPE_CONTROL_CORE_VIEW_H
#define CHAPPE_CONTROL_CORE_VIEW_H

#include <cjson/cJSON.h>

/* Adds a fresh object to the array; NULL without memory. */
cJSON *view_add_object(cJSON *array);
/* Null for NULL and "". */
void view_add_text(cJSON *object, const char *key, const char *text);

#endif
