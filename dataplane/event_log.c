#include "dataplane/event_log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/json_writer.h"
#include "common/log.h"
#include "common/text.h"

/* What the worker wants of the thread. */
struct orders {
    bool woken; /* look into the ring, and at the rest */
    bool stop;
    bool reopen;
    bool other_path;
    char *path; /* owned; with other_path: the next one, NULL: off */
};

struct event_log {
    struct event_ring *ring; /* NULL until first needed */
    struct event_file file;  /* the thread's, once it runs */
    struct buffer line;      /* likewise */
    uint64_t ring_lost;      /* of the ring's, as already counted in the file's */
    uint64_t told_lost;      /* of all that was lost, as already said in a line */
    pthread_t thread;
    bool running;

    pthread_mutex_t mutex; /* of `orders` */
    pthread_cond_t changed;
    struct orders orders;
};

/* ---- lines ---- */

/* What an event of the kind tells, in the order of the fields in a line. */
enum { ROOM = 1, SEQ = 2, CODEC = 4, LEN = 8, TO_COUNT = 16, PEER = 32, REASON = 64, ACTION = 128 };

static const struct kind {
    const char *name;
    unsigned fields;
    const char *action;
} kinds[] = {
    [MEDIA_EVENT_federation_ingress_malformed] = {"federation_ingress_malformed", LEN | PEER, NULL},
    [MEDIA_EVENT_federation_ingress] = {"federation_ingress", SEQ | CODEC | LEN | PEER, NULL},
    [MEDIA_EVENT_dedup_drop] = {"dedup_drop", SEQ | PEER, NULL},
    [MEDIA_EVENT_room_not_found] = {"room_not_found", SEQ | PEER, NULL},
    [MEDIA_EVENT_rate_limit_drop] = {"rate_limit_drop", ROOM | SEQ, NULL},
    [MEDIA_EVENT_local_deliver_error] = {"local_deliver_error", ROOM | SEQ | REASON, NULL},
    [MEDIA_EVENT_local_deliver] = {"local_deliver", ROOM | SEQ | TO_COUNT, NULL},
    [MEDIA_EVENT_first_media_in] = {"first_media", ROOM | PEER | ACTION, "in"},
    [MEDIA_EVENT_first_media_out] = {"first_media", ROOM | PEER | ACTION, "out"},
};

static void put_u64(struct json_writer *w, const char *key, uint64_t value)
{
    json_writer_key(w, key);
    json_writer_u64(w, value);
}

static void put_text(struct json_writer *w, const char *key, const char *text, size_t len)
{
    json_writer_key(w, key);
    json_writer_text(w, (struct bytes){(const uint8_t *)text, len});
}

static void put_header(struct json_writer *w, const struct media_event *e, unsigned fields)
{
    const uint8_t *h = e->header;

    if (fields & SEQ)
        put_u64(w, "seq", media_packet_sequence(h));
    if (!(fields & CODEC))
        return;
    json_writer_key(w, "codec");
    json_writer_string(w, media_codec_name(h[0] >> 2 & 15));
    put_u64(w, "fec_block", h[8]);
    put_u64(w, "fec_sym", h[9]);
    json_writer_key(w, "repair");
    json_writer_bool(w, (h[0] >> 6 & 1) != 0);
}

static void begin_line(struct json_writer *w, struct buffer *out, uint64_t unix_us,
                       const char *name)
{
    char ts[CLOCK_TEXT];

    clock_text_us(unix_us, ts);
    json_writer_init(w, out);
    json_writer_begin_object(w);
    json_writer_key(w, "ts");
    json_writer_string(w, ts);
    json_writer_key(w, "event");
    json_writer_string(w, name);
}

static void end_line(struct json_writer *w)
{
    json_writer_end_object(w);
    buffer_append_u8(w->out, '\n');
}

void event_log_line(const struct media_event *e, struct buffer *out)
{
    const struct kind *kind = &kinds[e->kind];
    struct json_writer w;

    begin_line(&w, out, e->unix_us, kind->name);
    if (kind->fields & ROOM)
        put_text(&w, "room", e->room, e->room_len);
    put_header(&w, e, kind->fields);
    if (kind->fields & LEN)
        put_u64(&w, "len", e->len);
    if (kind->fields & TO_COUNT)
        put_u64(&w, "to_count", e->to_count);
    if (kind->fields & PEER)
        put_text(&w, "peer", e->peer, e->peer_len);
    if (kind->fields & REASON)
        put_text(&w, "reason", error_text(e->error), strlen(error_text(e->error)));
    if (kind->fields & ACTION)
        put_text(&w, "action", kind->action, strlen(kind->action));
    end_line(&w);
}

/* ---- the thread ---- */

static void add_line(struct event_log *log)
{
    if (log->line.failed)
        event_file_lost(&log->file, 1);
    else
        event_file_add(&log->file, buffer_view(&log->line));
    buffer_clear(&log->line);
}

