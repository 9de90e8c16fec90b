#include <wolfssl/options.h>

#include "common/keys.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include "common/error.h"

#define KEYS_DERIVE_MAX (255 * 32) /* RFC 5869 */
#define KEYS_SAS_RANGE 10000

int keys_derive(const uint8_t secret[KEYS_SIZE], const char *label, uint8_t *out, size_t len)
{
    memset(out, 0, len);
    if (len > KEYS_DERIVE_MAX)
        return ERR_RANGE;
    int rc = wc_HKDF(WC_SHA256, secret, KEYS_SIZE, NULL, 0, (const byte *)label,
                     (word32)strlen(label), out, (word32)len);
    if (rc == 0)
        return 0;
    memset(out, 0, len);
    return ERR_CRYPTO;
}

int keys_ed25519_from_seed(const uint8_t seed[KEYS_SIZE], struct keys_ed25519 *out)
{
    ed25519_key key;
    uint8_t public_key[KEYS_SIZE];
    int rc = wc_ed25519_init(&key);
    if (rc == 0) {
        rc = wc_ed25519_import_private_only(seed, KEYS_SIZE, &key);
        if (rc == 0)
            rc = wc_ed25519_make_public(&key, public_key, KEYS_SIZE);
        wc_ed25519_free(&key);
    }
    if (rc != 0) {
        keys_ed25519_wipe(out);
        return ERR_CRYPTO;
    }
    memmove(out->seed, seed, KEYS_SIZE);
    memcpy(out->public_key, public_key, KEYS_SIZE);
    return 0;
}

static int keys_ed25519_derive(const struct identity_seed *seed, const char *label,
                               struct keys_ed25519 *out)
{
    uint8_t derived[KEYS_SIZE];
    int rc = keys_derive(seed->bytes, label, derived, sizeof(derived));
    if (rc == 0)
        rc = keys_ed25519_from_seed(derived, out);
    else
        keys_ed25519_wipe(out);
    explicit_bzero(derived, sizeof(derived));
    return rc;
}

int keys_identity(const struct identity_seed *seed, struct keys_ed25519 *out)
{
    return keys_ed25519_derive(seed, KEYS_LABEL_IDENTITY, out);
}

int keys_tls(const struct identity_seed *seed, struct keys_ed25519 *out)
{
    return keys_ed25519_derive(seed, KEYS_LABEL_TLS, out);
}

void keys_ed25519_wipe(struct keys_ed25519 *key)
{
    explicit_bzero(key, sizeof(*key));
}

/* wolfSSL wants a pointer even to no bytes. */
static const byte *keys_message(struct bytes message)
{
    static const byte nothing = 0;
    return message.len == 0 ? &nothing : message.data;
}

int keys_sign(const struct keys_ed25519 *key, struct bytes message,
              uint8_t signature[KEYS_SIGNATURE_SIZE])
{
    ed25519_key state;
    word32 len = KEYS_SIGNATURE_SIZE;
    memset(signature, 0, KEYS_SIGNATURE_SIZE);
    if (message.len > UINT_MAX || wc_ed25519_init(&state) != 0)
        return ERR_CRYPTO;
    int rc =
        wc_ed25519_import_private_key(key->seed, KEYS_SIZE, key->public_key, KEYS_SIZE, &state);
    if (rc == 0)
        rc = wc_ed25519_sign_msg(keys_message(message), (word32)message.len, signature, &len,
                                 &state);
    wc_ed25519_free(&state);
    if (rc == 0 && len == KEYS_SIGNATURE_SIZE)
        return 0;
    memset(signature, 0, KEYS_SIGNATURE_SIZE);
    return ERR_CRYPTO;
}

/*
 * The encodings of the points of order 1, 2, 4 and 8, the sign bit aside: y is 1 or p + 1, p - 1,
 * 0 or p, and the two values that belong to order 8.
 */
static bool keys_is_small_order(const uint8_t public_key[KEYS_SIZE])
{
    static const uint8_t points[][KEYS_SIZE] = {
        {0},
        {1},
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
         0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
         0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
         0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
         0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    };
    uint8_t y[KEYS_SIZE];
    memcpy(y, public_key, KEYS_SIZE);
    y[KEYS_SIZE - 1] &= 0x7f;
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        if (memcmp(y, points[i], KEYS_SIZE) == 0)
            return true;
    }
    return false;
}

