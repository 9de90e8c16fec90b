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
#include "control/rim/operator.h"
#include "control/rim/oracle.h"
#include "control/rim/resolver.h"
#include "control/rim/tokens.h"
#include "ipc/control_side.h"
#include "ipc/epoch.h"
#include "ipc/note.h"
#include "ipc/sockets.h"

#define TICK (100 * CLOCK_MS) /* ns between our reports to the data plane */
#define EVENTS_MAX 16
#define BATCH_MAX 256 /* messages taken from one socket before the others have their turn */
#define AES_TEXT_MAX 64

struct plane {
    struct startup *startup;
    const char *build;
    struct oracle oracle;
    struct core *core;
    struct ipc_control_side *contract;
    struct ipc_sockets *sockets;
    struct ipc_note *note;
    struct resolver *resolver;
    struct tokens *tokens;       /* NULL: no auth.url */
    struct core_answer *answers; /* made while the core was busy; given to it right after */
    size_t answer_count, answer_capacity;
    int epoll, signals;
    uint64_t started, now, next_tick;
    char aes[AES_TEXT_MAX];
    int exit_code;
    bool stopping;
};

static uint64_t read_clock(struct plane *p)
{
    p->now = clock_monotonic();
    return p->now;
}

/* ---- answers to the core's questions ---- */

static void keep_answer(struct plane *p, const struct core_answer *answer)
{
    if (p->answer_count == p->answer_capacity) {
        size_t capacity = p->answer_capacity == 0 ? 16 : 2 * p->answer_capacity;
        struct core_answer *grown = realloc(p->answers, capacity * sizeof *grown);
        if (grown == NULL) {
            log_event(LOG_ERROR, "answer_lost", LOG_ERR(ERR_MEMORY));
            return; /* the question's own deadline in the core deals with it */
        }
        p->answers = grown;
        p->answer_capacity = capacity;
    }
    p->answers[p->answer_count++] = *answer;
}

/* An answer can lead to the next question, so the list may grow meanwhile. */
static void give_answers(struct plane *p)
{
    for (size_t i = 0; i < p->answer_count; i++) {
        struct core_answer answer = p->answers[i];
        core_answer(p->core, &answer, p->now);
    }
    p->answer_count = 0;
}

static void keep_refusal(struct plane *p, const struct core_question *question, int error)
{
    struct core_answer answer = {.id = question->id, .type = question->type};
    strncpy(answer.why, error_text(error), sizeof answer.why - 1);
    keep_answer(p, &answer);
}

static void on_token_answer(void *context, const struct core_answer *answer)
{
    keep_answer(context, answer);
}

static void ask_join(struct plane *p, const struct core_question *question)
{
    uint8_t random[KEYS_SIZE];
    struct core_answer answer;
    int rc = random_fill(random, sizeof random);
    if (rc != 0) {
        keep_refusal(p, question, rc);
        return;
    }
    oracle_join(&p->oracle, question, random, &answer);
    keep_answer(p, &answer);
}

static void on_ask(void *context, const struct core_question *question)
{
    struct plane *p = context;
    struct core_answer answer;
    int rc = 0;
    switch (question->type) {
    case CORE_ASK_TOKEN:
        rc = p->tokens == NULL ? ERR_NOT_FOUND : tokens_ask(p->tokens, question);
        break;
    case CORE_ASK_RESOLVE:
        rc = resolver_ask(p->resolver, question);
        break;
    case CORE_ASK_JOIN:
        ask_join(p, question);
        break;
    case CORE_ASK_REGISTER:
        oracle_register(question, &answer);
        keep_answer(p, &answer);
        break;
    }
    if (rc != 0)
        keep_refusal(p, question, rc);
}

/* ---- the core's other effects ---- */

static void on_transact(void *context, struct bytes row)
{
    struct plane *p = context;
    int rc = ipc_control_side_transact(p->contract, row);
    if (rc != 0) /* a new adoption follows and finds what was not done */
        log_event(LOG_ERROR, "transaction_not_sent", LOG_ERR(rc), LOG_U64("bytes", row.len));
}

static void on_log(void *context, enum log_level level, const char *event,
                   const struct log_field *fields, size_t count)
{
    (void)context;
    if (log_enabled(level))
        log_write(level, event, fields, count);
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
    const char *dir = p->startup->config.relay.runtime_dir;
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
    p->answer_count = 0;
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
    core_adopted(p->core, p->now);
    give_answers(p);
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
    give_answers(p);
    ipc_note_clear(p->note);
}

static void on_notice(void *context, const struct ipc_item *item)
{
    struct plane *p = context;
    if (item->type == IPC_plane_state) {
        struct bytes aes = item->u.plane_state.aes;
        size_t len = aes.len < sizeof p->aes ? aes.len : sizeof p->aes - 1;
        if (len > 0)
            memcpy(p->aes, aes.data, len);
        p->aes[len] = '\0';
    }
    core_notice(p->core, item, p->now);
}

