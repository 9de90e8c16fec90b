/*
 * A UDP proxy between a client and a server, which tests use to lose, delay, repeat and falsify
 * packets, and to give the client another source address in the middle (NAT rebinding).
 */
#ifndef CHAPPE_TESTS_QUIC_WIRE_H
#define CHAPPE_TESTS_QUIC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"

#define WIRE_HELD 64

struct wire;

/* What becomes of a packet. HOLD keeps it until wire_release, which sends the newest first. */
enum wire_action { WIRE_PASS, WIRE_DROP, WIRE_HOLD, WIRE_TWICE };
/* May change the packet's bytes. */
typedef enum wire_action wire_hook(struct wire *w, bool to_server, uint8_t *packet, size_t len);

struct wire_packet {
    bool to_server;
    size_t len;
    uint8_t data[2048];
};

struct wire {
    int inner;              /* the client's side */
    int outer;              /* the server's side */
    struct address address; /* the client dials this */
    struct address server;
    struct address client; /* learned */
    wire_hook *hook;       /* NULL = everything passes */
    void *argument;
    struct wire_packet held[WIRE_HELD];
    size_t held_count;
    size_t passed;
};

void wire_init(struct wire *w, const struct address *server);
void wire_free(struct wire *w);
/* Moves what waits in both directions; true if there was something. */
bool wire_pump(struct wire *w);
/* From now on the server sees another source address. */
void wire_rebind(struct wire *w);
/* The address that the server sees. */
void wire_outer_address(const struct wire *w, struct address *out);
void wire_release(struct wire *w);

#endif