int keys_verify(const uint8_t public_key[KEYS_SIZE], struct bytes message,
                const uint8_t signature[KEYS_SIGNATURE_SIZE])
{
    ed25519_key state;
    int valid = 0;
    if (message.len > UINT_MAX || keys_is_small_order(public_key) || wc_ed25519_init(&state) != 0)
        return ERR_CRYPTO;
    int rc = wc_ed25519_import_public(public_key, KEYS_SIZE, &state);
    if (rc == 0)
        rc = wc_ed25519_verify_msg(signature, KEYS_SIGNATURE_SIZE, keys_message(message),
                                   (word32)message.len, &valid, &state);
    wc_ed25519_free(&state);
    return rc == 0 && valid == 1 ? 0 : ERR_CRYPTO;
}

/* RFC 7748, section 5: decodeScalar25519. */
static void keys_x25519_clamp(const uint8_t secret[KEYS_SIZE], uint8_t out[KEYS_SIZE])
{
    memcpy(out, secret, KEYS_SIZE);
    out[0] &= 248;
    out[31] &= 127;
    out[31] |= 64;
}

int keys_x25519_from_random(const uint8_t random[KEYS_SIZE], struct keys_x25519 *out)
{
    uint8_t scalar[KEYS_SIZE];
    keys_x25519_clamp(random, scalar);
    memmove(out->secret, random, KEYS_SIZE);
    int rc = wc_curve25519_make_pub(KEYS_SIZE, out->public_key, KEYS_SIZE, scalar);
    explicit_bzero(scalar, sizeof(scalar));
    if (rc == 0)
        return 0;
    keys_x25519_wipe(out);
    return ERR_CRYPTO;
}

static int keys_x25519_multiply(const uint8_t scalar[KEYS_SIZE], const uint8_t point[KEYS_SIZE],
                                uint8_t out[KEYS_SIZE])
{
    curve25519_key ours;
    curve25519_key theirs;
    word32 len = KEYS_SIZE;
    if (wc_curve25519_init(&ours) != 0)
        return ERR_CRYPTO;
    int rc = wc_curve25519_init(&theirs);
    if (rc == 0) {
        rc = wc_curve25519_import_private_ex(scalar, KEYS_SIZE, &ours, EC25519_LITTLE_ENDIAN);
        if (rc == 0)
            rc = wc_curve25519_import_public_ex(point, KEYS_SIZE, &theirs, EC25519_LITTLE_ENDIAN);
        if (rc == 0)
            rc = wc_curve25519_shared_secret_ex(&ours, &theirs, out, &len, EC25519_LITTLE_ENDIAN);
        wc_curve25519_free(&theirs);
    }
    wc_curve25519_free(&ours);
    return rc == 0 && len == KEYS_SIZE ? 0 : ERR_CRYPTO;
}

int keys_x25519_shared(const struct keys_x25519 *ours, const uint8_t peer_public_key[KEYS_SIZE],
                       uint8_t shared[KEYS_SIZE])
{
    uint8_t scalar[KEYS_SIZE];
    uint8_t point[KEYS_SIZE];
    uint8_t any = 0;
    keys_x25519_clamp(ours->secret, scalar);
    memcpy(point, peer_public_key, KEYS_SIZE);
    point[KEYS_SIZE - 1] &= 0x7f; /* RFC 7748: the top bit is ignored; wolfSSL refuses it */
    int rc = keys_x25519_multiply(scalar, point, shared);
    explicit_bzero(scalar, sizeof(scalar));
    for (size_t i = 0; rc == 0 && i < KEYS_SIZE; i++)
        any |= shared[i];
    if (any != 0)
        return 0;
    memset(shared, 0, KEYS_SIZE);
    return ERR_CRYPTO;
}

void keys_x25519_wipe(struct keys_x25519 *key)
{
    explicit_bzero(key, sizeof(*key));
}

int keys_session_derive(const uint8_t shared[KEYS_SIZE], struct keys_session *out)
{
    uint8_t sas[4];
    *out = (struct keys_session){{0}, 0};
    int rc = keys_derive(shared, "warzone-session-key", out->key, sizeof(out->key));
    if (rc == 0)
        rc = keys_derive(shared, "warzone-sas-code", sas, sizeof(sas));
    if (rc != 0) {
        explicit_bzero(out, sizeof(*out));
        return rc;
    }
    struct reader reader;
    reader_init(&reader, (struct bytes){sas, sizeof(sas)});
    out->sas = reader_u32(&reader) % KEYS_SAS_RANGE;
    return 0;
}
