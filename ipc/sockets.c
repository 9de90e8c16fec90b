#include "ipc/sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "common/error.h"
#include "ipc/frame.h"
#include "ipc/runtime_dir.h"

#define SHIM_VARIABLE "CHAPPE_IPC_SHIM"

/* nng's defaults lose a third of a second at each restart and 83 % of a burst. */
#define RECONNECT_MIN_MS 10
#define RECONNECT_MAX_MS 50
#define QUEUE_MESSAGES 8192
#define REQUEST_RESEND_MS 1000
#define URL_MAX (IPC_PATH_MAX + sizeof("ipc://"))

/* One nng socket and the last message taken from it. */
struct endpoint {
    nng_socket socket;
    bool open;
    int fd; /* readable when there is something to receive; -1 for a publisher */
    nng_msg *message;
};

struct ipc_sockets {
    struct endpoint published;
    struct endpoint subscribed;
    struct endpoint snapshot;
    struct endpoint ctl;
};

static int error_of(int rc)
{
    switch (rc) {
    case 0:
        return 0;
    case NNG_EAGAIN:
    case NNG_ESTATE: /* no request is on its way, so no reply */
        return ERR_AGAIN;
    case NNG_ETIMEDOUT:
        return ERR_TIMEOUT;
    case NNG_ENOMEM:
        return ERR_MEMORY;
    case NNG_ECONNREFUSED:
    case NNG_ENOENT:
        return ERR_NOT_FOUND;
    default:
        return ERR_SYSTEM;
    }
}

/* ---- opening ---- */

typedef int open_function(nng_socket *);

