#include "control/rim/lives.h"

#include <string.h>

void lives_init(struct lives *l, uint64_t wall_ms)
{
    *l = (struct lives){.started_ms = wall_ms};
}

void lives_adopting(struct lives *l, uint64_t data_epoch, uint64_t now)
{
    l->data_restarts += l->data_epoch != 0 && l->data_epoch != data_epoch;
    l->data_epoch = data_epoch;
    l->adopting_since = now;
}

void lives_adopted(struct lives *l, uint64_t now)
{
    l->adoption = now > l->adopting_since ? now - l->adopting_since : 1;
    l->adopting_since = 0;
}

void lives_notice(struct lives *l, const struct ipc_plane_state *state)
{
    size_t len = state->aes.len < sizeof l->aes ? state->aes.len : sizeof l->aes - 1;
    if (len > 0)
        memcpy(l->aes, state->aes.data, len);
    l->aes[len] = '\0';
    l->data_started_ms = state->started_ms;
    l->data_connections = state->connections;
    l->data_unacknowledged = state->unacknowledged;
}
