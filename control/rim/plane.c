#include "control/rim/plane.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/options.h"
#include "common/random.h"
#include "control/core/core.h"
#include "control/rim/events.h"
#include "control/rim/http.h"
#include "control/rim/lives.h"
#include "control/rim/metrics.h"
#include "control/rim/operator.h"
#include "control/rim/questions.h"
#include "control/rim/readiness.h"
#include "control/rim/reload.h"
#include "ipc/control_side.h"
#include "ipc/epoch.h"
#include "ipc/note.h"
#include "ipc/sockets.h"

#define TICK (100 * CLOCK_MS) /* ns between our reports to the data plane */
#define EVENTS_MAX 16
#define BATCH_MAX 256 /* messages taken from one socket before the others have their turn */

struct plane {
    struct startup *startup;
    struct config *config; /* the startup's, or of the last reload */
    const char *build;
    struct questions questions;
    struct core *core;
    struct ipc_control_side *contract;
    struct ipc_sockets *sockets;
    struct ipc_note *note;
    struct readiness readiness;
    struct http *http; /* NULL: metrics.listen is off */
    struct scoreboard scoreboard;
    struct lives lives;
    struct events events;
    int epoll, signals;
    uint64_t started, now, next_tick;
    int exit_code;
    bool unsent; /* a transaction could not be sent since the last adoption */
    bool silent; /* nothing is heard of the data plane */
    bool stopping;
};

/* What can wake the loop; `sources` below says how. */
enum source_number {
    SOURCE_SIGNALS,
    SOURCE_EVENTS,
    SOURCE_SLICES,
    SOURCE_OPERATOR,
    SOURCE_RESOLVER,
    SOURCE_TOKENS,
    SOURCE_HTTP,
    SOURCE_COUNT,
};

static int watch_source(const struct plane *p, enum source_number number);

static uint64_t read_clock(struct plane *p)
{
    p->now = clock_monotonic();
    return p->now;
}

/* ---- the core's effects ---- */

static void on_ask(void *context, const struct core_question *question)
{
    struct plane *p = context;
    questions_ask(&p->questions, question);
}

static void on_transact(void *context, struct bytes row)
{
    struct plane *p = context;
    int rc = ipc_control_side_transact(p->contract, row);
    if (rc != 0) { /* a new adoption follows and finds what was not done */
        p->unsent = true;
        log_event(LOG_ERROR, "transaction_not_sent", LOG_ERR(rc), LOG_U64("bytes", row.len));
    }
}

static void on_log(void *context, enum log_level level, const char *event,
                   const struct log_field *fields, size_t count)
{
    (void)context;
    if (log_enabled(level))
        log_write(level, event, fields, count);
}

static void on_event(void *context, const char *event, const struct log_field *fields, size_t count)
{
    struct plane *p = context;
    events_write(&p->events, p->now, event, fields, count);
}

/* ---- what the contract brings ---- */

static void on_publish(void *context, struct bytes message)
{
    struct plane *p = context;
    ipc_sockets_publish(p->sockets, message);
}

static void on_request(void *context, struct bytes message)
{
    struct plane *p = context;
    if (ipc_sockets_send_snapshot(p->sockets, message) != 0)
        ipc_control_side_reply(p->contract, BYTES_NONE);
}

static uint64_t on_new_epoch(void *context)
{
    struct plane *p = context;
    uint64_t epoch = 0;
    const char *dir = p->config->relay.runtime_dir;
    if (ipc_epoch_next(dir, "control", clock_wall_ms(), &epoch) != 0) {
        log_event(LOG_ERROR, "epoch_not_written", LOG_STR("runtime_dir", dir),
                  LOG_STR("why", strerror(errno)));
        epoch = clock_wall_ms();
    }
    return epoch;
}

static void on_adopting(void *context, uint64_t data_epoch)
{
    struct plane *p = context;
    log_event(LOG_INFO, "adopting", LOG_U64("data_epoch", data_epoch),
              LOG_U64("control_epoch", ipc_control_side_epoch(p->contract)));
    lives_adopting(&p->lives, data_epoch, clock_monotonic());
    questions_forget(&p->questions);
    core_adopting(p->core, data_epoch);
}

