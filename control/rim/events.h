/*
 * The control plane's part of the event log (`event_log`): what happens to links, phones, rooms and
 * calls, as JSON lines beside the data plane's media events (dataplane/event_log.h).
 *
 *   {"ts":"2026-11-22T15:04:05.123456Z","event":"joined","room":"general","fingerprint":"...",...}
 *
 * The names and fields are those of the log's lines, without their limits. A line is written before
 * the transaction of what it tells leaves, so that none is missing after a kill; what a successor
 * does again it may tell again.
 */
#ifndef CHAPPE_CONTROL_RIM_EVENTS_H
#define CHAPPE_CONTROL_RIM_EVENTS_H

#include "common/event_file.h"
#include "common/log.h"

#define EVENTS_PER_SECOND 2000 /* what is beyond is lost, and counted: strangers can cause some */

/* The events that are written. */
#define EVENTS_TABLE(X)                                                                            \
    X(link_connection_up)                                                                          \
    X(link_connection_lost)                                                                        \
    X(peer_not_linked)                                                                             \
    X(phone_registered)                                                                            \
    X(registration_replaced)                                                                       \
    X(joined)                                                                                      \
    X(left)                                                                                        \
    X(call_offered)                                                                                \
    X(call_accepted)                                                                               \
    X(call_ended)                                                                                  \
    X(adopted)                                                                                     \
    X(draining)                                                                                    \
    X(drain_called_off)                                                                            \
    X(drained)

struct events {
    struct event_file file;
    struct buffer line;
    uint64_t second; /* of the limit, ns */
    uint64_t passed; /* in it */
};

void events_init(struct events *e);
void events_free(struct events *e);
/* Writes to this file from now on, opened anew if it is the same; NULL: off. */
void events_use(struct events *e, const char *path);
/* Writes an event of the table, if the log is on; ignores others. `now` in ns. */
void events_write(struct events *e, uint64_t now, const char *event, const struct log_field *fields,
                  size_t count);
/* Tries again what could not be written: now and then. */
void events_tick(struct events *e);

#endif
