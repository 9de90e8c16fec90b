/*
 * The relay's TLS certificate, byte for byte as the original makes it from the same identity file
 * (protocol.md 1.3), so that a relay keeps its fingerprint when it changes from one to the other.
 * Self-signed Ed25519, X.509 v3, CN `rcgen self signed cert`, SAN `localhost`.
 */
#ifndef CHAPPE_COMMON_CERTIFICATE_H
#define CHAPPE_COMMON_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/fingerprint.h"
#include "common/keys.h"

/* Its serial number is 20 bytes long, or shorter by the zeros that it would start with. */
#define CERTIFICATE_MAX 289

struct certificate {
    uint8_t der[CERTIFICATE_MAX];
    size_t len;
};

/*
 * Makes the certificate of `key`, which is the key of keys_tls() where the originals' fingerprint
 * counts. Deterministic. Returns 0 or ERR_CRYPTO.
 */
int certificate_make(const struct keys_ed25519 *key, struct certificate *out);
struct bytes certificate_view(const struct certificate *certificate); /* the DER */

/*
 * The private key as PKCS#8 DER (RFC 8410), which is what wolfSSL_CTX_use_PrivateKey_buffer takes.
 * The caller erases it after use.
 */
#define CERTIFICATE_PRIVATE_KEY_SIZE 48
void certificate_private_key_der(const struct keys_ed25519 *key,
                                 uint8_t out[CERTIFICATE_PRIVATE_KEY_SIZE]);

/* The fingerprint by which peers know the relay with this identity. 0 or ERR_CRYPTO. */
int certificate_fingerprint(const struct identity_seed *seed, struct fingerprint_tls *out);

#endif
