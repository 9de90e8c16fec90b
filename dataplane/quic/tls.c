#include <wolfssl/options.h>

#include "dataplane/quic/tls.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <wolfssl/ssl.h>
#include <wolfssl/quic.h>

#include "common/error.h"
#include "dataplane/quic/packet_keys.h"

#define CIPHERS "TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256"

struct tls_contexts {
    WOLFSSL_CTX *by_role[3]; /* NULL: no certificate for that role */
};

struct tls_session {
    WOLFSSL *ssl;
    ngtcp2_conn *qc;
    enum tls_role role;
    char *alpn;
    bool pinned;
    struct fingerprint_tls pin;
    bool presented;
    struct fingerprint_tls presented_fingerprint;
    int error;
};

/* ---- what wolfSSL asks of us ---- */

static ngtcp2_encryption_level level_of(WOLFSSL_ENCRYPTION_LEVEL level)
{
    switch (level) {
    case wolfssl_encryption_initial:
        return NGTCP2_ENCRYPTION_LEVEL_INITIAL;
    case wolfssl_encryption_early_data:
        return NGTCP2_ENCRYPTION_LEVEL_0RTT;
    case wolfssl_encryption_handshake:
        return NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE;
    default:
        return NGTCP2_ENCRYPTION_LEVEL_1RTT;
    }
}

static WOLFSSL_ENCRYPTION_LEVEL level_for(ngtcp2_encryption_level level)
{
    switch (level) {
    case NGTCP2_ENCRYPTION_LEVEL_INITIAL:
        return wolfssl_encryption_initial;
    case NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE:
        return wolfssl_encryption_handshake;
    default:
        return wolfssl_encryption_application;
    }
}

static int take_peer_parameters(struct tls_session *session)
{
    const uint8_t *params;
    size_t len;
    wolfSSL_get_peer_quic_transport_params(session->ssl, &params, &len);
    int rv = ngtcp2_conn_decode_and_set_remote_transport_params(session->qc, params, len);
    if (rv != 0)
        ngtcp2_conn_set_tls_error(session->qc, rv);
    return rv;
}

static int give_own_parameters(struct tls_session *session)
{
    uint8_t params[256];
    ngtcp2_ssize n = ngtcp2_conn_encode_local_transport_params(session->qc, params, sizeof(params));
    if (n < 0)
        return -1;
    return wolfSSL_set_quic_transport_params(session->ssl, params, (size_t)n) == WOLFSSL_SUCCESS
               ? 0
               : -1;
}

static int install_rx(struct tls_session *session, ngtcp2_encryption_level level,
                      const uint8_t *secret, size_t len)
{
    bool client_ready = session->role != TLS_SERVER && level == NGTCP2_ENCRYPTION_LEVEL_1RTT;
    bool server_ready = session->role == TLS_SERVER && level == NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE;
    if ((client_ready || (server_ready && !ngtcp2_conn_get_negotiated_version(session->qc))) &&
        take_peer_parameters(session) != 0)
        return -1;
    return packet_keys_install_rx(session->qc, level,
                                  wolfSSL_get_current_cipher_suite(session->ssl), secret, len);
}

static int install_tx(struct tls_session *session, ngtcp2_encryption_level level,
                      const uint8_t *secret, size_t len)
{
    bool server_first = session->role == TLS_SERVER && level == NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE;
    if (server_first && !ngtcp2_conn_get_negotiated_version(session->qc) &&
        take_peer_parameters(session) != 0)
        return -1;
    if (packet_keys_install_tx(session->qc, level, wolfSSL_get_current_cipher_suite(session->ssl),
                               secret, len) != 0)
        return -1;
    return server_first ? give_own_parameters(session) : 0;
}

static int on_secrets(WOLFSSL *ssl, WOLFSSL_ENCRYPTION_LEVEL level, const uint8_t *read_secret,
                      const uint8_t *write_secret, size_t len)
{
    struct tls_session *session = wolfSSL_get_app_data(ssl);
    if (level == wolfssl_encryption_early_data)
        return 1;
    if (read_secret && install_rx(session, level_of(level), read_secret, len) != 0)
        return 0;
    if (write_secret && install_tx(session, level_of(level), write_secret, len) != 0)
        return 0;
    return 1;
}

