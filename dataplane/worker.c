#include "dataplane/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/random.h"
#include "dataplane/exchange.h"
#include "dataplane/media.h"
#include "dataplane/uplink.h"

#define REPEATS_PER_TURN 256

enum source {
    SOURCE_PACKETS,
    SOURCE_COMMANDS,
    SOURCE_REQUESTS,
    SOURCE_WATCHED,
    SOURCES,
};

struct worker {
    struct quic_endpoint *endpoint;
    struct exchange exchange;
    struct uplink uplink;
    uint64_t now; /* of this turn */
    uint64_t next_tick;
    uint64_t next_notice;
    bool waiting[SOURCES]; /* there may be something to read */
    bool stopping;
    int epoll;
    void (*watched)(void *context);
    void *watched_context;
    void (*ticked)(void *context, uint64_t now);
    void *ticked_context;
};

/* ---- QUIC's callbacks ---- */

/* The control plane does not know it yet, and will not. */
static void discard(struct worker *w, struct quic_connection *quic, struct session *c)
{
    quic_connection_set_user(quic, NULL);
    quic_connection_close(quic, "not accepted", false);
    if (c)
        exchange_forget(&w->exchange, c);
    else
        w->exchange.counters.closed_no_memory++;
}

static void on_accepted(struct worker *w, struct quic_connection *quic,
                        const struct quic_peer *peer)
{
    struct session *c = exchange_accept(&w->exchange, quic, peer);

    quic_connection_set_user(quic, c);
    if (!c || uplink_opened(&w->uplink, c) != ERR_OK)
        discard(w, quic, c);
}

static void on_established(void *context, struct quic_connection *quic,
                           const struct quic_peer *peer)
{
    struct worker *w = context;
    struct session *c = quic_connection_user(quic);

    if (!peer->dialed)
        on_accepted(w, quic, peer);
    else if (session_establish(c, quic, peer) != ERR_OK || uplink_opened(&w->uplink, c) != ERR_OK)
        quic_connection_close(quic, "not accepted", false);
}

static void on_message(void *context, struct quic_connection *quic, struct bytes body)
{
    struct worker *w = context;
    const struct session *c = quic_connection_user(quic);

    if (c && uplink_signal(&w->uplink, c, body) != ERR_OK)
        quic_connection_close(quic, "not accepted", false);
}

static void on_datagram(void *context, struct quic_connection *quic, struct bytes data)
{
    struct worker *w = context;
    struct session *c = quic_connection_user(quic);

    if (c)
        media_datagram(&w->exchange, c, data, w->now);
}

static void on_closed(void *context, struct quic_connection *quic, const struct quic_close *why)
{
    struct worker *w = context;
    struct session *c = quic_connection_user(quic);

    if (!c)
        return;
    exchange_retire(&w->exchange, c);
    if (!w->stopping) /* else a new epoch tells it all */
        uplink_closed(&w->uplink, c, why);
}

static const struct quic_callbacks quic_callbacks = {
    .established = on_established,
    .message = on_message,
    .datagram = on_datagram,
    .closed = on_closed,
};

/* ---- making and freeing ---- */

static int watch(struct worker *w, int fd, enum source source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};

    return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? ERR_OK : ERR_SYSTEM;
}

int worker_watch(struct worker *w, int fd, void (*readable)(void *context), void *context)
{
    w->watched = readable;
    w->watched_context = context;
    return watch(w, fd, SOURCE_WATCHED);
}

void worker_on_tick(struct worker *w, void (*ticked)(void *context, uint64_t now), void *context)
{
    w->ticked = ticked;
    w->ticked_context = context;
}

static int init_exchange(struct worker *w, const struct worker_config *config)
{
    uint8_t secret[16];
    int err = random_fill(secret, sizeof(secret));

    if (!err)
        err = exchange_init(&w->exchange, config->quic.worker, secret, config->self);
    if (err)
        return err;
    w->exchange.event_log = config->event_log;
    exchange_use_event_log(&w->exchange,
                           bytes_of_string(config->event_log_path ? config->event_log_path : ""));
    return ERR_OK;
}

