/*
 * The QUIC library: everything that the data plane and the test phone need of QUIC, and nothing
 * about relays. One endpoint is one UDP socket with the connections on it, accepted and dialed,
 * and belongs to one thread; endpoints share nothing. ngtcp2 does QUIC (RFC 9000, 9221), wolfSSL
 * does TLS 1.3 (RFC 9001); neither shows here.
 *
 * What travels:
 *   message    one length-prefixed message on a bidirectional stream of its own: u32 big-endian
 *              length, body, FIN (protocol.md 1.6). Handed up in ascending stream id, whole.
 *   datagram   RFC 9221, unreliable.
 *
 * Time is an argument: `now` is CLOCK_MONOTONIC in nanoseconds, read once per batch by the caller
 * and never going backwards. The loop of the caller is:
 *
 *   epoll on quic_endpoint_fd(), timer at quic_endpoint_deadline()
 *   readable: quic_endpoint_receive();  timer: quic_endpoint_expire();
 *   after each batch: quic_endpoint_flush()
 *
 * Sending calls only queue; quic_endpoint_flush() makes packets. Callbacks run inside receive,
 * expire and flush; they may call anything here except those three and quic_endpoint_free().
 */
#ifndef CHAPPE_QUIC_QUIC_H
#define CHAPPE_QUIC_QUIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/bytes.h"
#include "common/fingerprint.h"

#define QUIC_SNI_MAX 255      /* bytes, without the NUL */
#define QUIC_REASON_MAX 63    /* bytes of a close reason kept, without the NUL */
#define QUIC_EXPORTER_SIZE 32 /* bytes of the TLS exporter value kept per connection */
#define QUIC_MESSAGE_HEAD 4   /* bytes of length before a message's body */
#define QUIC_DATAGRAM_TAG 8   /* bytes of an optional tag in front of a datagram */
#define QUIC_DATAGRAM_QUEUE                                                                        \
    32 /* datagrams that may wait for one receiver; the oldest is dropped                          \
        */

struct quic_endpoint;
struct quic_connection;

/* Counted drops and events: name, what it counts. */
#define QUIC_COUNTER_TABLE(X)                                                                      \
    X(packets_received, "UDP payloads received")                                                   \
    X(packets_sent, "UDP payloads sent")                                                           \
    X(datagrams_received, "datagrams handed up")                                                   \
    X(datagrams_sent, "datagrams put into packets")                                                \
    X(drop_queue_full, "datagrams: the receiver's queue was full, the oldest went")                \
    X(drop_too_large, "datagrams larger than the path or the peer takes")                          \
    X(drop_not_open, "datagrams received before the connection was established or while closing")  \
    X(drop_no_memory, "anything dropped for lack of memory")                                       \
    X(drop_malformed, "UDP payloads that are no QUIC packet")                                      \
    X(drop_unknown_connection, "packets for no connection of ours (a reset may answer)")           \
    X(drop_decrypt, "packets that could not be decrypted")                                         \
    X(drop_send_error, "packets that the socket refused")                                          \
    X(refused_address_limit, "connections refused: too many from that address")                    \
    X(refused_total_limit, "connections refused: too many, or the endpoint takes no new ones")     \
    X(refused_version, "answered with version negotiation")                                        \
    X(retries_sent, "Retry packets sent")                                                          \
    X(resets_sent, "stateless resets sent")                                                        \
    X(handshakes_completed, "handshakes completed")                                                \
    X(handshakes_failed, "handshakes failed or timed out")                                         \
    X(message_too_large, "connections closed: a message's length is over the limit")               \
    X(message_timeout, "connections closed: a message was not finished in time")                   \
    X(message_malformed, "streams ended before their message was complete")                        \
    X(message_trailing, "streams that went on after their message")

struct quic_counters {
#define X(name, text) uint64_t name;
    QUIC_COUNTER_TABLE(X)
#undef X
};

struct quic_config {
    struct bytes certificate_der;    /* copied at init; a client-only endpoint may have none */
    struct bytes private_key_der;    /* PKCS#8; copied */
    const char *alpn;                /* "wzp" */
    const char *exporter_label;      /* TLS exporter, e.g. "EXPORTER-chappe-register" */
    bool request_client_certificate; /* as server: ask, do not insist */
    uint8_t reset_secret[32];        /* stateless reset tokens: the same over restarts */
    uint8_t token_secret[32];        /* Retry tokens */
    uint8_t worker;                  /* carried in the connection ids that we choose */
    uint16_t generation;             /* of the process; likewise */
    uint64_t idle_timeout;           /* ns; 30 s in the original */
    uint64_t keep_alive;             /* ns of silence before a PING; 0 = none */
    uint64_t handshake_timeout;      /* ns */
    uint64_t message_timeout;        /* ns from the stream's first byte or turn to its last byte */
    uint32_t message_max;            /* bytes of a body */
    uint32_t stream_window;          /* bytes of credit per stream, 65536 */
    uint32_t connection_window;      /* bytes of credit per connection, 262144 */
    uint32_t streams_max;            /* concurrent bidirectional streams for the peer, 100 */
    uint32_t send_queue_messages;    /* outgoing messages that may wait per connection */
    uint32_t send_queue_bytes;       /* and their bytes */
    uint32_t connections_max;        /* 0 = unlimited */
    uint32_t address_connections;    /* per source address, accepted ones; 0 = unlimited */
    uint32_t retry_threshold;        /* unfinished handshakes from which on Retry is demanded */
};

