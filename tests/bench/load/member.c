#include "tests/bench/load/member.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/media.h"
#include "common/random.h"
#include "common/signal.h"
#include "tests/bench/load/swarm.h"
#include "tests/phone/stamp.h"

static bool is_phone(const struct member *m)
{
    return strcmp(m->sni, MEMBER_SIGNAL_SNI) == 0;
}

int member_init(struct member *m, struct swarm *swarm, const char *sni)
{
    uint8_t seed[KEYS_SIZE];
    int rc = random_fill(seed, sizeof seed);
    if (rc != 0)
        return rc;
    *m = (struct member){.swarm = swarm};
    snprintf(m->sni, sizeof m->sni, "%s", sni);
    return keys_ed25519_from_seed(seed, &m->key);
}

/* Sends the signal message. */
static int send_signal(struct member *m, const struct signal *signal)
{
    struct buffer json = {0};
    int rc = signal_write(signal, &json);
    struct quic_body *body = rc == 0 ? quic_body_new(buffer_view(&json)) : NULL;
    if (rc == 0)
        rc = body == NULL ? ERR_MEMORY : quic_connection_send_message(m->connection, body, 0);
    quic_body_release(body);
    buffer_free(&json);
    return rc;
}

/* Signs the concatenation of two strings. */
static int sign(const struct keys_ed25519 *key, struct bytes a, struct bytes b,
                uint8_t out[KEYS_SIGNATURE_SIZE])
{
    struct buffer text = {0};
    buffer_append_bytes(&text, a);
    buffer_append_bytes(&text, b);
    int rc = text.failed ? ERR_MEMORY : keys_sign(key, buffer_view(&text), out);
    buffer_free(&text);
    return rc;
}

static int offer(struct member *m)
{
    struct signal s = {.type = SIGNAL_CALL_OFFER,
                       .call_offer = {.supported_profiles = signal_profiles_good}};
    uint8_t random[KEYS_SIZE], signature[KEYS_SIGNATURE_SIZE];
    struct keys_x25519 ephemeral;
    int rc = random_fill(random, sizeof random);
    if (rc == 0)
        rc = keys_x25519_from_random(random, &ephemeral);
    if (rc == 0)
        rc = sign(&m->key, (struct bytes){ephemeral.public_key, KEYS_SIZE},
                  BYTES_LITERAL("call-offer"), signature);
    if (rc != 0)
        return rc;
    memcpy(s.call_offer.identity_pub, m->key.public_key, KEYS_SIZE);
    memcpy(s.call_offer.ephemeral_pub, ephemeral.public_key, KEYS_SIZE);
    s.call_offer.signature = (struct bytes){signature, sizeof signature};
    return send_signal(m, &s);
}

static int enrol(struct member *m, const struct quic_peer *peer)
{
    struct signal s = {.type = SIGNAL_REGISTER_PRESENCE};
    uint8_t signature[KEYS_SIGNATURE_SIZE], proof[KEYS_SIGNATURE_SIZE];
    int rc = sign(&m->key, BYTES_LITERAL("register-presence"),
                  (struct bytes){m->key.public_key, KEYS_SIZE}, signature);
    if (rc == 0)
        rc = keys_sign(&m->key, (struct bytes){peer->exporter, QUIC_EXPORTER_SIZE}, proof);
    if (rc != 0)
        return rc;
    memcpy(s.register_presence.identity_pub, m->key.public_key, KEYS_SIZE);
    s.register_presence.signature = (struct bytes){signature, sizeof signature};
    s.register_presence.chappe_proof = (struct bytes){proof, sizeof proof};
    return send_signal(m, &s);
}

int member_greet(struct member *m, const struct quic_peer *peer)
{
    return is_phone(m) ? enrol(m, peer) : offer(m);
}

int member_hear(const struct member *m, struct bytes message)
{
    struct signal s;
    int rc = signal_parse(message, &s, NULL);
    if (rc != 0)
        return rc;
    if (is_phone(m) && s.type == SIGNAL_REGISTER_PRESENCE_ACK)
        rc = s.register_presence_ack.success ? 1 : ERR_CRYPTO;
    else
        rc = !is_phone(m) && s.type == SIGNAL_CALL_ANSWER;
    signal_free(&s);
    return rc;
}

int member_talk(struct member *m, struct quic_endpoint *e, size_t size, uint64_t now)
{
    uint8_t packet[SWARM_PACKET_MAX] = {0};
    struct media_header header = {.codec = MEDIA_OPUS_24K,
                                  .sequence = (uint16_t)m->sent,
                                  .timestamp = (uint32_t)(now / CLOCK_MS)};
    struct stamp stamp = {
        .sender = (uint32_t)(m - m->swarm->members), .sequence = m->sent, .sent = now};
    media_header_write(&header, packet);
    stamp_write(&stamp, packet + MEDIA_HEADER_SIZE);
    struct quic_payload *payload = quic_payload_new(e, (struct bytes){packet, size});
    if (payload == NULL)
        return ERR_MEMORY;
    int rc = quic_connection_send_datagram(m->connection, payload, NULL);
    quic_payload_release(payload);
    if (rc == 0)
        m->sent++;
    return rc;
}