static int init_parts(struct worker *w, const struct worker_config *config)
{
    int err = init_exchange(w, config);

    if (!err)
        err = uplink_init(&w->uplink, &w->exchange, config->sockets, config->epoch,
                          config->started_ms);
    if (!err)
        err = quic_endpoint_init(&w->endpoint, &config->quic, &config->listen, config->reuse_port,
                                 &quic_callbacks, w);
    w->exchange.endpoint = w->endpoint;
    if (!err && (w->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        err = ERR_SYSTEM;
    if (!err)
        err = watch(w, quic_endpoint_fd(w->endpoint), SOURCE_PACKETS);
    if (!err)
        err = watch(w, ipc_sockets_fd_subscribed(config->sockets), SOURCE_COMMANDS);
    if (!err)
        err = watch(w, ipc_sockets_fd_snapshot(config->sockets), SOURCE_REQUESTS);
    return err;
}

int worker_init(struct worker **out, const struct worker_config *config)
{
    struct worker *w = calloc(1, sizeof(*w));

    if (!w)
        return ERR_MEMORY;
    w->epoll = -1;
    int err = init_parts(w, config);
    if (err) {
        int saved = errno;
        worker_free(w);
        errno = saved;
        return err;
    }
    *out = w;
    return ERR_OK;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    if (w->endpoint)
        quic_endpoint_free(w->endpoint);
    uplink_free(&w->uplink);
    exchange_free(&w->exchange);
    if (w->epoll >= 0)
        close(w->epoll);
    free(w);
}

void worker_local(const struct worker *w, struct address *out)
{
    quic_endpoint_local(w->endpoint, out);
}

/* ---- the loop ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_deadline(const struct worker *w)
{
    uint64_t deadline = earlier(w->next_tick, w->next_notice);

    deadline = earlier(deadline, quic_endpoint_deadline(w->endpoint));
    return earlier(deadline, exchange_next_repeat(&w->exchange));
}

/* Nanoseconds; 0 if something is waiting or due. */
static uint64_t patience(const struct worker *w, uint64_t now)
{
    uint64_t deadline = next_deadline(w);

    for (int i = 0; i < SOURCES; i++) {
        if (w->waiting[i])
            return 0;
    }
    return deadline > now ? deadline - now : 0;
}

/* epoll in nanoseconds, or in milliseconds where the kernel is too old or a filter forbids it. */
static int wait_for(int epoll, struct epoll_event *events, int max, uint64_t ns)
{
    const struct timespec timeout = {
        .tv_sec = (time_t)(ns / CLOCK_SECOND),
        .tv_nsec = (long)(ns % CLOCK_SECOND),
    };
    int count = epoll_pwait2(epoll, events, max, &timeout, NULL);

    if (count < 0 && (errno == ENOSYS || errno == EPERM))
        count = epoll_wait(epoll, events, max, (int)((ns + CLOCK_MS - 1) / CLOCK_MS));
    return count;
}

static int wait_for_work(struct worker *w)
{
    struct epoll_event events[SOURCES];
    int count = wait_for(w->epoll, events, SOURCES, patience(w, clock_monotonic()));

    if (count < 0)
        return errno == EINTR ? ERR_OK : ERR_SYSTEM;
    for (int i = 0; i < count; i++)
        w->waiting[events[i].data.u32] = true;
    return ERR_OK;
}

static void run_timers(struct worker *w)
{
    if (quic_endpoint_deadline(w->endpoint) <= w->now)
        quic_endpoint_expire(w->endpoint, w->now);
    exchange_run_repeats(&w->exchange, w->now, REPEATS_PER_TURN);
    if (w->next_tick <= w->now) {
        w->next_tick = w->now + UPLINK_TICK;
        uplink_tick(&w->uplink);
        if (w->ticked)
            w->ticked(w->ticked_context, w->now);
    }
    if (w->next_notice <= w->now) {
        w->next_notice = w->now + UPLINK_NOTICE;
        uplink_notices(&w->uplink);
    }
}

static void turn(struct worker *w)
{
    w->now = clock_monotonic();
    w->uplink.now = w->now;
    if (w->waiting[SOURCE_PACKETS])
        w->waiting[SOURCE_PACKETS] = quic_endpoint_receive(w->endpoint, w->now) == ERR_AGAIN;
    run_timers(w);
    if (w->waiting[SOURCE_COMMANDS])
        w->waiting[SOURCE_COMMANDS] = uplink_receive(&w->uplink);
    if (w->waiting[SOURCE_REQUESTS])
        w->waiting[SOURCE_REQUESTS] = uplink_answer(&w->uplink);
    if (w->waiting[SOURCE_WATCHED]) {
        w->waiting[SOURCE_WATCHED] = false;
        w->watched(w->watched_context);
    }
    quic_endpoint_flush(w->endpoint, w->now);
    uplink_flush(&w->uplink);
    w->stopping |= w->exchange.stop;
}

int worker_run(struct worker *w)
{
    int err = ERR_OK;

    while (!w->stopping && !err) {
        err = wait_for_work(w);
        if (!err)
            turn(w);
    }
    w->stopping = true;
    w->now = clock_monotonic();
    uplink_tick(&w->uplink); /* says what was committed last */
    quic_endpoint_close_all(w->endpoint, "shutdown", w->now);
    quic_endpoint_flush(w->endpoint, w->now);
    return err;
}

void worker_stop(struct worker *w)
{
    w->stopping = true;
}
