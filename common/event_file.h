/*
 * A file of JSON lines that several processes append to: each writes whole lines, and a line that
 * could be written only in part (a full disk, a process killed in the middle) is taken away again
 * by whoever writes next. Writers hold a lock (flock) on the file for that moment only.
 *
 * Nothing here waits for long: a lock that another process does not give back within
 * EVENT_FILE_PATIENCE leaves the lines waiting for the next flush, in bounded memory; what is
 * beyond it is counted as lost. A file that cannot be written is tried again at every flush, and
 * the log says when that begins and when it ends. A file that was moved away (rotated) is made
 * anew.
 *
 * What is no regular file (a pipe, a terminal) gets its lines one by one, unlocked.
 *
 * Used by one thread; the counters may be read by others.
 */
#ifndef CHAPPE_COMMON_EVENT_FILE_H
#define CHAPPE_COMMON_EVENT_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

#define EVENT_FILE_WAITING_MAX (1024u * 1024) /* bytes of lines not yet written */
#define EVENT_FILE_LINE_MAX (16u * 1024)      /* of a line; a longer one is lost */
#define EVENT_FILE_PATIENCE (2 * CLOCK_MS)    /* for the lock */
#define EVENT_FILE_MODE 0640

/* Name, what it counts. */
#define EVENT_FILE_COUNTERS(X)                                                                     \
    X(lines, "lines written to the event log")                                                     \
    X(lost, "events that are not in the event log")                                                \
    X(errors, "times that the event log could not be written")

struct event_file {
    char *path; /* owned; NULL: off */
    int fd;     /* -1: not open */
    bool regular;
    bool failing;          /* the last flush failed, and the log says so */
    struct buffer waiting; /* whole lines */
    uint64_t waiting_lines;
#define X(name, help) atomic_uint_fast64_t name;
    EVENT_FILE_COUNTERS(X)
#undef X
};

void event_file_init(struct event_file *f);
/* Tries a last time to write what waits. */
void event_file_free(struct event_file *f);

/* Another path from now on; empty: off, and what waits is lost. 0 or ERR_MEMORY (it stays as it
   was). */
int event_file_use(struct event_file *f, struct bytes path);
bool event_file_on(const struct event_file *f);
/* The file is opened anew at the next flush. */
void event_file_reopen(struct event_file *f);

/* Keeps a line, its line end included, for the next flush. */
void event_file_add(struct event_file *f, struct bytes line);
/* Counts events that could not even be made a line. */
void event_file_lost(struct event_file *f, uint64_t events);
/* Writes what waits, if it can be written now. */
void event_file_flush(struct event_file *f);

#endif
