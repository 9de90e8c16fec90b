#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/error.h"
#include "common/keys.h"
#include "tests/unit/common/vectors.h"

static void assert_hex(const uint8_t *data, size_t len, const char *hex)
{
    uint8_t expected[KEYS_SIGNATURE_SIZE];
    assert_true(len <= sizeof(expected));
    vectors_bytes(hex, expected, len);
    assert_memory_equal(data, expected, len);
}

static void keys_of_the_identity_vectors(void **state)
{
    (void)state;
    uint8_t message[32 + 10];
    memset(message, 9, 32);
    memcpy(message + 32, "call-offer", 10);
    cJSON *lines = vectors_load("identity.jsonl");
    const cJSON *line;
    cJSON_ArrayForEach(line, lines)
    {
        struct identity_seed seed;
        struct keys_ed25519 key;
        uint8_t signature[KEYS_SIGNATURE_SIZE];
        assert_int_equal(vectors_hex(line, "in", seed.bytes, sizeof(seed.bytes)), 32);
        assert_int_equal(keys_identity(&seed, &key), 0);
        assert_hex(key.public_key, KEYS_SIZE, vectors_string(line, "identity_pub"));
        struct bytes view = {message, sizeof(message)};
        assert_int_equal(keys_sign(&key, view, signature), 0);
        assert_hex(signature, sizeof(signature),
                   vectors_string(line, "signature_over_09x32_call_offer"));
        assert_int_equal(keys_verify(key.public_key, view, signature), 0);
    }
    assert_int_equal(cJSON_GetArraySize(lines), 7);
    cJSON_Delete(lines);
}

static void tls_key_of_the_protocol_page(void **state)
{
    (void)state;
    struct identity_seed seed;
    struct keys_ed25519 key;
    memset(seed.bytes, 0x42, sizeof(seed.bytes));
    assert_int_equal(keys_tls(&seed, &key), 0);
    assert_hex(key.seed, KEYS_SIZE,
               "9c4f8c388f636ec07e3d7d942d0fbf715b44a856077a553d73559ed128e48a53");
    assert_hex(key.public_key, KEYS_SIZE,
               "09d69f870ab8414e5cf2156b4914c3ebd984510bc24edc964b754ecf0565b8ce");
}

/* Client seed 0x42 x32, relay seed 00..1f, ephemeral secrets 0x01 x32 and 0x02 x32. */
static void media_join_of_the_protocol_page(void **state)
{
    (void)state;
    struct identity_seed seeds[2];
    struct keys_ed25519 keys[2];
    struct keys_x25519 ephemeral[2];
    const char *suffixes[2] = {"call-offer", "call-answer"};
    const char *publics[2] = {"a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209",
                              "ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d59"};
    const char *signatures[2] = {
        "aad2148622760be9662b0347ec01364e0a0ef0b127b0491e70692ec15a0ada84"
        "f5a651731e6cdcb4827c83132e3c542c94abc0a5610d610bd1672c33d4a0a800",
        "184d6c561996157de901a5337c7fbd7a9f9f29875fc5a61bfcfe0a1575ba5634"
        "5e2e65f4ce833730143b17fcc51de988ec44c713aa02db1f5b4d25a6e8001308"};
    memset(seeds[0].bytes, 0x42, 32);
    for (size_t i = 0; i < 32; i++)
        seeds[1].bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < 2; i++) {
        uint8_t random[32];
        uint8_t message[64];
        uint8_t signature[KEYS_SIGNATURE_SIZE];
        memset(random, (int)i + 1, sizeof(random));
        assert_int_equal(keys_identity(&seeds[i], &keys[i]), 0);
        assert_int_equal(keys_x25519_from_random(random, &ephemeral[i]), 0);
        assert_hex(ephemeral[i].public_key, KEYS_SIZE, publics[i]);
        memcpy(message, ephemeral[i].public_key, KEYS_SIZE);
        memcpy(message + KEYS_SIZE, suffixes[i], strlen(suffixes[i]));
        struct bytes view = {message, KEYS_SIZE + strlen(suffixes[i])};
        assert_int_equal(keys_sign(&keys[i], view, signature), 0);
        assert_hex(signature, sizeof(signature), signatures[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        uint8_t shared[KEYS_SIZE];
        struct keys_session session;
        assert_int_equal(keys_x25519_shared(&ephemeral[i], ephemeral[1 - i].public_key, shared), 0);
        assert_hex(shared, KEYS_SIZE,
                   "2ed76ab549b1e73c031eb49c9448f0798aea81b698279a0c3dc3e49fbfc4b953");
        assert_int_equal(keys_session_derive(shared, &session), 0);
        assert_hex(session.key, KEYS_SIZE,
                   "92eaaffae7c421e9a926f9c0cea20c20d0d61c3b46f8a4d26f8b91ed7b16281f");
        assert_int_equal(session.sas, 2374);
    }
}

static void labels_give_different_secrets(void **state)
{
    (void)state;
    const char *labels[] = {KEYS_LABEL_IDENTITY, KEYS_LABEL_TLS, KEYS_LABEL_STATELESS_RESET,
                            KEYS_LABEL_TOKEN};
    uint8_t secret[KEYS_SIZE] = {7};
    uint8_t out[4][KEYS_SIZE];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(keys_derive(secret, labels[i], out[i], KEYS_SIZE), 0);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(out[i], out[j], KEYS_SIZE);
    }
}

