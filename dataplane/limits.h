/*
 * How QUIC's limits follow from the settings (ipc/settings.h).
 */
#ifndef CHAPPE_DATAPLANE_LIMITS_H
#define CHAPPE_DATAPLANE_LIMITS_H

#include "dataplane/quic/quic.h"
#include "ipc/catalogue.h"

/* Connections beyond phones and media sessions: links, probes, those that have not said yet what
   they want. */
#define LIMITS_OTHER_CONNECTIONS 4096

struct quic_limits limits_of(const struct ipc_settings *settings);

#endif
