/*
 * The lives of the two planes as this process has seen them: starts, adoptions, what the data plane
 * says of itself. For status and metrics.
 */
#ifndef CHAPPE_CONTROL_RIM_LIVES_H
#define CHAPPE_CONTROL_RIM_LIVES_H

#include <stdbool.h>

#include "ipc/catalogue.h"

#define LIVES_AES_SIZE 64

struct lives {
    uint64_t started_ms;      /* of this process, wall clock */
    uint64_t data_epoch;      /* of the life that was adopted last; 0: none yet */
    uint64_t data_restarts;   /* lives of the data plane after the first that was adopted */
    uint64_t adopting_since;  /* ns; 0: no adoption is under way */
    uint64_t adoption;        /* ns that the last one took; 0: none yet */
    uint64_t data_started_ms; /* wall clock; 0: not known */
    uint64_t data_connections;
    uint64_t data_unacknowledged;
    char aes[LIVES_AES_SIZE]; /* the data plane's implementation; "": not known */
};

void lives_init(struct lives *l, uint64_t wall_ms);
void lives_adopting(struct lives *l, uint64_t data_epoch, uint64_t now);
void lives_adopted(struct lives *l, uint64_t now);
void lives_notice(struct lives *l, const struct ipc_plane_state *state);

#endif
