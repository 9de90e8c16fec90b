/*
 * A directory of a test's own, made for it and removed after it.
 */
#ifndef CHAPPE_TESTS_UNIT_IPC_DIRECTORY_H
#define CHAPPE_TESTS_UNIT_IPC_DIRECTORY_H

/* cmocka fixtures: *state is the path, a string. */
int directory_setup(void **state);
int directory_teardown(void **state);

#endif
