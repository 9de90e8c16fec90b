/*
 * The keys of a relay or a phone, all derived from its identity seed, and what is done with them:
 * HKDF-SHA256 (RFC 5869), Ed25519 (RFC 8032), X25519 (RFC 7748). Which key has which label:
 * protocol.md 4.1; the session key of a media join: protocol.md 4.4.
 *
 * All functions return 0 or ERR_CRYPTO unless said otherwise; on failure the output is all zeros.
 */
#ifndef CHAPPE_COMMON_KEYS_H
#define CHAPPE_COMMON_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/identity.h"

#define KEYS_SIZE 32 /* any key, public or secret */
#define KEYS_SIGNATURE_SIZE 64

#define KEYS_LABEL_IDENTITY "warzone-ed25519"
#define KEYS_LABEL_TLS "wzp-tls-ed25519"
/* Labels of our own: secrets that a restarted process needs again (design.md, "Keys"). */
#define KEYS_LABEL_STATELESS_RESET "chappe-stateless-reset"
#define KEYS_LABEL_TOKEN "chappe-token"

/*
 * HKDF-SHA256 without salt: `out` gets `len` bytes (at most 8160, else ERR_RANGE) derived from
 * `secret` for the purpose that `label` names.
 */
int keys_derive(const uint8_t secret[KEYS_SIZE], const char *label, uint8_t *out, size_t len);

/* An Ed25519 key pair. `seed` is what RFC 8032 calls the private key. */
struct keys_ed25519 {
    uint8_t seed[KEYS_SIZE];
    uint8_t public_key[KEYS_SIZE];
};

int keys_ed25519_from_seed(const uint8_t seed[KEYS_SIZE], struct keys_ed25519 *out);
/* The key that signs for a user or a relay, and that the user fingerprint is made of. */
int keys_identity(const struct identity_seed *seed, struct keys_ed25519 *out);
/* The key of the TLS certificate. */
int keys_tls(const struct identity_seed *seed, struct keys_ed25519 *out);
void keys_ed25519_wipe(struct keys_ed25519 *key);

/* Deterministic, as RFC 8032 has it. */
int keys_sign(const struct keys_ed25519 *key, struct bytes message,
              uint8_t signature[KEYS_SIGNATURE_SIZE]);
/*
 * 0 if `signature` is one of `message` by `public_key`, else ERR_CRYPTO. A public key of small
 * order (all zeros is one) proves nothing, because anyone can sign for it: it is refused.
 */
int keys_verify(const uint8_t public_key[KEYS_SIZE], struct bytes message,
                const uint8_t signature[KEYS_SIGNATURE_SIZE]);

/* An X25519 key pair for one media join. `secret` is kept as given and clamped where it is used. */
struct keys_x25519 {
    uint8_t secret[KEYS_SIZE];
    uint8_t public_key[KEYS_SIZE];
};

int keys_x25519_from_random(const uint8_t random[KEYS_SIZE], struct keys_x25519 *out);
/* ERR_CRYPTO too if the peer's key makes the shared secret all zeros. */
int keys_x25519_shared(const struct keys_x25519 *ours, const uint8_t peer_public_key[KEYS_SIZE],
                       uint8_t shared[KEYS_SIZE]);
void keys_x25519_wipe(struct keys_x25519 *key);

/*
 * What both ends of a media join can derive from their shared secret: the session key and the
 * short authentication string, a number of four decimal digits (0 to 9999).
 */
struct keys_session {
    uint8_t key[KEYS_SIZE];
    unsigned sas;
};

int keys_session_derive(const uint8_t shared[KEYS_SIZE], struct keys_session *out);

#endif
