/*
 * A relay of ours: the control core, its data plane (plane.h) and a rim that answers its questions
 * at once. Either plane can die.
 */
#ifndef CHAPPE_TESTS_SIM_RELAY_H
#define CHAPPE_TESTS_SIM_RELAY_H

#include "common/config.h"
#include "control/core/core.h"
#include "tests/sim/plane.h"

#define RELAY_ANSWERS_MAX 256
#define RELAY_ANSWER_AFTER (CLOCK_MS / 2)

struct relay {
    struct net *net;
    int number;
    struct config config;
    struct plane *plane;
    struct core *core; /* NULL: the control plane is dead, or all of it */
    bool stopped;      /* both planes are gone */
    uint64_t data_epoch;
    struct core_answer answers[RELAY_ANSWERS_MAX];
    size_t answer_count;
    struct net_timer answering;
    struct net_timer deadline; /* of the core */
    struct net_timer back;     /* of the control plane */
    bool chatty;               /* its log goes to standard error */
};

/* A relay with that config (YAML), running. */
struct relay *relay_new(struct net *net, int number, const char *yaml);
void relay_free(struct relay *r);
/* The control plane is gone; another one adopts after so many ns. */
void relay_kill_control(struct relay *r, uint64_t headless);
/* Both planes die; relay_start makes new ones. */
void relay_stop(struct relay *r);
void relay_start(struct relay *r);

#endif
