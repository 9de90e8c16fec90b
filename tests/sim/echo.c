#include "tests/sim/echo.h"

#include <stdlib.h>

#include "tests/sim/net_connection.h"

static uint64_t key_of(const struct packet *p)
{
    return (uint64_t)p->from << 32 | p->number;
}

bool echo_find(const struct echo *echoes, const struct packet *p)
{
    struct echo *found = NULL;
    uint64_t key = key_of(p);
    HASH_FIND(hh, echoes, &key, sizeof(key), found);
    return found != NULL;
}

void echo_note(struct echo **echoes, const struct packet *p)
{
    if (echo_find(*echoes, p))
        return;
    struct echo *echo = sim_alloc(sizeof(*echo));
    echo->key = key_of(p);
    HASH_ADD(hh, *echoes, key, sizeof(echo->key), echo);
}

void echo_free_all(struct echo **echoes)
{
    struct echo *echo, *next;
    HASH_ITER(hh, *echoes, echo, next)
    {
        HASH_DEL(*echoes, echo);
        free(echo);
    }
}
