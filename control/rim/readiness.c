#include "control/rim/readiness.h"

#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"

void readiness_init(struct readiness *r, uint64_t now)
{
    *r = (struct readiness){.until = now + READINESS_PATIENCE};
    int rc = notify_init_environment(&r->notify, now);
    if (rc != 0)
        log_event(LOG_WARN, "service_manager_not_told", LOG_ERR(rc));
}

void readiness_free(struct readiness *r)
{
    notify_close(&r->notify);
}

static void write_status(char text[NOTIFY_STATUS_MAX], const struct core *core, bool live)
{
    const struct core_gauges g = core_gauges(core);
    if (live && core_drain_state(core).draining)
        snprintf(text, NOTIFY_STATUS_MAX, "draining: %llu calls, %llu media sessions left",
                 (unsigned long long)g.calls, (unsigned long long)g.sessions);
    else if (!live)
        snprintf(text, NOTIFY_STATUS_MAX, "waiting for the data plane");
    else
        snprintf(text, NOTIFY_STATUS_MAX,
                 "%llu phones, %llu calls, %llu media sessions, %llu links",
                 (unsigned long long)g.phones, (unsigned long long)g.calls,
                 (unsigned long long)g.sessions, (unsigned long long)g.links);
}

static void tell_status(struct readiness *r, const struct core *core, bool live, uint64_t now)
{
    char text[NOTIFY_STATUS_MAX];
    bool first = !r->ready;
    write_status(text, core, live);
    r->next_status = now + READINESS_STATUS;
    r->ready = true;
    if (!first && strcmp(text, r->status) == 0)
        return;
    memcpy(r->status, text, sizeof text);
    if (first)
        notify_ready(&r->notify, text);
    else
        notify_status(&r->notify, text);
}

void readiness_tick(struct readiness *r, const struct core *core, bool live, uint64_t now)
{
    if (r->notify.fd < 0)
        return;
    notify_alive(&r->notify, now);
    if (r->ready ? now >= r->next_status : live || now >= r->until)
        tell_status(r, core, live, now);
}

void readiness_reloading(struct readiness *r, uint64_t now)
{
    if (r->ready)
        notify_reloading(&r->notify, now);
}

void readiness_reloaded(struct readiness *r)
{
    if (r->ready)
        notify_ready(&r->notify, NULL);
}

void readiness_stopping(struct readiness *r, const char *status)
{
    notify_stopping(&r->notify, status);
}
