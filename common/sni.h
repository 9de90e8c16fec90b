/*
 * What a connection wants, which its TLS server name (SNI) alone decides (protocol.md 1.5).
 */
#ifndef CHAPPE_COMMON_SNI_H
#define CHAPPE_COMMON_SNI_H

#include "common/bytes.h"
#include "common/room.h"

/* kind, and the exact name where it has one. */
#define SNI_TABLE(X)                                                                               \
    X(SNI_PING, "ping")              /* nothing: the client times the handshake */                 \
    X(SNI_VERSION, "version")        /* the build hash on a unidirectional stream */               \
    X(SNI_PROBE, "_probe")           /* Ping and Pong between relays */                            \
    X(SNI_FEDERATION, "_federation") /* a link with another relay */                               \
    X(SNI_SIGNAL, "_signal")         /* a phone's registration */

enum sni_kind {
    SNI_REFUSED, /* a `_` name without a meaning (defect 69), or no host name at all */
    SNI_CALL,    /* the room of a call, `call-` + id */
    SNI_ROOM,    /* any other room */
#define X(kind, name) kind,
    SNI_TABLE(X)
#undef X
};

struct sni {
    enum sni_kind kind;
    /* SNI_CALL, SNI_ROOM: the room's name, normalized; else an empty string. */
    char room[ROOM_NAME_SIZE];
    /* SNI_CALL: the id, normalized; else an empty string. */
    char call_id[ROOM_CALL_ID_SIZE];
};

/* An empty name stands for none, which means the room `default`. Case does not matter. */
void sni_parse(struct bytes name, struct sni *out);

#endif
