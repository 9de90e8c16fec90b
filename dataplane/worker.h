/*
 * A worker: one thread's share of the data plane. It has its own UDP socket with the QUIC
 * connections on it, its own exchange, timers and buffers, and shares nothing with other workers.
 * Today there is one, which also holds the line to the control plane.
 *
 * One turn of its loop: wait, receive packets, run timers, take some commands, answer one snapshot
 * request, make and send packets, publish. Each step does a bounded amount of work, so that none
 * holds up media.
 */
#ifndef CHAPPE_DATAPLANE_WORKER_H
#define CHAPPE_DATAPLANE_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/fingerprint.h"
#include "dataplane/quic/quic.h"
#include "ipc/sockets.h"

struct event_log;
struct worker;

struct worker_config {
    struct quic_config quic; /* its `worker` and `generation` too */
    struct address listen;
    bool reuse_port;                    /* other workers share the address */
    const struct fingerprint_tls *self; /* of our certificate */
    struct ipc_sockets *sockets;        /* borrowed */
    uint64_t epoch;                     /* of this life of the data plane */
    uint64_t started_ms;                /* wall clock */
    struct event_log *event_log;        /* borrowed; NULL: there is none */
    const char *event_log_path;         /* NULL: off, until a command says where */
};

/* 0, or the error of a step that failed (ERR_SYSTEM keeps errno). */
int worker_init(struct worker **out, const struct worker_config *config);
/* Frees everything at once; worker_run has closed the connections. NULL is fine. */
void worker_free(struct worker *w);

/* Calls `readable` in the loop whenever `fd` is. One such descriptor. 0 or ERR_SYSTEM. */
int worker_watch(struct worker *w, int fd, void (*readable)(void *context), void *context);
/* Calls `ticked` about every 100 ms as long as the loop turns: for a watchdog. */
void worker_on_tick(struct worker *w, void (*ticked)(void *context, uint64_t now), void *context);
/* Runs until worker_stop or the command `stop`, then tells all peers that we go. 0, or ERR_SYSTEM
   if waiting failed. */
int worker_run(struct worker *w);
/* Ends worker_run after the turn; to be called in the loop. */
void worker_stop(struct worker *w);

/* Where it listens. */
void worker_local(const struct worker *w, struct address *out);

#endif