static void on_installed(void *context, const struct ipc_item *item)
{
    struct plane *p = context;
    core_installed(p->core, item, p->now);
}

static void on_adopted(void *context)
{
    struct plane *p = context;
    p->unsent = false;
    core_adopted(p->core, p->now);
    questions_give(&p->questions, p->core, p->now);
    lives_adopted(&p->lives, clock_monotonic());
    log_event(LOG_INFO, "adopted", LOG_U64("data_epoch", ipc_control_side_data_epoch(p->contract)),
              LOG_U64("control_epoch", ipc_control_side_epoch(p->contract)));
}

/* Which connection and number an input has. */
static struct ipc_note_entry entry_of(const struct plane *p, const struct ipc_item *item)
{
    struct ipc_note_entry entry = {.data_epoch = ipc_control_side_data_epoch(p->contract),
                                   .control_epoch = ipc_control_side_epoch(p->contract)};
    switch (item->type) {
    case IPC_opened:
        entry.connection = item->u.opened.connection;
        entry.input = item->u.opened.input;
        break;
    case IPC_signal:
        entry.connection = item->u.signal.connection;
        entry.input = item->u.signal.input;
        break;
    case IPC_closed:
        entry.connection = item->u.closed.connection;
        entry.input = item->u.closed.input;
        break;
    default:
        break;
    }
    return entry;
}

static void on_input(void *context, const struct ipc_item *item)
{
    struct plane *p = context;
    struct ipc_note_entry entry = entry_of(p, item);
    ipc_note_set(p->note, &entry);
    core_input(p->core, item, p->now);
    questions_give(&p->questions, p->core, p->now);
    ipc_note_clear(p->note);
}

static void on_notice(void *context, const struct ipc_item *item)
{
    struct plane *p = context;
    if (item->type == IPC_plane_state)
        lives_notice(&p->lives, &item->u.plane_state);
    if (item->type == IPC_counter)
        scoreboard_take(&p->scoreboard, &item->u.counter);
    core_notice(p->core, item, p->now);
}

static void on_lost(void *context, int error)
{
    struct plane *p = context;
    p->silent |= core_drain_state(p->core).stopped; /* another one is not to be stopped too */
    log_event(LOG_WARN, "data_plane_lost", LOG_ERR(error),
              LOG_STR("next", "what it holds is adopted anew"));
}

static void on_silent(void *context, bool silent)
{
    struct plane *p = context;
    p->silent = silent;
    if (silent)
        log_event(LOG_WARN, "data_plane_silent");
    else
        log_event(LOG_INFO, "data_plane_heard");
}

static void on_version_mismatch(void *context, unsigned ours, unsigned theirs)
{
    struct plane *p = context;
    log_event(LOG_ERROR, "contract_versions_differ", LOG_U64("ours", ours),
              LOG_U64("theirs", theirs),
              LOG_STR("advice", "start the two planes from one release; the data plane goes on"));
    p->exit_code = EXIT_FAILED;
    p->stopping = true;
}

/* ---- reload ---- */

/* Takes the place of the running config, which is freed. */
static void use_config(struct plane *p, struct config *fresh)
{
    struct config *old = p->config;
    p->config = fresh;
    log_level_set(fresh->log.level);
    events_use(&p->events, fresh->event_log);
    int rc = questions_set_auth(&p->questions, fresh->auth_url);
    if (rc == 0)
        rc = watch_source(p, SOURCE_TOKENS);
    if (rc != 0)
        log_event(LOG_ERROR, "auth_url_not_used", LOG_ERR(rc));
    core_reload(p->core, fresh, p->now);
    config_free(old);
    if (old != &p->startup->config)
        free(old);
}

static int on_reload(void *context, cJSON **result)
{
    struct plane *p = context;
    struct config *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL)
        return ERR_MEMORY;
    readiness_reloading(&p->readiness, p->now);
    int rc = reload_read(p->config, &p->startup->tls, fresh, result);
    if (rc == 0)
        use_config(p, fresh);
    else
        free(fresh);
    readiness_reloaded(&p->readiness);
    return rc;
}

