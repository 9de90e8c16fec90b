#include "control/rim/plane.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/config_check.h"
#include "common/error.h"
#include "common/log.h"
#include "common/options.h"
#include "common/random.h"
#include "control/core/core.h"
#include "control/rim/bridge.h"
#include "control/rim/events.h"
#include "control/rim/http.h"
#include "control/rim/metrics.h"
#include "control/rim/operator.h"
#include "control/rim/readiness.h"
#include "control/rim/reload.h"

#define TICK (100 * CLOCK_MS) /* ns between our reports to the data plane */
#define EVENTS_MAX 16

struct plane {
    struct startup *startup;
    struct config *config; /* the startup's, or of the last reload */
    const char *build;
    struct questions questions;
    struct core *core;
    struct bridge bridge;
    struct readiness readiness;
    struct http *http; /* NULL: metrics.listen is off */
    struct events events;
    int epoll, signals;
    uint64_t started, now, next_tick;
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
    bridge_transact(&p->bridge, row);
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

/* ---- reload ---- */

static void log_warnings(const struct config *config)
{
    struct config_errors warnings = {0};
    config_warnings(config, &warnings);
    for (size_t i = 0; i < warnings.count; i++)
        log_event(LOG_WARN, "config_doubtful", LOG_STR("why", warnings.lines[i]));
    config_errors_free(&warnings);
}

/* Takes the place of the running config, which is freed. */
static void use_config(struct plane *p, struct config *fresh)
{
    struct config *old = p->config;
    p->config = fresh;
    log_level_set(fresh->log.level);
    log_warnings(fresh);
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
    if (p->bridge.unsent || !core_drain_state(p->core).stopped ||
        (ipc_control_side_uncommitted(p->bridge.contract) > 0 && !p->bridge.silent))
        return;
    log_event(LOG_INFO, "stopping", LOG_STR("why", "drained"));
    readiness_stopping(&p->readiness, "drained");
    p->stopping = true;
}

/* ---- the loop ---- */

static void receive_events(struct plane *p)
{
    bridge_receive(&p->bridge);
}

static void receive_slices(struct plane *p)
{
    bridge_receive_slices(&p->bridge);
}

static void answer_operator(struct plane *p)
{
    const struct operator_window window = {
        .config = p->config,
        .core = p->core,
        .contract = p->bridge.contract,
        .build = p->build,
        .aes = p->bridge.lives.aes,
        .started = p->started,
        .answered = bridge_is_answered(&p->bridge),
        .silent = p->bridge.silent,
        .silent_since_ms = p->bridge.silent_since_ms,
        .actions = {.reload = on_reload,
                    .drain = on_drain,
                    .undrain = on_undrain,
                    .route = on_route,
                    .context = p},
    };
    struct bytes request;
    struct buffer answer = {0};
    while (ipc_sockets_receive_ctl(p->bridge.sockets, &request) == 0) {
        buffer_clear(&answer);
        operator_answer(&window, request, p->now, &answer);
        ipc_sockets_reply_ctl(p->bridge.sockets, buffer_view(&answer));
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
    return ipc_sockets_fd_subscribed(p->bridge.sockets);
}

static int fd_slices(const struct plane *p)
{
    return ipc_sockets_fd_snapshot(p->bridge.sockets);
}

static int fd_operator(const struct plane *p)
{
    return ipc_sockets_fd_ctl(p->bridge.sockets);
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
    return bridge_is_live(&p->bridge) ? core_deadline(p->core) : UINT64_MAX;
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
        ipc_control_side_tick(p->bridge.contract, p->now);
        readiness_tick(&p->readiness, p->core, bridge_is_answered(&p->bridge), p->now);
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
        p->stopping |= p->bridge.mismatched;
    }
    return p->bridge.mismatched ? EXIT_FAILED : EXIT_DONE;
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

static int make_bridge(struct plane *p)
{
    p->bridge.core = p->core;
    p->bridge.questions = &p->questions;
    p->bridge.now = &p->now;
    return bridge_init(&p->bridge, p->config->relay.runtime_dir);
}

static void write_metrics(void *context, struct buffer *page)
{
    const struct plane *p = context;
    const struct metrics_source source = {.core = p->core,
                                          .contract = p->bridge.contract,
                                          .data = &p->bridge.scoreboard,
                                          .lives = &p->bridge.lives,
                                          .events = &p->events.file,
                                          .build = p->build,
                                          .answered = bridge_is_answered(&p->bridge),
                                          .now = p->now};
    metrics_write(&source, page);
}

static bool is_ready(void *context)
{
    const struct plane *p = context;
    return bridge_is_answered(&p->bridge) && ipc_control_side_uncommitted(p->bridge.contract) == 0;
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
    log_warnings(p->config);
    events_init(&p->events);
    events_use(&p->events, p->config->event_log);
    int rc = catch_signals(p);
    if (rc == 0)
        rc = make_core(p);
    if (rc == 0)
        rc = make_bridge(p);
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
    bridge_free(&p->bridge);
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
