/*
 * test-puppet: a QUIC client on strings, for tests that must say what no honest phone or relay
 * says. It reads one command a line from standard input and writes one JSON event a line to
 * standard output.
 *
 *   open NAME HOST:PORT SNI [SEED]  connects; with SEED (64 hex digits) it presents the relay
 *                                   certificate of that identity. SNI "-": none
 *   send NAME JSON                  one signal message, as it stands (it need not be JSON)
 *   sendhex NAME HEX                the same, of any bytes
 *   datagram NAME HEX
 *   register NAME SEED [ALIAS]      a signed and proven RegisterPresence of that identity
 *   join NAME SEED [ALIAS]          a signed CallOffer
 *   deaf NAME                       takes messages from now on, but returns no credit for them
 *   close NAME
 *   mark NAME                       an event, when everything before has been sent
 *
 *   {"event":"open","name":..,"exporter":HEX}      {"event":"message","name":..,"body":TEXT}
 *   {"event":"datagram","name":..,"hex":HEX} {"event":"closed","name":..,"error":..,"reason":..}
 *   {"event":"mark","name":..}       {"event":"error","name":..,"what":..}
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/json_writer.h"
#include "common/random.h"
#include "common/signal.h"
#include "dataplane/quic/quic.h"

#define NAMES_MAX 256
#define NAME_SIZE 64
#define LINE_MAX_BYTES (4u * 1024 * 1024)
#define WORDS 4

struct string_pulled {
    char name[NAME_SIZE];
    struct quic_endpoint *endpoint; /* one each: it may present a certificate of its own */
    struct quic_connection *connection;
    bool deaf;
    uint8_t exporter[QUIC_EXPORTER_SIZE];
};

static struct string_pulled *puppets[NAMES_MAX];
static size_t puppet_count;

/* ---- events ---- */

static void print_event(const char *event, const char *name, const char *key, struct bytes value,
                        const char *key2, const char *value2)
{
    struct buffer line = {0};
    struct json_writer w;
    json_writer_init(&w, &line);
    json_writer_begin_object(&w);
    json_writer_key(&w, "event");
    json_writer_string(&w, event);
    json_writer_key(&w, "name");
    json_writer_string(&w, name);
    if (key != NULL) {
        json_writer_key(&w, key);
        json_writer_text(&w, value);
    }
    if (key2 != NULL) {
        json_writer_key(&w, key2);
        json_writer_string(&w, value2);
    }
    json_writer_end_object(&w);
    buffer_append_u8(&line, '\n');
    fwrite(line.data, 1, line.len, stdout);
    fflush(stdout);
    buffer_free(&line);
}

static void print_error(const char *name, const char *what)
{
    print_event("error", name, "what", bytes_of_string(what), NULL, NULL);
}

static void print_hex(const char *event, const char *name, const char *key, struct bytes data)
{
    char *text = malloc(2 * data.len + 1);
    if (text == NULL)
        return;
    hex_encode(data.data, data.len, text);
    print_event(event, name, key, bytes_of_string(text), NULL, NULL);
    free(text);
}

static void on_established(void *context, struct quic_connection *c, const struct quic_peer *peer)
{
    struct string_pulled *s = context;
    (void)c;
    memcpy(s->exporter, peer->exporter, sizeof s->exporter);
    print_hex("open", s->name, "exporter", (struct bytes){peer->exporter, sizeof peer->exporter});
}

static void on_message(void *context, struct quic_connection *c, struct bytes body)
{
    struct string_pulled *s = context;
    print_event("message", s->name, "body", body, NULL, NULL);
    if (!s->deaf)
        quic_connection_release_message(c);
}

static void on_datagram(void *context, struct quic_connection *c, struct bytes data)
{
    struct string_pulled *s = context;
    (void)c;
    print_hex("datagram", s->name, "hex", data);
}

static void on_closed(void *context, struct quic_connection *c, const struct quic_close *why)
{
    struct string_pulled *s = context;
    (void)c;
    s->connection = NULL;
    print_event("closed", s->name, "error", bytes_of_string(error_text(why->error)), "reason",
                why->reason);
}

static const struct quic_callbacks callbacks = {on_established, on_message, on_datagram, on_closed};

/* ---- commands ---- */

static struct string_pulled *find(const char *name)
{
    for (size_t i = 0; i < puppet_count; i++)
        if (strcmp(puppets[i]->name, name) == 0)
            return puppets[i];
    return NULL;
}

static int load_certificate(const char *seed_text, struct quic_config *config,
                            struct certificate *certificate, uint8_t *private_key)
{
    struct identity_seed seed;
    struct keys_ed25519 key;
    if (strlen(seed_text) != 64 || hex_decode(seed_text, seed.bytes, sizeof seed.bytes) != 0)
        return ERR_SYNTAX;
    int rc = keys_tls(&seed, &key);
    if (rc == 0)
        rc = certificate_make(&key, certificate);
    certificate_private_key_der(&key, private_key);
    config->certificate_der = certificate_view(certificate);
    config->private_key_der = (struct bytes){private_key, CERTIFICATE_PRIVATE_KEY_SIZE};
    return rc;
}

