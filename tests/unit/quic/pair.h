/*
 * Endpoints on loopback in one process with a clock of their own, for tests: packets really travel,
 * but time jumps to the next deadline whenever nothing is on its way. So a 30 s timeout takes no
 * time, and no test depends on how fast the machine is.
 */
#ifndef CHAPPE_TESTS_QUIC_PAIR_H
#define CHAPPE_TESTS_QUIC_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/certificate.h"
#include "common/clock.h"
#include "dataplane/quic/quic.h"
#include "tests/unit/quic/wire.h"

#define PAIR_NODES 8
#define PAIR_ENDS 64
#define PAIR_RECORDS 4096

/* One end of a connection, as its user sees it. */
struct pair_end {
    struct pair_node *node;
    struct quic_connection *connection; /* NULL once closed */
    bool established;
    bool closed;
    struct quic_peer peer;
    struct quic_close why;
    struct bytes *messages; /* in the order in which they came; copies */
    size_t message_count;
    struct bytes *datagrams;
    size_t datagram_count;
};

/* One endpoint. */
struct pair_node {
    struct quic_endpoint *endpoint;
    struct quic_config config;
    struct certificate certificate;
    uint8_t key[CERTIFICATE_PRIVATE_KEY_SIZE];
    struct fingerprint_tls fingerprint;
    struct address address;
    struct pair_end ends[PAIR_ENDS];
    size_t end_count;
    bool hold;                                                    /* messages are not released */
    void (*on_message)(struct pair_end *end, struct bytes body);  /* NULL = just recorded */
    void (*on_datagram)(struct pair_end *end, struct bytes data); /* likewise */
};

struct pair {
    uint64_t now;
    struct pair_node *nodes[PAIR_NODES];
    size_t count;
    struct wire *wire; /* pumped along; NULL = none */
};

void pair_init(struct pair *p);
void pair_free(struct pair *p);

/* For cmocka: the state is a pair without nodes. */
int pair_setup(void **state);
int pair_teardown(void **state);

/* The defaults with certificate and key made from `seed`; seed 0: no certificate. */
struct pair_node *pair_add(struct pair *p, uint8_t seed);
/* Opens the endpoint with what is in node->config, on `text` ("127.0.0.1:0"). */
void pair_open(struct pair *p, struct pair_node *node, const char *text);
struct pair_node *pair_add_open(struct pair *p, uint8_t seed);
/* Frees the endpoint without a word, as if the process had died. */
void pair_kill(struct pair_node *node);

struct pair_end *pair_dial(struct pair *p, struct pair_node *from, struct pair_node *to,
                           const char *sni);
struct pair_end *pair_dial_with(struct pair *p, struct pair_node *from,
                                const struct quic_dial *dial);
/* Dials and runs until both ends are established. */
void pair_connect(struct pair *p, struct pair_node *from, struct pair_node *to,
                  struct pair_end **client, struct pair_end **server);

/* Lets everybody work once; true if a packet came. */
bool pair_step(struct pair *p);
typedef bool pair_condition(void *argument);
/* Runs until `done` holds or `limit` ns of the pair's time have passed; true if it holds. */
bool pair_run(struct pair *p, pair_condition *done, void *argument, uint64_t limit);
void pair_run_for(struct pair *p, uint64_t ns);
/* Runs until no packet is on its way; time stands still. */
void pair_settle(struct pair *p);

bool pair_is_established(void *end);
bool pair_is_closed(void *end);

int pair_send(struct pair_end *end, struct bytes body, uint64_t replace_key);
int pair_send_datagram(struct pair_end *end, struct bytes data, const uint8_t *tag);

#endif
