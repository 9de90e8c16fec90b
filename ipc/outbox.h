/*
 * The control plane's memory of commands: what was published and is not known to be committed.
 */
#ifndef CHAPPE_IPC_OUTBOX_H
#define CHAPPE_IPC_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/* One command; read only. */
struct outbox_entry {
    struct outbox_entry *prev, *next;
    uint64_t sequence;
    size_t size;
    uint8_t frame[]; /* the whole message */
};

/* Zero-initialised is valid and empty. */
struct outbox {
    struct outbox_entry *first, *last;
    size_t count;
    size_t bytes; /* of their messages */
};

/* Appends a command; `sequence` must be the last one's + 1. `message` is copied. ERR_MEMORY. */
int outbox_append(struct outbox *o, uint64_t sequence, struct bytes message);
/* Forgets all commands up to this one. */
void outbox_commit(struct outbox *o, uint64_t sequence);
/* The first command with a higher sequence, or NULL. */
struct outbox_entry *outbox_after(const struct outbox *o, uint64_t sequence);
/* Forgets everything. */
void outbox_clear(struct outbox *o);

#endif
