#include "control/core/reconnect.h"

void reconnect_init(struct reconnect *r, uint64_t now)
{
    *r = (struct reconnect){RECONNECT_WAITING, RECONNECT_FIRST_NS, now};
}

uint64_t reconnect_deadline(const struct reconnect *r)
{
    return r->state == RECONNECT_WAITING ? r->at : UINT64_MAX;
}

bool reconnect_due(struct reconnect *r, uint64_t now)
{
    if (r->state != RECONNECT_WAITING || now < r->at)
        return false;
    r->state = RECONNECT_DIALING;
    r->at = now;
    return true;
}

/* Waits 50 to 100 % of the delay, and doubles it for the next time. */
static void back_off(struct reconnect *r, uint64_t now, uint64_t random)
{
    uint64_t half = r->delay / 2;
    r->state = RECONNECT_WAITING;
    r->at = now + half + random % (half + 1);
    r->delay = r->delay > RECONNECT_MAX_NS / 2 ? RECONNECT_MAX_NS : r->delay * 2;
}

void reconnect_failed(struct reconnect *r, uint64_t now, uint64_t random)
{
    if (r->state == RECONNECT_DIALING)
        back_off(r, now, random);
}

void reconnect_linked(struct reconnect *r, uint64_t now)
{
    r->state = RECONNECT_LINKED;
    r->at = now;
}

void reconnect_lost(struct reconnect *r, uint64_t now, uint64_t random)
{
    if (r->state != RECONNECT_LINKED)
        return;
    if (now - r->at >= RECONNECT_STABLE_NS)
        r->delay = RECONNECT_FIRST_NS;
    back_off(r, now, random);
}

void reconnect_at(struct reconnect *r, uint64_t at)
{
    if (r->state != RECONNECT_LINKED)
        reconnect_init(r, at);
}
