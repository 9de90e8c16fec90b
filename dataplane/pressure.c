#include "dataplane/pressure.h"

static size_t load(size_t bytes, size_t inputs)
{
    return bytes + inputs * PRESSURE_INPUT_COST;
}

bool pressure_update(struct pressure *p, size_t bytes, size_t inputs)
{
    size_t limit = p->refusing ? PRESSURE_REFUSE / 2 : PRESSURE_REFUSE;
    bool refusing = load(bytes, inputs) > limit;
    bool changed = refusing != p->refusing;

    p->refusing = refusing;
    return changed;
}

bool pressure_admits(size_t bytes, size_t inputs)
{
    return load(bytes, inputs) <= PRESSURE_CLOSE;
}
