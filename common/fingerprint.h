/*
 * The two fingerprints of protocol.md 1.4, which must not be mixed up: that of a relay's TLS
 * certificate, and that of a user's (or a relay's) identity key.
 */
#ifndef CHAPPE_COMMON_FINGERPRINT_H
#define CHAPPE_COMMON_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/keys.h"

/* SHA-256 of a certificate's DER. */
struct fingerprint_tls {
    uint8_t bytes[32];
};

/* The first 16 bytes of SHA-256 of an Ed25519 public key. */
struct fingerprint_user {
    uint8_t bytes[16];
};

/* The text forms with their NUL: `aa:bb:...`, 95 characters, and `aaaa:bbbb:...`, 39. */
#define FINGERPRINT_TLS_TEXT 96
#define FINGERPRINT_USER_TEXT 40

/* Both return 0 or ERR_CRYPTO. */
int fingerprint_tls_of_der(struct bytes der, struct fingerprint_tls *out);
int fingerprint_user_of_key(const uint8_t public_key[KEYS_SIZE], struct fingerprint_user *out);

void fingerprint_tls_text(const struct fingerprint_tls *fingerprint,
                          char out[FINGERPRINT_TLS_TEXT]);
void fingerprint_user_text(const struct fingerprint_user *fingerprint,
                           char out[FINGERPRINT_USER_TEXT]);

/*
 * Reads what people and originals write: 64 hex digits of either case, grouped in any way by `:`,
 * `-` and spaces. Returns 0; ERR_SYNTAX for any other character; ERR_TRUNCATED or ERR_TOO_LARGE
 * for another number of digits.
 */
int fingerprint_tls_parse(struct bytes text, struct fingerprint_tls *out);

/*
 * Reads the one spelling that originals compare literally: 8 groups of 4 lower-case digits joined
 * by `:`. Returns 0 or ERR_SYNTAX.
 */
int fingerprint_user_parse(struct bytes text, struct fingerprint_user *out);
/* Reads what people write: as fingerprint_tls_parse, but 32 digits. */
int fingerprint_user_read(struct bytes text, struct fingerprint_user *out);

bool fingerprint_tls_equal(const struct fingerprint_tls *a, const struct fingerprint_tls *b);
bool fingerprint_user_equal(const struct fingerprint_user *a, const struct fingerprint_user *b);
/* True if one of the `count` in the list is this one. */
bool fingerprint_tls_among(const struct fingerprint_tls *list, size_t count,
                           const struct fingerprint_tls *one);
/* The order of the bytes, which is that of the texts: below, equal to or above zero. */
int fingerprint_tls_compare(const struct fingerprint_tls *a, const struct fingerprint_tls *b);
int fingerprint_user_compare(const struct fingerprint_user *a, const struct fingerprint_user *b);

#endif
