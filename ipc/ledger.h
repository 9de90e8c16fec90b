/*
 * The data plane's memory of inputs: what was published and is not acknowledged, encoded once.
 * Each input has a number within its connection, which it keeps, and a sequence in the stream of
 * all inputs, which changes when a new control plane adopts: then what is left is numbered anew,
 * without holes.
 *
 * No call looks at all inputs but ledger_renumber.
 */
#ifndef CHAPPE_IPC_LEDGER_H
#define CHAPPE_IPC_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "ipc/catalogue.h"

/* One input. Read only, but for `reports` and `reported_by`, which are the owner's. */
struct ledger_entry {
    struct ledger_entry *prev, *next;   /* in the order of sequence */
    struct ledger_entry *older, *newer; /* in the order of number, same connection */
    struct ledger_connection *of;
    uint64_t sequence;
    uint64_t number;
    enum ipc_type type;
    unsigned reports;     /* how many lives died handling it */
    uint64_t reported_by; /* the last of them */
    size_t size;
    uint8_t frame[]; /* the whole message */
};

/* Zero-initialised is valid and empty. */
struct ledger {
    struct ledger_connection *connections;
    struct ledger_entry *first, *last;
    size_t count; /* inputs */
    size_t bytes; /* of their messages */
};

void ledger_free(struct ledger *l);

/*
 * The number that the connection's next input will have, from 1. ERR_CLOSED: it has had its
 * `closed`; ERR_MEMORY. A connection is known from here on until its `closed` is released.
 */
int ledger_next_number(struct ledger *l, uint64_t connection, uint64_t *number);
/*
 * Appends an input with that number; `sequence` must be above all others. `message` is copied.
 * ERR_MEMORY: nothing happened.
 */
int ledger_append(struct ledger *l, uint64_t connection, enum ipc_type type, uint64_t sequence,
                  struct bytes message);

/* The last number given to an input of the connection; 0: none, or the connection is not known. */
uint64_t ledger_last_number(const struct ledger *l, uint64_t connection);
/* The input, if it is still here; else NULL. */
struct ledger_entry *ledger_find(const struct ledger *l, uint64_t connection, uint64_t number);
/* The connection's oldest input, if its number is at most `up_to`; else NULL. */
struct ledger_entry *ledger_oldest(const struct ledger *l, uint64_t connection, uint64_t up_to);
/* Forgets an input, and with a `closed` the connection, whatever else of it there was. */
void ledger_release(struct ledger *l, struct ledger_entry *entry);

/* The first input with a higher sequence, or NULL. Cheap if few are higher. */
struct ledger_entry *ledger_after(const struct ledger *l, uint64_t sequence);
/* Gives all inputs, in their order, the sequences first, first + 1...; meant for epoch `to`. */
void ledger_renumber(struct ledger *l, uint64_t first, uint64_t to);

#endif
