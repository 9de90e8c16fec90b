#include "tests/bench/load/process_cpu.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"

int process_cpu(int pid, uint64_t *out)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return ERR_SYSTEM;
    char *got = fgets(line, sizeof line, f);
    fclose(f);
    /* The name, field 2, may hold anything but ends in the last parenthesis. */
    char *rest = got == NULL ? NULL : strrchr(line, ')');
    unsigned long long utime, stime;
    if (rest == NULL || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                               &utime, &stime) != 2)
        return ERR_SYSTEM;
    *out = (utime + stime) * (CLOCK_SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
    return 0;
}
