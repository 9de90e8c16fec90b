#include "dataplane/quic/quic.h"

#include <stdlib.h>
#include <string.h>

struct quic_body *quic_body_new(struct bytes content)
{
    if (content.len > UINT32_MAX)
        return NULL;
    struct quic_body *b = malloc(sizeof(*b) + content.len);
    if (!b)
        return NULL;
    b->references = 1;
    b->len = (uint32_t)content.len;
    if (content.len > 0)
        memcpy(b->data, content.data, content.len);
    return b;
}

void quic_body_retain(struct quic_body *b)
{
    b->references++;
}

void quic_body_release(struct quic_body *b)
{
    if (b && --b->references == 0)
        free(b);
}
