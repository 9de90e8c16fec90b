#include <wolfssl/options.h>

#include "dataplane/quic/packet_keys.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/kdf.h>

#define TAG_SIZE 16
#define IV_SIZE 12
#define KEY_MAX 32
#define SECRET_MAX 48
#define INITIAL_SECRET 32

struct suite {
    int id;
    bool chacha;
    uint32_t key_len;
    int digest;
    uint64_t max_encryption; /* RFC 9001, 6.6 */
    uint64_t max_decryption_failure;
};

static const struct suite suites[] = {
    {0x1301, false, 16, WC_SHA256, UINT64_C(1) << 23, UINT64_C(1) << 52},
    {0x1302, false, 32, WC_SHA384, UINT64_C(1) << 23, UINT64_C(1) << 52},
    {0x1303, true, 32, WC_SHA256, UINT64_C(1) << 62, UINT64_C(1) << 36},
};

/*
 * A key of either kind: for packets or for their headers. wolfCrypt's form of an AES key is large
 * and made when it is first used: the key for the next phase, which every connection holds ready,
 * hardly ever is.
 */
struct packet_key {
    const struct suite *suite;
    Aes *aes;
    bool header;
    uint8_t bytes[KEY_MAX];
};

static const struct suite *suite_by_id(int id)
{
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        if (suites[i].id == id)
            return &suites[i];
    }
    return NULL;
}

/* ngtcp2 only passes these handles around. */
static void *suite_handle(const struct suite *suite)
{
    return (void *)(uintptr_t)suite;
}

static ngtcp2_crypto_ctx suite_context(const struct suite *suite)
{
    return (ngtcp2_crypto_ctx){
        .aead = {.native_handle = suite_handle(suite), .max_overhead = TAG_SIZE},
        .md = {.native_handle = suite_handle(suite)},
        .hp = {.native_handle = suite_handle(suite)},
        .max_encryption = suite->max_encryption,
        .max_decryption_failure = suite->max_decryption_failure,
    };
}

static void aes_free(Aes *aes)
{
    if (!aes)
        return;
    wc_AesFree(aes);
    explicit_bzero(aes, sizeof(*aes));
    free(aes);
}

static void key_free(struct packet_key *key)
{
    if (!key)
        return;
    aes_free(key->aes);
    explicit_bzero(key, sizeof(*key));
    free(key);
}

static struct packet_key *key_new(const struct suite *suite, const uint8_t *bytes, bool header)
{
    struct packet_key *key = calloc(1, sizeof(*key));
    if (!key)
        return NULL;
    key->suite = suite;
    key->header = header;
    memcpy(key->bytes, bytes, suite->key_len);
    return key;
}

static Aes *aes_new(const struct packet_key *key)
{
    Aes *aes = aligned_alloc(_Alignof(Aes), sizeof(*aes));
    if (!aes)
        return NULL;
    memset(aes, 0, sizeof(*aes));
    int failed = wc_AesInit(aes, NULL, INVALID_DEVID);
    if (!failed && key->header)
        failed = wc_AesSetKeyDirect(aes, key->bytes, key->suite->key_len, NULL, AES_ENCRYPTION);
    else if (!failed)
        failed = wc_AesGcmSetKey(aes, key->bytes, key->suite->key_len);
    if (failed) {
        aes_free(aes);
        return NULL;
    }
    return aes;
}

/* NULL = out of memory. */
static Aes *key_aes(struct packet_key *key)
{
    if (!key->aes)
        key->aes = aes_new(key);
    return key->aes;
}

static int expand(const struct suite *suite, const uint8_t *secret, size_t secret_len,
                  const char *label, uint8_t *out, size_t len)
{
    static const char prefix[] = "tls13 ";
    return wc_Tls13_HKDF_Expand_Label(out, (word32)len, secret, (word32)secret_len,
                                      (const byte *)prefix, sizeof(prefix) - 1, (const byte *)label,
                                      (word32)strlen(label), NULL, 0, suite->digest) == 0
               ? 0
               : -1;
}

