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
#include "ipc/note.h"

#define IPC_UNCOMMITTED_MAX (64u * 1024 * 1024) /* bytes of commands kept, then we adopt anew */
#define IPC_SILENT_NS 2000000000u               /* without a sign of life: `silent` */

struct ipc_control_side;

struct ipc_control_callbacks {
    void (*publish)(void *context, struct bytes message);
    /* A snapshot request; its reply goes to ipc_control_side_reply. One at a time. */
    void (*request)(void *context, struct bytes message);
    /* A fresh control epoch is wanted (greater than all before: ipc/epoch.h). */
    uint64_t (*new_epoch)(void *context);
    /* Adoption: forget everything; then what is installed, item by item; then `adopted`, after
       which inputs come. `data_epoch` tells whether it is the same life of the data plane as
       before. */
    void (*adopting)(void *context, uint64_t data_epoch);
    void (*installed)(void *context, const struct ipc_item *item);
    void (*adopted)(void *context);
    /* An input, in sequence, once. The caller answers with transactions. */
    void (*input)(void *context, const struct ipc_item *item);
    void (*notice)(void *context, const struct ipc_item *item);
    /*
     * What was adopted counts no more, a new adoption follows: ERR_EPOCH (another life of the data
     * plane), ERR_FULL (too much uncommitted), or why our command was refused.
     */
    void (*lost)(void *context, int error);
    /* For status and log only: nothing heard of the data plane for IPC_SILENT_NS (true), or heard
       again (false). The state stays as it is. May be NULL. */
    void (*silent)(void *context, bool silent);
    /* Planes of different versions: log both and exit 1. */
    void (*version_mismatch)(void *context, unsigned ours, unsigned theirs);
};

enum ipc_control_state {
    IPC_CONTROL_SEEKING,  /* no data plane heard yet, or no answer to the request */
    IPC_CONTROL_ADOPTING, /* slices are coming */
    IPC_CONTROL_LIVE,
};

/* Name, what it counts. */
#define IPC_CONTROL_COUNTERS(X)                                                                    \
    X(inputs, "inputs taken")                                                                      \
    X(inputs_repeated, "inputs that came again, dropped")                                          \
    X(inputs_beyond_gap, "inputs that came too early, dropped")                                    \
    X(notices, "notices taken")                                                                    \
    X(malformed, "messages that cannot be read, dropped")                                          \
    X(foreign_epoch, "messages for another life of a plane, dropped")                              \
    X(commands, "transactions sent")                                                               \
    X(commands_resent, "transactions sent again")                                                  \
    X(adoptions, "times that what the data plane holds was adopted")                               \
    X(requests_refused, "requests for a slice that were refused")

struct ipc_control_counters {
#define X(name, help) uint64_t name;
    IPC_CONTROL_COUNTERS(X)
#undef X
};

/* `callbacks` are copied. 0 or ERR_MEMORY. */
int ipc_control_side_init(struct ipc_control_side **out,
                          const struct ipc_control_callbacks *callbacks, void *context);
void ipc_control_side_free(struct ipc_control_side *c);

/*
 * The note of the input that was being handled when the process before us died (ipc/note.h): goes
 * out with the requests of the first adoption. To be called before the first tick, at most once.
 */
void ipc_control_side_report(struct ipc_control_side *c, const struct ipc_note_entry *entry);

/* A message from the data plane's publisher. */
int ipc_control_side_receive(struct ipc_control_side *c, struct bytes message);
/* The reply to the last request; an empty view: it could not be sent (asked again with a tick; so
   is one without a reply after a while). */
int ipc_control_side_reply(struct ipc_control_side *c, struct bytes reply);
/*
 * Sends one transaction: a row of encoded items, at most IPC_ROW_MAX bytes. 0; ERR_CLOSED while not
 * live; ERR_TOO_LARGE; ERR_MEMORY; ERR_FULL: too much is uncommitted. On an error nothing was sent,
 * and we are not live any more: with the next tick `lost` follows, and a new adoption.
 */
int ipc_control_side_transact(struct ipc_control_side *c, struct bytes row);
/* Every 100 ms. `now` in ns: for repeating a request and noticing a silent data plane. */
void ipc_control_side_tick(struct ipc_control_side *c, uint64_t now);

enum ipc_control_state ipc_control_side_state(const struct ipc_control_side *c);
uint64_t ipc_control_side_data_epoch(const struct ipc_control_side *c);
uint64_t ipc_control_side_epoch(const struct ipc_control_side *c);
/* Transactions sent and not known to be committed. */
size_t ipc_control_side_uncommitted(const struct ipc_control_side *c);
const struct ipc_control_counters *ipc_control_side_counters(const struct ipc_control_side *c);

#endif
