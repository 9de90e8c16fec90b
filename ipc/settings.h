/*
 * What the data plane enforces by itself of the config's limits. It takes them from the file when
 * it starts, and from the control plane afterwards: at each adoption and after a reload, so that
 * the control plane's reading of the file is the one that counts.
 */
#ifndef CHAPPE_IPC_SETTINGS_H
#define CHAPPE_IPC_SETTINGS_H

#include "common/config.h"
#include "ipc/catalogue.h"

struct ipc_settings ipc_settings_of(const struct config *config);

#endif
