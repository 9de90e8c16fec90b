/*
 * The control core: everything that Chappe decides, as one pure state machine. No sockets, no
 * clock, no randomness, no globals, no files: inputs and `now` go in, transactions for the data
 * plane, questions for the rim and log lines come out through `struct core_effects`. Many cores can
 * live in one process (the simulated federation runs a thousand).
 *
 * `now` is CLOCK_MONOTONIC in nanoseconds and never goes backwards; deadlines in records are the
 * same clock, so that they keep running over a restart of the control plane.
 *
 * Each input ends in one transaction (effects.transact): its acknowledgement together with all its
 * effects. An input that waits for an answer of the rim is acknowledged by the transaction of that
 * answer; later inputs of the same connection wait in the core until then (others go on). A call
 * that has nothing to say makes no transaction. Adoption may make several, because a sweep can
 * be long; `complete` is in the last. So may deadlines that are due at one time.
 */
#ifndef CHAPPE_CONTROL_CORE_CORE_H
#define CHAPPE_CONTROL_CORE_CORE_H

#include <cjson/cJSON.h>

#include "common/config.h"
#include "common/fingerprint.h"
#include "common/log.h"
#include "control/core/counters.h"
#include "ipc/catalogue.h"

struct core;

/* ---- questions to the rim, and their answers, which are events like any other ---- */

enum core_question_type {
    CORE_ASK_TOKEN,    /* is this token good? (auth.url) */
    CORE_ASK_RESOLVE,  /* which addresses has this peer's host name? */
    CORE_ASK_JOIN,     /* verify a CallOffer, make and sign the CallAnswer (protocol.md 4.4) */
    CORE_ASK_REGISTER, /* grade the proof of a RegisterPresence (design: "Calls") */
};

enum core_grade { CORE_UNPROVEN, CORE_SIGNED, CORE_PROVEN }; /* none < signed < proven */

/* Views are valid during the `ask` call; the rim copies what it keeps. */
struct core_question {
    uint64_t id; /* to be repeated in the answer */
    enum core_question_type type;
    struct bytes token;                  /* TOKEN */
    struct bytes address;                /* RESOLVE: host:port as configured */
    uint8_t identity_pub[32];            /* JOIN, REGISTER */
    uint8_t ephemeral_pub[32];           /* JOIN */
    struct bytes signature;              /* JOIN, REGISTER */
    struct bytes proof;                  /* REGISTER: chappe_proof, may be absent */
    uint8_t exporter[IPC_EXPORTER_SIZE]; /* REGISTER */
};

#define CORE_ADDRESSES_MAX 8

struct core_answer {
    uint64_t id;
    enum core_question_type type;
    bool ok;              /* TOKEN: valid; RESOLVE: found; JOIN: signature verified and answer made;
                             REGISTER: the signature was empty or correct */
    char why[128];        /* if not ok, for the log */
    char fingerprint[64]; /* TOKEN: the fingerprint that the auth service names */
    struct address addresses[CORE_ADDRESSES_MAX]; /* RESOLVE */
    size_t address_count;
    uint8_t ephemeral_pub[32]; /* JOIN: ours */
    uint8_t signature[64];     /* JOIN: over ephemeral_pub ++ "call-answer" */
    enum core_grade grade;     /* REGISTER */
};

/* ---- effects ---- */

struct core_effects {
    /* A row of encoded catalogue items: one transaction. */
    void (*transact)(void *context, struct bytes row);
    /* The answer comes later, never from inside this call. */
    void (*ask)(void *context, const struct core_question *question);
    /* One event for operators; fields as log.h has them. */
    void (*log)(void *context, enum log_level level, const char *event,
                const struct log_field *fields, size_t count);
    /* The same for the event log: also what `log` is spared when there is much of it. May be NULL.
       It comes before the transaction of what it tells. */
    void (*event)(void *context, const char *event, const struct log_field *fields, size_t count);
};