static void derives_up_to_the_limit_of_hkdf(void **state)
{
    (void)state;
    static uint8_t out[8161];
    uint8_t secret[KEYS_SIZE] = {7};
    uint8_t head[KEYS_SIZE];
    assert_int_equal(keys_derive(secret, "x", out, 8160), 0);
    assert_int_equal(keys_derive(secret, "x", head, sizeof(head)), 0);
    assert_memory_equal(out, head, sizeof(head));
    assert_int_equal(keys_derive(secret, "x", out, 8161), ERR_RANGE);
    assert_int_equal(out[0], 0);
}

/* RFC 8032, 7.1, tests 1 (no message) and 3. */
static void ed25519_of_rfc_8032(void **state)
{
    (void)state;
    static const struct {
        const char *seed, *public_key, *signature;
        struct bytes message;
    } cases[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
         "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
         {NULL, 0}},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
         "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
         {(const uint8_t *)"\xaf\x82", 2}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t seed[KEYS_SIZE];
        uint8_t signature[KEYS_SIGNATURE_SIZE];
        struct keys_ed25519 key;
        vectors_bytes(cases[i].seed, seed, sizeof(seed));
        assert_int_equal(keys_ed25519_from_seed(seed, &key), 0);
        assert_hex(key.public_key, KEYS_SIZE, cases[i].public_key);
        assert_int_equal(keys_sign(&key, cases[i].message, signature), 0);
        assert_hex(signature, sizeof(signature), cases[i].signature);
        assert_int_equal(keys_verify(key.public_key, cases[i].message, signature), 0);
    }
}

static void verify_refuses_what_was_changed(void **state)
{
    (void)state;
    const uint8_t seed[KEYS_SIZE] = {1, 2, 3};
    struct keys_ed25519 key;
    struct keys_ed25519 other;
    uint8_t signature[KEYS_SIGNATURE_SIZE];
    uint8_t text[] = "a message";
    struct bytes message = {text, sizeof(text)};
    assert_int_equal(keys_ed25519_from_seed(seed, &key), 0);
    assert_int_equal(keys_ed25519_from_seed(key.public_key, &other), 0);
    assert_int_equal(keys_sign(&key, message, signature), 0);
    assert_int_equal(keys_verify(other.public_key, message, signature), ERR_CRYPTO);
    for (size_t i = 0; i < sizeof(signature); i++) {
        signature[i] ^= 1;
        assert_int_equal(keys_verify(key.public_key, message, signature), ERR_CRYPTO);
        signature[i] ^= 1;
    }
    text[3] ^= 0x80;
    assert_int_equal(keys_verify(key.public_key, message, signature), ERR_CRYPTO);
    text[3] ^= 0x80;
    assert_int_equal(keys_verify(key.public_key, message, signature), 0);
    message.len--;
    assert_int_equal(keys_verify(key.public_key, message, signature), ERR_CRYPTO);
}

