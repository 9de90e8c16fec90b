/*
 * What a worker counts: every drop by its reason, and what it did. QUIC's and the contract's own
 * counters are published beside these under the prefixes "quic_" and "ipc_".
 */
#ifndef CHAPPE_DATAPLANE_COUNTERS_H
#define CHAPPE_DATAPLANE_COUNTERS_H

#include <stdint.h>

#include "common/bytes.h"

/* Name, what it counts. */
#define COUNTERS_TABLE(X)                                                                          \
    X(media_from_members, "media packets that members sent")                                       \
    X(media_from_links, "media packets that came over links")                                      \
    X(media_to_members, "media packets queued for members")                                        \
    X(media_to_links, "media packets queued for links")                                            \
    X(media_bytes_to_members, "payload bytes of media packets queued for members")                 \
    X(media_bytes_to_links, "payload bytes of media packets queued for links")                     \
    X(drop_no_role, "datagrams on connections that are in no room and no link")                    \
    X(drop_malformed, "datagrams that hold no valid media packet")                                 \
    X(drop_unknown_tag, "link datagrams whose tag has no route")                                   \
    X(drop_participant_rate, "media over the rate of one participant")                             \
    X(drop_route_rate, "media over the rate of one route")                                         \
    X(drop_copy, "media that came before over another link")                                       \
    X(drop_link_down, "media for a link without a connection")                                     \
    X(drop_too_large, "media longer than the path to its receiver takes, tag included")            \
    X(drop_send, "media that a receiver's connection did not take for another reason")             \
    X(drop_no_memory, "media for which there was no memory")                                       \
    X(dedup_evicted, "packets forgotten by dedup before their time")                               \
    X(signals_in, "signal messages handed to the control plane")                                   \
    X(signals_out, "signal messages queued")                                                       \
    X(repeats_sent, "repeated messages queued")                                                    \
    X(closed_too_slow, "connections closed: their queue of messages was full")                     \
    X(closed_no_memory, "connections closed: an input could not be kept")                          \
    X(closed_pressure, "connections closed: too many inputs were unacknowledged")                  \
    X(closed_poisoned, "connections closed: an input killed the control plane again and again")    \
    X(skipped_closed, "command items that named a closed connection")                              \
    X(skipped_unknown, "command items that named a connection or room that is not there")          \
    X(commands_over_cap, "transactions refused: over a cap")                                       \
    X(pressure_refusals, "times that new connections began to be refused under pressure")

struct counters {
#define X(name, text) uint64_t name;
    COUNTERS_TABLE(X)
#undef X
};

/* Append `counter` notices (ipc/catalogue.h); a failure shows in the buffer. */
void counters_encode_one(struct buffer *out, const char *prefix, const char *name, const char *help,
                         uint64_t value);
void counters_encode(const struct counters *c, struct buffer *out);

#endif
