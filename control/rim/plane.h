/*
 * The control plane's rim: one thread, one epoll loop that carries inputs, answers and time to the
 * core, and its transactions to the data plane. Everything that blocks or has a descriptor is here
 * and in its helpers (questions, operator); everything that decides is in the core.
 */
#ifndef CHAPPE_CONTROL_RIM_PLANE_H
#define CHAPPE_CONTROL_RIM_PLANE_H

#include "ipc/startup.h"

struct plane;

/* `s` is borrowed and outlives the plane; its seed is erased. 0, or an error that was logged. */
int plane_init(struct plane **out, struct startup *s, const char *build);
void plane_free(struct plane *p);

/* Until SIGTERM or SIGINT: an exit code. It tells the data plane and the world nothing when it ends
   (design, "Stopping"). */
int plane_run(struct plane *p);

#endif
