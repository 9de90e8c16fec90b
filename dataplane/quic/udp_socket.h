/*
 * A UDP socket that works in batches: many packets per system call in both directions, several
 * segments per buffer where the kernel can (GRO and GSO, see udp(7)). Its addresses are in the form
 * that the socket takes: IPv4 is mapped on a socket for both families.
 */
#ifndef CHAPPE_QUIC_UDP_SOCKET_H
#define CHAPPE_QUIC_UDP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"

#define UDP_PAYLOAD_MAX 1472 /* bytes: the largest payload that we send or announce to take */
#define UDP_BATCH 16         /* buffers per receiving system call */

struct udp_path {
    struct address local;
    struct address remote;
};

struct udp_socket {
    int fd;
    bool wildcard; /* bound to no address: each packet says from where it goes */
    struct address local;
};

/* 0 or ERR_SYSTEM (errno says why). */
int udp_socket_open(struct udp_socket *s, const struct address *local, bool reuse_port);
void udp_socket_close(struct udp_socket *s);
/* The source address that the kernel would choose for `remote`; 0 or ERR_SYSTEM. */
int udp_socket_route(const struct udp_socket *s, const struct address *remote,
                     struct address *local);

/* What one system call brought. */
struct udp_inbox;

/* One buffer of it: `count` payloads of `segment` bytes, the last one perhaps shorter. */
struct udp_received {
    struct udp_path path;
    uint8_t *data;
    size_t len;
    size_t segment;
};

struct udp_inbox *udp_inbox_new(void); /* NULL = out of memory */
void udp_inbox_free(struct udp_inbox *in);
/* Reads without waiting. The number of buffers; 0 = nothing there. */
size_t udp_inbox_read(struct udp_inbox *in, const struct udp_socket *s);
/* False if the buffer is to be ignored (a family that we do not know, nothing in it). */
bool udp_inbox_get(struct udp_inbox *in, const struct udp_socket *s, size_t index,
                   struct udp_received *out);

#endif