static int open_connection(struct string_pulled *s, char **words, uint64_t now)
{
    struct quic_config config;
    struct certificate certificate;
    uint8_t private_key[CERTIFICATE_PRIVATE_KEY_SIZE];
    struct address local;
    struct quic_dial dial = {.sni = strcmp(words[2], "-") == 0 ? "" : words[2], .user = s};
    quic_config_init(&config);
    config.alpn = "wzp";
    config.exporter_label = "EXPORTER-chappe-register";
    int rc = random_fill(config.reset_secret, sizeof config.reset_secret);
    if (rc == 0 && words[3] != NULL) {
        rc = load_certificate(words[3], &config, &certificate, private_key);
        dial.present_certificate = true;
    }
    if (rc == 0)
        rc = address_parse(bytes_of_string(words[1]), &dial.remote);
    if (rc == 0)
        rc = address_parse_listen(BYTES_LITERAL("127.0.0.1:0"), &local);
    if (rc == 0)
        rc = quic_endpoint_init(&s->endpoint, &config, &local, false, &callbacks, s);
    if (rc == 0)
        rc = quic_endpoint_dial(s->endpoint, &dial, now, &s->connection);
    return rc;
}

static void command_open(char **words, uint64_t now)
{
    struct string_pulled *s = calloc(1, sizeof *s);
    if (s == NULL || puppet_count == NAMES_MAX || words[1] == NULL || words[2] == NULL) {
        print_error(words[0], "cannot open");
        free(s);
        return;
    }
    snprintf(s->name, sizeof s->name, "%s", words[0]);
    puppets[puppet_count++] = s;
    int rc = open_connection(s, words, now);
    if (rc != 0)
        print_error(s->name, error_text(rc));
}

static void send_body(struct string_pulled *s, struct bytes content)
{
    struct quic_body *body = quic_body_new(content);
    int rc = body == NULL ? ERR_MEMORY : quic_connection_send_message(s->connection, body, 0);
    if (rc != 0)
        print_error(s->name, error_text(rc));
    quic_body_release(body);
}

static void send_signal(struct string_pulled *s, const struct signal *message)
{
    struct buffer json = {0};
    if (signal_write(message, &json) == 0)
        send_body(s, buffer_view(&json));
    buffer_free(&json);
}

/* Signs label ++ key, or key ++ label if `key_first`. */
static void sign_text(const struct keys_ed25519 *identity, const char *label, const uint8_t *key,
                      bool key_first, uint8_t *signature)
{
    struct buffer text = {0};
    if (key_first)
        buffer_append(&text, key, KEYS_SIZE);
    buffer_append_string(&text, label);
    if (!key_first)
        buffer_append(&text, key, KEYS_SIZE);
    if (keys_sign(identity, buffer_view(&text), signature) != 0)
        print_error("-", "cannot sign");
    buffer_free(&text);
}

static bool read_identity(const struct string_pulled *s, const char *text,
                          struct keys_ed25519 *identity)
{
    struct identity_seed seed;
    if (text != NULL && strlen(text) == 64 &&
        hex_decode(text, seed.bytes, sizeof seed.bytes) == 0 && keys_identity(&seed, identity) == 0)
        return true;
    print_error(s->name, "not a seed");
    return false;
}

static void command_register(struct string_pulled *s, const char *seed, const char *alias)
{
    struct keys_ed25519 identity;
    uint8_t signature[KEYS_SIGNATURE_SIZE], proof[KEYS_SIGNATURE_SIZE];
    if (!read_identity(s, seed, &identity))
        return;
    sign_text(&identity, "register-presence", identity.public_key, false, signature);
    if (keys_sign(&identity, (struct bytes){s->exporter, sizeof s->exporter}, proof) != 0)
        print_error(s->name, "cannot sign");
    struct signal message = {
        .type = SIGNAL_REGISTER_PRESENCE,
        .register_presence = {.signature = {signature, sizeof signature},
                              .alias = signal_text_of(alias),
                              .chappe_proof = {proof, sizeof proof}},
    };
    memcpy(message.register_presence.identity_pub, identity.public_key, KEYS_SIZE);
    send_signal(s, &message);
}

static void command_join(struct string_pulled *s, const char *seed, const char *alias)
{
    struct keys_ed25519 identity;
    uint8_t random[KEYS_SIZE], signature[KEYS_SIGNATURE_SIZE];
    struct keys_x25519 ephemeral;
    if (!read_identity(s, seed, &identity) || random_fill(random, sizeof random) != 0 ||
        keys_x25519_from_random(random, &ephemeral) != 0)
        return;
    sign_text(&identity, "call-offer", ephemeral.public_key, true, signature);
    struct signal message = {
        .type = SIGNAL_CALL_OFFER,
        .call_offer = {.signature = {signature, sizeof signature},
                       .supported_profiles = signal_profiles_good,
                       .alias = signal_text_of(alias)},
    };
    memcpy(message.call_offer.identity_pub, identity.public_key, KEYS_SIZE);
    memcpy(message.call_offer.ephemeral_pub, ephemeral.public_key, KEYS_SIZE);
    send_signal(s, &message);
}