/* The defaults of protocol.md 1.2 and design.md; keys, certificate and secrets are left empty. */
void quic_config_init(struct quic_config *config);

/* What is known of an established connection. */
struct quic_peer {
    bool dialed;                        /* we are the TLS client */
    struct address remote;              /* current path, v4-mapped addresses unmapped */
    struct address local;               /* the address at which the peer reached us */
    char sni[QUIC_SNI_MAX + 1];         /* lower-cased; "" = none */
    bool has_certificate;               /* the peer proved possession of the key of ... */
    struct fingerprint_tls fingerprint; /* ... this certificate */
    uint8_t exporter[QUIC_EXPORTER_SIZE];
};

/* Why a connection ended. */
struct quic_close {
    int error;    /* ERR_CLOSED orderly (by either side) or reset, ERR_TIMEOUT, ERR_PIN, ERR_ALPN,
                     ERR_TLS, ERR_QUIC, ERR_TOO_LARGE, ERR_FULL (refused), ERR_MEMORY */
    bool by_peer; /* the peer closed (or reset) it */
    bool established;                 /* the `established` callback had been called */
    bool reset;                       /* by a stateless reset */
    uint64_t code;                    /* of the CONNECTION_CLOSE, if there was one */
    char reason[QUIC_REASON_MAX + 1]; /* printable; "" = none */
    bool has_certificate;             /* with ERR_PIN: what was presented instead */
    struct fingerprint_tls fingerprint;
};

/*
 * `context` is what quic_endpoint_init was given; a connection's own pointer is set and read with
 * quic_connection_set_user / quic_connection_user. Only `closed` is mandatory. After `closed` the
 * connection pointer is dead. `closed` comes for every connection that was dialed, and for accepted
 * ones only if `established` came before.
 */
struct quic_callbacks {
    /* Server: handshake completed. Client: handshake confirmed (a refusal shows only then). */
    void (*established)(void *context, struct quic_connection *c, const struct quic_peer *peer);
    /*
     * A whole message, in stream order; `body` is valid during the call. Its credit (one stream and
     * its bytes) is returned by quic_connection_release_message(), not before.
     */
    void (*message)(void *context, struct quic_connection *c, struct bytes body);
    void (*datagram)(void *context, struct quic_connection *c, struct bytes data);
    void (*closed)(void *context, struct quic_connection *c, const struct quic_close *why);
};

/*
 * Binds a UDP socket (SO_REUSEPORT if `reuse_port`) to `local` (port 0: any) and makes the TLS
 * contexts. 0, or ERR_SYSTEM (errno says why), ERR_TLS, ERR_MEMORY.
 */
int quic_endpoint_init(struct quic_endpoint **out, const struct quic_config *config,
                       const struct address *local, bool reuse_port,
                       const struct quic_callbacks *callbacks, void *context);
/* Forgets everything without a packet or a callback. To part politely: close_all, flush, free. */
void quic_endpoint_free(struct quic_endpoint *e);

int quic_endpoint_fd(const struct quic_endpoint *e);
void quic_endpoint_local(const struct quic_endpoint *e, struct address *out);
/* Reads at most a few batches. 0: drained; ERR_AGAIN: more is waiting. */
int quic_endpoint_receive(struct quic_endpoint *e, uint64_t now);
/* When quic_endpoint_expire is due, ns; UINT64_MAX = never. */
uint64_t quic_endpoint_deadline(const struct quic_endpoint *e);
void quic_endpoint_expire(struct quic_endpoint *e, uint64_t now);
void quic_endpoint_flush(struct quic_endpoint *e, uint64_t now);
/* While set, new connections are refused with CONNECTION_REFUSED (back pressure, drain). */
void quic_endpoint_refuse_new(struct quic_endpoint *e, bool refuse);
/* Limits of struct quic_config that may change while connections live: they hold for connections
   and messages that begin from now on. */
struct quic_limits {
    uint32_t connections_max;
    uint32_t address_connections;
    uint32_t message_max;
};
void quic_endpoint_set_limits(struct quic_endpoint *e, const struct quic_limits *limits);
/* CONNECTION_CLOSE (application, code 0, `reason`) to everybody; `closed` is called for each. */
void quic_endpoint_close_all(struct quic_endpoint *e, const char *reason, uint64_t now);
const struct quic_counters *quic_endpoint_counters(const struct quic_endpoint *e);
size_t quic_endpoint_connections(const struct quic_endpoint *e);
/* Which AES this process uses, for the log: e.g. "AES-NI", "software". */
const char *quic_aes_implementation(void);

