#include "control/rim/oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/hex.h"

/* The vector of protocol.md 4.4. */
#define OFFER_SIGNATURE                                                                            \
    "aad2148622760be9662b0347ec01364e0a0ef0b127b0491e70692ec15a0ada84"                             \
    "f5a651731e6cdcb4827c83132e3c542c94abc0a5610d610bd1672c33d4a0a800"
#define ANSWER_SIGNATURE                                                                           \
    "184d6c561996157de901a5337c7fbd7a9f9f29875fc5a61bfcfe0a1575ba5634"                             \
    "5e2e65f4ce833730143b17fcc51de988ec44c713aa02db1f5b4d25a6e8001308"
#define CLIENT_EPHEMERAL "a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209"
#define RELAY_EPHEMERAL "ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d59"

static struct keys_ed25519 client;    /* identity 42 42 ... */
static struct oracle oracle;          /* identity 00 01 02 ... */
static uint8_t random_two[KEYS_SIZE]; /* 02 02 ... */
static uint8_t signature[KEYS_SIGNATURE_SIZE], proof[KEYS_SIGNATURE_SIZE];

static int make_keys(void **state)
{
    (void)state;
    struct identity_seed seed;
    memset(seed.bytes, 0x42, sizeof seed.bytes);
    int rc = keys_identity(&seed, &client);
    for (uint8_t i = 0; i < sizeof seed.bytes; i++)
        seed.bytes[i] = i;
    memset(random_two, 2, sizeof random_two);
    return rc == 0 ? keys_identity(&seed, &oracle.identity) : rc;
}

static void from_hex(const char *hex, uint8_t *out, size_t len)
{
    assert_int_equal(hex_decode(hex, out, len), 0);
}

static void assert_hex(const uint8_t *raw, size_t len, const char *want)
{
    char text[2 * KEYS_SIGNATURE_SIZE + 1];
    hex_encode(raw, len, text);
    assert_string_equal(text, want);
}

/* ---- joins ---- */

static struct core_question join_question(void)
{
    struct core_question q = {.id = 17, .type = CORE_ASK_JOIN};
    memcpy(q.identity_pub, client.public_key, KEYS_SIZE);
    from_hex(CLIENT_EPHEMERAL, q.ephemeral_pub, KEYS_SIZE);
    from_hex(OFFER_SIGNATURE, signature, sizeof signature);
    q.signature = (struct bytes){signature, sizeof signature};
    return q;
}

static void assert_join_refused(const struct core_question *q)
{
    static const struct core_answer empty;
    struct core_answer answer;
    oracle_join(&oracle, q, random_two, &answer);
    assert_false(answer.ok);
    assert_string_not_equal(answer.why, "");
    assert_int_equal(answer.id, 17);
    assert_memory_equal(answer.signature, empty.signature, sizeof answer.signature);
}

static void a_good_offer_is_answered_as_the_vector_says(void **state)
{
    (void)state;
    const struct core_question q = join_question();
    struct core_answer answer;
    oracle_join(&oracle, &q, random_two, &answer);
    assert_true(answer.ok);
    assert_int_equal(answer.id, 17);
    assert_int_equal(answer.type, CORE_ASK_JOIN);
    assert_string_equal(answer.why, "");
    assert_hex(answer.ephemeral_pub, sizeof answer.ephemeral_pub, RELAY_EPHEMERAL);
    assert_hex(answer.signature, sizeof answer.signature, ANSWER_SIGNATURE);
}

static void an_offer_of_another_key_is_refused(void **state)
{
    (void)state;
    struct core_question q = join_question();
    q.identity_pub[0] ^= 1;
    assert_join_refused(&q);
    q = join_question();
    q.ephemeral_pub[31] ^= 0x80;
    assert_join_refused(&q);
    q = join_question();
    memcpy(q.identity_pub, oracle.identity.public_key, KEYS_SIZE);
    assert_join_refused(&q);
}

