/*
 * Messages made by hand, and a log of what a side did, for tests of one side alone.
 */
#ifndef CHAPPE_TESTS_UNIT_IPC_SCRIPT_H
#define CHAPPE_TESTS_UNIT_IPC_SCRIPT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "channel.h"
#include "ipc/frame.h"

/* A message of the given items; valid until the next two calls. */
struct bytes script_message(enum ipc_kind kind, uint64_t from, uint64_t to, uint64_t sequence,
                            const struct ipc_item *items, size_t count);
/* The same with raw bytes as its row. */
struct bytes script_raw(enum ipc_kind kind, uint64_t from, uint64_t to, uint64_t sequence,
                        struct bytes row);

struct ipc_item script_opened(uint64_t connection);
struct ipc_item script_signal(uint64_t connection, const char *body);
struct ipc_item script_closed(uint64_t connection);
struct ipc_item script_ack(uint64_t connection, uint64_t input);
struct ipc_item script_record(const char *key, const char *value);
struct ipc_item script_request(uint64_t cursor);
struct ipc_item script_report(uint64_t data_epoch, uint64_t control_epoch, uint64_t connection,
                              uint64_t input);
struct ipc_item script_control_position(bool live, uint64_t received, bool gap);
struct ipc_item script_data_position(uint64_t committed, bool gap, uint64_t refused,
                                     uint32_t error);
struct ipc_item script_slice(uint64_t cursor, uint64_t next, bool last, uint64_t committed);

/* A message that a side sent, decoded; `items` are the caller's to free. */
struct script_seen {
    struct ipc_frame frame;
    struct ipc_items items;
    struct buffer message;
};
/* Takes the next one of the channel; fails the test if there is none or it can't be read. */
void script_take(struct channel *c, struct script_seen *seen);
void script_seen_free(struct script_seen *seen);
/* Takes all that wait; how many of them are of that kind. */
size_t script_count(struct channel *c, enum ipc_kind kind);

/* One line of a log; asserts on and clears it. */
void script_log(struct buffer *log, const char *format, ...) __attribute__((format(printf, 2, 3)));
void script_assert_log(struct buffer *log, const char *expected);

/* Damages a message somehow: cuts it, changes bytes, or makes it anew from nothing. */
void script_damage(uint64_t *rng, struct buffer *message);

#endif
