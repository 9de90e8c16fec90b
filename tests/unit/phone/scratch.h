/*
 * A directory of a test's own, for the files that it writes.
 */
#ifndef CHAPPE_TESTS_UNIT_PHONE_SCRATCH_H
#define CHAPPE_TESTS_UNIT_PHONE_SCRATCH_H

#include "common/bytes.h"

#define SCRATCH_PATH 256

/* For cmocka_unit_test_setup_teardown: *state becomes the directory's path. */
int scratch_setup(void **state);
int scratch_teardown(void **state); /* removes the directory and the files in it */

/* The path of a file in it. */
void scratch_path(void **state, const char *name, char out[SCRATCH_PATH]);
void scratch_write(void **state, const char *name, struct bytes content);

#endif
