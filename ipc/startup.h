/*
 * What both planes do before anything of their own, in this order: read the config, set up the log,
 * make runtime_dir, take the plane's lock, read the identity file, check that no peer is ourselves.
 */
#ifndef CHAPPE_IPC_STARTUP_H
#define CHAPPE_IPC_STARTUP_H

#include "common/config.h"
#include "common/identity.h"
#include "common/lockfile.h"

struct startup {
    struct config config;
    struct identity_seed seed;  /* erased by the plane as soon as its keys are derived */
    struct fingerprint_tls tls; /* of our certificate */
    struct lockfile lock;
};

/*
 * `plane`: "data" or "control". EXIT_DONE, or the exit code after a message on standard error:
 * EXIT_USAGE for the config, EXIT_FAILED for the rest (the lock held by another process after
 * IPC_LOCK_WAIT, an identity file that cannot be used).
 */
int startup_begin(struct startup *s, const char *config_path, const char *plane);
void startup_end(struct startup *s);

/*
 * From now on the process ends by itself, with `code`, once STARTUP_ENDING_S seconds have passed:
 * nng 1.5 sometimes waits for ever in nng_close when the other plane goes at the same moment. To be
 * called when all work is done and only memory is left to be freed.
 */
#define STARTUP_ENDING_S 2
void startup_bound_ending(int code);

/* The config alone, as `--check` and chappectl want it: EXIT_DONE, or EXIT_USAGE with messages. */
int startup_config(const char *config_path, struct config *config);

#endif
