#include "ipc/sockets.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "common/clock.h"
#include "common/error.h"
#include "ipc/endpoint.h"
#include "ipc/runtime_dir.h"

#define SHIM_VARIABLE "CHAPPE_IPC_SHIM"

/* How long without a connection until an endpoint tries anew. */
#define DIAL_PATIENCE (250 * CLOCK_MS)
#define LISTEN_PATIENCE (1000 * CLOCK_MS)
#define CTL_PATIENCE (10000 * CLOCK_MS) /* it is alone most of the time */

/* While the control plane listens anew, chappectl finds nobody for a moment. */
#define CTL_TRIES 10
#define CTL_PAUSE_NS 20000000

#define KEEPER_PAUSE_NS 100000000

struct ipc_sockets {
    struct endpoint published;
    struct endpoint subscribed;
    struct endpoint snapshot;
    struct endpoint ctl;
    pthread_t keeper;
    bool kept;
    pthread_mutex_t mutex; /* of `ending` */
    pthread_cond_t ended;
    bool ending;
};

/* ---- the keeper: a thread that looks after the connections ---- */

static void keep(struct ipc_sockets *s)
{
    uint64_t now = clock_monotonic();
    endpoint_tick(&s->published, now, LISTEN_PATIENCE);
    endpoint_tick(&s->subscribed, now, DIAL_PATIENCE);
    endpoint_tick(&s->snapshot, now, s->snapshot.listens ? LISTEN_PATIENCE : DIAL_PATIENCE);
    endpoint_tick(&s->ctl, now, CTL_PATIENCE);
}

static void pause_keeper(struct ipc_sockets *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += KEEPER_PAUSE_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&s->ended, &s->mutex, &until);
}

static void *run_keeper(void *context)
{
    struct ipc_sockets *s = context;
    pthread_mutex_lock(&s->mutex);
    while (!s->ending) {
        pthread_mutex_unlock(&s->mutex);
        keep(s);
        pthread_mutex_lock(&s->mutex);
        if (!s->ending)
            pause_keeper(s);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

/* No signal is for this thread. */
static int start_keeper(struct ipc_sockets *s)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->kept = pthread_create(&s->keeper, NULL, run_keeper, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return s->kept ? 0 : NNG_ENOMEM;
}

static void end_keeper(struct ipc_sockets *s)
{
    if (!s->kept)
        return;
    pthread_mutex_lock(&s->mutex);
    s->ending = true;
    pthread_cond_signal(&s->ended);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->keeper, NULL);
}

/* ---- opening ---- */

/* Where the other plane's sockets are. */
static const char *other_dir(const char *runtime_dir)
{
    const char *shim = getenv(SHIM_VARIABLE);
    return shim == NULL || shim[0] == '\0' ? runtime_dir : shim;
}

static int open_data(struct ipc_sockets *s, const char *dir, const char **name)
{
    *name = "events";
    int rc = endpoint_listen(&s->published, nng_pub0_open, dir, *name);
    if (rc == 0) {
        *name = "snapshot";
        rc = endpoint_listen(&s->snapshot, nng_rep0_open, dir, *name);
    }
    if (rc == 0) {
        *name = "commands";
        rc = endpoint_dial(&s->subscribed, nng_sub0_open, other_dir(dir), *name);
    }
    return rc;
}

static int open_control(struct ipc_sockets *s, const char *dir, const char **name)
{
    *name = "commands";
    int rc = endpoint_listen(&s->published, nng_pub0_open, dir, *name);
    if (rc == 0) {
        *name = "ctl";
        rc = endpoint_listen(&s->ctl, nng_rep0_open, dir, *name);
    }
    if (rc == 0) {
        *name = "events";
        rc = endpoint_dial(&s->subscribed, nng_sub0_open, other_dir(dir), *name);
    }
    if (rc == 0) {
        *name = "snapshot";
        rc = endpoint_dial(&s->snapshot, nng_req0_open, other_dir(dir), *name);
    }
    return rc;
}

static struct ipc_sockets *make(void)
{
    struct ipc_sockets *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->ended, &clock);
    pthread_condattr_destroy(&clock);
    return s;
}

