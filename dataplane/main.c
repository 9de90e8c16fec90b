/* chappe-data: the data plane of a relay. What it is for: dataplane/README.md. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/keys.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/options.h"
#include "dataplane/event_log.h"
#include "dataplane/limits.h"
#include "dataplane/worker.h"
#include "ipc/epoch.h"
#include "ipc/settings.h"
#include "ipc/startup.h"

#define PLANE "data"
#define ALPN "wzp"
#define EXPORTER_LABEL "EXPORTER-chappe-register" /* design.md, "Calls" */
#define RETRY_THRESHOLD 256

/* What lives as long as the process. */
struct plane {
    struct startup startup;
    struct certificate certificate;
    uint8_t private_key[CERTIFICATE_PRIVATE_KEY_SIZE];
    struct ipc_sockets *sockets;
    struct worker *worker;
    struct event_log *event_log;
    int signals;          /* signalfd */
    struct notify notify; /* the service manager */
};

static int failed(const char *what, int err)
{
    const char *why = err == ERR_SYSTEM ? strerror(errno) : error_text(err);

    log_event(LOG_ERROR, "start_failed", LOG_STR("what", what), LOG_STR("why", why));
    return EXIT_FAILED;
}

/* ---- signals ---- */

/* Before any thread is made, so that all of them leave the signals to the descriptor. */
static int open_signals(struct plane *p)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    p->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return p->signals >= 0 ? EXIT_DONE : failed("signals", ERR_SYSTEM);
}

/* All else that a new config changes comes from the control plane. */
static void reopen(struct plane *p)
{
    if (event_log_reopen(p->event_log))
        log_event(LOG_INFO, "event_log_reopened");
    else
        log_event(LOG_INFO, "signal_ignored", LOG_STR("signal", "SIGHUP"),
                  LOG_STR("advice", "the control plane reloads: chappectl reload"));
}

static void on_signal(void *context)
{
    struct plane *p = context;
    struct signalfd_siginfo info;

    while (read(p->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP)
            reopen(p);
        else
            worker_stop(p->worker);
    }
}

/* ---- keys ---- */

/* Derives what this plane keeps of the identity: the TLS key and two secrets. The rest is erased.
 */
static int make_keys(struct plane *p, struct quic_config *quic)
{
    const uint8_t *seed = p->startup.seed.bytes;
    struct keys_ed25519 tls = {0};
    int err = keys_tls(&p->startup.seed, &tls);

    if (!err)
        err = certificate_make(&tls, &p->certificate);
    if (!err)
        err = keys_derive(seed, KEYS_LABEL_STATELESS_RESET, quic->reset_secret,
                          sizeof(quic->reset_secret));
    if (!err)
        err = keys_derive(seed, KEYS_LABEL_TOKEN, quic->token_secret, sizeof(quic->token_secret));
    certificate_private_key_der(&tls, p->private_key);
    keys_ed25519_wipe(&tls);
    identity_wipe(&p->startup.seed);
    quic->certificate_der = certificate_view(&p->certificate);
    quic->private_key_der = (struct bytes){p->private_key, sizeof(p->private_key)};
    return err;
}

/* ---- the worker ---- */

/* Transport deadlines and limits; what is not set here has quic_config_init's default. */
static void set_limits(struct quic_config *quic, const struct config *config)
{
    const struct ipc_settings settings = ipc_settings_of(config);
    const struct quic_limits limits = limits_of(&settings);

    quic->alpn = ALPN;
    quic->exporter_label = EXPORTER_LABEL;
    quic->request_client_certificate = true;
    quic->handshake_timeout = 10 * CLOCK_SECOND;
    quic->message_timeout = 10 * CLOCK_SECOND;
    quic->message_max = limits.message_max;
    quic->send_queue_messages = 512;
    quic->send_queue_bytes = 4 * 1024 * 1024;
    quic->connections_max = limits.connections_max;
    quic->address_connections = limits.address_connections;
    quic->retry_threshold = RETRY_THRESHOLD;
}