static void on_lost(void *context, int error)
{
    (void)context;
    log_event(LOG_WARN, "data_plane_lost", LOG_ERR(error),
              LOG_STR("next", "what it holds is adopted anew"));
}

static void on_silent(void *context, bool silent)
{
    (void)context;
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

static void answer_operator(struct plane *p)
{
    const struct operator_window window = {
        .config = &p->startup->config,
        .core = p->core,
        .contract = p->contract,
        .build = p->build,
        .aes = p->aes,
        .started = p->started,
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
    struct core_answer answer;
    while (resolver_answer(p->resolver, &answer))
        keep_answer(p, &answer);
}

static void take_signal(struct plane *p)
{
    struct signalfd_siginfo info;
    if (read(p->signals, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGHUP) {
        log_event(LOG_WARN, "reload_not_possible", LOG_STR("advice", "restart this plane instead"));
        return;
    }
    log_event(LOG_INFO, "stopping", LOG_U64("signal", info.ssi_signo));
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
    return resolver_fd(p->resolver);
}

static int fd_tokens(const struct plane *p)
{
    return p->tokens == NULL ? -1 : tokens_fd(p->tokens);
}

static void run_tokens(struct plane *p)
{
    tokens_run(p->tokens);
}

/* Everything that can wake the loop. */
#define SOURCE_COUNT 6
static const struct source {
    int (*fd)(const struct plane *p); /* -1: not in use */
    void (*ready)(struct plane *p);
} sources[SOURCE_COUNT] = {
    {fd_signals, take_signal},      {fd_events, receive_events},  {fd_slices, receive_slices},
    {fd_operator, answer_operator}, {fd_resolver, take_resolved}, {fd_tokens, run_tokens},
};

static int timeout_ms(const struct plane *p)
{
    uint64_t due = core_deadline(p->core);
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
        p->next_tick = p->now + TICK;
    }
    if (ipc_control_side_state(p->contract) == IPC_CONTROL_LIVE && core_deadline(p->core) <= p->now)
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
        give_answers(p);
    }
    return p->exit_code;
}

/* ---- init and free ---- */

static int make_core(struct plane *p)
{
    struct core_settings settings = {
        .config = &p->startup->config,
        .tls = p->startup->tls,
        .build = p->build,
        .effects = {on_transact, on_ask, on_log},
        .context = p,
    };
    int rc = keys_identity(&p->startup->seed, &p->oracle.identity);
    identity_wipe(&p->startup->seed);
    if (rc == 0)
        rc = random_fill(&settings.seed, sizeof settings.seed);
    if (rc != 0)
        return rc;
    memcpy(settings.identity_pub, p->oracle.identity.public_key, sizeof settings.identity_pub);
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
        rc = ipc_note_open(&p->note, p->startup->config.relay.runtime_dir);
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

static int make_helpers(struct plane *p)
{
    const struct config *config = &p->startup->config;
    int rc = resolver_init(&p->resolver);
    if (rc == 0 && config->auth_url != NULL)
        rc = tokens_init(&p->tokens, config->auth_url, on_token_answer, p);
    if (rc != 0)
        return rc;
    char why[256];
    rc = ipc_sockets_open_control(&p->sockets, config->relay.runtime_dir, why, sizeof why);
    if (rc != 0)
        log_event(LOG_ERROR, "sockets_failed", LOG_STR("why", why));
    return rc;
}

static int watch_sources(struct plane *p)
{
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll < 0)
        return ERR_SYSTEM;
    for (uint32_t i = 0; i < SOURCE_COUNT; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        int fd = sources[i].fd(p);
        if (fd >= 0 && epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
            return ERR_SYSTEM;
    }
    return 0;
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
    p->build = build;
    p->epoll = p->signals = -1;
    p->started = read_clock(p);
    int rc = catch_signals(p);
    if (rc == 0)
        rc = make_core(p);
    if (rc == 0)
        rc = make_contract(p);
    if (rc == 0)
        rc = make_helpers(p);
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
    resolver_free(p->resolver);
    tokens_free(p->tokens);
    if (p->sockets != NULL)
        ipc_sockets_close(p->sockets);
    if (p->note != NULL)
        ipc_note_close(p->note);
    if (p->contract != NULL)
        ipc_control_side_free(p->contract);
    if (p->core != NULL)
        core_free(p->core);
    keys_ed25519_wipe(&p->oracle.identity);
    free(p->answers);
    if (p->epoll >= 0)
        close(p->epoll);
    if (p->signals >= 0)
        close(p->signals);
    free(p);
}
