#include "common/notify.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/text.h"

#define MESSAGE_MAX (NOTIFY_STATUS_MAX + 100)

/* A path, or an abstract name: '@' on paper, NUL in the address, no NUL at its end. */
static int set_address(struct notify *n, const char *name)
{
    size_t len = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof(n->address.sun_path))
        return ERR_SYNTAX;
    n->address.sun_family = AF_UNIX;
    memcpy(n->address.sun_path, name, len + 1);
    if (name[0] == '@')
        n->address.sun_path[0] = '\0';
    else
        len++;
    n->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return 0;
}

static int set_watchdog(struct notify *n, const struct notify_wanted *wanted, uint64_t now)
{
    uint64_t usec, pid;
    if (wanted->watchdog_usec == NULL)
        return 0;
    if (text_parse_u64(bytes_of_string(wanted->watchdog_usec), 1, INT64_MAX / 1000, &usec) != 0)
        return ERR_SYNTAX;
    if (wanted->watchdog_pid != NULL) {
        if (text_parse_u64(bytes_of_string(wanted->watchdog_pid), 1, INT_MAX, &pid) != 0)
            return ERR_SYNTAX;
        if ((pid_t)pid != getpid())
            return 0;
    }
    n->interval = usec * CLOCK_US / 2;
    n->next = now;
    return 0;
}

static int start(struct notify *n, const struct notify_wanted *wanted, uint64_t now)
{
    int rc = set_address(n, wanted->socket);
    if (rc == 0)
        rc = set_watchdog(n, wanted, now);
    if (rc != 0)
        return rc;
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return n->fd < 0 ? ERR_SYSTEM : 0;
}

int notify_init(struct notify *n, const struct notify_wanted *wanted, uint64_t now)
{
    *n = (struct notify){.fd = -1, .next = UINT64_MAX};
    if (wanted->socket == NULL || wanted->socket[0] == '\0')
        return 0;
    int rc = start(n, wanted, now);
    if (rc != 0)
        *n = (struct notify){.fd = -1, .next = UINT64_MAX};
    return rc;
}

int notify_init_environment(struct notify *n, uint64_t now)
{
    const struct notify_wanted wanted = {
        .socket = getenv("NOTIFY_SOCKET"),
        .watchdog_usec = getenv("WATCHDOG_USEC"),
        .watchdog_pid = getenv("WATCHDOG_PID"),
    };
    return notify_init(n, &wanted, now);
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    *n = (struct notify){.fd = -1, .next = UINT64_MAX};
}

static void send_message(struct notify *n, const char *text, size_t len, int flags)
{
    ssize_t sent;
    do
        sent = sendto(n->fd, text, len, flags | MSG_NOSIGNAL, (struct sockaddr *)&n->address,
                      n->address_len);
    while (sent < 0 && errno == EINTR);
}

/* How much of a status is said: its first line, not too much of it. */
static int status_length(const char *status)
{
    size_t len = strcspn(status, "\n");
    return (int)(len < NOTIFY_STATUS_MAX ? len : NOTIFY_STATUS_MAX);
}

/* `first`: whole lines, or empty. */
static void say(struct notify *n, const char *first, const char *status, int flags)
{
    char text[MESSAGE_MAX];
    if (n->fd < 0)
        return;
    int len = snprintf(text, sizeof(text), "%s", first);
    if (status != NULL)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "STATUS=%.*s\n",
                        status_length(status), status);
    if (len > 0)
        send_message(n, text, (size_t)len, flags);
}

void notify_ready(struct notify *n, const char *status)
{
    say(n, "READY=1\n", status, 0);
}

void notify_reloading(struct notify *n, uint64_t now)
{
    char first[64];
    snprintf(first, sizeof(first), "RELOADING=1\nMONOTONIC_USEC=%llu\n",
             (unsigned long long)(now / CLOCK_US));
    say(n, first, NULL, 0);
}

void notify_stopping(struct notify *n, const char *status)
{
    say(n, "STOPPING=1\n", status, 0);
}

void notify_status(struct notify *n, const char *status)
{
    say(n, "", status, MSG_DONTWAIT);
}

void notify_alive(struct notify *n, uint64_t now)
{
    if (now < n->next)
        return;
    n->next = now + n->interval;
    say(n, "WATCHDOG=1\n", NULL, MSG_DONTWAIT);
}
