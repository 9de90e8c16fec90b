/*
 * Packets on their way out: collected in one arena and sent with as few system calls as possible.
 * Packets of one size on one path that follow each other become one message with segments (GSO).
 */
#ifndef CHAPPE_QUIC_UDP_OUTBOX_H
#define CHAPPE_QUIC_UDP_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/quic/udp_socket.h"

struct udp_outbox;

/* NULL = out of memory. `errors` counts the packets that the socket refused. */
struct udp_outbox *udp_outbox_new(const struct udp_socket *s, uint64_t *errors);
void udp_outbox_free(struct udp_outbox *out);

/* Room for one packet of UDP_PAYLOAD_MAX bytes; may send to make some. Never NULL. */
uint8_t *udp_outbox_space(struct udp_outbox *out);
/* The first `len` bytes of that room are a packet for `path`. */
void udp_outbox_commit(struct udp_outbox *out, const struct udp_path *path, size_t len);
/* Sends everything. What the socket refuses is lost, as any packet may be. */
void udp_outbox_send(struct udp_outbox *out);

#endif
