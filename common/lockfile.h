/*
 * A lock between processes: flock(2) on a file in the runtime directory, one for each plane, so
 * that two data planes never share a port without knowing (design.md, "Fence"). The kernel gives
 * the lock back when its process ends, however it ends; the file stays and is never in the way.
 */
#ifndef CHAPPE_COMMON_LOCKFILE_H
#define CHAPPE_COMMON_LOCKFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lockfile {
    int fd; /* -1: not held */
};

#define LOCKFILE_NONE ((struct lockfile){-1})

/*
 * Takes the lock, making the file (mode 0600) if it is absent, and writes our process id into it.
 * If another process holds it, tries again until `wait` nanoseconds have passed (0: once).
 * Returns 0, ERR_LOCKED, or ERR_SYSTEM with errno set; in these cases it holds nothing.
 */
int lockfile_acquire(struct lockfile *lock, const char *path, uint64_t wait);
/* Gives the lock back; does nothing if it is not held. */
void lockfile_release(struct lockfile *lock);
bool lockfile_held(const struct lockfile *lock); /* by this object */

/* The id of the process that took the lock last, for a message; 0 if the file does not say. */
pid_t lockfile_owner(const char *path);

#endif