static void say_lost(struct event_log *log)
{
    struct json_writer w;
    uint64_t ring_lost = log->ring->lost;

    event_file_lost(&log->file, ring_lost - log->ring_lost);
    log->ring_lost = ring_lost;
    uint64_t lost = log->file.lost;
    if (lost == log->told_lost || log->file.failing)
        return;
    begin_line(&w, &log->line, clock_wall_us(), "events_lost");
    put_u64(&w, "count", lost - log->told_lost);
    end_line(&w);
    add_line(log);
    log->told_lost = lost;
}

static void drain(struct event_log *log)
{
    const struct media_event *event;

    while ((event = event_ring_peek(log->ring))) {
        event_log_line(event, &log->line);
        event_ring_taken(log->ring);
        add_line(log);
        if (log->file.waiting.len > EVENT_FILE_WAITING_MAX / 2)
            event_file_flush(&log->file);
    }
    say_lost(log);
    event_file_flush(&log->file);
}

/* Waits until there is something to do, and takes the orders for it. */
static struct orders wait_for_orders(struct event_log *log)
{
    pthread_mutex_lock(&log->mutex);
    while (!log->orders.woken)
        pthread_cond_wait(&log->changed, &log->mutex);
    struct orders taken = log->orders;
    log->orders = (struct orders){0};
    pthread_mutex_unlock(&log->mutex);
    return taken;
}

static void *run(void *context)
{
    struct event_log *log = context;
    struct orders orders = {0};

    while (!orders.stop) {
        orders = wait_for_orders(log);
        if (event_file_on(&log->file))
            drain(log); /* to the file that it was meant for */
        if (orders.reopen)
            event_file_reopen(&log->file);
        if (orders.other_path &&
            event_file_use(&log->file, bytes_of_string(orders.path ? orders.path : "")) != 0)
            log_event(LOG_ERROR, "event_log_not_changed", LOG_ERR(ERR_MEMORY));
        free(orders.path);
    }
    drain(log);
    return NULL;
}

/* ---- the worker's side ---- */

struct event_log *event_log_new(void)
{
    struct event_log *log = calloc(1, sizeof(*log));

    if (!log)
        return NULL;
    pthread_mutex_init(&log->mutex, NULL);
    pthread_cond_init(&log->changed, NULL);
    event_file_init(&log->file);
    return log;
}

static int start(struct event_log *log)
{
    if (log->running)
        return 0;
    if (!log->ring)
        log->ring = calloc(1, sizeof(*log->ring));
    if (!log->ring)
        return ENOMEM;
    int error = pthread_create(&log->thread, NULL, run, log);
    log->running = error == 0;
    return error;
}

/* The orders, to be changed; the thread is woken by give_orders. */
static struct orders *begin_orders(struct event_log *log)
{
    pthread_mutex_lock(&log->mutex);
    return &log->orders;
}

static void give_orders(struct event_log *log)
{
    log->orders.woken = true;
    pthread_cond_signal(&log->changed);
    pthread_mutex_unlock(&log->mutex);
}

/* False: no memory. */
static bool order_path(struct event_log *log, struct bytes path)
{
    char *copy = path.len > 0 ? text_copy(path) : NULL;

    if (path.len > 0 && !copy)
        return false;
    struct orders *orders = begin_orders(log);
    free(orders->path);
    orders->path = copy;
    orders->other_path = true;
    give_orders(log);
    return true;
}

struct event_ring *event_log_use(struct event_log *log, struct bytes path)
{
    if (path.len == 0 && !log->running)
        return NULL;
    int error = start(log);
    if (error == 0 && !order_path(log, path))
        error = ENOMEM;
    if (error != 0) {
        log_event(LOG_ERROR, "event_log_failed", LOG_BYTES("file", path),
                  LOG_STR("why", strerror(error)));
        return NULL;
    }
    return path.len > 0 ? log->ring : NULL;
}

bool event_log_reopen(struct event_log *log)
{
    if (!log->running)
        return false;
    begin_orders(log)->reopen = true;
    give_orders(log);
    return true;
}

void event_log_wake(struct event_log *log)
{
    if (!log->running || pthread_mutex_trylock(&log->mutex) != 0)
        return; /* it takes orders at this moment: next time */
    give_orders(log);
}

struct event_log_counters event_log_counters(const struct event_log *log)
{
    if (!log)
        return (struct event_log_counters){0};
    return (struct event_log_counters){
#define X(name, help) .name = log->file.name,
        EVENT_FILE_COUNTERS(X)
#undef X
    };
}

/* A disk that hangs must not keep the process from ending. */
static bool join(struct event_log *log)
{
    struct timespec until;

    if (!log->running)
        return true;
    begin_orders(log)->stop = true;
    give_orders(log);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    return pthread_timedjoin_np(log->thread, NULL, &until) == 0;
}

void event_log_free(struct event_log *log)
{
    if (!log || !join(log))
        return;
    event_file_free(&log->file);
    buffer_free(&log->line);
    pthread_mutex_destroy(&log->mutex);
    pthread_cond_destroy(&log->changed);
    free(log->orders.path);
    free(log->ring);
    free(log);
}
