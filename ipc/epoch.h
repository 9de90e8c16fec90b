/*
 * Epochs: numbers that name one life of one process (the control plane takes one for each
 * adoption) and grow. The last one lies in a file in runtime_dir ("data.epoch", "control.epoch");
 * the next is max(wall clock in ms, last + 1).
 *
 * Why it grows: whoever calls this holds the plane's lock (ipc/runtime_dir.h), so nobody else
 * counts; the file is written before the number is used, and a written file outlives a killed
 * process. The clock alone would do without the file (lost with a machine's power, and then every
 * process that could remember the old number is gone too), the file alone while the clock jumps
 * back. If both fail together, with the other plane still running: a control plane is told the
 * epoch that it must exceed with the refusal of its request, and a data plane is adopted after the
 * silence of its predecessor.
 */
#ifndef CHAPPE_IPC_EPOCH_H
#define CHAPPE_IPC_EPOCH_H

#include <stdint.h>

/*
 * The next epoch of `plane` ("data" or "control"), at least 1. `wall_ms`: ms since 1970. 0, or
 * ERR_SYSTEM (errno is kept): then none was taken. A damaged file counts as absent.
 */
int ipc_epoch_next(const char *runtime_dir, const char *plane, uint64_t wall_ms, uint64_t *out);

#endif
