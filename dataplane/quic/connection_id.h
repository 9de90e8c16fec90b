/*
 * The connection ids that we choose: worker and generation of the process in front, so that
 * a packet can be steered to the thread and, later, to the process that it belongs to; the rest is
 * random. 8 bytes, like the originals', which leaves their datagrams the room that they expect.
 */
#ifndef CHAPPE_QUIC_CONNECTION_ID_H
#define CHAPPE_QUIC_CONNECTION_ID_H

#include <ngtcp2/ngtcp2.h>
#include <stdint.h>

#include "common/bytes.h"

#define CONNECTION_ID_SIZE 8

/* 0 or ERR_RANDOM. */
int connection_id_make(ngtcp2_cid *out, uint8_t worker, uint16_t generation);
/* What an id of ours says; ERR_RANGE if it has another length than ours. */
int connection_id_read(struct bytes id, uint8_t *worker, uint16_t *generation);
struct bytes connection_id_view(const ngtcp2_cid *id);

#endif
