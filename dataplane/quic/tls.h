/*
 * TLS 1.3 for QUIC (RFC 9001) through wolfSSL: the contexts of an endpoint, and one session for
 * each handshake. A session is needed only until the handshake is over: packet protection lives in
 * packet_keys.h, and what a peer says in TLS after the handshake (session tickets) is ignored.
 */
#ifndef CHAPPE_QUIC_TLS_H
#define CHAPPE_QUIC_TLS_H

#include <ngtcp2/ngtcp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fingerprint.h"
#include "dataplane/quic/quic.h"

struct tls_contexts;
struct tls_session;

/* Who we are for the peer, and what we want of it. */
enum tls_role {
    TLS_SERVER,
    TLS_CLIENT,             /* answers a request for a certificate with an empty one */
    TLS_CLIENT_CERTIFICATE, /* answers it with ours */
};

/* 0, ERR_TLS (certificate and key do not fit, wolfSSL refuses a setting) or ERR_MEMORY. */
int tls_contexts_new(struct tls_contexts **out, const struct quic_config *config);
void tls_contexts_free(struct tls_contexts *contexts);

struct tls_options {
    enum tls_role role;
    const char *alpn;
    const char *sni;                   /* client; NULL or "" = none */
    const struct fingerprint_tls *pin; /* client; NULL = any */
};

/* 0; ERR_TLS if there is no context for that role or a setting fails; ERR_MEMORY. */
int tls_session_new(struct tls_session **out, struct tls_contexts *contexts,
                    const struct tls_options *options);
void tls_session_free(struct tls_session *session); /* NULL is fine */

/* The connection that the session works for: must be set before the first call below. */
void tls_session_attach(struct tls_session *session, ngtcp2_conn *qc);
/* Client: the first message. Returns 0 or an error of ngtcp2. */
int tls_session_start(struct tls_session *session);
/* Handshake bytes from the peer. Returns 0 or an error of ngtcp2. */
int tls_session_receive(struct tls_session *session, ngtcp2_encryption_level level,
                        struct bytes data);

/*
 * Once the handshake is complete: checks ALPN, name and pin and fills in sni, has_certificate,
 * fingerprint and exporter. 0, ERR_ALPN, ERR_PIN or ERR_TLS.
 */
int tls_session_finish(struct tls_session *session, const char *exporter_label,
                       struct quic_peer *peer);

/* Why the handshake failed, as far as TLS knows: ERR_PIN or ERR_OK. */
int tls_session_error(const struct tls_session *session);
/* The certificate that the peer showed, even if it was refused; false = none. */
bool tls_session_presented(const struct tls_session *session, struct fingerprint_tls *out);

#endif
