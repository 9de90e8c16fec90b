/*
 * The inside of an endpoint: see quic.h for what it is.
 */
#ifndef CHAPPE_QUIC_ENDPOINT_H
#define CHAPPE_QUIC_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/heap.h"
#include "dataplane/quic/connection.h"
#include "dataplane/quic/id_table.h"
#include "dataplane/quic/payload.h"
#include "dataplane/quic/quic.h"
#include "dataplane/quic/tls.h"
#include "dataplane/quic/udp_outbox.h"
#include "dataplane/quic/udp_socket.h"

struct quic_endpoint {
    struct quic_config config; /* strings are ours, certificate and key are not kept */
    struct quic_callbacks callbacks;
    void *context;
    struct udp_socket socket;
    struct udp_inbox *inbox;
    struct udp_outbox *outbox;
    struct tls_contexts *tls;
    struct id_table ids;       /* our connection ids and the clients' first ones */
    struct id_table tokens;    /* the peers' stateless reset tokens */
    struct id_table addresses; /* source address -> struct address_use */
    struct heap timers;
    struct payload_pool payloads;
    struct quic_counters counters;
    struct quic_connection *connections; /* shells that linger included */
    struct quic_connection *dirty;
    struct quic_connection *dirty_last;
    size_t count;              /* without shells */
    size_t total;              /* with them */
    size_t unfinished;         /* handshakes */
    uint64_t now;              /* never goes back */
    uint64_t stateless_window; /* start of the 100 ms in which packets without a connection ... */
    uint32_t stateless_sent;   /* ... are counted */
    bool refusing;
    bool crowded; /* some queue of datagrams is filling up: better flush before more comes */
};

/* Time never goes backwards for ngtcp2, which would abort the process. */
void endpoint_set_now(struct quic_endpoint *e, uint64_t now);

/* The accepted connections of one address. */
struct address_use {
    uint32_t count;
    uint8_t ip[16];
    uint8_t ip_len;
};
/* NULL: none yet. */
struct address_use *endpoint_address_find(const struct quic_endpoint *e,
                                          const struct address *remote);
/* Counts one more; NULL = out of memory. */
struct address_use *endpoint_address_add(struct quic_endpoint *e, const struct address *remote);
void endpoint_address_remove(struct quic_endpoint *e, struct address_use *use);

/* Packets for no connection (endpoint_accept.c). */
struct endpoint_packet {
    const struct udp_path *path;
    struct bytes data;
};
void endpoint_accept(struct quic_endpoint *e, const struct endpoint_packet *packet);

/* Packets that belong to no connection of ours (stateless.c). */
void stateless_version_negotiation(struct quic_endpoint *e, const struct endpoint_packet *packet,
                                   const ngtcp2_version_cid *ids);
void stateless_reset(struct quic_endpoint *e, const struct endpoint_packet *packet);
void stateless_retry(struct quic_endpoint *e, const struct endpoint_packet *packet,
                     const ngtcp2_pkt_hd *header);
/* CONNECTION_CLOSE in an Initial packet. */
void stateless_refuse(struct quic_endpoint *e, const struct endpoint_packet *packet,
                      const ngtcp2_pkt_hd *header, uint64_t code);
/* The reset token of an id of ours: the same in every process that has the same secret. */
int stateless_token(const struct quic_endpoint *e, const ngtcp2_cid *id,
                    uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN]);

#endif
