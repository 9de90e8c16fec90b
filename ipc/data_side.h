/*
 * The data plane's half of the contract, without sockets or clocks: the ledger of inputs that are
 * not acknowledged, the fence between lives of the control plane, commands taken once and in
 * sequence, snapshots in slices. Design: shared design page, "The contract between the planes".
 *
 * It owns nothing of what commands change; it decodes, checks and hands a whole transaction to
 * `commit`, which must succeed: what names a closed connection is skipped and counted there.
 */
#ifndef CHAPPE_IPC_DATA_SIDE_H
#define CHAPPE_IPC_DATA_SIDE_H

#include "common/bytes.h"
#include "ipc/catalogue.h"

#define IPC_SLICE_SIZE (64u * 1024) /* bytes of one slice of a snapshot, about */
#define IPC_POISON_REPORTS 3        /* reports of one input after which its connection is closed */

struct ipc_data_side;

struct ipc_data_callbacks {
    /* To all subscribers; never blocks, may be lost. */
    void (*publish)(void *context, struct bytes message);
    /*
     * Whether the transaction can be committed: then `commit` follows at once with the same items.
     * Else an error: ERR_MEMORY leaves it to be sent again, any other refuses it. May be NULL.
     */
    int (*check)(void *context, const struct ipc_items *items);
    /* A whole transaction, checked, in sequence, once. Acks are not in it: see `released`. */
    void (*commit)(void *context, const struct ipc_items *items);
    /* An input was acknowledged: its credit may be returned. For `closed`: the connection's facts
       and the records that it owns may be forgotten. */
    void (*released)(void *context, uint64_t connection, enum ipc_type type);
    /*
     * Appends items of what is installed, from *cursor (0 = the beginning) on, until `out` holds
     * about IPC_SLICE_SIZE bytes; moves *cursor. True: that was all. A cursor may be used again.
     */
    bool (*snapshot)(void *context, uint64_t *cursor, struct buffer *out);
    /* The input was reported IPC_POISON_REPORTS times and counts as released (before this call):
       close that connection, if it is still open, and log it. */
    void (*poisoned)(void *context, uint64_t connection, uint64_t input);
    /*
     * Things to log. A new control epoch took over (error 0, theirs = the epoch); a command was
     * refused (why, its sequence); the control plane speaks another version of the contract
     * (ERR_VERSION, theirs = its version; said once for each version).
     */
    void (*note)(void *context, const char *event, int error, uint64_t theirs);
};

/* Name, what it counts. */
#define IPC_DATA_COUNTERS(X)                                                                       \
    X(inputs, "inputs taken")                                                                      \
    X(inputs_resent, "inputs sent again")                                                          \
    X(notices, "rows of notices published")                                                        \
    X(commands, "transactions committed")                                                          \
    X(commands_repeated, "transactions that came again, dropped")                                  \
    X(commands_beyond_gap, "transactions that came too early, dropped")                            \
    X(commands_refused_epoch, "messages of or for another life of a plane, dropped")               \
    X(commands_refused_malformed, "transactions that cannot be read, refused")                     \
    X(commands_refused_version, "messages of another version of the contract, dropped")            \
    X(snapshots, "snapshots begun: adoptions by a control plane")                                  \
    X(slices, "slices of snapshots given")                                                         \
    X(requests_refused, "requests for a slice refused")                                            \
    X(malformed, "messages that cannot be read, dropped")                                          \
    X(acks_of_nothing, "acknowledgements of what never was")

struct ipc_data_counters {
#define X(name, help) uint64_t name;
    IPC_DATA_COUNTERS(X)
#undef X
};

/*
 * `epoch`: of this life of the data plane; grows from life to life (ipc/epoch.h makes it).
 * `callbacks` are copied. 0 or ERR_MEMORY.
 */
int ipc_data_side_init(struct ipc_data_side **out, uint64_t epoch,
                       const struct ipc_data_callbacks *callbacks, void *context);
void ipc_data_side_free(struct ipc_data_side *d);

/*
 * Takes an input (opened, signal, closed; its `input` number is assigned here, in order from 1 per
 * connection), keeps it until it is acknowledged and publishes it. 0, or ERR_MEMORY: then the
 * caller closes the connection; ERR_TOO_LARGE: a field is over its cap; ERR_CLOSED: the connection
 * has had its `closed`. On an error nothing was taken.
 */
int ipc_data_side_input(struct ipc_data_side *d, struct ipc_item *item);
/* Publishes notices, a row of encoded items; not kept. */
void ipc_data_side_notice(struct ipc_data_side *d, struct bytes row);
/* A message from the control plane's publisher. 0 or why it was not taken (already counted). */
int ipc_data_side_receive(struct ipc_data_side *d, struct bytes message);
/* A snapshot request; the reply is written to `reply` (always one). */
void ipc_data_side_request(struct ipc_data_side *d, struct bytes request, struct buffer *reply);
/* To be called every 100 ms, also when idle: says where we are, sends again what was missed. */
void ipc_data_side_tick(struct ipc_data_side *d);

/* Bytes and number of inputs not acknowledged, of all connections together. */
size_t ipc_data_side_pending_bytes(const struct ipc_data_side *d);
size_t ipc_data_side_pending(const struct ipc_data_side *d);
/* The control plane's life that commands us; 0 = none since our start. */
uint64_t ipc_data_side_control_epoch(const struct ipc_data_side *d);
const struct ipc_data_counters *ipc_data_side_counters(const struct ipc_data_side *d);

#endif
