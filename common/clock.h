/*
 * The two clocks. Only the rim reads them: whatever decides takes `now` as an argument.
 *
 * Everything that measures or waits uses the monotonic clock, in nanoseconds. It is the same for
 * all processes of one machine, so that deadlines in records outlive a process. The wall clock, in
 * milliseconds since 1970, is for log lines, epochs and what the protocol puts on the wire.
 */
#ifndef CHAPPE_COMMON_CLOCK_H
#define CHAPPE_COMMON_CLOCK_H

#include <stdint.h>

#define CLOCK_US ((uint64_t)1000) /* a microsecond in nanoseconds */
#define CLOCK_MS ((uint64_t)1000000)
#define CLOCK_SECOND ((uint64_t)1000000000)

uint64_t clock_monotonic(void); /* CLOCK_MONOTONIC in nanoseconds */
uint64_t clock_wall_ms(void);   /* CLOCK_REALTIME in milliseconds */
uint64_t clock_wall_us(void);   /* ... in microseconds */

#define CLOCK_TEXT 40 /* bytes with the NUL */

/* "2026-11-22T15:04:05.123Z", UTC; the second with six decimals. Since 1970. */
void clock_text(uint64_t unix_ms, char out[CLOCK_TEXT]);
void clock_text_us(uint64_t unix_us, char out[CLOCK_TEXT]);

#endif
