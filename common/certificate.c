#include "common/certificate.h"

#include <string.h>

#include "common/error.h"
#include "common/sha256.h"

#define CERTIFICATE_SERIAL_MAX 20
/* The lengths of the outer and the inner (signed) sequence with a serial of 20 bytes. */
#define CERTIFICATE_LENGTH 0x11d
#define CERTIFICATE_SIGNED_LENGTH 0xd0
/* Where the signed part starts. */
#define CERTIFICATE_SIGNED_AT 4

struct certificate_serial {
    uint8_t bytes[CERTIFICATE_SERIAL_MAX];
    size_t len;
};

/* From behind the serial to the public key: algorithm, issuer, validity, subject, key type. */
static const char certificate_middle[] = "\x30\x05\x06\x03\x2b\x65\x70"
                                         "\x30\x21\x31\x1f\x30\x1d\x06\x03\x55\x04\x03\x0c\x16"
                                         "rcgen self signed cert"
                                         "\x30\x20\x17\x0d"
                                         "750101000000Z"
                                         "\x18\x0f"
                                         "40960101000000Z"
                                         "\x30\x21\x31\x1f\x30\x1d\x06\x03\x55\x04\x03\x0c\x16"
                                         "rcgen self signed cert"
                                         "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/* Behind the public key, the last bytes that are signed: subjectAltName. */
static const char certificate_extensions[] = "\xa3\x18\x30\x16\x30\x14\x06\x03\x55\x1d\x11\x04\x0d"
                                             "\x30\x0b\x82\x09"
                                             "localhost";
static const char certificate_signature_head[] = "\x30\x05\x06\x03\x2b\x65\x70\x03\x41\x00";

/* A positive DER integer without needless zeros: 20 bytes of the key's hash, top bit cleared. */
static int certificate_make_serial(const struct keys_ed25519 *key, struct certificate_serial *out)
{
    uint8_t hash[SHA256_SIZE];
    size_t skip = 0;
    int rc = sha256((struct bytes){key->public_key, KEYS_SIZE}, hash);
    if (rc != 0)
        return rc;
    hash[0] &= 0x7f;
    while (skip < CERTIFICATE_SERIAL_MAX - 1 && hash[skip] == 0)
        skip++;
    if (hash[skip] >= 0x80)
        skip--; /* one zero keeps it positive; the cleared top bit makes sure that there is one */
    out->len = CERTIFICATE_SERIAL_MAX - skip;
    memcpy(out->bytes, hash + skip, out->len);
    return 0;
}

static void certificate_put(struct certificate *out, const void *data, size_t len)
{
    memcpy(out->der + out->len, data, len);
    out->len += len;
}

static void certificate_put_u8(struct certificate *out, size_t value)
{
    uint8_t byte = (uint8_t)value;
    certificate_put(out, &byte, 1);
}

/* Everything before the serial number's content; all lengths shrink with a shorter serial. */
static void certificate_put_head(struct certificate *out, size_t serial_len)
{
    size_t shorter = CERTIFICATE_SERIAL_MAX - serial_len;
    size_t length = CERTIFICATE_LENGTH - shorter;
    certificate_put(out, "\x30\x82", 2);
    certificate_put_u8(out, length >> 8);
    certificate_put_u8(out, length & 0xff);
    certificate_put(out, "\x30\x81", 2);
    certificate_put_u8(out, CERTIFICATE_SIGNED_LENGTH - shorter);
    certificate_put(out, "\xa0\x03\x02\x01\x02\x02", 6);
    certificate_put_u8(out, serial_len);
}

int certificate_make(const struct keys_ed25519 *key, struct certificate *out)
{
    struct certificate_serial serial;
    uint8_t signature[KEYS_SIGNATURE_SIZE];
    out->len = 0;
    int rc = certificate_make_serial(key, &serial);
    if (rc != 0)
        return rc;
    certificate_put_head(out, serial.len);
    certificate_put(out, serial.bytes, serial.len);
    certificate_put(out, certificate_middle, sizeof(certificate_middle) - 1);
    certificate_put(out, key->public_key, KEYS_SIZE);
    certificate_put(out, certificate_extensions, sizeof(certificate_extensions) - 1);
    struct bytes to_be_signed = {out->der + CERTIFICATE_SIGNED_AT,
                                 out->len - CERTIFICATE_SIGNED_AT};
    rc = keys_sign(key, to_be_signed, signature);
    if (rc != 0) {
        out->len = 0;
        return rc;
    }
    certificate_put(out, certificate_signature_head, sizeof(certificate_signature_head) - 1);
    certificate_put(out, signature, sizeof(signature));
    return 0;
}

struct bytes certificate_view(const struct certificate *certificate)
{
    return (struct bytes){certificate->der, certificate->len};
}

void certificate_private_key_der(const struct keys_ed25519 *key,
                                 uint8_t out[CERTIFICATE_PRIVATE_KEY_SIZE])
{
    static const uint8_t head[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                   0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    _Static_assert(sizeof(head) + KEYS_SIZE == CERTIFICATE_PRIVATE_KEY_SIZE, "PKCS#8 length");
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), key->seed, KEYS_SIZE);
}

int certificate_fingerprint(const struct identity_seed *seed, struct fingerprint_tls *out)
{
    struct keys_ed25519 key;
    struct certificate certificate;
    int rc = keys_tls(seed, &key);
    if (rc == 0)
        rc = certificate_make(&key, &certificate);
    keys_ed25519_wipe(&key);
    return rc == 0 ? fingerprint_tls_of_der(certificate_view(&certificate), out) : rc;
}
