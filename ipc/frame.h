/*
 * A message between the planes: a header of 32 bytes and a row of items (ipc/catalogue.h).
 *
 *   u32 magic  u16 version  u8 kind  u8 0  u64 from  u64 to  u64 sequence     (big-endian)
 *
 * Magic and version come first and stay where they are in every version of the contract, so that
 * planes of different versions can name both.
 *   from      epoch of the sender's life
 *   to        epoch of the life that it is meant for; 0 = whoever is there
 *   sequence  input: its place in the stream of inputs. command: its number. data_position and
 *             control_position: the last one sent. slice: the last input before the adoption. Else
 * 0.
 */
#ifndef CHAPPE_IPC_FRAME_H
#define CHAPPE_IPC_FRAME_H

#include <stdint.h>

#include "common/bytes.h"
#include "ipc/catalogue.h"

#define IPC_MAGIC 0x43484950u /* "CHIP" */
#define IPC_FRAME_SIZE 32
/* The longest message of all. */
#define IPC_MESSAGE_MAX (IPC_FRAME_SIZE + IPC_ROW_MAX)

/* name, number, what its row holds */
#define IPC_KINDS(X)                                                                               \
    X(input, 1, "one input")                                                                       \
    X(notice, 2, "notices")                                                                        \
    X(command, 3, "one transaction")                                                               \
    X(position, 4, "data_position or control_position")                                            \
    X(request, 5, "request, then perhaps a report")                                                \
    X(reply, 6, "slice, then what is installed; or refusal")

enum ipc_kind {
#define X(name, number, text) IPC_KIND_##name = (number),
    IPC_KINDS(X)
#undef X
};

struct ipc_frame {
    unsigned version;
    enum ipc_kind kind;
    uint64_t from;
    uint64_t to;
    uint64_t sequence;
    struct bytes row; /* a view into the message */
};

/* Appends a header of our version; the row follows. `row` of the struct is not used. */
int ipc_frame_put(struct buffer *out, const struct ipc_frame *frame);
/*
 * Reads a header. 0; ERR_SYNTAX (not a message of ours), ERR_TRUNCATED, or ERR_VERSION: then
 * only `version` is set.
 */
int ipc_frame_read(struct ipc_frame *frame, struct bytes message);
/* Readdresses a message that ipc_frame_put began, in place. */
void ipc_frame_readdress(uint8_t *message, uint64_t to, uint64_t sequence);

/* The debugging view: a line for the header, then one for each item, or why it can't be read. */
void ipc_message_print(struct buffer *out, struct bytes message);

#endif
