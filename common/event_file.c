#include "common/event_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/text.h"

#define LOCK_TRIES 20

void event_file_init(struct event_file *f)
{
    memset(f, 0, sizeof(*f));
    f->fd = -1;
    f->regular = true;
}

static void forget_waiting(struct event_file *f)
{
    f->lost += f->waiting_lines;
    f->waiting_lines = 0;
    buffer_clear(&f->waiting);
}

static void close_file(struct event_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    f->regular = true; /* as long as nothing else is known */
}

void event_file_free(struct event_file *f)
{
    event_file_flush(f);
    forget_waiting(f);
    close_file(f);
    free(f->path);
    buffer_free(&f->waiting);
    f->path = NULL;
}

int event_file_use(struct event_file *f, struct bytes path)
{
    char *fresh = NULL;

    if (bytes_equal_string(path, f->path == NULL ? "" : f->path))
        return 0;
    if (path.len > 0 && (fresh = text_copy(path)) == NULL)
        return ERR_MEMORY;
    event_file_flush(f);
    if (fresh == NULL)
        forget_waiting(f);
    close_file(f);
    free(f->path);
    f->path = fresh;
    f->failing = false;
    return 0;
}

bool event_file_on(const struct event_file *f)
{
    return f->path != NULL;
}

void event_file_reopen(struct event_file *f)
{
    close_file(f);
}

void event_file_lost(struct event_file *f, uint64_t events)
{
    f->lost += events;
}

void event_file_add(struct event_file *f, struct bytes line)
{
    if (!event_file_on(f))
        return;
    if (line.len > EVENT_FILE_LINE_MAX || f->waiting.len + line.len > EVENT_FILE_WAITING_MAX ||
        buffer_append_bytes(&f->waiting, line) != 0) {
        f->waiting.failed = false;
        f->lost++;
        return;
    }
    f->waiting_lines++;
}

/* ---- writing: 0 or an errno ---- */

static int open_file(struct event_file *f)
{
    struct stat st;

    f->fd = open(f->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                 EVENT_FILE_MODE);
    if (f->fd < 0 && errno == EACCES) /* a terminal or a pipe that is only to be written */
        f->fd = open(f->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (f->fd < 0 || fstat(f->fd, &st) != 0)
        return errno;
    f->regular = S_ISREG(st.st_mode);
    return 0;
}

/* Somebody has moved the file away, or has deleted it. */
static bool is_moved(const struct event_file *f)
{
    struct stat here, there;

    return fstat(f->fd, &here) != 0 || stat(f->path, &there) != 0 || here.st_ino != there.st_ino ||
           here.st_dev != there.st_dev;
}

static int lock_file(const struct event_file *f)
{
    const struct timespec pause = {.tv_nsec = (long)(EVENT_FILE_PATIENCE / LOCK_TRIES)};

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(f->fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return errno;
        nanosleep(&pause, NULL);
    }
    return EWOULDBLOCK;
}

/* Where the last whole line ends. Looks at the last line's length only. */
static off_t end_of_lines(const struct event_file *f, off_t size)
{
    char tail[EVENT_FILE_LINE_MAX];
    off_t from = size > (off_t)sizeof(tail) ? size - (off_t)sizeof(tail) : 0;
    ssize_t len = pread(f->fd, tail, (size_t)(size - from), from);

    for (; len > 0; len--) {
        if (tail[len - 1] == '\n')
            return from + len;
    }
    return from == 0 ? 0 : size; /* not ours: nothing of it is taken away */
}

/* Takes away what a writer before us left of a line. The file is locked. */
static int mend(const struct event_file *f, off_t *size)
{
    struct stat st;
    char last = '\n';

    if (fstat(f->fd, &st) != 0)
        return errno;
    *size = st.st_size;
    if (st.st_size == 0 || (pread(f->fd, &last, 1, st.st_size - 1) == 1 && last == '\n'))
        return 0;
    *size = end_of_lines(f, st.st_size);
    return *size == st.st_size || ftruncate(f->fd, *size) == 0 ? 0 : errno;
}

static int append_locked(struct event_file *f)
{
    off_t size = 0;
    int error = mend(f, &size);

    if (error != 0)
        return error;
    ssize_t done = write(f->fd, f->waiting.data, f->waiting.len);
    if (done == (ssize_t)f->waiting.len)
        return 0;
    error = done < 0 ? errno : ENOSPC;
    if (done > 0 && ftruncate(f->fd, size) != 0)
        error = errno;
    return error;
}

static int append(struct event_file *f)
{
    int error = lock_file(f);

    if (error != 0)
        return error;
    error = append_locked(f);
    flock(f->fd, LOCK_UN);
    return error;
}

/* A pipe takes a line of up to PIPE_BUF bytes whole or not at all. */
static int write_lines(const struct event_file *f)
{
    const uint8_t *at = f->waiting.data, *end = at + f->waiting.len;

    while (at < end) {
        const uint8_t *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((line_end == NULL ? end : line_end + 1) - at);
        if (write(f->fd, at, len) != (ssize_t)len)
            return errno == 0 ? EAGAIN : errno;
        at += len;
    }
    return 0;
}

static int write_waiting(struct event_file *f)
{
    if (f->fd >= 0 && f->regular && is_moved(f))
        close_file(f);
    int error = f->fd >= 0 ? 0 : open_file(f);
    if (error != 0)
        return error;
    errno = 0;
    return f->regular ? append(f) : write_lines(f);
}

static void report(struct event_file *f, int error)
{
    bool failing = error != 0;

    if (failing == f->failing)
        return;
    f->failing = failing;
    if (failing)
        log_event(LOG_ERROR, "event_log_failed", LOG_STR("file", f->path),
                  LOG_STR("why", strerror(error)));
    else
        log_event(LOG_INFO, "event_log_written_again", LOG_STR("file", f->path),
                  LOG_U64("lost", f->lost));
}

void event_file_flush(struct event_file *f)
{
    if (f->path == NULL || f->waiting_lines == 0)
        return;
    int error = write_waiting(f);
    if (error == EWOULDBLOCK && f->regular)
        return; /* the other one writes: next time */
    report(f, error);
    if (error == 0) {
        f->lines += f->waiting_lines;
        f->waiting_lines = 0;
        buffer_clear(&f->waiting);
        return;
    }
    f->errors++;
    if (!f->regular)
        forget_waiting(f); /* some of it may have been written */
    close_file(f);
}