static int make_worker(struct plane *p, uint64_t epoch)
{
    struct worker_config config = {
        .listen = p->startup.config.relay.listen,
        .self = &p->startup.tls,
        .sockets = p->sockets,
        .epoch = epoch,
        .started_ms = clock_wall_ms(),
        .event_log = p->event_log,
        .event_log_path = p->startup.config.event_log,
    };

    quic_config_init(&config.quic);
    set_limits(&config.quic, &p->startup.config);
    config.quic.generation = (uint16_t)epoch;
    int err = make_keys(p, &config.quic);
    if (err)
        return failed("keys", err);
    err = worker_init(&p->worker, &config);
    explicit_bzero(p->private_key, sizeof(p->private_key)); /* QUIC has its copy */
    explicit_bzero(&config.quic, sizeof(config.quic));
    if (err) {
        char where[ADDRESS_TEXT];
        address_text(&p->startup.config.relay.listen, where);
        return failed(where, err);
    }
    err = worker_watch(p->worker, p->signals, on_signal, p);
    return err ? failed("signals", err) : EXIT_DONE;
}

/* ---- the service manager ---- */

static void on_tick(void *context, uint64_t now)
{
    struct plane *p = context;

    notify_alive(&p->notify, now);
    event_log_wake(p->event_log);
}

static void open_notify(struct plane *p)
{
    int err = notify_init_environment(&p->notify, clock_monotonic());

    if (err)
        log_event(LOG_WARN, "service_manager_not_told", LOG_ERR(err));
    worker_on_tick(p->worker, on_tick, p);
}

static void tell_started(struct plane *p, uint64_t epoch)
{
    char fingerprint[FINGERPRINT_TLS_TEXT];
    char where[ADDRESS_TEXT];
    char status[NOTIFY_STATUS_MAX];
    struct address local;

    worker_local(p->worker, &local);
    address_text(&local, where);
    fingerprint_tls_text(&p->startup.tls, fingerprint);
    log_event(LOG_INFO, "data_started", LOG_STR("listen", where),
              LOG_STR("fingerprint", fingerprint), LOG_STR("aes", quic_aes_implementation()),
              LOG_U64("epoch", epoch), LOG_STR("version", CHAPPE_VERSION));
    snprintf(status, sizeof(status), "listening on %s", where);
    notify_ready(&p->notify, status);
    if (p->startup.config.relay.workers != 1)
        log_event(LOG_INFO, "workers", LOG_U64("wanted", p->startup.config.relay.workers),
                  LOG_U64("used", 1));
}

static int start(struct plane *p)
{
    const char *dir = p->startup.config.relay.runtime_dir;
    uint64_t epoch;
    char why[512];

    int err = ipc_epoch_next(dir, PLANE, clock_wall_ms(), &epoch);
    if (err)
        return failed("epoch", err);
    err = ipc_sockets_open_data(&p->sockets, dir, why, sizeof(why));
    if (err) {
        log_event(LOG_ERROR, "start_failed", LOG_STR("what", dir), LOG_STR("why", why));
        return EXIT_FAILED;
    }
    p->event_log = event_log_new();
    if (!p->event_log)
        return failed("event log", ERR_MEMORY);
    int code = make_worker(p, epoch);
    if (code != EXIT_DONE)
        return code;
    open_notify(p);
    tell_started(p, epoch);
    return EXIT_DONE;
}

static int run(struct plane *p)
{
    int code = start(p);

    if (code == EXIT_DONE) {
        int err = worker_run(p->worker);
        notify_stopping(&p->notify, NULL);
        code = err ? failed("waiting", err) : EXIT_DONE;
        log_event(LOG_INFO, "data_stopped", LOG_I64("code", code));
    }
    worker_free(p->worker);
    event_log_free(p->event_log);
    startup_bound_ending(code);
    if (p->sockets)
        ipc_sockets_close(p->sockets);
    notify_close(&p->notify);
    return code;
}

int main(int argc, char **argv)
{
    const char *config = NULL;
    const struct options_entry entries[] = {OPTIONS_CONFIG(&config)};
    const struct options options = {
        .program = "chappe-data",
        .about = "the data plane of a relay",
        .operands = "",
        .entries = entries,
        .count = 1,
    };
    struct plane plane = {.signals = -1, .notify = {.fd = -1}};
    int operand;
    int code = options_parse(&options, argc, argv, stdout, stderr, &operand);

    if (code != OPTIONS_RUN)
        return code;
    code = open_signals(&plane);
    if (code == EXIT_DONE)
        code = startup_begin(&plane.startup, config, PLANE);
    if (code != EXIT_DONE)
        return code;
    code = run(&plane);
    startup_end(&plane.startup);
    close(plane.signals);
    return code;
}
