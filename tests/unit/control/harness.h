/*
 * A small world for tests of the control core: relays (a core with a fake data plane and a fake
 * rim), phones and puppets that talk to them, links between relays, virtual time. Nothing waits and
 * nothing is random.
 *
 * Relay n (from 0) has the TLS fingerprint of 32 bytes 0xa0 + n and listens on 127.0.1.(n +
 * 1):4433; that is what peers in the configs are to name (harness_peer).
 */
#ifndef CHAPPE_TESTS_UNIT_CONTROL_HARNESS_H
#define CHAPPE_TESTS_UNIT_CONTROL_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/clock.h"
#include "control/core/core.h"
#include "fake_plane.h"

#define HARNESS_RELAYS_MAX 8
#define HARNESS_START (1000 * CLOCK_SECOND)
#define HARNESS_TICK 1000 /* ns from one input to the next */
#define HARNESS_QUESTIONS_MAX 64
#define HARNESS_LOG_MAX 1024
#define HARNESS_DEATHS_MAX 4

struct harness;

/*
 * When a control plane dies. Its steps are counted: before it takes an event (an input, an answer
 * of the rim, a timer), before a transaction reaches the data plane, after one was committed.
 * Whatever it would have done after that step is lost; another one adopts.
 */
struct deaths {
    size_t at[HARNESS_DEATHS_MAX]; /* steps, from 1, ascending; 0: no more */
    size_t next;                   /* in `at` */
    unsigned one_in;               /* if not 0: it dies at one in so many steps ... */
    uint64_t random;               /* ... by this generator */
    uint64_t headless;             /* ns until another one adopts */
};

struct relay {
    struct harness *harness;
    int number;
    struct config config;
    struct config spare;
    struct config *current; /* one of the two */
    struct core *core;
    struct fake_plane plane;
    uint64_t data_epoch;                               /* of the data plane's life */
    struct core_answer answers[HARNESS_QUESTIONS_MAX]; /* made, not given */
    size_t answer_count;
    bool hold_answers;              /* the rim is slow */
    bool down;                      /* dials to it fail */
    char log[HARNESS_LOG_MAX][512]; /* event names and `why` */
    size_t log_count;
    size_t steps; /* so far */
    size_t died;
    struct deaths deaths;
    bool dead;        /* nothing reaches it */
    uint64_t back_at; /* when another one adopts */
};

struct harness {
    uint64_t now;
    struct relay relays[HARNESS_RELAYS_MAX];
    int relay_count;
    bool swallow;       /* messages between relays get lost */
    bool hold_dials;    /* nobody answers a dial */
    size_t adopt_every; /* a new core adopts before every nth event; 0: never */
    size_t events;
    int ephemeral; /* the last media join's key */
};

/* ---- the world ---- */
struct harness *harness_new(void);
void harness_free(struct harness *h);
/* Adds a relay with this config (YAML), adopted from nothing. */
struct relay *harness_relay(struct harness *h, const char *yaml);
/* Another config: the relay reloads it (or reads it with the next adoption, if not `tell`). */
void harness_configure(struct relay *r, const char *yaml, bool tell);
/* An entry for `peers:` or `trusted:` that names relay n. */
const char *harness_peer(int n, const char *extra);
const char *harness_trusted(int n, const char *extra);
const char *harness_fingerprint(int n); /* of relay n, with colons */
/* Delivers everything between relays, and answers, until nothing is left. */
void harness_settle(struct harness *h);
/* Lets time pass; everybody's deadlines come in order. */
void harness_pass(struct harness *h, uint64_t ns);
/* The control plane dies and another one adopts. */
void sim_adopt(struct relay *r);
/* The data plane dies, and everything with it; both planes start anew. */
void sim_restart(struct relay *r);

/* ---- connections ---- */
struct fake_connection *sim_connect(struct relay *r, const char *sni);
/* From this address, with a certificate of 32 bytes `certificate` (0: none). */
struct fake_connection *sim_connect_from(struct relay *r, const char *sni, const char *address,
                                         int certificate);
/* A test's actor answers a dial, with a certificate of 32 bytes `certificate`. */
struct fake_connection *sim_dialed(struct relay *r, const struct ipc_dial *dial, int certificate);
void sim_say(struct relay *r, struct fake_connection *conn, const char *json);
/* The same from another address: the connection has migrated. */
void sim_say_from(struct relay *r, struct fake_connection *conn, const char *address,
                  const char *json);
void sim_sayf(struct relay *r, struct fake_connection *conn, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The other end closes. */
void sim_hang(struct relay *r, struct fake_connection *conn);
/* Nothing came from it for too long. */
void sim_silence(struct relay *r, struct fake_connection *conn);
/* Closes all connections between two relays, on both sides. */
void harness_cut(struct harness *h, int a, int b);

/* The next message to this connection must be of the variant and contain all the texts. */
void expect_message(struct fake_connection *conn, const char *variant, ...)
    __attribute__((sentinel));
void expect_silence(struct fake_connection *conn);
/* Forgets the messages so far. */
void skip_messages(struct fake_connection *conn);
void expect_closed(struct fake_connection *conn, const char *reason);
void expect_open(struct fake_connection *conn);
bool sim_logged(const struct relay *r, const char *text);

/* ---- phones ---- */
struct caller {
    struct relay *relay;
    struct fake_connection *conn;
    uint8_t key[32];
    char name[FINGERPRINT_USER_TEXT];
};
/* 32 numbers, each `n`, as JSON. */
const char *key_json(int n);
/* A registered phone whose key is 32 bytes `n`; its RegisterPresenceAck is taken. */
struct caller phone_new(struct relay *r, int n);
/* With a signature of 64 bytes `signature` (0: empty) and a proof (1: correct). Takes no answer. */
struct caller phone_register_as(struct relay *r, int n, int signature, int proof);
void phone_offer(struct caller *p, const char *target, const char *id);
void phone_answer(struct caller *p, const char *id, const char *mode);
void phone_hangup(struct caller *p, const char *id_or_null);
/* Joins a room with the phone's key and a fresh ephemeral key. */
struct fake_connection *phone_join(struct caller *p, const char *room);
/* A call from a to b that both have set up, messages taken. */
void phones_call(struct caller *a, struct caller *b, const char *id);

/* Nothing of calls, rooms, phones is left in the relay once everybody has gone. */
void expect_nothing_left(struct relay *r);
size_t view_count(cJSON *view); /* and deletes it */

/* ---- puppets: relays whose every word is the test's; number n comes from 192.0.2.n ---- */
/* A link, its hello said: a relay of ours with its certificate, or an original without. */
struct fake_connection *puppet_link(struct relay *r, int n, bool ours);
void puppet_forward(struct relay *r, struct fake_connection *conn, int n, const char *inner);
const char *offer_json(const char *caller, const char *target, const char *id);

/* ---- setups ---- */
/* Two relays of ours, linked: 0 dials 1. */
struct harness *harness_linked_pair(void);
struct fake_connection *sim_link_connection(struct relay *r, int to);

#endif
