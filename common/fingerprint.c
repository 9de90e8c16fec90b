#include "common/fingerprint.h"

#include <string.h>

#include "common/error.h"
#include "common/hex.h"
#include "common/sha256.h"

#define FINGERPRINT_BYTES_MAX 32

int fingerprint_tls_of_der(struct bytes der, struct fingerprint_tls *out)
{
    return sha256(der, out->bytes);
}

int fingerprint_user_of_key(const uint8_t public_key[KEYS_SIZE], struct fingerprint_user *out)
{
    uint8_t hash[SHA256_SIZE];
    int rc = sha256((struct bytes){public_key, KEYS_SIZE}, hash);
    memcpy(out->bytes, hash, sizeof(out->bytes));
    return rc;
}

/* Groups of `group` bytes joined by colons, ending in a NUL. */
static void fingerprint_text(const uint8_t *bytes, size_t len, size_t group, char *out)
{
    for (size_t i = 0; i < len; i += group) {
        if (i > 0)
            *out++ = ':';
        hex_encode(bytes + i, group, out);
        out += 2 * group;
    }
}

void fingerprint_tls_text(const struct fingerprint_tls *fingerprint, char out[FINGERPRINT_TLS_TEXT])
{
    fingerprint_text(fingerprint->bytes, sizeof(fingerprint->bytes), 1, out);
}

void fingerprint_user_text(const struct fingerprint_user *fingerprint,
                           char out[FINGERPRINT_USER_TEXT])
{
    fingerprint_text(fingerprint->bytes, sizeof(fingerprint->bytes), 2, out);
}

static bool fingerprint_is_separator(uint8_t c)
{
    return c == ':' || c == '-' || c == ' ';
}

/* As many hex digits as `size` bytes have, grouped in any way. */
static int fingerprint_read(struct bytes text, uint8_t *out, size_t size)
{
    char digits[2 * FINGERPRINT_BYTES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (fingerprint_is_separator(text.data[i]))
            continue;
        if (hex_value((char)text.data[i]) < 0)
            return ERR_SYNTAX;
        if (count == 2 * size)
            return ERR_TOO_LARGE;
        digits[count++] = (char)text.data[i];
    }
    if (count < 2 * size)
        return ERR_TRUNCATED;
    return hex_decode(digits, out, size);
}

int fingerprint_tls_parse(struct bytes text, struct fingerprint_tls *out)
{
    return fingerprint_read(text, out->bytes, sizeof(out->bytes));
}

int fingerprint_user_read(struct bytes text, struct fingerprint_user *out)
{
    return fingerprint_read(text, out->bytes, sizeof(out->bytes));
}

int fingerprint_user_parse(struct bytes text, struct fingerprint_user *out)
{
    char again[FINGERPRINT_USER_TEXT];
    if (text.len != FINGERPRINT_USER_TEXT - 1)
        return ERR_SYNTAX;
    for (size_t i = 0; i < sizeof(out->bytes) / 2; i++) {
        if (hex_decode((const char *)text.data + 5 * i, out->bytes + 2 * i, 2) != 0)
            return ERR_SYNTAX;
    }
    fingerprint_user_text(out, again);
    return bytes_equal_string(text, again) ? 0 : ERR_SYNTAX;
}

bool fingerprint_tls_equal(const struct fingerprint_tls *a, const struct fingerprint_tls *b)
{
    return fingerprint_tls_compare(a, b) == 0;
}

bool fingerprint_tls_among(const struct fingerprint_tls *list, size_t count,
                           const struct fingerprint_tls *one)
{
    for (size_t i = 0; i < count; i++) {
        if (fingerprint_tls_equal(&list[i], one))
            return true;
    }
    return false;
}

bool fingerprint_user_equal(const struct fingerprint_user *a, const struct fingerprint_user *b)
{
    return fingerprint_user_compare(a, b) == 0;
}

int fingerprint_tls_compare(const struct fingerprint_tls *a, const struct fingerprint_tls *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

int fingerprint_user_compare(const struct fingerprint_user *a, const struct fingerprint_user *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}
