#include <wolfssl/options.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <wolfssl/ssl.h>

#include "common/certificate.h"
#include "common/error.h"
#include "common/fingerprint.h"
#include "tests/unit/common/vectors.h"

/* The five vectors of protocol.md 1.3. */
static const struct {
    const char *seed, *serial;
    size_t serial_len;
    const char *fingerprint;
} vectors[] = {
    {"4242424242424242424242424242424242424242424242424242424242424242",
     "60054f385ca92c2cbfa5af34c94e7d882cae9526", 20,
     "79:2a:11:fe:0b:d3:02:53:18:15:7b:4d:6c:16:49:2e:"
     "b0:05:60:95:f8:53:8d:96:31:3d:40:50:90:d8:c1:1b"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "18b61fa8ae4840b0cc1165ab5e595945f4708044", 20,
     "0c:62:cf:b5:b9:e3:7c:77:ae:81:3d:9b:c3:5d:5c:ef:"
     "53:e1:2b:0a:bb:d8:e6:3b:4b:42:99:95:7d:6f:37:a9"},
    {"0000000000000000000000000000000000000000000000000000000000000000",
     "2b245eeb70075cddb23aa6cb5a2119f28c8c4fa4", 20,
     "7c:22:eb:d1:19:ad:95:b8:83:d0:e7:59:2b:b6:91:b0:"
     "80:ad:f3:ca:f8:57:66:f3:ac:4f:eb:93:12:74:ec:20"},
    {"0000000000000000000000000000000000000000000000000000000000000040",
     "00d0ee1f83190f9e96db26ca25c0fac7808ef91d", 20,
     "77:be:00:08:22:a5:1c:87:ec:5b:23:d3:af:26:bc:e5:"
     "30:9f:40:ca:d9:3b:24:00:61:93:4a:79:6d:88:f2:d8"},
    {"0000000000000000000000000000000000000000000000000000000000000044",
     "6ec5f0ab50ec79cfc3c106c7bd558bc1e84dfe", 19,
     "18:79:4d:45:01:e9:13:b1:d3:c4:bf:53:ce:8e:47:52:"
     "1d:53:ef:02:f2:55:0d:a0:cb:b5:14:ff:f4:66:9d:26"},
};

#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static void make(size_t i, struct keys_ed25519 *key, struct certificate *certificate)
{
    struct identity_seed seed;
    vectors_bytes(vectors[i].seed, seed.bytes, sizeof(seed.bytes));
    assert_int_equal(keys_tls(&seed, key), 0);
    assert_int_equal(certificate_make(key, certificate), 0);
}

static void certificates_of_the_protocol_page(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        struct keys_ed25519 key;
        struct certificate certificate;
        struct fingerprint_tls fingerprint;
        char text[FINGERPRINT_TLS_TEXT];
        uint8_t serial[20];
        make(i, &key, &certificate);
        vectors_bytes(vectors[i].serial, serial, vectors[i].serial_len);
        assert_int_equal(certificate.len, 269 + vectors[i].serial_len);
        assert_int_equal(certificate.der[13], vectors[i].serial_len);
        assert_memory_equal(certificate.der + 14, serial, vectors[i].serial_len);
        assert_int_equal(fingerprint_tls_of_der(certificate_view(&certificate), &fingerprint), 0);
        fingerprint_tls_text(&fingerprint, text);
        assert_string_equal(text, vectors[i].fingerprint);
    }
}

static void signature_of_the_protocol_page(void **state)
{
    (void)state;
    struct keys_ed25519 key;
    struct certificate certificate;
    uint8_t start[8];
    make(0, &key, &certificate);
    vectors_bytes("bdf8a3cb74e25a8f", start, sizeof(start));
    assert_memory_equal(certificate.der + 225, start, sizeof(start));
    struct bytes to_be_signed = {certificate.der + 4, 211};
    assert_int_equal(keys_verify(key.public_key, to_be_signed, certificate.der + 225), 0);
}

static void wolfssl_takes_certificate_and_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        struct keys_ed25519 key;
        struct certificate certificate;
        uint8_t private_key[CERTIFICATE_PRIVATE_KEY_SIZE];
        make(i, &key, &certificate);
        certificate_private_key_der(&key, private_key);
        WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfTLSv1_3_server_method());
        assert_non_null(ctx);
        assert_int_equal(wolfSSL_CTX_use_certificate_buffer(
                             ctx, certificate.der, (long)certificate.len, WOLFSSL_FILETYPE_ASN1),
                         WOLFSSL_SUCCESS);
        assert_int_equal(wolfSSL_CTX_use_PrivateKey_buffer(ctx, private_key, sizeof(private_key),
                                                           WOLFSSL_FILETYPE_ASN1),
                         WOLFSSL_SUCCESS);
        assert_int_equal(wolfSSL_CTX_check_private_key(ctx), WOLFSSL_SUCCESS);
        wolfSSL_CTX_free(ctx);
    }
}

/* Shows that the check above can fail. */
static void wolfssl_refuses_the_key_of_another_certificate(void **state)
{
    (void)state;
    struct keys_ed25519 keys[2];
    struct certificate certificates[2];
    uint8_t private_key[CERTIFICATE_PRIVATE_KEY_SIZE];
    make(0, &keys[0], &certificates[0]);
    make(1, &keys[1], &certificates[1]);
    certificate_private_key_der(&keys[1], private_key);
    WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfTLSv1_3_server_method());
    assert_non_null(ctx);
    assert_int_equal(wolfSSL_CTX_use_certificate_buffer(ctx, certificates[0].der,
                                                        (long)certificates[0].len,
                                                        WOLFSSL_FILETYPE_ASN1),
                     WOLFSSL_SUCCESS);
    int used = wolfSSL_CTX_use_PrivateKey_buffer(ctx, private_key, sizeof(private_key),
                                                 WOLFSSL_FILETYPE_ASN1);
    int checked = used == WOLFSSL_SUCCESS ? wolfSSL_CTX_check_private_key(ctx) : used;
    assert_int_not_equal(checked, WOLFSSL_SUCCESS);
    wolfSSL_CTX_free(ctx);
}

/* Many keys, so that serials of several lengths are met: the lengths inside must agree. */
static void every_certificate_is_well_formed(void **state)
{
    (void)state;
    unsigned by_length[21] = {0};
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t seed[KEYS_SIZE] = {(uint8_t)i, (uint8_t)(i >> 8)};
        struct keys_ed25519 key;
        struct certificate certificate;
        assert_int_equal(keys_ed25519_from_seed(seed, &key), 0);
        assert_int_equal(certificate_make(&key, &certificate), 0);
        const uint8_t *der = certificate.der;
        assert_true(certificate.len <= CERTIFICATE_MAX);
        assert_int_equal((size_t)(der[2] << 8 | der[3]) + 4, certificate.len);
        assert_int_equal(der[6] + 7 + 10 + 64, certificate.len);
        assert_true(der[14] < 0x80 && (der[14] != 0 || der[15] >= 0x80));
        by_length[der[13]]++;
    }
    assert_true(by_length[20] > by_length[19]);
    assert_true(by_length[19] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_of_the_protocol_page),
        cmocka_unit_test(signature_of_the_protocol_page),
        cmocka_unit_test(wolfssl_takes_certificate_and_key),
        cmocka_unit_test(wolfssl_refuses_the_key_of_another_certificate),
        cmocka_unit_test(every_certificate_is_well_formed),
    };
    wolfSSL_Init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    wolfSSL_Cleanup();
    return failed;
}