static int derive_key(const struct suite *suite, const uint8_t *secret, size_t secret_len,
                      const char *label, bool header, struct packet_key **out)
{
    uint8_t bytes[KEY_MAX];
    if (expand(suite, secret, secret_len, label, bytes, suite->key_len) != 0)
        return -1;
    *out = key_new(suite, bytes, header);
    explicit_bzero(bytes, sizeof(bytes));
    return *out ? 0 : -1;
}

/* What one direction needs at one level. */
struct direction {
    ngtcp2_crypto_aead_ctx packet;
    ngtcp2_crypto_cipher_ctx header;
    uint8_t iv[IV_SIZE];
};

static void direction_free(struct direction *d)
{
    key_free(d->packet.native_handle);
    key_free(d->header.native_handle);
}

static int direction_derive(const struct suite *suite, const uint8_t *secret, size_t secret_len,
                            struct direction *out)
{
    struct packet_key *packet = NULL;
    struct packet_key *header = NULL;
    memset(out, 0, sizeof(*out));
    int failed = derive_key(suite, secret, secret_len, "quic key", false, &packet) ||
                 derive_key(suite, secret, secret_len, "quic hp", true, &header) ||
                 expand(suite, secret, secret_len, "quic iv", out->iv, IV_SIZE);
    out->packet.native_handle = packet;
    out->header.native_handle = header;
    if (failed) {
        direction_free(out);
        return -1;
    }
    return 0;
}

static int initial_secrets(const ngtcp2_cid *client_dcid, uint8_t client[INITIAL_SECRET],
                           uint8_t server[INITIAL_SECRET])
{
    static const uint8_t salt[] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                   0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
    uint8_t secret[INITIAL_SECRET];
    if (wc_HKDF_Extract(WC_SHA256, salt, sizeof(salt), client_dcid->data,
                        (word32)client_dcid->datalen, secret) != 0)
        return -1;
    if (expand(&suites[0], secret, sizeof(secret), "client in", client, INITIAL_SECRET) != 0)
        return -1;
    return expand(&suites[0], secret, sizeof(secret), "server in", server, INITIAL_SECRET);
}

/* The client checks the tag of a Retry packet with a key that everybody knows. */
static int install_retry(ngtcp2_conn *qc)
{
    struct packet_key *key = key_new(&suites[0], (const uint8_t *)NGTCP2_RETRY_KEY_V1, false);
    if (!key)
        return -1;
    ngtcp2_crypto_ctx context = suite_context(&suites[0]);
    ngtcp2_conn_set_retry_aead(qc, &context.aead, &(ngtcp2_crypto_aead_ctx){key});
    return 0;
}

int packet_keys_install_initial(ngtcp2_conn *qc, const ngtcp2_cid *client_dcid)
{
    uint8_t client[INITIAL_SECRET];
    uint8_t server[INITIAL_SECRET];
    struct direction rx;
    struct direction tx;
    bool is_server = ngtcp2_conn_is_server(qc) != 0;
    ngtcp2_crypto_ctx context = suite_context(&suites[0]);
    context.max_encryption = context.max_decryption_failure = 0;
    ngtcp2_conn_set_initial_crypto_ctx(qc, &context);
    if (initial_secrets(client_dcid, client, server) != 0)
        return -1;
    if (direction_derive(&suites[0], is_server ? client : server, INITIAL_SECRET, &rx) != 0)
        return -1;
    if (direction_derive(&suites[0], is_server ? server : client, INITIAL_SECRET, &tx) != 0) {
        direction_free(&rx);
        return -1;
    }
    if (ngtcp2_conn_install_initial_key(qc, &rx.packet, rx.iv, &rx.header, &tx.packet, tx.iv,
                                        &tx.header, IV_SIZE) != 0) {
        direction_free(&rx);
        direction_free(&tx);
        return -1;
    }
    return is_server || ngtcp2_conn_after_retry(qc) ? 0 : install_retry(qc);
}

static int derive_installed(ngtcp2_conn *qc, int cipher_suite, const uint8_t *secret,
                            size_t secret_len, struct direction *out)
{
    const struct suite *suite = suite_by_id(cipher_suite);
    if (!suite || secret_len > SECRET_MAX)
        return -1;
    if (!ngtcp2_conn_get_crypto_ctx(qc)->aead.native_handle) {
        ngtcp2_crypto_ctx context = suite_context(suite);
        ngtcp2_conn_set_crypto_ctx(qc, &context);
    }
    return direction_derive(suite, secret, secret_len, out);
}