static void reload_by_signal(struct plane *p)
{
    cJSON *result = NULL;
    on_reload(p, &result); /* the log has it all */
    cJSON_Delete(result);
}

/* ---- drain ---- */

static void on_drain(void *context, const uint32_t *seconds)
{
    struct plane *p = context;
    core_drain(p->core, seconds == NULL ? UINT64_MAX : p->now + *seconds * CLOCK_SECOND, p->now);
}

static void on_undrain(void *context)
{
    struct plane *p = context;
    core_undrain(p->core, p->now);
}

static cJSON *on_route(void *context, const char *fingerprint, uint64_t now)
{
    struct plane *p = context;
    return core_route(p->core, fingerprint, now);
}

/* The data plane has got its last command, or is gone: so are we. */
static void end_if_drained(struct plane *p)
{
    if (p->unsent || !core_drain_state(p->core).stopped ||
        (ipc_control_side_uncommitted(p->contract) > 0 && !p->silent))
        return;
    log_event(LOG_INFO, "stopping", LOG_STR("why", "drained"));
    readiness_stopping(&p->readiness, "drained");
    p->stopping = true;
}

/* ---- the loop ---- */

static void receive_events(struct plane *p)
{
    struct bytes message;
    for (int i = 0; i < BATCH_MAX && ipc_sockets_receive(p->sockets, &message) == 0; i++)
        ipc_control_side_receive(p->contract, message);
}

static void receive_slices(struct plane *p)
{
    struct bytes message;
    for (int i = 0; i < BATCH_MAX && ipc_sockets_receive_snapshot(p->sockets, &message) == 0; i++)
        ipc_control_side_reply(p->contract, message);
}

static bool is_live(const struct plane *p)
{
    return ipc_control_side_state(p->contract) == IPC_CONTROL_LIVE;
}

static bool is_answered(const struct plane *p)
{
    return is_live(p) && !p->silent;
}

static void answer_operator(struct plane *p)
{
    const struct operator_window window = {
        .config = p->config,
        .core = p->core,
        .contract = p->contract,
        .build = p->build,
        .aes = p->lives.aes,
        .started = p->started,
        .answered = is_answered(p),
        .actions = {.reload = on_reload,
                    .drain = on_drain,
                    .undrain = on_undrain,
                    .route = on_route,
                    .context = p},
    };
    struct bytes request;
    struct buffer answer = {0};
    while (ipc_sockets_receive_ctl(p->sockets, &request) == 0) {
        buffer_clear(&answer);
        operator_answer(&window, request, p->now, &answer);
        ipc_sockets_reply_ctl(p->sockets, buffer_view(&answer));
    }
    buffer_free(&answer);
}

static void take_resolved(struct plane *p)
{
    questions_take_resolved(&p->questions);
}

static void take_signal(struct plane *p)
{
    struct signalfd_siginfo info;
    if (read(p->signals, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGHUP) {
        reload_by_signal(p);
        return;
    }
    log_event(LOG_INFO, "stopping", LOG_U64("signal", info.ssi_signo));
    readiness_stopping(&p->readiness, "stopping: the data plane goes on");
    p->stopping = true;
}

static int fd_signals(const struct plane *p)
{
    return p->signals;
}

static int fd_events(const struct plane *p)
{
    return ipc_sockets_fd_subscribed(p->sockets);
}

static int fd_slices(const struct plane *p)
{
    return ipc_sockets_fd_snapshot(p->sockets);
}

static int fd_operator(const struct plane *p)
{
    return ipc_sockets_fd_ctl(p->sockets);
}

static int fd_resolver(const struct plane *p)
{
    return resolver_fd(p->questions.resolver);
}

static int fd_tokens(const struct plane *p)
{
    return p->questions.tokens == NULL ? -1 : tokens_fd(p->questions.tokens);
}

static void run_tokens(struct plane *p)
{
    tokens_run(p->questions.tokens);
}

static int fd_http(const struct plane *p)
{
    return p->http == NULL ? -1 : http_fd(p->http);
}

static void run_http(struct plane *p)
{
    http_run(p->http);
}

static const struct source {
    int (*fd)(const struct plane *p); /* -1: not in use */
    void (*ready)(struct plane *p);
} sources[SOURCE_COUNT] = {
    [SOURCE_SIGNALS] = {fd_signals, take_signal},
    [SOURCE_EVENTS] = {fd_events, receive_events},
    [SOURCE_SLICES] = {fd_slices, receive_slices},
    [SOURCE_OPERATOR] = {fd_operator, answer_operator},
    [SOURCE_RESOLVER] = {fd_resolver, take_resolved},
    [SOURCE_TOKENS] = {fd_tokens, run_tokens},
    [SOURCE_HTTP] = {fd_http, run_http},
};

/* Again is fine: its descriptor may have come only now. */
static int watch_source(const struct plane *p, enum source_number number)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
    int fd = sources[number].fd(p);
    if (fd < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) == 0 || errno == EEXIST)
        return 0;
    return ERR_SYSTEM;
}

