#include "common/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/text.h"

/* How often a waiting process tries; flock cannot wait with a time limit. */
#define LOCKFILE_RETRY (20 * CLOCK_MS)

/* Returns 0, ERR_LOCKED or ERR_SYSTEM. */
static int lockfile_try(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK || errno == EINTR ? ERR_LOCKED : ERR_SYSTEM;
}

static int lockfile_wait(int fd, uint64_t wait)
{
    uint64_t deadline = clock_monotonic() + wait;
    int rc = lockfile_try(fd);
    while (rc == ERR_LOCKED && clock_monotonic() < deadline) {
        struct timespec pause = {0, LOCKFILE_RETRY};
        nanosleep(&pause, NULL);
        rc = lockfile_try(fd);
    }
    return rc;
}

static int lockfile_write_owner(int fd)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return ERR_SYSTEM;
    return 0;
}

int lockfile_acquire(struct lockfile *lock, const char *path, uint64_t wait)
{
    *lock = LOCKFILE_NONE;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return ERR_SYSTEM;
    int rc = lockfile_wait(fd, wait);
    if (rc == 0)
        rc = lockfile_write_owner(fd);
    if (rc != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return rc;
    }
    lock->fd = fd;
    return 0;
}

void lockfile_release(struct lockfile *lock)
{
    if (lock->fd >= 0) {
        flock(lock->fd, LOCK_UN); /* a forked child may still have the descriptor */
        close(lock->fd);
    }
    *lock = LOCKFILE_NONE;
}

bool lockfile_held(const struct lockfile *lock)
{
    return lock->fd >= 0;
}

pid_t lockfile_owner(const char *path)
{
    char text[24];
    uint64_t owner;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return 0;
    ssize_t len = read(fd, text, sizeof(text));
    close(fd);
    if (len > 0 && text[len - 1] == '\n')
        len--;
    if (len <= 0)
        return 0;
    struct bytes view = {(const uint8_t *)text, (size_t)len};
    return text_parse_u64(view, 1, INT_MAX, &owner) == 0 ? (pid_t)owner : 0;
}