int packet_keys_install_rx(ngtcp2_conn *qc, ngtcp2_encryption_level level, int cipher_suite,
                           const uint8_t *secret, size_t secret_len)
{
    struct direction d;
    int rv;
    if (derive_installed(qc, cipher_suite, secret, secret_len, &d) != 0)
        return -1;
    if (level == NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE)
        rv = ngtcp2_conn_install_rx_handshake_key(qc, &d.packet, d.iv, IV_SIZE, &d.header);
    else
        rv =
            ngtcp2_conn_install_rx_key(qc, secret, secret_len, &d.packet, d.iv, IV_SIZE, &d.header);
    if (rv != 0)
        direction_free(&d);
    return rv == 0 ? 0 : -1;
}

int packet_keys_install_tx(ngtcp2_conn *qc, ngtcp2_encryption_level level, int cipher_suite,
                           const uint8_t *secret, size_t secret_len)
{
    struct direction d;
    int rv;
    if (derive_installed(qc, cipher_suite, secret, secret_len, &d) != 0)
        return -1;
    if (level == NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE)
        rv = ngtcp2_conn_install_tx_handshake_key(qc, &d.packet, d.iv, IV_SIZE, &d.header);
    else
        rv =
            ngtcp2_conn_install_tx_key(qc, secret, secret_len, &d.packet, d.iv, IV_SIZE, &d.header);
    if (rv != 0)
        direction_free(&d);
    return rv == 0 ? 0 : -1;
}

