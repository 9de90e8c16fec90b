#include "ipc/endpoint.h"

#include <stdio.h>
#include <string.h>

#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/req.h>

#include "common/error.h"
#include "ipc/frame.h"

/* nng's defaults lose a third of a second at each restart and 83 % of a burst. */
#define RECONNECT_MIN_MS 10
#define RECONNECT_MAX_MS 50
#define QUEUE_MESSAGES 8192
#define REQUEST_RESEND_MS 1000

#ifdef __SANITIZE_ADDRESS__
/* nng 1.5 forgets what belongs to a connection that is being negotiated when its endpoint closes.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libnng";
}
#endif

int endpoint_error(int rc)
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
    default:
        return ERR_SYSTEM;
    }
}

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

/* On one of nng's threads. */
static void count_connection(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct endpoint *e = context;
    (void)pipe;
    atomic_fetch_add(&e->connections, event == NNG_PIPE_EV_ADD_PRE ? 1 : -1);
}

static int start(struct endpoint *e)
{
    if (e->listens)
        return nng_listen(e->socket, e->url, &e->listener, 0);
    return nng_dial(e->socket, e->url, &e->dialer, NNG_FLAG_NONBLOCK);
}

static int open_at(struct endpoint *e, endpoint_opener *opener, const char *dir, const char *name)
{
    char path[IPC_PATH_MAX];
    if (ipc_runtime_dir_path(path, dir, name, NULL) != 0)
        return NNG_EADDRINVAL;
    snprintf(e->url, sizeof(e->url), "ipc://%s", path);
    int rc = opener(&e->socket);
    if (rc != 0)
        return rc;
    e->open = true;
    set_options(e->socket);
    rc = nng_pipe_notify(e->socket, NNG_PIPE_EV_ADD_PRE, count_connection, e);
    if (rc == 0)
        rc = nng_pipe_notify(e->socket, NNG_PIPE_EV_REM_POST, count_connection, e);
    return rc == 0 ? start(e) : rc;
}

int endpoint_listen(struct endpoint *e, endpoint_opener *opener, const char *dir, const char *name)
{
    *e = (struct endpoint){.listens = true};
    return open_at(e, opener, dir, name);
}

int endpoint_dial(struct endpoint *e, endpoint_opener *opener, const char *dir, const char *name)
{
    *e = (struct endpoint){.listens = false};
    return open_at(e, opener, dir, name);
}

void endpoint_close(struct endpoint *e)
{
    if (e->message != NULL)
        nng_msg_free(e->message);
    e->message = NULL;
    if (e->open)
        nng_close(e->socket);
    e->open = false;
}

void endpoint_tick(struct endpoint *e, uint64_t now, uint64_t patience)
{
    if (!e->open)
        return;
    if (atomic_load(&e->connections) > 0) {
        e->alone_since = 0;
        e->doublings = 0;
        return;
    }
    if (e->alone_since == 0)
        e->alone_since = now;
    if (now - e->alone_since < patience << e->doublings)
        return;
    if (e->doublings < ENDPOINT_DOUBLINGS_MAX)
        e->doublings++;
    if (e->listens)
        nng_listener_close(e->listener);
    else
        nng_dialer_close(e->dialer);
    (void)start(e); /* if it fails, closing it fails next time, and it starts again */
    e->alone_since = now;
}

int endpoint_fd(const struct endpoint *e)
{
    int fd;
    return e->open && nng_socket_get_int(e->socket, NNG_OPT_RECVFD, &fd) == 0 ? fd : -1;
}

int endpoint_send(struct endpoint *e, struct bytes message)
{
    nng_msg *m;
    int rc = nng_msg_alloc(&m, message.len);
    if (rc != 0)
        return endpoint_error(rc);
    if (message.len > 0)
        memcpy(nng_msg_body(m), message.data, message.len);
    rc = nng_sendmsg(e->socket, m, NNG_FLAG_NONBLOCK);
    if (rc != 0)
        nng_msg_free(m);
    return endpoint_error(rc);
}

int endpoint_receive(struct endpoint *e, struct bytes *message)
{
    nng_msg *m;
    int rc = nng_recvmsg(e->socket, &m, NNG_FLAG_NONBLOCK);
    if (rc != 0)
        return endpoint_error(rc);
    if (e->message != NULL)
        nng_msg_free(e->message);
    e->message = m;
    *message = (struct bytes){nng_msg_body(m), nng_msg_len(m)};
    return 0;
}
