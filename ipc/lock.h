/*
 * One lock file per plane in runtime_dir ("data.lock", "control.lock"), held with flock(2) for the
 * whole life of the process; the kernel lets go of it when the process dies. Two data planes on one
 * port would share its packets silently (SO_REUSEPORT); two control planes would command one data
 * plane in turns.
 */
#ifndef CHAPPE_IPC_LOCK_H
#define CHAPPE_IPC_LOCK_H

#define IPC_LOCK_WAIT_MS 5000 /* how long a plane waits for its predecessor to end */

/*
 * Takes the lock of `plane` ("data" or "control"), waiting up to `wait_ms`. `fd` is then to be kept
 * open, and given to ipc_lock_release in the end. 0; ERR_LOCKED: somebody else holds it; ERR_SYSTEM
 * (errno is kept).
 */
int ipc_lock_take(const char *runtime_dir, const char *plane, unsigned wait_ms, int *fd);
void ipc_lock_release(int fd);

#endif