static void every_bit_of_the_signature_counts(void **state)
{
    (void)state;
    const struct core_question q = join_question();
    for (size_t bit = 0; bit < 8 * sizeof signature; bit += 13) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_join_refused(&q);
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void a_signature_of_another_length_is_refused(void **state)
{
    (void)state;
    struct core_question q = join_question();
    q.signature.len = KEYS_SIGNATURE_SIZE - 1;
    assert_join_refused(&q);
    q.signature = BYTES_NONE;
    assert_join_refused(&q);
}

/* What is signed names its purpose: a registration is no offer. */
static void a_signature_for_another_purpose_is_refused(void **state)
{
    (void)state;
    uint8_t text[KEYS_SIZE + 11];
    struct core_question q = join_question();
    memcpy(text, q.ephemeral_pub, KEYS_SIZE);
    memcpy(text + KEYS_SIZE, "call-answer", 11);
    assert_int_equal(keys_sign(&client, (struct bytes){text, sizeof text}, signature), 0);
    assert_join_refused(&q);
}

/* Anyone can make signatures that fit a key of small order. */
static void a_key_of_zeros_proves_nothing(void **state)
{
    (void)state;
    struct core_question q = join_question();
    memset(q.identity_pub, 0, sizeof q.identity_pub);
    memset(signature, 0, sizeof signature);
    assert_join_refused(&q);
}

/* ---- registrations ---- */

static void sign_registration(const struct keys_ed25519 *key)
{
    uint8_t text[17 + KEYS_SIZE];
    memcpy(text, "register-presence", 17);
    memcpy(text + 17, client.public_key, KEYS_SIZE);
    assert_int_equal(keys_sign(key, (struct bytes){text, sizeof text}, signature), 0);
}

/* Signed by the client, and with its proof for a connection whose exporter value is 5a 5a ... */
static struct core_question register_question(void)
{
    struct core_question q = {.id = 18, .type = CORE_ASK_REGISTER};
    memcpy(q.identity_pub, client.public_key, KEYS_SIZE);
    memset(q.exporter, 0x5a, sizeof q.exporter);
    sign_registration(&client);
    struct bytes exporter = {q.exporter, sizeof q.exporter};
    assert_int_equal(keys_sign(&client, exporter, proof), 0);
    q.signature = (struct bytes){signature, sizeof signature};
    q.proof = (struct bytes){proof, sizeof proof};
    return q;
}

static void assert_grade(const struct core_question *q, enum core_grade grade)
{
    struct core_answer answer;
    oracle_register(q, &answer);
    assert_true(answer.ok);
    assert_int_equal(answer.grade, grade);
    assert_int_equal(answer.id, 18);
    assert_int_equal(answer.type, CORE_ASK_REGISTER);
}

static void assert_registration_refused(const struct core_question *q)
{
    struct core_answer answer;
    oracle_register(q, &answer);
    assert_false(answer.ok);
    assert_string_not_equal(answer.why, "");
    assert_int_equal(answer.id, 18);
}

static void signature_and_proof_are_proven(void **state)
{
    (void)state;
    const struct core_question q = register_question();
    assert_grade(&q, CORE_PROVEN);
}

static void a_signature_alone_is_signed(void **state)
{
    (void)state;
    struct core_question q = register_question();
    q.proof = BYTES_NONE;
    assert_grade(&q, CORE_SIGNED);
}

/* What all originals send, probes with a key of zeros among them. */
static void nothing_is_unproven(void **state)
{
    (void)state;
    struct core_question q = register_question();
    q.signature = q.proof = BYTES_NONE;
    assert_grade(&q, CORE_UNPROVEN);
    memset(q.identity_pub, 0, sizeof q.identity_pub);
    assert_grade(&q, CORE_UNPROVEN);
}

/* The signature says who wants to register here at all; a proof does not replace it. */
static void a_proof_without_signature_is_worth_nothing(void **state)
{
    (void)state;
    struct core_question q = register_question();
    q.signature = BYTES_NONE;
    assert_grade(&q, CORE_UNPROVEN);
}

static void defect_05_a_wrong_signature_is_refused(void **state)
{
    (void)state;
    struct core_question q = register_question();
    sign_registration(&oracle.identity);
    assert_registration_refused(&q);
    q = register_question();
    signature[63] ^= 1;
    assert_registration_refused(&q);
    q = register_question();
    q.signature.len = 1;
    assert_registration_refused(&q);
    q = register_question();
    memset(q.identity_pub, 0, sizeof q.identity_pub);
    memset(signature, 0, sizeof signature);
    assert_registration_refused(&q);
}

/* Caught on one connection and replayed on another. */
static void a_proof_of_another_connection_is_refused(void **state)
{
    (void)state;
    struct core_question q = register_question();
    q.exporter[0] ^= 1;
    assert_registration_refused(&q);
    q = register_question();
    q.proof.len = KEYS_SIGNATURE_SIZE - 1;
    assert_registration_refused(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_offer_is_answered_as_the_vector_says),
        cmocka_unit_test(an_offer_of_another_key_is_refused),
        cmocka_unit_test(every_bit_of_the_signature_counts),
        cmocka_unit_test(a_signature_of_another_length_is_refused),
        cmocka_unit_test(a_signature_for_another_purpose_is_refused),
        cmocka_unit_test(a_key_of_zeros_proves_nothing),
        cmocka_unit_test(signature_and_proof_are_proven),
        cmocka_unit_test(a_signature_alone_is_signed),
        cmocka_unit_test(nothing_is_unproven),
        cmocka_unit_test(a_proof_without_signature_is_worth_nothing),
        cmocka_unit_test(defect_05_a_wrong_signature_is_refused),
        cmocka_unit_test(a_proof_of_another_connection_is_refused),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
