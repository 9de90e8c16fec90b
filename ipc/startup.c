#include "ipc/startup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/error.h"
#include "common/log.h"
#include "common/options.h"
#include "ipc/runtime_dir.h"

int startup_config(const char *config_path, struct config *config)
{
    struct config_errors errors = {0};
    int rc = config_load(config_path, config, &errors);
    if (rc != 0)
        config_errors_print(&errors, stderr);
    config_errors_free(&errors);
    return rc == 0 ? EXIT_DONE : EXIT_USAGE;
}

static int take_lock(struct startup *s, const char *plane)
{
    const char *dir = s->config.relay.runtime_dir;
    char path[IPC_PATH_MAX];
    int rc = ipc_runtime_dir_make(dir);
    if (rc == 0)
        rc = ipc_runtime_dir_path(path, dir, plane, IPC_LOCK_SUFFIX);
    if (rc == 0)
        rc = lockfile_acquire(&s->lock, path, IPC_LOCK_WAIT);
    if (rc == 0)
        return EXIT_DONE;
    if (rc == ERR_LOCKED)
        log_event(LOG_ERROR, "start_refused", LOG_STR("lock", path),
                  LOG_I64("held_by_pid", lockfile_owner(path)),
                  LOG_STR("why", "another process of this plane runs here"));
    else
        log_event(LOG_ERROR, "start_failed", LOG_STR("runtime_dir", dir),
                  LOG_STR("why", strerror(errno)));
    return EXIT_FAILED;
}

static int load_identity(struct startup *s)
{
    char why[IDENTITY_WHY_SIZE];
    unsigned notes = 0;
    if (identity_load(s->config.relay.identity, &s->seed, &notes, why, sizeof why) != 0) {
        log_event(LOG_ERROR, "start_failed", LOG_STR("why", why));
        return EXIT_FAILED;
    }
    if (notes & IDENTITY_CREATED)
        log_event(LOG_INFO, "identity_created", LOG_STR("file", s->config.relay.identity));
    if (notes & IDENTITY_TOO_OPEN)
        log_event(LOG_WARN, "identity_file_too_open", LOG_STR("file", s->config.relay.identity),
                  LOG_STR("advice", "chmod 600"));
    return EXIT_DONE;
}

static int know_ourselves(struct startup *s)
{
    int rc = certificate_fingerprint(&s->seed, &s->tls);
    if (rc != 0) {
        log_event(LOG_ERROR, "start_failed", LOG_ERR(rc));
        return EXIT_FAILED;
    }
    struct config_errors errors = {0};
    rc = config_check_identity(&s->config, &s->tls, &errors);
    if (rc != 0)
        config_errors_print(&errors, stderr);
    config_errors_free(&errors);
    return rc == 0 ? EXIT_DONE : EXIT_USAGE;
}

int startup_begin(struct startup *s, const char *config_path, const char *plane)
{
    *s = (struct startup){.lock = LOCKFILE_NONE};
    int code = startup_config(config_path, &s->config);
    if (code != EXIT_DONE)
        return code;
    log_configure(&(struct log_config){.level = s->config.log.level,
                                       .format = s->config.log.format,
                                       .fd = STDERR_FILENO,
                                       .plane = plane});
    code = take_lock(s, plane);
    if (code == EXIT_DONE)
        code = load_identity(s);
    if (code == EXIT_DONE)
        code = know_ourselves(s);
    if (code != EXIT_DONE)
        startup_end(s);
    return code;
}

void startup_end(struct startup *s)
{
    identity_wipe(&s->seed);
    config_free(&s->config);
    lockfile_release(&s->lock);
}

static volatile sig_atomic_t ending_code;

static void end_now(int number)
{
    (void)number;
    _exit((int)ending_code);
}

void startup_bound_ending(int code)
{
    sigset_t alarm_only;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    ending_code = code;
    signal(SIGALRM, end_now);
    sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
    alarm(STARTUP_ENDING_S);
}
