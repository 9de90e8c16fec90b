/*
 * Random bytes from the kernel. Only the rim calls this: whatever decides takes random numbers as
 * arguments or events.
 */
#ifndef CHAPPE_COMMON_RANDOM_H
#define CHAPPE_COMMON_RANDOM_H

#include <stddef.h>

/* Fills `out` with bytes fit for keys. Returns 0 or ERR_RANDOM. */
int random_fill(void *out, size_t len);

#endif
