/*
 * A relay of ours: the control core, its data plane (plane.h) and a rim that answers its questions
 * at once. Either plane can die, and comes back in any order: a control plane waits for a data
 * plane, and one that lives notices that another data plane took the place of the one it knew, and
 * adopts that. What a control plane commands meanwhile is lost, as the contract has it.
 */
#ifndef CHAPPE_TESTS_SIM_RELAY_H
#define CHAPPE_TESTS_SIM_RELAY_H

#include "common/config.h"
#include "control/core/core.h"
#include "tests/sim/plane.h"

#define RELAY_ANSWERS_MAX 256
#define RELAY_ANSWER_AFTER (CLOCK_MS / 2)
#define RELAY_NOTICE_AFTER (100 * CLOCK_MS) /* both planes say so often that they live */

struct relay {
    struct net *net;
    int number;
    struct config config;
    struct plane *plane;
    struct core *core; /* NULL: the control plane is dead */
    bool data_runs;
    bool adopted; /* the core has adopted this life of the data plane */
    uint64_t data_epoch;
    uint64_t data_lives; /* before this one */
    struct core_answer answers[RELAY_ANSWERS_MAX];
    size_t answer_count;
    struct net_timer answering;
    struct net_timer deadline; /* of the core */
    struct net_timer notice;   /* another data plane is there */
    bool chatty;               /* its log goes to standard error */
};

/* A relay with that config (YAML), running. */
struct relay *relay_new(struct net *net, int number, const char *yaml);
void relay_free(struct relay *r);
/* A plane is gone; another one starts. Nothing happens if it is gone, or there, already. */
void relay_kill_control(struct relay *r);
void relay_start_control(struct relay *r);
void relay_kill_data(struct relay *r);
void relay_start_data(struct relay *r);
/* core_route, while the control plane is there; freed by the caller. */
cJSON *relay_ask_route(struct relay *r, const char *phone);

#endif
