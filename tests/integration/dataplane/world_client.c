#include "tests/integration/dataplane/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/certificate.h"
#include "common/error.h"
#include "common/keys.h"

void copy_text(char out[TEXT_MAX], struct bytes text)
{
    snprintf(out, TEXT_MAX, "%.*s", (int)text.len, (const char *)text.data);
}

/* ---- the test's own connections ---- */

static void on_established(void *context, struct quic_connection *quic,
                           const struct quic_peer *peer)
{
    struct world *w = context;
    struct client *c = quic_connection_user(quic);
    if (!c) { /* the data plane dialed us */
        c = &w->clients[w->client_count++ % CLIENTS_MAX];
        *c = (struct client){.quic = quic};
        quic_connection_set_user(quic, c);
    }
    c->up = true;
    c->peer = *peer;
}

static void on_message(void *context, struct quic_connection *quic, struct bytes body)
{
    struct client *c = quic_connection_user(quic);
    (void)context;
    c->messages++;
    copy_text(c->message, body);
    quic_connection_release_message(quic);
}

static void on_datagram(void *context, struct quic_connection *quic, struct bytes data)
{
    struct client *c = quic_connection_user(quic);
    (void)context;
    c->datagrams++;
    c->datagram_len = data.len < TEXT_MAX ? data.len : TEXT_MAX;
    memcpy(c->datagram, data.data, c->datagram_len);
}

static void on_closed(void *context, struct quic_connection *quic, const struct quic_close *why)
{
    struct client *c = quic_connection_user(quic);
    (void)context;
    if (!c)
        return;
    c->up = false;
    c->end = *why;
    c->quic = NULL;
}

static const struct quic_callbacks quic_callbacks = {
    .established = on_established,
    .message = on_message,
    .datagram = on_datagram,
    .closed = on_closed,
};

int open_endpoint(struct quic_endpoint **out, struct world *w, bool with_certificate)
{
    const struct identity_seed seed = {{0x77}};
    struct keys_ed25519 key;
    struct certificate certificate;
    uint8_t private_key[CERTIFICATE_PRIVATE_KEY_SIZE];
    struct quic_config config;
    struct address local;
    quic_config_init(&config);
    config.alpn = "wzp";
    config.exporter_label = "EXPORTER-chappe-register";
    if (with_certificate) {
        if (keys_tls(&seed, &key) || certificate_make(&key, &certificate) ||
            certificate_fingerprint(&seed, &w->relay_fingerprint))
            return ERR_CRYPTO;
        certificate_private_key_der(&key, private_key);
        config.certificate_der = certificate_view(&certificate);
        config.private_key_der = (struct bytes){private_key, sizeof(private_key)};
        config.request_client_certificate = true;
    }
    address_parse_listen(BYTES_LITERAL("127.0.0.1:0"), &local);
    return quic_endpoint_init(out, &config, &local, false, &quic_callbacks, w);
}

struct client *dial(struct world *w, struct quic_endpoint *from, const char *sni)
{
    struct client *c = &w->clients[w->client_count++ % CLIENTS_MAX];
    const struct quic_dial dial = {
        .remote = w->address, .sni = sni, .present_certificate = from == w->relay, .user = c};
    *c = (struct client){0};
    if (quic_endpoint_dial(from, &dial, clock_monotonic(), &c->quic) != 0)
        abort();
    return c;
}

bool say(struct client *c, const char *text)
{
    if (!c->quic)
        return false;
    struct quic_body *body = quic_body_new(bytes_of_string(text));
    int err = quic_connection_send_message(c->quic, body, 0);
    quic_body_release(body);
    return err == 0;
}

static struct bytes packet(uint8_t mark)
{
    static uint8_t bytes[20];
    bytes[3] = mark;
    bytes[19] = mark;
    return (struct bytes){bytes, sizeof(bytes)};
}

void talk(struct world *w, struct client *c, const char *tag, uint8_t mark)
{
    if (!c->quic)
        return;
    struct quic_endpoint *e = c->peer.has_certificate && tag ? w->relay : w->phones;
    struct quic_payload *payload = quic_payload_new(e, packet(mark));
    quic_connection_send_datagram(c->quic, payload, (const uint8_t *)tag);
    quic_payload_release(payload);
}

bool heard(const struct client *c, const char *tag, uint8_t mark)
{
    size_t skip = tag ? 8 : 0;
    return c->datagram_len == skip + 20 && memcmp(c->datagram, tag ? tag : "", skip) == 0 &&
           memcmp(c->datagram + skip, packet(mark).data, 20) == 0;
}
