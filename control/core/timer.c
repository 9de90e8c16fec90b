#include "control/core/timer.h"

#include "control/core/state.h"

void timer_set(struct core *c, struct timer *timer, uint64_t at)
{
    if (heap_set(&c->timers, &timer->node, at) < 0)
        c->failed = true;
}

void timer_stop(struct core *c, struct timer *timer)
{
    heap_remove(&c->timers, &timer->node);
}

void timer_run(struct core *c)
{
    struct heap_node *node;
    while ((node = heap_pop_due(&c->timers, c->now)) != NULL) {
        struct timer *timer = heap_entry(node, struct timer, node);
        timer->due(c, timer);
        core_split(c, TIMER_ROW_MAX);
    }
}
