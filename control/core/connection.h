/*
 * A connection of the data plane as the core sees it: what it is for (its SNI says so, protocol.md
 * 1.5), how far it has come, and who waits for what until when.
 *
 *   TOKEN ---> GREETING ---> LIVE ---> CLOSING        any stage may go to CLOSING
 *
 * TOKEN: an AuthToken is awaited, only if auth.url is set, on `_signal` and in rooms (auth.c).
 * GREETING: a RegisterPresence (phone.c), CallOffer (room_join.c) or FederationHello (link.c) is.
 * Each of these has its time; who lets it pass is closed.
 *
 * A connection lives here from its `opened` to its `closed`, and has a record as long as it is not
 * closing. While a question about it is with the rim, its signals wait here, not acknowledged.
 */
#ifndef CHAPPE_CONTROL_CORE_CONNECTION_H
#define CHAPPE_CONTROL_CORE_CONNECTION_H

#include "common/room.h"
#include "control/core/state.h"

#define CONNECTION_TOKEN_NS (10 * CLOCK_SECOND)
#define CONNECTION_GREETING_NS (10 * CLOCK_SECOND) /* RegisterPresence, CallOffer */
#define CONNECTION_HELLO_NS (5 * CLOCK_SECOND)     /* FederationHello */
#define CONNECTION_ANSWER_NS (10 * CLOCK_SECOND)   /* the rim's; it has its own, shorter ones */

/* Who somebody is: a user fingerprint, or whatever the auth service names (63 bytes, cut never). */
#define CONNECTION_NAME_SIZE 64

enum connection_stage {
    CONNECTION_TOKEN,
    CONNECTION_GREETING,
    CONNECTION_LIVE,
    CONNECTION_CLOSING,
};

struct connection;

/* What connections of one SNI do. The numbers are in records: never reuse one. */
enum connection_kind {
    CONNECTION_NONE = 0, /* nothing: it is being closed */
    CONNECTION_PROBE = 1,
    CONNECTION_LINK = 2,
    CONNECTION_PHONE = 3,
    CONNECTION_ROOM = 4,
};

/* A signal message that waits for the answer about one before it. */
struct connection_waiting {
    struct connection_waiting *next;
    uint64_t input;
    struct address remote;
    size_t len;
    uint8_t body[];
};

struct connection {
    uint64_t id;
    enum connection_kind kind;
    enum connection_stage stage;
    bool dialed;
    bool has_certificate;
    uint64_t dial;
    struct address remote;
    struct address local;
    struct fingerprint_tls certificate;
    struct ipc_exporter exporter;
    char *room;    /* ROOM: the canonical name; else NULL */
    char *vouched; /* the fingerprint that the auth service named; NULL: none */

    uint64_t opened; /* ns; 0: by a control plane before this one */
    bool timed_out;  /* it has ended, by silence */
    bool by_peer;    /* the other end has ended it */

    struct timer timer; /* of the stage */
    struct deferred record;
    struct question question;
    uint64_t question_input; /* acknowledged by its answer */
    struct connection_waiting *waiting;

    /* What it has become; NULL for the others. */
    struct phone *phone;
    struct member *member;
    struct link_connection *link;
    struct room_greeting *greeting; /* a CallOffer that is being verified */

    UT_hash_handle hh;
};

struct connection *connection_find(const struct core *c, uint64_t id);
/* A connection out of an `opened`, not yet anything. NULL without memory. */
struct connection *connection_new(struct core *c, const struct ipc_opened *opened);
void connection_free(struct core *c, struct connection *conn);

/* ---- inputs ---- */
void connection_opened(struct core *c, const struct ipc_opened *opened);
void connection_signal(struct core *c, const struct ipc_signal *signal);
void connection_closed(struct core *c, const struct ipc_closed *closed);
/* Handles the signals that waited, each in a transaction of its own, until one has to wait. */
void connection_resume(struct core *c, uint64_t id);

/* ---- for the modules ---- */

/* Enters a stage and gives it its time; UINT64_MAX: no limit. */
void connection_enter(struct core *c, struct connection *conn, enum connection_stage stage,
                      uint64_t limit_ns);
/* The stage's limit as after adoption, when it begins anew. */
uint64_t connection_stage_limit(const struct connection *conn);
/* Asks the rim about the input at hand; the answer acknowledges it. */
void connection_ask(struct core *c, struct connection *conn, struct core_question *question,
                    void (*answered)(struct core *, struct question *, const struct core_answer *));
/* The first thing to do in an `answered`: the connection, its input acknowledged. */
struct connection *connection_answered(struct core *c, struct question *q);
/* Its record is to be written at the end of the transaction. */
void connection_changed(struct core *c, struct connection *conn);
/* Takes it out of everything that it is part of, and closes it once what is queued is sent. */
void connection_close(struct core *c, struct connection *conn, const char *reason);
/* The same at once: what is queued is given up. */
void connection_end(struct core *c, struct connection *conn, const char *reason);
/* As connection_close(), logged as something that we refuse, and counted: `counter` is the one for
   it, so that nothing counts twice. */
void connection_refuse(struct core *c, struct connection *conn, uint64_t *counter,
                       const char *reason);
/* A message that has no meaning here: counted, skipped. */
void connection_unexpected(struct core *c, struct connection *conn, const struct signal *message);

/*
 * Who the holder of this key is here: what the auth service named, else the key's fingerprint. If
 * the auth service named what looks like a key's fingerprint, it must be this key's (defect 15):
 * false if it is not.
 */
bool connection_identity(const struct connection *conn, const uint8_t key[32],
                         char name[CONNECTION_NAME_SIZE]);

/* ---- record ---- */
/* Reads a record into a connection made from its `opened`. If it makes no sense (an error) the
   connection is closed. */
int connection_restore(struct core *c, struct connection *conn, struct bytes value);

#endif