static int open_all(struct ipc_sockets **out, const char *dir, char *why, size_t why_size,
                    int (*open)(struct ipc_sockets *, const char *, const char **))
{
    const char *name = "";
    if (ipc_runtime_dir_make(dir) != 0) {
        snprintf(why, why_size, "%s: %m", dir);
        return ERR_SYSTEM;
    }
    struct ipc_sockets *s = make();
    int rc = s == NULL ? NNG_ENOMEM : open(s, dir, &name);
    if (rc == 0)
        rc = start_keeper(s);
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
    end_keeper(s);
    endpoint_close(&s->published);
    endpoint_close(&s->subscribed);
    endpoint_close(&s->snapshot);
    endpoint_close(&s->ctl);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->ended);
    free(s);
}

int ipc_sockets_fd_subscribed(const struct ipc_sockets *s)
{
    return endpoint_fd(&s->subscribed);
}

int ipc_sockets_fd_snapshot(const struct ipc_sockets *s)
{
    return endpoint_fd(&s->snapshot);
}

int ipc_sockets_fd_ctl(const struct ipc_sockets *s)
{
    return endpoint_fd(&s->ctl);
}

/* ---- messages ---- */

/* What could not be sent is sent again when the other side reports the gap. */
void ipc_sockets_publish(struct ipc_sockets *s, struct bytes message)
{
    (void)endpoint_send(&s->published, message);
}

int ipc_sockets_receive(struct ipc_sockets *s, struct bytes *message)
{
    return endpoint_receive(&s->subscribed, message);
}

int ipc_sockets_receive_snapshot(struct ipc_sockets *s, struct bytes *message)
{
    return endpoint_receive(&s->snapshot, message);
}

int ipc_sockets_receive_ctl(struct ipc_sockets *s, struct bytes *message)
{
    return endpoint_receive(&s->ctl, message);
}

int ipc_sockets_send_snapshot(struct ipc_sockets *s, struct bytes message)
{
    return endpoint_send(&s->snapshot, message);
}

int ipc_sockets_reply_ctl(struct ipc_sockets *s, struct bytes message)
{
    return endpoint_send(&s->ctl, message);
}

/* ---- chappectl ---- */

/* Any failure to connect means that nobody listens there, now. */
static int dial(nng_socket socket, const char *url)
{
    const struct timespec pause = {.tv_nsec = CTL_PAUSE_NS};
    int rc = nng_dial(socket, url, NULL, 0);
    for (int i = 1; rc != 0 && i < CTL_TRIES; i++) {
        nanosleep(&pause, NULL);
        rc = nng_dial(socket, url, NULL, 0);
    }
    return rc == 0 ? 0 : ERR_NOT_FOUND;
}

static int ask(nng_socket socket, const char *url, struct bytes request, struct buffer *answer)
{
    void *data;
    size_t size;
    int rc = dial(socket, url);
    if (rc != 0)
        return rc;
    rc = nng_send(socket, (void *)(uintptr_t)request.data, request.len, 0);
    if (rc == 0)
        rc = nng_recv(socket, &data, &size, NNG_FLAG_ALLOC);
    if (rc != 0)
        return endpoint_error(rc);
    buffer_clear(answer);
    rc = buffer_append(answer, data, size);
    nng_free(data, size);
    return rc;
}

int ipc_ctl_ask(const char *runtime_dir, struct bytes request, int timeout_ms,
                struct buffer *answer)
{
    char path[IPC_PATH_MAX];
    char url[ENDPOINT_URL_MAX];
    nng_socket socket;
    if (ipc_runtime_dir_path(path, runtime_dir, "ctl", NULL) != 0 || nng_req0_open(&socket) != 0)
        return ERR_SYSTEM;
    snprintf(url, sizeof(url), "ipc://%s", path);
    nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, BUFFER_MAX);
    nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, timeout_ms);
    nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, timeout_ms);
    int rc = ask(socket, url, request, answer);
    nng_close(socket);
    return rc;
}
