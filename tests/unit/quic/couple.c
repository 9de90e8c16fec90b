#include "tests/unit/quic/couple.h"

#include <stdlib.h>

struct couple *couple_new(void)
{
    struct couple *f = calloc(1, sizeof(*f));
    pair_init(&f->pair);
    f->server = pair_add_open(&f->pair, 1);
    f->client = pair_add_open(&f->pair, 0);
    return f;
}

void couple_connect(struct couple *f)
{
    pair_connect(&f->pair, f->client, f->server, &f->c, &f->s);
}

int couple_setup(void **state)
{
    struct couple *f = couple_new();
    couple_connect(f);
    *state = f;
    return 0;
}

int couple_teardown(void **state)
{
    struct couple *f = *state;
    pair_free(&f->pair);
    if (f->pair.wire != NULL)
        wire_free(&f->wire);
    free(f);
    return 0;
}