/* Without a data plane that follows, the core's deadlines wait for the next adoption. */
static uint64_t core_due(const struct plane *p)
{
    return is_live(p) ? core_deadline(p->core) : UINT64_MAX;
}

static int timeout_ms(const struct plane *p)
{
    uint64_t due = core_due(p);
    if (p->next_tick < due)
        due = p->next_tick;
    if (due <= p->now)
        return 0;
    return (int)((due - p->now + CLOCK_MS - 1) / CLOCK_MS);
}

static void run_timers(struct plane *p)
{
    if (p->now >= p->next_tick) {
        ipc_control_side_tick(p->contract, p->now);
        readiness_tick(&p->readiness, p->core, is_live(p), p->now);
        events_tick(&p->events);
        if (p->http != NULL)
            http_run(p->http); /* its timeouts */
        p->next_tick = p->now + TICK;
    }
    if (core_due(p) <= p->now)
        core_expire(p->core, p->now);
}

int plane_run(struct plane *p)
{
    struct epoll_event events[EVENTS_MAX];
    p->next_tick = read_clock(p);
    while (!p->stopping) {
        int count = epoll_wait(p->epoll, events, EVENTS_MAX, timeout_ms(p));
        if (count < 0 && errno != EINTR) {
            log_event(LOG_ERROR, "epoll_failed", LOG_STR("why", strerror(errno)));
            return EXIT_FAILED;
        }
        read_clock(p);
        for (int i = 0; i < count; i++)
            sources[events[i].data.u32].ready(p);
        run_timers(p);
        questions_give(&p->questions, p->core, p->now);
        if (core_failed(p->core)) { /* whoever is started next adopts */
            log_event(LOG_ERROR, "core_failed", LOG_ERR(ERR_MEMORY));
            return EXIT_FAILED;
        }
        end_if_drained(p);
    }
    return p->exit_code;
}

/* ---- init and free ---- */

static int make_core(struct plane *p)
{
    struct core_settings settings = {
        .config = p->config,
        .tls = p->startup->tls,
        .build = p->build,
        .effects = {on_transact, on_ask, on_log, on_event},
        .context = p,
    };
    int rc = questions_init(&p->questions, &p->startup->seed, p->config->auth_url);
    identity_wipe(&p->startup->seed);
    if (rc == 0)
        rc = random_fill(&settings.seed, sizeof settings.seed);
    if (rc != 0)
        return rc;
    memcpy(settings.identity_pub, p->questions.oracle.identity.public_key,
           sizeof settings.identity_pub);
    return core_init(&p->core, &settings, p->now);
}

static int make_contract(struct plane *p)
{
    const struct ipc_control_callbacks callbacks = {
        .publish = on_publish,
        .request = on_request,
        .new_epoch = on_new_epoch,
        .adopting = on_adopting,
        .installed = on_installed,
        .adopted = on_adopted,
        .input = on_input,
        .notice = on_notice,
        .lost = on_lost,
        .silent = on_silent,
        .version_mismatch = on_version_mismatch,
    };
    int rc = ipc_control_side_init(&p->contract, &callbacks, p);
    if (rc == 0)
        rc = ipc_note_open(&p->note, p->config->relay.runtime_dir);
    if (rc != 0)
        return rc;
    struct ipc_note_entry note;
    if (ipc_note_read(p->note, &note)) {
        log_event(LOG_WARN, "input_reported", LOG_U64("connection", note.connection),
                  LOG_U64("input", note.input),
                  LOG_STR("why", "a control plane before this one ended while it handled it"));
        ipc_control_side_report(p->contract, &note);
        ipc_note_clear(p->note);
    }
    return 0;
}

