#include "dataplane/quic/connection_id.h"

#include <string.h>

#include "common/error.h"
#include "common/random.h"

int connection_id_make(ngtcp2_cid *out, uint8_t worker, uint16_t generation)
{
    memset(out, 0, sizeof(*out));
    out->datalen = CONNECTION_ID_SIZE;
    out->data[0] = worker;
    out->data[1] = (uint8_t)(generation >> 8);
    out->data[2] = (uint8_t)generation;
    return random_fill(out->data + 3, CONNECTION_ID_SIZE - 3);
}

int connection_id_read(struct bytes id, uint8_t *worker, uint16_t *generation)
{
    if (id.len != CONNECTION_ID_SIZE)
        return ERR_RANGE;
    *worker = id.data[0];
    *generation = (uint16_t)(id.data[1] << 8 | id.data[2]);
    return ERR_OK;
}

struct bytes connection_id_view(const ngtcp2_cid *id)
{
    return (struct bytes){id->data, id->datalen};
}