struct core_settings {
    const struct config *config; /* borrowed; outlives the core */
    struct fingerprint_tls tls;  /* our own certificate's */
    uint8_t identity_pub[32];    /* Ed25519 identity key, public half */
    uint64_t seed;               /* of the jitter's generator: the only randomness in here */
    const char *build;           /* for SNI `version` and RegisterPresenceAck.relay_build */
    struct core_effects effects;
    void *context; /* of the effects */
};

/* 0, ERR_MEMORY, or ERR_DUPLICATE if a configured peer is ourselves. */
int core_init(struct core **out, const struct core_settings *settings, uint64_t now);
void core_free(struct core *c);

/* ---- adoption: forget all; take what is installed, item by item; then live ---- */
void core_adopting(struct core *c, uint64_t data_epoch);
void core_installed(struct core *c, const struct ipc_item *item, uint64_t now);
/* Claims what is ours, sweeps the rest, dials what is not linked; its transaction has `complete`.
 */
void core_adopted(struct core *c, uint64_t now);

/* ---- life ---- */
void core_input(struct core *c, const struct ipc_item *item, uint64_t now);
void core_notice(struct core *c, const struct ipc_item *item, uint64_t now);
/* After the answer's transaction come those of the inputs that waited behind it. */
void core_answer(struct core *c, const struct core_answer *answer, uint64_t now);
/* When core_expire is due, ns; UINT64_MAX = never. */
uint64_t core_deadline(const struct core *c);
void core_expire(struct core *c, uint64_t now);

/*
 * Another config takes the place of the one before, which may be freed afterwards. It names no peer
 * that is ourselves (config_check_identity), and what needs a restart is as it was
 * (config_keep_running).
 */
void core_reload(struct core *c, const struct config *config, uint64_t now);

/*
 * Draining (drain.h): until nothing is left or the deadline, ns, UINT64_MAX = none, has passed;
 * then the data plane is told to stop. Again is another deadline. Undraining is too late after
 * that.
 */
void core_drain(struct core *c, uint64_t deadline, uint64_t now);
void core_undrain(struct core *c, uint64_t now);
struct core_drain_state {
    bool draining;
    bool stopped; /* the data plane was told to stop: when that is committed, so does the rim */
    uint64_t deadline;
};
struct core_drain_state core_drain_state(const struct core *c);

/*
 * True if memory ran out in the middle of an event: what the core holds is no longer what the data
 * plane has, and no transaction leaves it any more. The rim exits; its successor adopts.
 */
bool core_failed(const struct core *c);
const struct core_counters *core_counters(const struct core *c); /* for /metrics */
struct core_gauges core_gauges(const struct core *c);

/* ---- what operators see: fresh JSON values, owned by the caller; NULL = out of memory ---- */
/* `since`: for how many ms it has been linked, or not; the rim makes a time of day of it. */
cJSON *core_view_peers(const struct core *c, uint64_t now);
cJSON *core_view_sessions(const struct core *c);
/* Also rooms without members here that others share through us. */
cJSON *core_view_rooms(const struct core *c);
/* One room in full, by any spelling: who is here and elsewhere, what links say, are told and want,
   at most 10,000 rows of each. 0, ERR_SYNTAX (no room can have the name) or ERR_NOT_FOUND. */
int core_view_room(const struct core *c, const char *name, cJSON **out);
cJSON *core_view_calls(const struct core *c);
cJSON *core_view_presence(const struct core *c); /* at most 100,000 phones */
cJSON *core_view_probes(const struct core *c, uint64_t now);
/*
 * The name by which a phone is known, of what a person wrote: a name that is known here; 32 hex
 * digits of either case, however grouped; or with an `auth.url`, which may give any names, the text
 * itself. False: it can be nobody's.
 */
#define CORE_NAME_SIZE 64 /* bytes with the NUL */
bool core_phone_name(const struct core *c, const char *text, char name[CORE_NAME_SIZE]);
/* The way to a phone. While its `route` is "asking", other relays are being asked: ask again. */
cJSON *core_route(struct core *c, const char *fingerprint, uint64_t now);

#endif