/* S + L instead of S: RFC 8032 wants it refused, else one message has several signatures. */
static void verify_refuses_the_second_form_of_a_signature(void **state)
{
    (void)state;
    static const uint8_t order[KEYS_SIZE] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a,       0x63,
                                             0x12, 0x58, 0xd6, 0x9c, 0xf7,       0xa2,
                                             0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    const uint8_t seed[KEYS_SIZE] = {5};
    struct keys_ed25519 key;
    uint8_t signature[KEYS_SIGNATURE_SIZE];
    unsigned carry = 0;
    assert_int_equal(keys_ed25519_from_seed(seed, &key), 0);
    assert_int_equal(keys_sign(&key, BYTES_LITERAL("m"), signature), 0);
    for (size_t i = 0; i < KEYS_SIZE; i++) {
        carry += (unsigned)signature[32 + i] + order[i];
        signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(keys_verify(key.public_key, BYTES_LITERAL("m"), signature), ERR_CRYPTO);
}

/* With A the neutral element, R = B and S = 1 satisfy the equation for every message. */
static void verify_refuses_keys_that_anyone_can_sign_for(void **state)
{
    (void)state;
    const uint8_t neutral[KEYS_SIZE] = {1};
    const uint8_t neutral_again[KEYS_SIZE] = {1, [31] = 0x80};
    const uint8_t zeros[KEYS_SIZE] = {0};
    uint8_t signature[KEYS_SIGNATURE_SIZE] = {0x58};
    memset(signature + 1, 0x66, 31);
    signature[32] = 1;
    assert_int_equal(keys_verify(neutral, BYTES_LITERAL("m"), signature), ERR_CRYPTO);
    assert_int_equal(keys_verify(neutral_again, BYTES_LITERAL("m"), signature), ERR_CRYPTO);
    assert_int_equal(keys_verify(zeros, BYTES_LITERAL("m"), signature), ERR_CRYPTO);
}

/* RFC 7748, 5.2. The second point has its unused top bit set. */
static void x25519_of_rfc_7748(void **state)
{
    (void)state;
    static const char *cases[][3] = {
        {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
         "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
         "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
        {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
         "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
         "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
    };
    for (size_t i = 0; i < 2; i++) {
        uint8_t random[KEYS_SIZE];
        uint8_t peer[KEYS_SIZE];
        uint8_t shared[KEYS_SIZE];
        struct keys_x25519 key;
        vectors_bytes(cases[i][0], random, sizeof(random));
        vectors_bytes(cases[i][1], peer, sizeof(peer));
        assert_int_equal(keys_x25519_from_random(random, &key), 0);
        assert_memory_equal(key.secret, random, KEYS_SIZE);
        assert_int_equal(keys_x25519_shared(&key, peer, shared), 0);
        assert_hex(shared, KEYS_SIZE, cases[i][2]);
    }
}

static void x25519_refuses_a_shared_secret_of_zeros(void **state)
{
    (void)state;
    const uint8_t random[KEYS_SIZE] = {3};
    const uint8_t zeros[KEYS_SIZE] = {0};
    const uint8_t one[KEYS_SIZE] = {1};
    uint8_t shared[KEYS_SIZE];
    struct keys_x25519 key;
    assert_int_equal(keys_x25519_from_random(random, &key), 0);
    assert_int_equal(keys_x25519_shared(&key, zeros, shared), ERR_CRYPTO);
    assert_int_equal(keys_x25519_shared(&key, one, shared), ERR_CRYPTO);
    assert_memory_equal(shared, zeros, KEYS_SIZE);
}

static void wiping_leaves_nothing(void **state)
{
    (void)state;
    const uint8_t random[KEYS_SIZE] = {3, 4, 5};
    static const struct keys_ed25519 no_key;
    static const struct keys_x25519 no_pair;
    struct keys_ed25519 key;
    struct keys_x25519 pair;
    assert_int_equal(keys_ed25519_from_seed(random, &key), 0);
    assert_int_equal(keys_x25519_from_random(random, &pair), 0);
    keys_ed25519_wipe(&key);
    keys_x25519_wipe(&pair);
    assert_memory_equal(&key, &no_key, sizeof(key));
    assert_memory_equal(&pair, &no_pair, sizeof(pair));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_the_identity_vectors),
        cmocka_unit_test(tls_key_of_the_protocol_page),
        cmocka_unit_test(media_join_of_the_protocol_page),
        cmocka_unit_test(labels_give_different_secrets),
        cmocka_unit_test(derives_up_to_the_limit_of_hkdf),
        cmocka_unit_test(ed25519_of_rfc_8032),
        cmocka_unit_test(verify_refuses_what_was_changed),
        cmocka_unit_test(verify_refuses_the_second_form_of_a_signature),
        cmocka_unit_test(verify_refuses_keys_that_anyone_can_sign_for),
        cmocka_unit_test(x25519_of_rfc_7748),
        cmocka_unit_test(x25519_refuses_a_shared_secret_of_zeros),
        cmocka_unit_test(wiping_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
