#include "control/core/deferred.h"

#include <utlist.h>

#include "control/core/state.h"

void deferred_add(struct core *c, struct deferred *work)
{
    if (work->queued)
        return;
    work->queued = true;
    DL_APPEND(c->deferred, work);
}

void deferred_cancel(struct core *c, struct deferred *work)
{
    if (!work->queued)
        return;
    work->queued = false;
    DL_DELETE(c->deferred, work);
}

bool deferred_run(struct core *c)
{
    while (c->deferred != NULL && c->transaction.row.len <= DEFERRED_ROW_MAX) {
        struct deferred *work = c->deferred;
        deferred_cancel(c, work);
        work->run(c, work);
    }
    return c->deferred != NULL;
}
