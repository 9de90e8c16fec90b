/*
 * A real chappe-data process and, in one thread of the test, everything it talks to: a control
 * plane made of the contract's other half, phones, and a peer relay.
 */
#ifndef CHAPPE_TESTS_WORLD_H
#define CHAPPE_TESTS_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "dataplane/quic/quic.h"
#include "ipc/control_side.h"
#include "ipc/sockets.h"

#define PATIENCE (30 * CLOCK_SECOND)
#define TEXT_MAX 64
#define INPUTS_MAX 1024
#define CLIENTS_MAX 16

/* What the control plane was handed. */
struct input {
    enum ipc_type type;
    uint64_t connection;
    uint64_t number;
    uint64_t dial;
    int error;
    bool has_certificate;
    struct fingerprint_tls fingerprint;
    uint8_t exporter[IPC_EXPORTER_SIZE];
    char text[TEXT_MAX]; /* the sni, the message or the reason */
};

/* One connection of the test's own. */
struct client {
    struct quic_connection *quic;
    bool up;
    struct quic_close end; /* .error is 0 while it lives */
    struct quic_peer peer;
    unsigned messages;
    unsigned datagrams;
    char message[TEXT_MAX];     /* the last one */
    uint8_t datagram[TEXT_MAX]; /* likewise */
    size_t datagram_len;
};

struct world {
    const char *program;
    char dir[256];
    char config[300];
    pid_t process;
    struct address address; /* of the data plane */

    struct ipc_sockets *sockets;
    struct ipc_control_side *side;
    bool adopted;
    unsigned installed[256]; /* by type */
    struct input inputs[INPUTS_MAX];
    size_t input_count;
    uint64_t unacknowledged; /* of the last plane_state */
    uint64_t malformed;      /* messages, as the data plane counts them */
    struct buffer published; /* our last message */
    uint64_t next_tick;
    uint64_t last_epoch;

    struct quic_endpoint *phones; /* present no certificate */
    struct quic_endpoint *relay;  /* a peer relay, dials and is dialed */
    struct fingerprint_tls relay_fingerprint;
    struct client clients[CLIENTS_MAX];
    size_t client_count;
};

/* A connection to the data plane; with a certificate from w->relay. */
struct client *dial(struct world *w, struct quic_endpoint *from, const char *sni);
/* Queues a message; false: it could not be, or the connection has ended. */
bool say(struct client *c, const char *text);
/* Sends packet number `mark`, tagged unless `tag` is NULL; nothing once the connection has ended.
 */
void talk(struct world *w, struct client *c, const char *tag, uint8_t mark);
/* Whether that is the last datagram that came. */
bool heard(const struct client *c, const char *tag, uint8_t mark);
void copy_text(char out[TEXT_MAX], struct bytes text);
int open_endpoint(struct quic_endpoint **out, struct world *w, bool with_certificate);

/* A new control plane, which adopts while the world is pumped. */
bool control_start(struct world *w);
/* As if killed: whatever it had is gone. */
void control_kill(struct world *w);
void pump_control(struct world *w, uint64_t now);
/* One transaction; false: it could not be sent. */
bool transact(struct world *w, const struct ipc_item *items, size_t count);
struct ipc_item ack(const struct input *in);
struct ipc_item room_put(const char *name, const struct ipc_hop *hop);
struct ipc_item join(uint64_t connection, const char *room);
struct ipc_item send_to(const uint64_t *connection, const char *text);
/* The first of that type and text since the last adoption; NULL: none. */
const struct input *find_input(const struct world *w, enum ipc_type type, const char *text);

/* One turn of everything in this process. */
void pump(struct world *w);
/* Long enough for a packet to come that must not come. */
void pump_a_while(struct world *w);
/* Says what was in vain; returns false. */
bool complain(const char *what, int line);

/* One more process on the same config; -1: it could not be started. */
pid_t spawn(const struct world *w);
/* Its exit code, or 1000 + the signal that ended it. */
int end_process(struct world *w, int signal);
/* Directory, endpoints, a fresh data plane, and a control plane that has adopted it. */
bool world_begin(struct world *w, const char *program, const char *dir, const char *name);
void world_end(struct world *w);
/* A phone that is connected, known by its SNI, and acknowledged. */
bool connect_phone(struct world *w, const char *sni, struct client **client, uint64_t *connection);
/* A peer relay that is connected, known by its SNI, acknowledged, and part of its link. */
bool connect_relay(struct world *w, const char *sni, struct client **link, uint64_t *number);

#define TRANSACT(w, ...)                                                                           \
    transact(w, (const struct ipc_item[]){__VA_ARGS__},                                            \
             sizeof((const struct ipc_item[]){__VA_ARGS__}) / sizeof(struct ipc_item))
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return complain(#condition, __LINE__);                                                 \
    } while (0)
#define WAIT(w, condition)                                                                         \
    do {                                                                                           \
        uint64_t end_ = clock_monotonic() + PATIENCE;                                              \
        while (!(condition)) {                                                                     \
            if (clock_monotonic() > end_)                                                          \
                return complain(#condition, __LINE__);                                             \
            pump(w);                                                                               \
        }                                                                                          \
    } while (0)

#endif
