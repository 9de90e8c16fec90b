/*
 * The data plane's part of the event log: a thread of its own takes media events from the ring and
 * appends them to the file as JSON lines (protocol.md 5.19), so that a slow disk never holds up
 * media. What finds no place in the ring, or could not be written, is counted and said in a line
 * `events_lost` as soon as one can be written.
 */
#ifndef CHAPPE_DATAPLANE_EVENT_LOG_H
#define CHAPPE_DATAPLANE_EVENT_LOG_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/event_file.h"
#include "dataplane/event_ring.h"

struct event_log;

struct event_log_counters {
#define X(name, help) uint64_t name;
    EVENT_FILE_COUNTERS(X)
#undef X
};

/* Off. NULL: no memory. */
struct event_log *event_log_new(void);
/* Waits until what was put is written, but no longer than a second. NULL is fine. */
void event_log_free(struct event_log *log);

/*
 * Writes to this file from now on; empty: off. The thread is started when first needed. The ring to
 * put events into, owned by the log and the same until event_log_free; NULL: off, or it could not
 * be started (logged).
 */
struct event_ring *event_log_use(struct event_log *log, struct bytes path);
/* The file is opened anew. False: the log was never on. */
bool event_log_reopen(struct event_log *log);
/* There may be something in the ring: to be called about every 100 ms. */
void event_log_wake(struct event_log *log);
/* Zeros for NULL. */
struct event_log_counters event_log_counters(const struct event_log *log);

/* The line of one event, with its line end. */
void event_log_line(const struct media_event *event, struct buffer *out);

#endif
