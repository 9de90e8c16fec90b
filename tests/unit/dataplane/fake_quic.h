/*
 * A QUIC library without a network, linked in place of dataplane/quic: connections note what was
 * asked of them.
 */
#ifndef CHAPPE_TESTS_FAKE_QUIC_H
#define CHAPPE_TESTS_FAKE_QUIC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "dataplane/quic/quic.h"

/* One datagram or message that was queued. */
struct fake_note {
    bool datagram;
    bool tagged;
    uint8_t tag[QUIC_DATAGRAM_TAG];
    uint64_t replace_key;
    struct buffer content;
};

struct quic_connection {
    void *user;
    struct address remote;
    struct fake_note notes[64];
    size_t count;
    int refuse; /* what sending a message returns */
    int refuse_datagrams;
    bool closing;
    bool after_sent;
    char reason[QUIC_REASON_MAX + 1];
    unsigned released;
    uint64_t ping_after;
    uint64_t dead_after;
    bool pinned;
    bool present_certificate;
    char sni[QUIC_SNI_MAX + 1];
    struct fingerprint_tls pin;
    struct quic_connection *next; /* of all that were made */
};

/* A connection that a peer made; freed with fake_quic_free. */
struct quic_connection *fake_quic_accept(void);
/* The last one that was dialed, or NULL. */
struct quic_connection *fake_quic_dialed(void);
/* What quic_endpoint_dial returns from now on. */
void fake_quic_refuse_dials(int error);
/* Payloads cannot be made from now on, until fake_quic_free. */
void fake_quic_refuse_payloads(void);
/* Bodies and payloads that were made and not given back. */
long fake_quic_living(void);
/* What the endpoint was last told. */
const struct quic_limits *fake_quic_limits(void);
/* Frees all connections. */
void fake_quic_free(void);

void fake_quic_forget_notes(struct quic_connection *c);

#endif