static int open_sockets(struct plane *p)
{
    char why[256];
    int rc = ipc_sockets_open_control(&p->sockets, p->config->relay.runtime_dir, why, sizeof why);
    if (rc != 0)
        log_event(LOG_ERROR, "sockets_failed", LOG_STR("why", why));
    return rc;
}

static void write_metrics(void *context, struct buffer *page)
{
    const struct plane *p = context;
    const struct metrics_source source = {.core = p->core,
                                          .contract = p->contract,
                                          .data = &p->scoreboard,
                                          .lives = &p->lives,
                                          .events = &p->events.file,
                                          .build = p->build,
                                          .now = p->now};
    metrics_write(&source, page);
}

static bool is_ready(void *context)
{
    const struct plane *p = context;
    return is_answered(p) && ipc_control_side_uncommitted(p->contract) == 0;
}

static int open_http(struct plane *p)
{
    const struct http_callbacks callbacks = {.metrics = write_metrics, .ready = is_ready};
    char address[ADDRESS_TEXT];
    if (address_is_none(&p->config->metrics_listen))
        return 0;
    int rc = http_init(&p->http, &p->config->metrics_listen, &callbacks, p);
    address_text(&p->config->metrics_listen, address);
    if (rc != 0)
        log_event(LOG_ERROR, "metrics_failed", LOG_STR("listen", address),
                  LOG_STR("why", strerror(errno)));
    else
        log_event(LOG_INFO, "metrics_listening", LOG_STR("listen", address));
    return rc;
}

static int watch_sources(struct plane *p)
{
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll < 0)
        return ERR_SYSTEM;
    int rc = 0;
    for (enum source_number i = SOURCE_SIGNALS; i < SOURCE_COUNT && rc == 0; i++)
        rc = watch_source(p, i);
    return rc;
}

/* Before any thread starts, so that none of them takes a signal. */
static int catch_signals(struct plane *p)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return ERR_SYSTEM;
    p->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return p->signals < 0 ? ERR_SYSTEM : 0;
}

int plane_init(struct plane **out, struct startup *s, const char *build)
{
    struct plane *p = calloc(1, sizeof *p);
    if (p == NULL)
        return ERR_MEMORY;
    p->startup = s;
    p->config = &s->config;
    p->build = build;
    p->epoll = p->signals = -1;
    p->started = read_clock(p);
    readiness_init(&p->readiness, p->now);
    lives_init(&p->lives, clock_wall_ms());
    events_init(&p->events);
    events_use(&p->events, p->config->event_log);
    int rc = catch_signals(p);
    if (rc == 0)
        rc = make_core(p);
    if (rc == 0)
        rc = make_contract(p);
    if (rc == 0)
        rc = open_sockets(p);
    if (rc == 0)
        rc = open_http(p);
    if (rc == 0)
        rc = watch_sources(p);
    if (rc == 0) {
        *out = p;
        return 0;
    }
    log_event(LOG_ERROR, "start_failed", LOG_ERR(rc));
    plane_free(p);
    return rc;
}

void plane_free(struct plane *p)
{
    if (p == NULL)
        return;
    questions_free(&p->questions);
    http_free(p->http);
    if (p->sockets != NULL)
        ipc_sockets_close(p->sockets);
    if (p->note != NULL)
        ipc_note_close(p->note);
    if (p->contract != NULL)
        ipc_control_side_free(p->contract);
    if (p->core != NULL)
        core_free(p->core);
    if (p->epoll >= 0)
        close(p->epoll);
    if (p->signals >= 0)
        close(p->signals);
    events_free(&p->events);
    readiness_free(&p->readiness);
    if (p->config != &p->startup->config) {
        config_free(p->config);
        free(p->config);
    }
    free(p);
}
