#include "control/core/call_way.h"

size_t call_ways(struct core *c, const char *name, struct path *out, size_t max)
{
    (void)c, (void)name, (void)out, (void)max;
    return 0;
}
