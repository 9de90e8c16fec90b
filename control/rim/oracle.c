#include "control/rim/oracle.h"

#include <stdio.h>
#include <string.h>

#include "common/error.h"

#define OFFER_LABEL "call-offer"
#define ANSWER_LABEL "call-answer"
#define REGISTER_LABEL "register-presence"

/* Room for any of the labels beside a key. */
#define SIGNED_MAX (KEYS_SIZE + 32)

/* first ++ second, for signing. Returns a view of `out`. */
static struct bytes concatenate(uint8_t out[SIGNED_MAX], struct bytes first, struct bytes second)
{
    memcpy(out, first.data, first.len);
    memcpy(out + first.len, second.data, second.len);
    return (struct bytes){out, first.len + second.len};
}

static void answer_begin(const struct core_question *question, struct core_answer *answer)
{
    *answer = (struct core_answer){.id = question->id, .type = question->type};
}

static void answer_refuse(struct core_answer *answer, const char *why)
{
    answer->ok = false;
    snprintf(answer->why, sizeof answer->why, "%s", why);
}

static int verify(const uint8_t key[KEYS_SIZE], struct bytes message, struct bytes signature)
{
    if (signature.len != KEYS_SIGNATURE_SIZE)
        return ERR_CRYPTO;
    return keys_verify(key, message, signature.data);
}

void oracle_join(const struct oracle *o, const struct core_question *question,
                 const uint8_t random[KEYS_SIZE], struct core_answer *answer)
{
    answer_begin(question, answer);
    uint8_t raw[SIGNED_MAX];
    struct bytes theirs = {question->ephemeral_pub, KEYS_SIZE};
    struct bytes offer = concatenate(raw, theirs, BYTES_LITERAL(OFFER_LABEL));
    if (verify(question->identity_pub, offer, question->signature) != 0) {
        answer_refuse(answer, "the signature of the CallOffer is wrong");
        return;
    }
    struct keys_x25519 ephemeral;
    int rc = keys_x25519_from_random(random, &ephemeral);
    if (rc == 0) {
        memcpy(answer->ephemeral_pub, ephemeral.public_key, KEYS_SIZE);
        struct bytes ours = {ephemeral.public_key, KEYS_SIZE};
        rc = keys_sign(&o->identity, concatenate(raw, ours, BYTES_LITERAL(ANSWER_LABEL)),
                       answer->signature);
    }
    keys_x25519_wipe(&ephemeral);
    if (rc != 0)
        answer_refuse(answer, error_text(rc));
    else
        answer->ok = true;
}

void oracle_register(const struct core_question *question, struct core_answer *answer)
{
    answer_begin(question, answer);
    answer->ok = true;
    answer->grade = CORE_UNPROVEN;
    if (question->signature.len == 0)
        return;
    uint8_t raw[SIGNED_MAX];
    struct bytes key = {question->identity_pub, KEYS_SIZE};
    struct bytes signed_text = concatenate(raw, BYTES_LITERAL(REGISTER_LABEL), key);
    if (verify(question->identity_pub, signed_text, question->signature) != 0) {
        answer_refuse(answer, "the signature of the RegisterPresence is wrong");
        return;
    }
    answer->grade = CORE_SIGNED;
    if (question->proof.len == 0)
        return;
    struct bytes exporter = {question->exporter, sizeof question->exporter};
    if (verify(question->identity_pub, exporter, question->proof) != 0)
        answer_refuse(answer, "chappe_proof is not of this connection");
    else
        answer->grade = CORE_PROVEN;
}
