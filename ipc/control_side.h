/*
 * The control plane's half of the contract, without sockets or clocks: takes a snapshot slice by
 * slice, then inputs in sequence and once; numbers transactions, keeps them until they are
 * committed, sends them again when the data plane reports a gap.
 *
 * Lives: each adoption is a new control epoch. When the data plane turns out to be another life,
 * when too much is uncommitted, or when our command was refused, `lost` is called and a new
 * adoption begins by itself with the next tick.
 */
#ifndef CHAPPE_IPC_CONTROL_SIDE_H
#define CHAPPE_IPC_CONTROL_SIDE_H

#include "common/bytes.h"
#include "ipc/catalogue.h"

#define IPC_UNCOMMITTED_MAX (64u * 1024 * 1024) /* bytes of commands kept, then we adopt anew */

struct ipc_control_side;

struct ipc_control_callbacks {
    void (*publish)(void *context, struct bytes message);
    /* A snapshot request; its reply goes to ipc_control_side_reply. One at a time. */
    void (*request)(void *context, struct bytes message);
    /* A fresh control epoch is wanted (greater than all before: ipc/epoch.h). */
    uint64_t (*new_epoch)(void *context);
    /* Adoption: forget everything; then what is installed, item by item; then `adopted`, after which
       inputs come. `data_epoch` tells whether it is the same life of the data plane as before. */
    void (*adopting)(void *context, uint64_t data_epoch);
    void (*installed)(void *context, const struct ipc_item *item);
    void (*adopted)(void *context);
    /* An input, in sequence, once. The caller answers with transactions. */
    void (*input)(void *context, const struct ipc_item *item);
    void (*notice)(void *context, const struct ipc_item *item);
    /* The data plane is gone, another one, or does not follow: why (an error code). */
    void (*lost)(void *context, int error);
    /* Planes of different versions: log both and exit 1. */
    void (*version_mismatch)(void *context, unsigned ours, unsigned theirs);
};

enum ipc_control_state {
    IPC_CONTROL_SEEKING,  /* no data plane heard yet, or no answer to the request */
    IPC_CONTROL_ADOPTING, /* slices are coming */
    IPC_CONTROL_LIVE,
};

struct ipc_control_counters {
    uint64_t inputs, inputs_repeated, inputs_beyond_gap, notices, malformed, foreign_epoch;
    uint64_t commands, commands_resent, adoptions;
};

int ipc_control_side_init(struct ipc_control_side **out, const struct ipc_control_callbacks *callbacks,
                          void *context);
void ipc_control_side_free(struct ipc_control_side *c);

/*
 * A note of an input that was being handled when the process before us died (ipc/note.h): goes out
 * with the next adoption's request.
 */
void ipc_control_side_report(struct ipc_control_side *c, uint64_t connection, uint64_t input);

/* A message from the data plane's publisher. */
int ipc_control_side_receive(struct ipc_control_side *c, struct bytes message);
/* The reply to the last request; an empty view: it failed or timed out (asked again with a tick). */
int ipc_control_side_reply(struct ipc_control_side *c, struct bytes reply);
/* Sends one transaction: a row of encoded items. 0, ERR_CLOSED while not live, ERR_MEMORY. */
int ipc_control_side_transact(struct ipc_control_side *c, struct bytes row);
/* Every 100 ms. `now` in ns, to notice a silent data plane. */
void ipc_control_side_tick(struct ipc_control_side *c, uint64_t now);

enum ipc_control_state ipc_control_side_state(const struct ipc_control_side *c);
uint64_t ipc_control_side_data_epoch(const struct ipc_control_side *c);
uint64_t ipc_control_side_epoch(const struct ipc_control_side *c);
/* Transactions sent and not known to be committed. */
size_t ipc_control_side_uncommitted(const struct ipc_control_side *c);
const struct ipc_control_counters *ipc_control_side_counters(const struct ipc_control_side *c);

#endif
