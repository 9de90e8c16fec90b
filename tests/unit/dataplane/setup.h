/*
 * An exchange over fake QUIC, and commands given to it as the control plane gives them.
 */
#ifndef CHAPPE_TESTS_SETUP_H
#define CHAPPE_TESTS_SETUP_H

#include "dataplane/commit.h"
#include "dataplane/exchange.h"
#include "fake_quic.h"

#define ROOM "kitchen"

struct setup {
    struct exchange exchange;
    uint64_t now;
};

/* For cmocka: setup and teardown of a test, which checks that nothing is left. */
int setup_begin(void **state);
int setup_end(void **state);

/* A connection that is open and acknowledged. */
struct session *setup_session(struct setup *s);
/* Closes it as QUIC would; the facts stay. */
void setup_close(struct setup *s, struct session *c);

/* One transaction; 0 or why it was refused. */
int setup_commit(struct setup *s, const struct ipc_item *items, size_t count);
/* A transaction that must be taken. */
void setup_apply(struct setup *s, const struct ipc_item *items, size_t count);
#define SETUP_APPLY(s, ...)                                                                        \
    setup_apply(s, (const struct ipc_item[]){__VA_ARGS__},                                         \
                sizeof((const struct ipc_item[]){__VA_ARGS__}) / sizeof(struct ipc_item))

struct ipc_item setup_room(const char *name, const struct ipc_hop *hops, size_t count);
struct ipc_item setup_join(const struct session *c, const char *room);
struct ipc_item setup_link_join(const struct session *c, uint8_t link, bool legacy);
/* Media over link `link` with tag `tag` to `room`, by default of the link's own origin. */
struct ipc_item setup_route(uint8_t link, uint8_t tag, const char *room);
struct ipc_item setup_route_delete(uint8_t link, uint8_t tag);
struct ipc_item setup_record(const char *key, const char *value, uint64_t owner);

struct fingerprint_tls setup_fingerprint(uint8_t which); /* which, which, ... */
struct ipc_hop setup_hop(uint8_t link, uint8_t tag);

/* A valid media packet, told from others by `mark`; the view lives until the next call. */
struct bytes setup_packet(uint8_t mark);
/* The same with a tag of 8 times `tag` in front. */
struct bytes setup_tagged(uint8_t tag, uint8_t mark);

#endif