/* Options that a kind of socket does not have are refused by it, which does not matter. */
static void set_options(nng_socket s)
{
    nng_socket_set_size(s, NNG_OPT_RECVMAXSZ, IPC_MESSAGE_MAX);
    nng_socket_set_ms(s, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    nng_socket_set_ms(s, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    nng_socket_set_int(s, NNG_OPT_SENDBUF, QUEUE_MESSAGES);
    nng_socket_set_int(s, NNG_OPT_RECVBUF, QUEUE_MESSAGES);
    nng_socket_set_ms(s, NNG_OPT_REQ_RESENDTIME, REQUEST_RESEND_MS);
    nng_socket_set(s, NNG_OPT_SUB_SUBSCRIBE, "", 0);
    nng_socket_set_bool(s, NNG_OPT_SUB_PREFNEW, false); /* nothing is taken beyond a gap */
}

static int endpoint_open(struct endpoint *e, open_function *opener)
{
    int rc = opener(&e->socket);
    if (rc != 0)
        return rc;
    e->open = true;
    set_options(e->socket);
    if (nng_socket_get_int(e->socket, NNG_OPT_RECVFD, &e->fd) != 0)
        e->fd = -1;
    return 0;
}

static void endpoint_close(struct endpoint *e)
{
    if (e->message != NULL)
        nng_msg_free(e->message);
    if (e->open)
        nng_close(e->socket);
}

static int url_of(char url[URL_MAX], const char *dir, const char *name)
{
    char path[IPC_PATH_MAX];
    if (ipc_runtime_dir_path(path, dir, name, NULL) != 0)
        return NNG_EADDRINVAL;
    snprintf(url, URL_MAX, "ipc://%s", path);
    return 0;
}

static int listen_on(struct endpoint *e, open_function *opener, const char *dir, const char *name)
{
    char url[URL_MAX];
    int rc = endpoint_open(e, opener);
    if (rc == 0)
        rc = url_of(url, dir, name);
    return rc == 0 ? nng_listen(e->socket, url, NULL, 0) : rc;
}

/* Dials in the background, for as long as it takes. */
static int dial_to(struct endpoint *e, open_function *opener, const char *dir, const char *name)
{
    char url[URL_MAX];
    int rc = endpoint_open(e, opener);
    if (rc == 0)
        rc = url_of(url, dir, name);
    return rc == 0 ? nng_dial(e->socket, url, NULL, NNG_FLAG_NONBLOCK) : rc;
}

/* Where the other plane's sockets are. */
static const char *other_dir(const char *runtime_dir)
{
    const char *shim = getenv(SHIM_VARIABLE);
    return shim == NULL || shim[0] == '\0' ? runtime_dir : shim;
}

static int open_data(struct ipc_sockets *s, const char *dir, const char **name)
{
    *name = "events";
    int rc = listen_on(&s->published, nng_pub0_open, dir, *name);
    if (rc == 0) {
        *name = "snapshot";
        rc = listen_on(&s->snapshot, nng_rep0_open, dir, *name);
    }
    if (rc == 0) {
        *name = "commands";
        rc = dial_to(&s->subscribed, nng_sub0_open, other_dir(dir), *name);
    }
    return rc;
}

static int open_control(struct ipc_sockets *s, const char *dir, const char **name)
{
    *name = "commands";
    int rc = listen_on(&s->published, nng_pub0_open, dir, *name);
    if (rc == 0) {
        *name = "ctl";
        rc = listen_on(&s->ctl, nng_rep0_open, dir, *name);
    }
    if (rc == 0) {
        *name = "events";
        rc = dial_to(&s->subscribed, nng_sub0_open, other_dir(dir), *name);
    }
    if (rc == 0) {
        *name = "snapshot";
        rc = dial_to(&s->snapshot, nng_req0_open, other_dir(dir), *name);
    }
    return rc;
}

static int open_all(struct ipc_sockets **out, const char *dir, char *why, size_t why_size,
                    int (*open)(struct ipc_sockets *, const char *, const char **))
{
    const char *name = "";
    if (ipc_runtime_dir_make(dir) != 0) {
        snprintf(why, why_size, "%s: %m", dir);
        return ERR_SYSTEM;
    }
    struct ipc_sockets *s = calloc(1, sizeof(*s));
    int rc = s == NULL ? NNG_ENOMEM : open(s, dir, &name);
    if (rc != 0) {
        snprintf(why, why_size, "%s/%s: %s", dir, name, nng_strerror(rc));
        ipc_sockets_close(s);
        return ERR_SYSTEM;
    }
    *out = s;
    return 0;
}

int ipc_sockets_open_data(struct ipc_sockets **out, const char *runtime_dir, char *why,
                          size_t why_size)
{
    return open_all(out, runtime_dir, why, why_size, open_data);
}

int ipc_sockets_open_control(struct ipc_sockets **out, const char *runtime_dir, char *why,
                             size_t why_size)
{
    return open_all(out, runtime_dir, why, why_size, open_control);
}

void ipc_sockets_close(struct ipc_sockets *s)
{
    if (s == NULL)
        return;
    endpoint_close(&s->published);
    endpoint_close(&s->subscribed);
    endpoint_close(&s->snapshot);
    endpoint_close(&s->ctl);
    free(s);
}

int ipc_sockets_fd_subscribed(const struct ipc_sockets *s)
{
    return s->subscribed.fd;
}

int ipc_sockets_fd_snapshot(const struct ipc_sockets *s)
{
    return s->snapshot.fd;
}

int ipc_sockets_fd_ctl(const struct ipc_sockets *s)
{
    return s->ctl.open ? s->ctl.fd : -1;
}

/* ---- messages ---- */

static int send_to(nng_socket socket, struct bytes message, int flags)
{
    nng_msg *m;
    int rc = nng_msg_alloc(&m, message.len);
    if (rc != 0)
        return error_of(rc);
    if (message.len > 0)
        memcpy(nng_msg_body(m), message.data, message.len);
    rc = nng_sendmsg(socket, m, flags);
    if (rc != 0)
        nng_msg_free(m);
    return error_of(rc);
}

static int receive_from(struct endpoint *e, struct bytes *message)
{
    nng_msg *m;
    int rc = nng_recvmsg(e->socket, &m, NNG_FLAG_NONBLOCK);
    if (rc != 0)
        return error_of(rc);
    if (e->message != NULL)
        nng_msg_free(e->message);
    e->message = m;
    *message = (struct bytes){nng_msg_body(m), nng_msg_len(m)};
    return 0;
}

/* What could not be sent is sent again when the other side reports the gap. */
void ipc_sockets_publish(struct ipc_sockets *s, struct bytes message)
{
    (void)send_to(s->published.socket, message, NNG_FLAG_NONBLOCK);
}

int ipc_sockets_receive(struct ipc_sockets *s, struct bytes *message)
{
    return receive_from(&s->subscribed, message);
}

int ipc_sockets_receive_snapshot(struct ipc_sockets *s, struct bytes *message)
{
    return receive_from(&s->snapshot, message);
}

int ipc_sockets_receive_ctl(struct ipc_sockets *s, struct bytes *message)
{
    return receive_from(&s->ctl, message);
}

int ipc_sockets_send_snapshot(struct ipc_sockets *s, struct bytes message)
{
    return send_to(s->snapshot.socket, message, NNG_FLAG_NONBLOCK);
}

int ipc_sockets_reply_ctl(struct ipc_sockets *s, struct bytes message)
{
    return send_to(s->ctl.socket, message, NNG_FLAG_NONBLOCK);
}

/* ---- chappectl ---- */

static int ask(nng_socket socket, const char *url, struct bytes request, struct buffer *answer)
{
    nng_msg *m;
    int rc = error_of(nng_dial(socket, url, NULL, 0));
    if (rc == 0)
        rc = send_to(socket, request, 0);
    if (rc != 0)
        return rc;
    rc = error_of(nng_recvmsg(socket, &m, 0));
    if (rc != 0)
        return rc;
    buffer_clear(answer);
    rc = buffer_append(answer, nng_msg_body(m), nng_msg_len(m));
    nng_msg_free(m);
    return rc;
}

int ipc_ctl_ask(const char *runtime_dir, struct bytes request, int timeout_ms,
                struct buffer *answer)
{
    char url[URL_MAX];
    nng_socket socket;
    if (url_of(url, runtime_dir, "ctl") != 0 || nng_req0_open(&socket) != 0)
        return ERR_SYSTEM;
    set_options(socket);
    nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, BUFFER_MAX);
    nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, timeout_ms);
    nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, timeout_ms);
    int rc = ask(socket, url, request, answer);
    nng_close(socket);
    return rc;
}
