/*
 * A relay's data plane without a process: the real tables and the real media path
 * (dataplane/exchange.h, commit.h, media.h, snapshot.h) on the simulated network, and the part of
 * the contract that the control core sees: inputs are numbered, kept until acknowledged and given
 * again; a snapshot says what is installed.
 *
 * Names of the data plane do not show here, because the core has some of the same.
 */
#ifndef CHAPPE_TESTS_SIM_PLANE_H
#define CHAPPE_TESTS_SIM_PLANE_H

#include "ipc/catalogue.h"
#include "tests/sim/net.h"

struct plane;

struct plane_callbacks {
    void (*input)(void *context, const struct ipc_item *item);
};

/* What it holds. */
struct plane_census {
    size_t connections, rooms, routes, records;
    size_t unacknowledged; /* inputs */
    uint64_t copies;       /* media that dedup dropped */
    uint64_t dropped;      /* media dropped for any other reason */
    uint64_t record_bytes;
};

/* Makes the endpoint, too. */
struct plane *plane_new(struct net *net, const struct address *address,
                        const struct fingerprint_tls *certificate,
                        const struct plane_callbacks *callbacks, void *context);
void plane_free(struct plane *p);
/* The process dies, and another takes its place, which holds nothing. */
void plane_stop(struct plane *p);
void plane_start(struct plane *p);
struct quic_endpoint *plane_endpoint(const struct plane *p);

/* One transaction. Ends the program if the data plane would refuse it. */
void plane_commit(struct plane *p, struct bytes row);
/* Calls `installed` for everything that is. */
void plane_snapshot(struct plane *p, void (*installed)(void *context, const struct ipc_item *item),
                    void *context);
/* Calls `input` again for each input that is not acknowledged. */
void plane_resend(struct plane *p);

struct plane_census plane_census(const struct plane *p);
/* How many records have keys that begin so. */
size_t plane_records_of(const struct plane *p, const char *kind);

#endif
