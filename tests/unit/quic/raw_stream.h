/*
 * A peer that does with its streams what no honest one does: writes pieces of streams in any order,
 * ends them early, resets them. It goes past the library's own sending, straight to ngtcp2.
 */
#ifndef CHAPPE_TESTS_QUIC_RAW_STREAM_H
#define CHAPPE_TESTS_QUIC_RAW_STREAM_H

#include "tests/unit/quic/pair.h"

/* A new bidirectional (or unidirectional) stream of `end`. */
int64_t raw_stream_open(struct pair_end *end, bool bidirectional);
/*
 * Sends `data`, which must stay where it is; how much of it was sent: less than all if
 * the peer gives no credit for more.
 */
size_t raw_stream_write(struct pair *p, struct pair_end *end, int64_t stream, struct bytes data,
                        bool fin);
void raw_stream_reset(struct pair_end *end, int64_t stream);

#endif
