/*
 * What a process tells its service manager: systemd's protocol of sd_notify(3), that is single
 * datagrams like "READY=1\nSTATUS=..." to the socket named in $NOTIFY_SOCKET (a path, or an
 * abstract name after '@'), and the watchdog of sd_watchdog_enabled(3): WATCHDOG=1 at half the
 * interval of $WATCHDOG_USEC, said by the main loop, so that it stands for a loop that turns.
 * Without these variables (supervisord, a terminal) nothing is said.
 *
 * Not libsystemd, although it is packaged: the protocol is documented and stable, one sendmsg(2)
 * per message, and the library would be the only one of ours that a machine without systemd has
 * to install for nothing.
 *
 * A message that cannot be sent is no error of ours: the manager notices by its own timeouts. Only
 * what must arrive (ready, reloading, stopping) waits for a full socket.
 */
#ifndef CHAPPE_COMMON_NOTIFY_H
#define CHAPPE_COMMON_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define NOTIFY_STATUS_MAX 200 /* bytes of a status line; more is cut */

struct notify {
    int fd; /* -1: nobody to tell */
    struct sockaddr_un address;
    socklen_t address_len;
    uint64_t interval; /* ns between two signs of life; 0: none wanted */
    uint64_t next;     /* when the next one is due; UINT64_MAX: never */
};

/* What the manager gave us; each may be NULL. */
struct notify_wanted {
    const char *socket;        /* $NOTIFY_SOCKET */
    const char *watchdog_usec; /* $WATCHDOG_USEC */
    const char *watchdog_pid;  /* $WATCHDOG_PID: whom the watchdog is for; NULL: us */
};

/*
 * 0 also if there is nobody to tell; ERR_SYNTAX for a socket or a number that makes no sense,
 * ERR_SYSTEM with errno: then nothing will be said. To be closed in any case.
 */
int notify_init(struct notify *n, const struct notify_wanted *wanted, uint64_t now);
/* The same out of the environment. */
int notify_init_environment(struct notify *n, uint64_t now);
void notify_close(struct notify *n);

/* `status`: one line for `systemctl status`; NULL: as it was. */
void notify_ready(struct notify *n, const char *status); /* also: reloaded */
void notify_reloading(struct notify *n, uint64_t now);
void notify_stopping(struct notify *n, const char *status);
void notify_status(struct notify *n, const char *status);
/* Says that we live, if it is time; to be called in the loop, at least every `interval`. */
void notify_alive(struct notify *n, uint64_t now);

#endif
