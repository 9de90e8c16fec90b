#include "ipc/gap.h"

void gap_reset(struct gap *g, uint64_t received)
{
    *g = (struct gap){.received = received, .sent = received};
}

bool gap_report(struct gap *g, uint64_t received, bool seen, uint64_t sent)
{
    if (received < g->received || received > sent)
        return false; /* overtaken by a newer report, or nonsense */
    bool stalled = received == g->received && received < g->sent;
    g->received = received;
    g->sent = sent;
    if (g->repeated || received == sent || !(seen || stalled))
        return false;
    g->repeated = true;
    return true;
}

void gap_tick(struct gap *g)
{
    g->repeated = false;
}
