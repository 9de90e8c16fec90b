/*
 * The relays of the config (`peers`, which we dial and which may dial us, and `trusted`, which may
 * dial us), each known by its TLS fingerprint alone: one peer per identity, however many entries
 * and connections it has (defect 22). Dialing: resolve, try the addresses one after another, wait
 * (reconnect.h); nothing is dialed while the peer is linked.
 *
 * A peer has a record once something happened to it.
 */
#ifndef CHAPPE_CONTROL_CORE_PEERS_H
#define CHAPPE_CONTROL_CORE_PEERS_H

#include "control/core/connection.h"
#include "control/core/peer_terms.h"
#include "control/core/peer_traffic.h"
#include "control/core/reconnect.h"
#include "control/core/renewal.h"

struct federation_link;
struct link_connection;

#define PEER_ERROR_SIZE 160

struct peer {
    struct fingerprint_tls fingerprint;
    const char *label;     /* the config's */
    const char *address;   /* host:port to dial, the config's; NULL: we don't */
    struct address source; /* the only address it may come from; none: any */
    bool delegate;
    bool legacy; /* may be an original: need not prove itself when it dials us */

    struct link_connection *links;      /* live connections, the oldest first; utlist */
    struct federation_link *federation; /* while a relay of ours is linked */
    struct reconnect reconnect;
    uint64_t attempts; /* dials so far: makes the jitter of each wait another one */
    bool resolving;    /* the rim is looking for its addresses */
    uint64_t dial;     /* the dial that is under way, until its link is up; 0: none */
    struct address addresses[CORE_ADDRESSES_MAX]; /* of the last resolution */
    size_t address_count;
    size_t address_next;
    char last_error[PEER_ERROR_SIZE]; /* "" while linked */
    uint64_t since;                   /* ns: linked, or no longer linked; 0: it never was */
    struct peer_traffic traffic;

    bool later;            /* it has sent something that only the later original knows */
    uint8_t strikes;       /* links that ended right after their first forward; link.h */
    uint64_t silent_until; /* no forwards to it until then */
    struct renewal renewal;

    struct timer timer;
    struct question question;
    struct deferred record;
    UT_hash_handle hh;
};

/* From the config; ERR_DUPLICATE if one of them is ourselves, ERR_MEMORY. */
int peers_init(struct core *c);
void peers_free(struct core *c);
/* Forgets all but the config: before adoption. */
void peers_forget(struct core *c);
/* After adoption: dials who is not linked, when it is time. */
void peers_start(struct core *c);

/* Finds or makes the peer, with what the config says of it. NULL without memory. */
struct peer *peers_add(struct core *c, const struct fingerprint_tls *fingerprint);
/* Memory only: nothing may refer to it any more. */
void peers_remove(struct core *c, struct peer *peer);
void peer_set_terms(struct peer *peer, const struct peer_terms *terms);

struct peer *peer_find(const struct core *c, const struct fingerprint_tls *fingerprint);
bool peer_linked(const struct peer *peer);
/* A relay of ours: it said so in its hello, on a connection that proves who it is. */
bool peer_is_ours(const struct peer *peer);
/* MediaPathReport and other later additions may be sent to it (protocol.md 2.5). */
bool peer_knows_later(const struct peer *peer);
void peer_changed(struct core *c, struct peer *peer);
/* Remembers why there is no link; logs it if it is news. */
void peer_error(struct core *c, struct peer *peer, const char *why);

/* ---- dialing ---- */
struct peer *peers_of_dial(const struct core *c, uint64_t dial);
/* What was dialed is part of the link now. Nothing happens if the dial is another one. */
void peer_dial_over(struct core *c, struct peer *peer, uint64_t dial);
/* There was no handshake. */
void peers_dial_failed(struct core *c, const struct ipc_closed *closed);
/* There was one, but it came to nothing. */
void peer_dial_wasted(struct core *c, struct peer *peer, uint64_t dial);
/* Dials although it is linked (defect 21: an original lost one of several connections). */
void peer_redial(struct core *c, struct peer *peer);
/* The config gives it another address, or none any more: what is under way to the old one counts
   no longer, and unless it is linked it is dialed at once. */
void peer_readdressed(struct core *c, struct peer *peer);
/* Dials at this time and as if for the first time, unless it is linked. */
void peer_dial_at(struct core *c, struct peer *peer, uint64_t at);
void peer_link_up(struct core *c, struct peer *peer);
void peer_link_lost(struct core *c, struct peer *peer);

/* ERR_SYNTAX, ERR_NOT_FOUND (no longer in the config). */
int peers_restore(struct core *c, struct bytes name, struct bytes value);

#endif
