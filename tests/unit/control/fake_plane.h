/*
 * A data plane for tests of the core: applies transactions as the contract says (records, roles,
 * messages, acknowledgements), keeps what it is told, and can be asked for all of it. Breaks of the
 * contract by the core are test failures: a role for a room that does not exist, two rooms for one
 * connection, an acknowledgement of an input that did not come.
 */
#ifndef CHAPPE_TESTS_UNIT_CONTROL_FAKE_PLANE_H
#define CHAPPE_TESTS_UNIT_CONTROL_FAKE_PLANE_H

#include "ipc/catalogue.h"

#define FAKE_MESSAGES_MAX 1024
#define FAKE_INPUTS_MAX 64
#define FAKE_CONNECTIONS_MAX 256
#define FAKE_THINGS_MAX 1024
#define FAKE_ROOMS_MAX 256 /* and routes */
#define FAKE_HOPS_MAX 8

struct fake_message {
    char *text; /* JSON, NUL-terminated */
    bool unidirectional;
    uint64_t replace_key;
};

/* An input that is not acknowledged. */
struct fake_input {
    struct ipc_item item;
    char *body; /* of a signal, owned */
};

struct fake_connection {
    struct ipc_opened facts;
    char sni[256];
    uint64_t next_input;
    uint64_t acknowledged;
    struct fake_input inputs[FAKE_INPUTS_MAX];
    size_t input_count;
    bool open;    /* its end is not closed */
    bool known;   /* its facts are kept: `closed` is not acknowledged */
    bool closing; /* the core said close */
    char reason[256];
    char room[256]; /* member of; "": none */
    bool is_link;
    bool legacy;
    struct fingerprint_tls link;
    uint32_t repeat_ms;
    uint32_t ping_after_ms, dead_after_ms;           /* of a link */
    struct fake_message messages[FAKE_MESSAGES_MAX]; /* sent to the other end */
    size_t message_count;
    size_t taken; /* messages that the test has looked at */
    struct {
        int relay;
        uint64_t connection;
    } other; /* relay -1: a test's actor */
};

struct fake_record {
    char *key;
    uint64_t owner;
    uint8_t *value;
    size_t len;
};

struct fake_room {
    char name[256];
    struct ipc_hop hops[FAKE_HOPS_MAX];
    size_t hop_count;
    uint32_t pps;
};

struct fake_route {
    struct fingerprint_tls link;
    struct ipc_tag tag;
    char room[256]; /* need not exist */
    struct fingerprint_tls origin;
    struct ipc_hop hops[FAKE_HOPS_MAX];
    size_t hop_count;
    uint32_t pps;
};

struct fake_dial {
    struct ipc_dial dial; /* its sni is a view of ours */
    char sni[32];
    bool done;
};

struct fake_plane {
    struct fake_connection *connections[FAKE_CONNECTIONS_MAX]; /* index = number - 1 */
    size_t connection_count;
    struct fake_record records[FAKE_THINGS_MAX];
    size_t record_count;
    struct fake_room rooms[FAKE_ROOMS_MAX];
    size_t room_count;
    struct fake_route routes[FAKE_ROOMS_MAX];
    size_t route_count;
    struct fake_dial dials[FAKE_THINGS_MAX];
    size_t dial_count;
    size_t transactions;
    size_t completes;
    bool lenient; /* roles may name what does not exist: records were damaged */
    uint64_t swept;
    struct ipc_settings settings;
    bool refuse_new;
    bool stopped;
};

void fake_plane_free(struct fake_plane *p);
struct fake_connection *fake_plane_connection(struct fake_plane *p, uint64_t id);
/* A new connection, not announced yet. */
struct fake_connection *fake_plane_open(struct fake_plane *p, const char *sni);
/* Takes one transaction. */
void fake_plane_commit(struct fake_plane *p, struct bytes row);
/* Notes an input as not acknowledged; fills in its number. The item's views must live on. */
void fake_plane_note_input(struct fake_plane *p, struct fake_connection *conn,
                           struct ipc_item *item, const char *body);
/* Calls `installed` for each thing, as a snapshot would. */
void fake_plane_snapshot(struct fake_plane *p,
                         void (*installed)(void *context, const struct ipc_item *item),
                         void *context);
/* Everything that is installed and everything that was sent, as text, to be compared. */
void fake_plane_print(const struct fake_plane *p, struct buffer *out);
size_t fake_plane_records_of(const struct fake_plane *p, const char *kind);

#endif