static int on_encrypt(uint8_t *dest, const ngtcp2_crypto_aead *aead,
                      const ngtcp2_crypto_aead_ctx *context, const uint8_t *plain, size_t plain_len,
                      const uint8_t *nonce, size_t nonce_len, const uint8_t *aad, size_t aad_len)
{
    struct packet_key *key = context->native_handle;
    (void)aead;
    int failed;
    if (key->suite->chacha)
        failed = wc_ChaCha20Poly1305_Encrypt(key->bytes, nonce, aad, (word32)aad_len, plain,
                                             (word32)plain_len, dest, dest + plain_len);
    else
        failed = !key_aes(key) || wc_AesGcmEncrypt(key->aes, dest, plain, (word32)plain_len, nonce,
                                                   (word32)nonce_len, dest + plain_len, TAG_SIZE,
                                                   aad, (word32)aad_len);
    return failed ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

static _Thread_local uint64_t failures;

static int on_decrypt(uint8_t *dest, const ngtcp2_crypto_aead *aead,
                      const ngtcp2_crypto_aead_ctx *context, const uint8_t *cipher,
                      size_t cipher_len, const uint8_t *nonce, size_t nonce_len, const uint8_t *aad,
                      size_t aad_len)
{
    struct packet_key *key = context->native_handle;
    (void)aead;
    size_t len = cipher_len - TAG_SIZE;
    int failed = -1;
    if (cipher_len < TAG_SIZE)
        len = 0;
    else if (key->suite->chacha)
        failed = wc_ChaCha20Poly1305_Decrypt(key->bytes, nonce, aad, (word32)aad_len, cipher,
                                             (word32)len, cipher + len, dest);
    else
        failed = !key_aes(key) ||
                 wc_AesGcmDecrypt(key->aes, dest, cipher, (word32)len, nonce, (word32)nonce_len,
                                  cipher + len, TAG_SIZE, aad, (word32)aad_len);
    failures += failed != 0;
    return failed ? NGTCP2_ERR_DECRYPT : 0;
}

uint64_t packet_keys_failures(void)
{
    return failures;
}

/* RFC 9001, 5.4.4: the sample is a counter and a nonce; the mask is the key stream. */
static int chacha_mask(const struct packet_key *key, uint8_t *dest, const uint8_t *sample)
{
    static const uint8_t zeros[NGTCP2_HP_MASKLEN];
    ChaCha chacha;
    uint32_t counter = (uint32_t)sample[0] | (uint32_t)sample[1] << 8 | (uint32_t)sample[2] << 16 |
                       (uint32_t)sample[3] << 24;
    if (wc_Chacha_SetKey(&chacha, key->bytes, KEY_MAX) != 0 ||
        wc_Chacha_SetIV(&chacha, sample + sizeof(counter), counter) != 0)
        return -1;
    return wc_Chacha_Process(&chacha, dest, zeros, sizeof(zeros));
}

static int on_mask(uint8_t *dest, const ngtcp2_crypto_cipher *cipher,
                   const ngtcp2_crypto_cipher_ctx *context, const uint8_t *sample)
{
    struct packet_key *key = context->native_handle;
    (void)cipher;
    int failed;
    if (key->suite->chacha)
        failed = chacha_mask(key, dest, sample);
    else
        failed = !key_aes(key) || wc_AesEncryptDirect(key->aes, dest, sample) != 0;
    return failed ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

/* The header keys stay over a key update. */
static int update_direction(const struct suite *suite, uint8_t *secret, const uint8_t *current,
                            size_t secret_len, ngtcp2_crypto_aead_ctx *context, uint8_t *iv)
{
    struct packet_key *key = NULL;
    if (expand(suite, current, secret_len, "quic ku", secret, secret_len) != 0 ||
        expand(suite, secret, secret_len, "quic iv", iv, IV_SIZE) != 0 ||
        derive_key(suite, secret, secret_len, "quic key", false, &key) != 0)
        return -1;
    context->native_handle = key;
    return 0;
}

static int on_update_key(ngtcp2_conn *qc, uint8_t *rx_secret, uint8_t *tx_secret,
                         ngtcp2_crypto_aead_ctx *rx, uint8_t *rx_iv, ngtcp2_crypto_aead_ctx *tx,
                         uint8_t *tx_iv, const uint8_t *current_rx, const uint8_t *current_tx,
                         size_t secret_len, void *user_data)
{
    const struct suite *suite = ngtcp2_conn_get_crypto_ctx(qc)->md.native_handle;
    (void)user_data;
    if (update_direction(suite, rx_secret, current_rx, secret_len, rx, rx_iv) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    if (update_direction(suite, tx_secret, current_tx, secret_len, tx, tx_iv) != 0) {
        key_free(rx->native_handle);
        return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
}

static void on_delete_packet_key(ngtcp2_conn *qc, ngtcp2_crypto_aead_ctx *context, void *user_data)
{
    (void)qc;
    (void)user_data;
    key_free(context->native_handle);
}

static void on_delete_header_key(ngtcp2_conn *qc, ngtcp2_crypto_cipher_ctx *context,
                                 void *user_data)
{
    (void)qc;
    (void)user_data;
    key_free(context->native_handle);
}

static int on_client_initial(ngtcp2_conn *qc, const ngtcp2_cid *dcid, void *user_data)
{
    (void)user_data;
    return packet_keys_install_initial(qc, dcid) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

static int on_retry(ngtcp2_conn *qc, const ngtcp2_pkt_hd *hd, void *user_data)
{
    (void)user_data;
    return packet_keys_install_initial(qc, &hd->scid) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

/* Only version 1 is spoken, so there is nothing to negotiate. */
static int on_version_negotiation(ngtcp2_conn *qc, uint32_t version, const ngtcp2_cid *dcid,
                                  void *user_data)
{
    (void)qc;
    (void)version;
    (void)dcid;
    (void)user_data;
    return NGTCP2_ERR_CALLBACK_FAILURE;
}

void packet_keys_set_callbacks(ngtcp2_callbacks *callbacks)
{
    callbacks->encrypt = on_encrypt;
    callbacks->decrypt = on_decrypt;
    callbacks->hp_mask = on_mask;
    callbacks->update_key = on_update_key;
    callbacks->delete_crypto_aead_ctx = on_delete_packet_key;
    callbacks->delete_crypto_cipher_ctx = on_delete_header_key;
    callbacks->recv_client_initial = on_client_initial;
    callbacks->recv_retry = on_retry;
    callbacks->version_negotiation = on_version_negotiation;
}
