/*
 * A session: what one worker knows of a connection: its number, what the peer proved, its role, and
 * what commands attached to it. These are the facts that outlive the QUIC connection itself: they
 * stay until the control plane has acknowledged `closed`.
 *
 * A connection without a role may only exchange signal messages. As a member it sends to and hears
 * one room, as part of a link it carries tagged media of a peer relay. The room's and the link's
 * lists know it even when it is closed, because a new control plane must be told.
 */
#ifndef CHAPPE_DATAPLANE_SESSION_H
#define CHAPPE_DATAPLANE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/address.h"
#include "common/fingerprint.h"
#include "dataplane/bucket.h"
#include "dataplane/quic/quic.h"
#include "dataplane/table.h"
#include "ipc/catalogue.h"

struct link;
struct record;
struct repeat;
struct room;

enum session_state {
    SESSION_DIALING,
    SESSION_OPEN,
    SESSION_CLOSED,
};

struct session {
    /* for the media path */
    struct quic_connection *quic; /* NULL once closed */
    struct room *room;            /* as a member, else NULL */
    struct link *link;            /* as part of a link, else NULL; never both */
    uint32_t member;              /* place in room->members */
    bool legacy;                  /* of a link: its datagrams name no origin */
    struct bucket bucket;         /* of a member's media */
    uint64_t datagrams_in;
    uint64_t datagrams_out;
    uint64_t datagrams_lost; /* once closed: see session_lost */

    struct table_node node; /* in the table of connections, by number */
    uint64_t number;
    enum session_state state;
    bool acknowledged; /* `opened` was */
    bool unreported;   /* `closed` is still to be handed to the contract */

    bool dialed;
    bool pinned;              /* of a dial, as are the next two */
    bool present_certificate; /* answer a request for ours */
    uint64_t dial;            /* the control plane's id */
    struct fingerprint_tls pin;

    struct address remote; /* last known */
    struct address local;
    char *sni; /* owned; "" = none, NULL = not known yet */
    bool has_certificate;
    struct fingerprint_tls fingerprint;
    uint8_t exporter[QUIC_EXPORTER_SIZE];

    uint32_t ping_after_ms; /* of a link, as the command said */
    uint32_t dead_after_ms;
    struct repeat *repeat;  /* NULL = none */
    struct record *records; /* those it owns */
    uint64_t record_bytes;  /* and their size */
    int close_error;        /* while unreported: why */
    struct session *next;   /* in the list of the unreported */
};

/* A new one of that number, in no table. NULL = out of memory. */
struct session *session_new(uint64_t number);
/* It must be in no table, room or link, without records and repeat. NULL is fine. */
void session_free(struct session *c);

/* NULL = not there. */
struct session *session_find(const struct table *sessions, uint64_t number);
/* 0, ERR_MEMORY, ERR_FULL. */
int session_insert(struct table *sessions, struct session *c);

/* The handshake is done: takes over what is known of the peer. 0 or ERR_MEMORY. */
int session_establish(struct session *c, struct quic_connection *quic,
                      const struct quic_peer *peer);
/* Where the peer is now, or was last. */
void session_remote(const struct session *c, struct address *out);
/* What the control plane is told of it, with the address that it had at first; its texts stay the
   session's. */
void session_opened(const struct session *c, struct ipc_item *out);
/* How many of its outgoing datagrams were declared lost. */
uint64_t session_lost(const struct session *c);

#endif