static void command_hex(struct string_pulled *s, const char *text, bool datagram)
{
    size_t len = text == NULL ? 0 : strlen(text) / 2;
    uint8_t *raw = malloc(len + 1);
    struct bytes content = {raw, len};
    if (raw == NULL || hex_decode(text, raw, len) != 0) {
        print_error(s->name, "not hex");
    } else if (!datagram) {
        send_body(s, content);
    } else {
        struct quic_payload *payload = quic_payload_new(s->endpoint, content);
        int rc = payload == NULL ? ERR_MEMORY
                                 : quic_connection_send_datagram(s->connection, payload, NULL);
        if (rc != 0)
            print_error(s->name, error_text(rc));
        if (payload != NULL)
            quic_payload_release(payload);
        quic_endpoint_flush(s->endpoint, clock_monotonic()); /* its queue is short */
    }
    free(raw);
}

static void run_on(struct string_pulled *s, const char *command, char **words, char *rest)
{
    if (s == NULL || s->connection == NULL)
        print_error(words[0], "no such connection");
    else if (strcmp(command, "send") == 0)
        send_body(s, bytes_of_string(rest));
    else if (strcmp(command, "sendhex") == 0)
        command_hex(s, words[1], false);
    else if (strcmp(command, "datagram") == 0)
        command_hex(s, words[1], true);
    else if (strcmp(command, "register") == 0)
        command_register(s, words[1], words[2]);
    else if (strcmp(command, "join") == 0)
        command_join(s, words[1], words[2]);
    else if (strcmp(command, "deaf") == 0)
        s->deaf = true;
    else if (strcmp(command, "close") == 0)
        quic_connection_close(s->connection, "normal close", true);
    else
        print_error(words[0], "unknown command");
}

static void run_endpoints(uint64_t now)
{
    for (size_t i = 0; i < puppet_count; i++) {
        struct quic_endpoint *e = puppets[i]->endpoint;
        if (e == NULL)
            continue;
        quic_endpoint_receive(e, now);
        if (quic_endpoint_deadline(e) <= now)
            quic_endpoint_expire(e, now);
        quic_endpoint_flush(e, now);
    }
}

static void run_line(char *line, uint64_t now)
{
    char *save = NULL, *words[WORDS + 1] = {0};
    char *command = strtok_r(line, " ", &save);
    words[0] = strtok_r(NULL, " ", &save);
    if (command == NULL || words[0] == NULL) {
        print_error("-", "COMMAND NAME ...");
        return;
    }
    char *rest = save;
    if (strcmp(command, "send") != 0)
        for (int i = 1; i < WORDS; i++)
            words[i] = strtok_r(NULL, " ", &save);
    if (strcmp(command, "open") == 0) {
        command_open(words, now);
    } else if (strcmp(command, "mark") == 0) {
        run_endpoints(now);
        print_event("mark", words[0], NULL, BYTES_NONE, NULL, NULL);
    } else {
        run_on(find(words[0]), command, words, rest);
    }
}

/* ---- the loop ---- */

static int wait_ms(uint64_t now)
{
    uint64_t due = now + CLOCK_SECOND;
    for (size_t i = 0; i < puppet_count; i++) {
        uint64_t deadline =
            puppets[i]->endpoint == NULL ? due : quic_endpoint_deadline(puppets[i]->endpoint);
        if (deadline < due)
            due = deadline;
    }
    return due <= now ? 0 : (int)((due - now + CLOCK_MS - 1) / CLOCK_MS);
}

/* Runs the whole lines that are in `in`; keeps the rest. */
static void run_lines(struct buffer *in, uint64_t now)
{
    char *end;
    while (in->len > 0 && (end = memchr(in->data, '\n', in->len)) != NULL) {
        size_t used = (size_t)(end - (char *)in->data) + 1;
        *end = '\0';
        run_line((char *)in->data, now);
        memmove(in->data, in->data + used, in->len - used);
        in->len -= used;
    }
}

int main(void)
{
    static char block[65536];
    struct buffer in = {0};
    bool open = true;
    while (open && in.len < LINE_MAX_BYTES) {
        struct pollfd fds[NAMES_MAX + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
        nfds_t count = 1;
        for (size_t i = 0; i < puppet_count; i++)
            if (puppets[i]->endpoint != NULL)
                fds[count++] =
                    (struct pollfd){.fd = quic_endpoint_fd(puppets[i]->endpoint), .events = POLLIN};
        poll(fds, count, wait_ms(clock_monotonic()));
        uint64_t now = clock_monotonic();
        if (fds[0].revents != 0) {
            ssize_t len = read(STDIN_FILENO, block, sizeof block);
            open = len > 0;
            if (open)
                buffer_append(&in, block, (size_t)len);
            run_lines(&in, now);
        }
        run_endpoints(now);
    }
    buffer_free(&in);
    for (size_t i = 0; i < puppet_count; i++) {
        if (puppets[i]->endpoint != NULL)
            quic_endpoint_free(puppets[i]->endpoint);
        free(puppets[i]);
    }
    return 0;
}