static int on_handshake_data(WOLFSSL *ssl, WOLFSSL_ENCRYPTION_LEVEL level, const uint8_t *data,
                             size_t len)
{
    struct tls_session *session = wolfSSL_get_app_data(ssl);
    int rv = ngtcp2_conn_submit_crypto_data(session->qc, level_of(level), data, len);
    if (rv != 0)
        ngtcp2_conn_set_tls_error(session->qc, rv);
    return rv == 0;
}

static int on_flush(WOLFSSL *ssl)
{
    (void)ssl;
    return 1;
}

static int on_alert(WOLFSSL *ssl, WOLFSSL_ENCRYPTION_LEVEL level, uint8_t alert)
{
    struct tls_session *session = wolfSSL_get_app_data(ssl);
    (void)level;
    ngtcp2_conn_set_tls_alert(session->qc, alert);
    return 1;
}

static const WOLFSSL_QUIC_METHOD quic_method = {on_secrets, on_handshake_data, on_flush, on_alert};

/*
 * Every certificate is self-signed, so wolfSSL's own verdict says nothing. That the peer holds the
 * key is checked by TLS itself. Returning 0 ends the handshake before anything else of ours is
 * sent.
 */
static int on_verify(int preverified, WOLFSSL_X509_STORE_CTX *store)
{
    struct tls_session *session = store->userCtx;
    (void)preverified;
    if (!session)
        return 0;
    if (store->totalCerts > 0 && store->certs) {
        struct bytes der = {store->certs[0].buffer, store->certs[0].length};
        session->presented = fingerprint_tls_of_der(der, &session->presented_fingerprint) == ERR_OK;
    }
    if (!session->pinned || (session->presented &&
                             fingerprint_tls_equal(&session->pin, &session->presented_fingerprint)))
        return 1;
    session->error = ERR_PIN;
    return 0;
}

/* wolfSSL keeps the name only if somebody asks for it. */
static int on_server_name(WOLFSSL *ssl, int *alert, void *argument)
{
    (void)ssl;
    (void)alert;
    (void)argument;
    return 0;
}

/* ---- contexts ---- */

static int use_certificate(WOLFSSL_CTX *ctx, const struct quic_config *config)
{
    struct bytes der = config->certificate_der;
    struct bytes key = config->private_key_der;
    if (wolfSSL_CTX_use_certificate_buffer(ctx, der.data, (long)der.len, WOLFSSL_FILETYPE_ASN1) !=
        WOLFSSL_SUCCESS)
        return ERR_TLS;
    if (wolfSSL_CTX_use_PrivateKey_buffer(ctx, key.data, (long)key.len, WOLFSSL_FILETYPE_ASN1) !=
        WOLFSSL_SUCCESS)
        return ERR_TLS;
    return wolfSSL_CTX_check_private_key(ctx) == WOLFSSL_SUCCESS ? ERR_OK : ERR_TLS;
}

static int set_profile(WOLFSSL_CTX *ctx)
{
    int groups[] = {WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1};
    if (wolfSSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_quic_method(ctx, &quic_method) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_cipher_list(ctx, CIPHERS) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_set_groups(ctx, groups, sizeof(groups) / sizeof(groups[0])) != WOLFSSL_SUCCESS)
        return ERR_TLS;
    return ERR_OK;
}

static int set_role(WOLFSSL_CTX *ctx, enum tls_role role, const struct quic_config *config)
{
    if (role == TLS_SERVER) {
        wolfSSL_CTX_set_servername_callback(ctx, on_server_name);
        /* A resumed session would lose the client's certificate. */
        if (wolfSSL_CTX_no_ticket_TLSv13(ctx) != 0)
            return ERR_TLS;
        wolfSSL_CTX_set_session_cache_mode(ctx, WOLFSSL_SESS_CACHE_OFF);
    }
    bool verify = role != TLS_SERVER || config->request_client_certificate;
    wolfSSL_CTX_set_verify(ctx, verify ? WOLFSSL_VERIFY_PEER : WOLFSSL_VERIFY_NONE,
                           verify ? on_verify : NULL);
    return role == TLS_CLIENT ? ERR_OK : use_certificate(ctx, config);
}

