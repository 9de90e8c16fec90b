#include "channel.h"

#include <stdlib.h>
#include <string.h>

uint64_t rng_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

bool rng_chance(uint64_t *state, unsigned per_mille)
{
    return per_mille > 0 && rng_next(state) % 1000 < per_mille;
}

static void insert(struct channel *c, struct bytes message)
{
    if (c->count == c->capacity) {
        c->capacity = c->capacity == 0 ? 16 : c->capacity * 2;
        c->list = realloc(c->list, c->capacity * sizeof(*c->list));
        if (c->list == NULL)
            abort();
    }
    size_t place = c->count;
    if (c->count > 0 && rng_chance(c->rng, c->reorder))
        place -= rng_next(c->rng) % (c->count < 5 ? c->count : 5);
    memmove(&c->list[place + 1], &c->list[place], (c->count - place) * sizeof(*c->list));
    c->list[place] = (struct buffer){0};
    buffer_append_bytes(&c->list[place], message);
    c->count++;
}

void channel_push(struct channel *c, struct bytes message)
{
    if (c->cut || (c->drop > 0 && rng_chance(c->rng, c->drop)))
        return;
    insert(c, message);
    if (c->duplicate > 0 && rng_chance(c->rng, c->duplicate))
        insert(c, message);
}

bool channel_pop(struct channel *c, struct buffer *message)
{
    if (c->count == 0)
        return false;
    *message = c->list[0];
    c->count--;
    memmove(&c->list[0], &c->list[1], c->count * sizeof(*c->list));
    return true;
}

void channel_clear(struct channel *c)
{
    for (size_t i = 0; i < c->count; i++)
        buffer_free(&c->list[i]);
    c->count = 0;
}

void channel_free(struct channel *c)
{
    channel_clear(c);
    free(c->list);
    c->list = NULL;
    c->capacity = 0;
}
