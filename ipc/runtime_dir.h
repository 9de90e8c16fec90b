/*
 * The directory that the planes share: sockets, locks, epochs, the note.
 */
#ifndef CHAPPE_IPC_RUNTIME_DIR_H
#define CHAPPE_IPC_RUNTIME_DIR_H

#include <stddef.h>

/* The longest path of a file in it, its NUL included. */
#define IPC_PATH_MAX 4096

/*
 * Each plane holds a lock file (common/lockfile.h) for its whole life, "data.lock" or
 * "control.lock", and takes it before anything else here: two data planes on one port would share
 * its packets silently, two control planes would command one data plane in turns. A plane waits so
 * long for its predecessor to end, in ns, then gives up.
 */
#define IPC_LOCK_SUFFIX "lock"
#define IPC_LOCK_WAIT 5000000000u

/*
 * Makes the directory with mode 0700 if it is absent and its parent is there. One that exists stays
 * as it is. 0, or ERR_SYSTEM (errno is kept; ENOTDIR: it is something else).
 */
int ipc_runtime_dir_make(const char *runtime_dir);

/* Writes `runtime_dir/plane.suffix`, or `runtime_dir/plane` if suffix is NULL. 0, ERR_TOO_LARGE. */
int ipc_runtime_dir_path(char out[IPC_PATH_MAX], const char *runtime_dir, const char *plane,
                         const char *suffix);

#endif