static int context_new(WOLFSSL_CTX **out, enum tls_role role, const struct quic_config *config)
{
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(role == TLS_SERVER ? wolfTLSv1_3_server_method()
                                                          : wolfTLSv1_3_client_method());
    if (!ctx)
        return ERR_MEMORY;
    int rv = set_profile(ctx);
    if (rv == ERR_OK)
        rv = set_role(ctx, role, config);
    if (rv != ERR_OK) {
        wolfSSL_CTX_free(ctx);
        return rv;
    }
    *out = ctx;
    return ERR_OK;
}

int tls_contexts_new(struct tls_contexts **out, const struct quic_config *config)
{
    struct tls_contexts *contexts = calloc(1, sizeof(*contexts));
    if (!contexts)
        return ERR_MEMORY;
    bool certified = config->certificate_der.len > 0;
    int rv = context_new(&contexts->by_role[TLS_CLIENT], TLS_CLIENT, config);
    if (rv == ERR_OK && certified)
        rv = context_new(&contexts->by_role[TLS_SERVER], TLS_SERVER, config);
    if (rv == ERR_OK && certified)
        rv =
            context_new(&contexts->by_role[TLS_CLIENT_CERTIFICATE], TLS_CLIENT_CERTIFICATE, config);
    if (rv != ERR_OK) {
        tls_contexts_free(contexts);
        return rv;
    }
    *out = contexts;
    return ERR_OK;
}

void tls_contexts_free(struct tls_contexts *contexts)
{
    if (!contexts)
        return;
    for (size_t i = 0; i < 3; i++)
        wolfSSL_CTX_free(contexts->by_role[i]);
    free(contexts);
}

/* ---- sessions ---- */

static int session_configure(struct tls_session *session, const struct tls_options *options)
{
    WOLFSSL *ssl = session->ssl;
    wolfSSL_set_app_data(ssl, session);
    wolfSSL_SetCertCbCtx(ssl, session);
    wolfSSL_KeepArrays(ssl); /* else there is no exporter */
    if (wolfSSL_UseALPN(ssl, session->alpn, (unsigned)strlen(session->alpn),
                        WOLFSSL_ALPN_FAILED_ON_MISMATCH) != WOLFSSL_SUCCESS)
        return ERR_TLS;
    if (options->role == TLS_SERVER) {
        wolfSSL_set_accept_state(ssl);
        return ERR_OK;
    }
    wolfSSL_set_connect_state(ssl);
    if (options->sni && *options->sni &&
        wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, options->sni,
                       (unsigned short)strlen(options->sni)) != WOLFSSL_SUCCESS)
        return ERR_TLS;
    return ERR_OK;
}

int tls_session_new(struct tls_session **out, struct tls_contexts *contexts,
                    const struct tls_options *options)
{
    WOLFSSL_CTX *ctx = contexts->by_role[options->role];
    if (!ctx || (options->sni && strlen(options->sni) > QUIC_SNI_MAX))
        return ERR_TLS;
    struct tls_session *session = calloc(1, sizeof(*session));
    if (!session)
        return ERR_MEMORY;
    session->role = options->role;
    session->pinned = options->pin != NULL;
    if (options->pin)
        session->pin = *options->pin;
    session->alpn = strdup(options->alpn);
    session->ssl = wolfSSL_new(ctx);
    int rv = session->alpn && session->ssl ? session_configure(session, options) : ERR_MEMORY;
    if (rv != ERR_OK) {
        tls_session_free(session);
        return rv;
    }
    *out = session;
    return ERR_OK;
}

void tls_session_free(struct tls_session *session)
{
    if (!session)
        return;
    wolfSSL_free(session->ssl);
    free(session->alpn);
    free(session);
}