struct quic_dial {
    struct address remote;
    const char *sni;
    const struct fingerprint_tls *pin; /* NULL: any certificate. Checked inside the TLS handshake,
                                          before anything of ours is sent; else ERR_PIN */
    bool present_certificate;          /* answer a request for ours */
    void *user;
};

/*
 * 0 and *out, or ERR_MEMORY, ERR_TLS, ERR_FULL, ERR_TYPE (an address of a family that the socket
 * does not speak), ERR_SYSTEM (no route). Nothing is sent before the next flush.
 */
int quic_endpoint_dial(struct quic_endpoint *e, const struct quic_dial *dial, uint64_t now,
                       struct quic_connection **out);

void quic_connection_set_user(struct quic_connection *c, void *user);
void *quic_connection_user(const struct quic_connection *c);
/* The current path, as in struct quic_peer. */
void quic_connection_remote(const struct quic_connection *c, struct address *out);
/* Smoothed round-trip time in ns; 0 = unknown. */
uint64_t quic_connection_rtt(const struct quic_connection *c);
/* Bytes of the longest datagram, tag included, that path and peer take now; 0 = none or unknown. It
   grows while the path is being probed, and may shrink. */
uint32_t quic_connection_datagram_max(const struct quic_connection *c);
/* Datagrams declared lost so far. */
uint64_t quic_connection_lost(const struct quic_connection *c);

/*
 * Liveness of a link: PING after `ping_after` ns of silence; closed with ERR_TIMEOUT when nothing
 * was heard for `dead_after` ns although we sent (federation.md: 500 ms and 2 s).
 */
void quic_connection_set_liveness(struct quic_connection *c, uint64_t ping_after,
                                  uint64_t dead_after);

/*
 * Application close, code 0 and `reason`. The callback `closed` runs in the next flush, which also
 * sends the packet; what is left of the connection then answers late packets with the same close,
 * ever more rarely, for 3 PTO (RFC 9000, 10.2). Nothing is handed up after this call.
 * `after_sent`: first send what is queued of messages and wait until the peer has read them, for
 * at most 1 s.
 */
void quic_connection_close(struct quic_connection *c, const char *reason, bool after_sent);

/* A body shared by many receivers. Made with one reference, which the maker releases. */
struct quic_body {
    uint32_t references;
    uint32_t len;
    uint8_t data[];
};
struct quic_body *quic_body_new(struct bytes content); /* NULL = out of memory */
void quic_body_retain(struct quic_body *b);
void quic_body_release(struct quic_body *b); /* NULL is fine */

/*
 * Queues one message on a new bidirectional stream; takes its own reference. A waiting message with
 * the same non-zero `replace_key` is replaced if none of it was sent. 0, ERR_FULL (nothing queued:
 * the caller decides, usually closing the connection), ERR_CLOSED, ERR_MEMORY.
 */
int quic_connection_send_message(struct quic_connection *c, struct quic_body *body,
                                 uint64_t replace_key);
/*
 * Returns the credit of the oldest message handed up and not yet released: a stream, and its bytes
 * less what had been granted in advance. To be called once per message, in order.
 */
void quic_connection_release_message(struct quic_connection *c);
/* Writes `content` on a new unidirectional stream with FIN (SNI `version`, protocol.md 1.5). */
int quic_connection_send_unidirectional(struct quic_connection *c, struct bytes content);

/*
 * A datagram's bytes, shared by many receivers, from the endpoint's pool: no malloc in the steady
 * state. Made with one reference, which the maker releases, before the endpoint is freed. NULL =
 * out of memory or larger than any datagram (65535 bytes).
 */
struct quic_payload;
struct quic_payload *quic_payload_new(struct quic_endpoint *e, struct bytes content);
void quic_payload_retain(struct quic_payload *p);
void quic_payload_release(struct quic_payload *p);

/*
 * Queues a datagram, `tag` (8 bytes, copied; NULL = none) in front of it; takes its own reference.
 * If too many still wait after the next flush the oldest go and are counted. 0, ERR_TOO_LARGE,
 * ERR_CLOSED.
 */
int quic_connection_send_datagram(struct quic_connection *c, struct quic_payload *payload,
                                  const uint8_t *tag);
/* For a connection that carries what many say: so many datagrams may wait instead of
   QUIC_DATAGRAM_QUEUE. Has no effect once a datagram was queued. */
void quic_connection_set_datagram_queue(struct quic_connection *c, uint16_t datagrams);
/* How many wait to be sent. Who can send later had better not fill the queue. */
size_t quic_connection_datagrams_waiting(const struct quic_connection *c);

#endif
