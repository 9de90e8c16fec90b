/*
 * Incoming messages of one connection (protocol.md 1.6): reassembles them from the peer's
 * bidirectional streams, hands them up in ascending stream id, and keeps the books of the credit.
 *
 * Credit comes back to the peer only when a message is released. But what the oldest unfinished
 * message still needs is granted while it is read, else a message longer than the window could
 * never complete; this loan is taken off what later releases return. A stream that ends before its
 * message is complete is skipped.
 *
 * Our half of each stream is ended with an empty FIN: see message_in_fin.
 */
#ifndef CHAPPE_QUIC_MESSAGE_IN_H
#define CHAPPE_QUIC_MESSAGE_IN_H

#include <ngtcp2/ngtcp2.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "dataplane/quic/quic.h"

struct message_stream;

typedef void message_in_handler(void *argument, struct bytes body);

struct message_in {
    ngtcp2_conn *qc;
    const struct quic_config *config;
    struct quic_counters *counters;
    message_in_handler *handler;
    void *argument;
    struct message_stream *streams; /* ascending id; those not yet forgotten */
    uint64_t next;                  /* ordinal of the stream whose turn it is */
    uint64_t turn_since; /* when it began to keep others or us waiting; 0 = it does not */
    uint64_t turn_of;    /* the ordinal that this is about */
    uint64_t received;   /* bytes of all streams */
    uint64_t granted;    /* bytes that the peer may have sent by now */
    uint64_t loan;       /* of these, granted in advance */
    uint16_t fins;       /* streams whose FIN is still to be written */
    bool started;        /* messages may be handed up */
};

/* Starts with nothing handed up: messages wait until message_in_start. */
void message_in_init(struct message_in *in, ngtcp2_conn *qc, const struct quic_config *config,
                     struct quic_counters *counters, message_in_handler *handler, void *argument);
/* To be called before `qc` is deleted. */
void message_in_free(struct message_in *in);

void message_in_start(struct message_in *in, uint64_t now);
/* Nothing is handed up any more. */
void message_in_stop(struct message_in *in);

/* What ngtcp2 reports. `stream` is the stream's user data; NULL is fine: we are done with it. */
int message_in_open(struct message_in *in, int64_t id, uint64_t now); /* 0 or ERR_MEMORY */
/* 0; ERR_TOO_LARGE (close the connection); ERR_MEMORY. */
int message_in_data(struct message_in *in, struct message_stream *stream, struct bytes data,
                    bool fin, uint64_t now);
void message_in_reset(struct message_in *in, struct message_stream *stream, uint64_t now);
void message_in_closed(struct message_in *in, struct message_stream *stream, uint64_t now);

/* Returns the credit of the oldest message handed up and not released; nothing if there is none. */
void message_in_release(struct message_in *in);
/* When the message whose turn it is must be complete; UINT64_MAX = nothing is awaited. */
uint64_t message_in_deadline(const struct message_in *in);

/* A stream whose empty FIN is to be written, or -1; and that it was written or cannot be. */
int64_t message_in_fin(const struct message_in *in);
void message_in_fin_done(struct message_in *in, int64_t id);

#endif
