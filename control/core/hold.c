#include "control/core/hold.h"

#include <utlist.h>

#include "control/core/topic.h"

bool hold_is_on(const struct topic *topic)
{
    return topic->hold.until != 0;
}

static void leave(struct core *c, struct topic *topic)
{
    struct federation *f = c->federation;
    DL_DELETE2(f->held, topic, hold.prev, hold.next);
    f->held_count--;
    topic->hold.until = topic->hold.lost = 0;
    if (f->held == NULL)
        timer_stop(c, &f->hold);
}

static void enter(struct core *c, struct topic *topic, size_t lost, uint64_t until)
{
    struct federation *f = c->federation;
    topic->hold.lost = lost;
    topic->hold.until = until;
    DL_APPEND2(f->held, topic, hold.prev, hold.next);
    f->held_count++;
    if (!heap_contains(&f->hold.node) || f->hold.node.key > until)
        timer_set(c, &f->hold, until);
}

void hold_cancel(struct core *c, struct topic *topic)
{
    if (hold_is_on(topic))
        leave(c, topic);
}

void hold_put(struct buffer *out, const struct topic *topic)
{
    buffer_append_u64(out, topic->hold.until);
    buffer_append_u8(out, (uint8_t)topic->hold.lost);
}

void hold_get(struct core *c, struct reader *r, struct topic *topic)
{
    uint64_t until = reader_u64(r);
    size_t lost = reader_u8(r);
    if (!r->failed && until != 0)
        enter(c, topic, lost, until);
}

static void begin(struct core *c, struct topic *topic)
{
    if (!hold_is_on(topic) && c->federation->held_count >= HOLD_MAX)
        return;
    size_t lost = hold_is_on(topic) ? topic->hold.lost : topic->hold.hops;
    hold_cancel(c, topic);
    enter(c, topic, lost, c->now + HOLD_NS);
    deferred_add(c, &topic->record);
}

void hold_settle(struct core *c, struct topic *topic, size_t hops)
{
    size_t before = topic->hold.hops;
    if (before != 0 && (hops == 0 || hops > before)) {
        begin(c, topic);
    } else if (hold_is_on(topic) && hops != 0 && hops <= topic->hold.lost) {
        leave(c, topic);
        deferred_add(c, &topic->record);
    }
    topic->hold.hops = hops;
}

/* Those of the same time in an order that does not depend on how they came. */
static int by_time(const struct topic *a, const struct topic *b)
{
    if (a->hold.until != b->hold.until)
        return a->hold.until < b->hold.until ? -1 : 1;
    return topic_compare(a, b);
}

static void over(struct core *c, struct timer *timer)
{
    struct federation *f = heap_entry(timer, struct federation, hold);
    DL_SORT2(f->held, by_time, hold.prev, hold.next);
    while (f->held != NULL && f->held->hold.until <= c->now) {
        struct topic *topic = f->held;
        leave(c, topic);
        topic_changed(c, topic);
        deferred_add(c, &topic->record);
    }
    if (f->held != NULL)
        timer_set(c, &f->hold, f->held->hold.until);
}

void hold_init(struct core *c)
{
    c->federation->hold.due = over;
}
