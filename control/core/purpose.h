/*
 * What the modules of the connection kinds give to connection.c: a row of functions each. Any may
 * be NULL.
 */
#ifndef CHAPPE_CONTROL_CORE_PURPOSE_H
#define CHAPPE_CONTROL_CORE_PURPOSE_H

#include "control/core/connection.h"

struct purpose {
    const char *name; /* for views */
    void (*opened)(struct core *c, struct connection *conn);
    /* A valid message; `raw` are its bytes. */
    void (*message)(struct core *c, struct connection *conn, const struct ipc_signal *raw,
                    const struct signal *message);
    /* Takes the connection out of everything. Called once, whoever closes it. */
    void (*gone)(struct core *c, struct connection *conn, const char *reason);
    /* The kind's part of the record; `version` is the one that was written. */
    void (*save)(const struct connection *conn, struct buffer *out);
    int (*restore)(struct core *c, struct connection *conn, unsigned version, struct reader *r);
};

extern const struct purpose purpose_probe;
extern const struct purpose purpose_link;
extern const struct purpose purpose_phone;
extern const struct purpose purpose_room;

const struct purpose *purpose_of(enum connection_kind kind); /* never NULL */

#endif
