/*
 * Probes (protocol.md 5.14): connections with SNI `_probe`, on which relays measure each other and
 * tell whose phones they have.
 *
 * Whoever dials us: Ping is answered with Pong. A relay of the config that proves itself by its
 * certificate also gets our names for its own, and answers to RouteQuery; strangers and originals,
 * which cannot prove themselves here, get Pong and nothing else (defect 16).
 *
 * Targets of ours: the config's `probe_targets`, dialed with backoff and jitter (reconnect.h,
 * defect 41). A Ping every second; the last 60 give round-trip time, loss and jitter; every tenth
 * is followed by a PresenceUpdate if the target's certificate is that of a relay of the config.
 *
 * What a relay tells on a probe is kept by its certificate, not by the address that it claims
 * (defect 67), expires PROBE_SAID_NS after it was said last, and is for operators and RouteQuery
 * only: calls go by what links tell (presence.h), of which an original tells nothing.
 */
#ifndef CHAPPE_CONTROL_CORE_PROBE_H
#define CHAPPE_CONTROL_CORE_PROBE_H

#include "control/core/presence_set.h"
#include "control/core/probe_window.h"
#include "control/core/question.h"
#include "control/core/reconnect.h"
#include "control/core/connection.h"

#define PROBE_PING_NS CLOCK_SECOND
#define PROBE_TELL_EVERY 10               /* pings from one PresenceUpdate to the next */
#define PROBE_SAID_NS (45 * CLOCK_SECOND) /* how long a list counts */
#define PROBE_NAMES_MAX 4096              /* names in a list, told or heard */
#define PROBE_ERROR_SIZE 160

/* ---- targets ---- */

struct probe_target {
    const char *address; /* the config's */
    struct reconnect reconnect;
    uint64_t attempts; /* makes the jitter of each wait another one */
    bool resolving;
    uint64_t dial;       /* under way; 0: none */
    uint64_t connection; /* 0: not connected */
    struct address addresses[CORE_ADDRESSES_MAX];
    size_t address_count, address_next;
    uint64_t pings; /* on this connection */
    struct probe_window window;
    char last_error[PROBE_ERROR_SIZE]; /* "" while connected */
    struct timer timer;                /* the next dial, or the next Ping */
    struct question question;
    struct deferred record;
    struct probe_target *prev, *next; /* in c->probe_targets */
};

/* Those of the config; ERR_MEMORY. */
int probe_targets_init(struct core *c);
void probe_targets_free(struct core *c);
/* Forgets all but the config: before adoption. */
void probe_targets_forget(struct core *c);
/* After adoption: dials, pings. */
void probe_targets_start(struct core *c);
/* The config may name others. */
void probe_targets_reload(struct core *c);
int probe_target_restore(struct core *c, struct bytes name, struct bytes value);

/* For probe.c */
struct probe_target *probe_target_of_dial(const struct core *c, uint64_t dial);
struct probe_target *probe_target_of(const struct core *c, const struct connection *conn);
/* A connection that we dialed is there; is gone. */
void probe_target_up(struct core *c, struct probe_target *target, struct connection *conn);
void probe_target_down(struct core *c, struct probe_target *target, const char *reason);
/* There was no handshake. False: it was not a target that was dialed. */
bool probe_target_dial_failed(struct core *c, const struct ipc_closed *closed);

/* ---- what relays say on probes ---- */

struct probe_said {
    struct fingerprint_tls relay;
    struct presence_set names;
    char address[ADDRESS_TEXT]; /* as it says; "": nothing that is one */
    uint64_t expires;
    struct timer timer;
    struct deferred record;
    UT_hash_handle hh;
};

void probe_said_take(struct core *c, const struct fingerprint_tls *relay,
                     const struct signal_presence_update *m);
void probe_said_forget(struct core *c);
int probe_said_restore(struct core *c, struct bytes name, struct bytes value);
/* The relay that said so, or NULL. */
const struct probe_said *probe_said_find(const struct core *c, const char *name);
/* Relays that are not in the config any more. */
void probe_said_reload(struct core *c);

/* Our names, on a connection of a relay that has proven itself. */
void probe_tell(struct core *c, const struct connection *conn);
/* The connection's other end is this relay of the config; NULL: not proven. */
struct peer *probe_proven(const struct core *c, const struct connection *conn);

#endif