void tls_session_attach(struct tls_session *session, ngtcp2_conn *qc)
{
    session->qc = qc;
}

static int session_failure(const struct tls_session *session)
{
    int rv = ngtcp2_conn_get_tls_error(session->qc);
    return rv ? rv : NGTCP2_ERR_CRYPTO;
}

static int session_advance(struct tls_session *session)
{
    int rv = wolfSSL_quic_do_handshake(session->ssl);
    if (rv > 0) {
        ngtcp2_conn_tls_handshake_completed(session->qc);
        return 0;
    }
    int error = wolfSSL_get_error(session->ssl, rv);
    if (error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE)
        return 0;
    return session_failure(session);
}

int tls_session_start(struct tls_session *session)
{
    if (give_own_parameters(session) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    return session_advance(session);
}

int tls_session_receive(struct tls_session *session, ngtcp2_encryption_level level,
                        struct bytes data)
{
    if (wolfSSL_provide_quic_data(session->ssl, level_for(level), data.data, data.len) !=
        WOLFSSL_SUCCESS)
        return session_failure(session);
    return session_advance(session);
}

static int check_alpn(struct tls_session *session)
{
    char *name = NULL;
    unsigned short len = 0;
    if (wolfSSL_ALPN_GetProtocol(session->ssl, &name, &len) != WOLFSSL_SUCCESS || !name)
        return ERR_ALPN;
    return bytes_equal_string((struct bytes){(const uint8_t *)name, len}, session->alpn) ? ERR_OK
                                                                                         : ERR_ALPN;
}

/* Names are ASCII without spaces; anything else never came from an honest client. */
static int read_server_name(struct tls_session *session, struct quic_peer *peer)
{
    void *data = NULL;
    size_t len = wolfSSL_SNI_GetRequest(session->ssl, WOLFSSL_SNI_HOST_NAME, &data);
    const uint8_t *name = data;
    peer->sni[0] = '\0';
    if (!name || len == 0)
        return ERR_OK;
    if (len > QUIC_SNI_MAX)
        return ERR_TLS;
    for (size_t i = 0; i < len; i++) {
        if (name[i] <= ' ' || name[i] >= 0x7f)
            return ERR_TLS;
        peer->sni[i] = (char)tolower(name[i]);
    }
    peer->sni[len] = '\0';
    return ERR_OK;
}

static int read_certificate(struct tls_session *session, struct quic_peer *peer)
{
    int len = 0;
    WOLFSSL_X509 *certificate = wolfSSL_get_peer_certificate(session->ssl);
    peer->has_certificate = certificate != NULL;
    int rv = ERR_OK;
    if (certificate) {
        const uint8_t *der = wolfSSL_X509_get_der(certificate, &len);
        rv = der ? fingerprint_tls_of_der((struct bytes){der, (size_t)len}, &peer->fingerprint)
                 : ERR_TLS;
        wolfSSL_X509_free(certificate);
    }
    if (rv != ERR_OK)
        return ERR_TLS;
    if (session->pinned &&
        !(peer->has_certificate && fingerprint_tls_equal(&peer->fingerprint, &session->pin)))
        return ERR_PIN;
    return ERR_OK;
}

int tls_session_finish(struct tls_session *session, const char *exporter_label,
                       struct quic_peer *peer)
{
    int rv = check_alpn(session);
    if (rv == ERR_OK && session->role == TLS_SERVER)
        rv = read_server_name(session, peer);
    if (rv == ERR_OK)
        rv = read_certificate(session, peer);
    if (rv == ERR_OK && wolfSSL_export_keying_material(
                            session->ssl, peer->exporter, sizeof(peer->exporter), exporter_label,
                            strlen(exporter_label), NULL, 0, 0) != WOLFSSL_SUCCESS)
        rv = ERR_TLS;
    if (rv != ERR_OK)
        session->error = rv;
    return rv;
}

int tls_session_error(const struct tls_session *session)
{
    return session->error;
}

bool tls_session_presented(const struct tls_session *session, struct fingerprint_tls *out)
{
    if (session->presented)
        *out = session->presented_fingerprint;
    return session->presented;
}
