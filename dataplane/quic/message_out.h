/*
 * Outgoing messages of one connection: each on a new bidirectional stream, in order, one after the
 * other. They wait while the peer gives no stream or no window, and their bytes stay until the
 * peer has acknowledged them, since QUIC may have to send them again.
 */
#ifndef CHAPPE_QUIC_MESSAGE_OUT_H
#define CHAPPE_QUIC_MESSAGE_OUT_H

#include <ngtcp2/ngtcp2.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/quic/quic.h"

struct out_message;

/* Zero-initialised is valid and empty. */
struct message_out {
    struct out_message *waiting; /* first to last; the first may be partly sent */
    struct out_message *waiting_last;
    struct out_message *sent; /* wholly sent, their streams still open */
    uint32_t waiting_count;
    uint32_t open_count; /* streams of ours that are open */
    uint64_t waiting_bytes;
};

void message_out_free(struct message_out *out); /* before or after `qc` is deleted */

/* Takes a reference. 0, ERR_FULL, ERR_MEMORY. */
int message_out_push(struct message_out *out, const struct quic_config *config,
                     struct quic_body *body, uint64_t replace_key);
/* The same on a unidirectional stream, without the length in front. */
int message_out_push_plain(struct message_out *out, const struct quic_config *config,
                           struct quic_body *body);

/* The next piece to be written; false if there is none or no stream for it. */
struct message_piece {
    int64_t stream;
    ngtcp2_vec vectors[2];
    size_t count;
};
bool message_out_next(struct message_out *out, ngtcp2_conn *qc, struct message_piece *piece);
/* `n` bytes of it were written; the FIN too, if that was all. */
void message_out_written(struct message_out *out, size_t n);
/* The stream cannot be written any more (the peer said STOP_SENDING): this message is done. */
void message_out_drop(struct message_out *out, ngtcp2_conn *qc);

/* What ngtcp2 reports of a stream of ours; `m` is the stream's user data. */
void message_out_acked(struct out_message *m, uint64_t up_to);
void message_out_closed(struct message_out *out, struct out_message *m);

bool message_out_idle(const struct message_out *out); /* nothing waits, everything is closed */

#endif
