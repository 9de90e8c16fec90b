#include "ipc/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"
#include "ipc/runtime_dir.h"

#define LOCK_STEP_MS 20

static int try_lock(int fd)
{
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return ERR_LOCKED;
        if (errno != EINTR)
            return ERR_SYSTEM;
    }
    return 0;
}

/* The predecessor may need a moment to end; there is nothing else to be done meanwhile. */
static int lock_within(int fd, unsigned wait_ms)
{
    const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
    int rc = try_lock(fd);
    for (unsigned waited = 0; rc == ERR_LOCKED && waited < wait_ms; waited += LOCK_STEP_MS) {
        nanosleep(&step, NULL);
        rc = try_lock(fd);
    }
    return rc;
}

int ipc_lock_take(const char *runtime_dir, const char *plane, unsigned wait_ms, int *fd)
{
    char path[IPC_PATH_MAX];
    if (ipc_runtime_dir_path(path, runtime_dir, plane, "lock") != 0) {
        errno = ENAMETOOLONG;
        return ERR_SYSTEM;
    }
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return ERR_SYSTEM;
    int rc = lock_within(*fd, wait_ms);
    if (rc != 0) {
        int saved = errno;
        close(*fd);
        *fd = -1;
        errno = saved;
    }
    return rc;
}

void ipc_lock_release(int fd)
{
    if (fd >= 0)
        close(fd);
}
