/*
 * How much CPU time another process has used, from /proc/PID/stat: utime + stime of all threads.
 */
#ifndef CHAPPE_BENCH_PROCESS_CPU_H
#define CHAPPE_BENCH_PROCESS_CPU_H

#include <stdint.h>

/* Nanoseconds, in steps of a clock tick (10 ms). 0 or ERR_SYSTEM (no such process). */
int process_cpu(int pid, uint64_t *out);

#endif
