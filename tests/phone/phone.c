#include "tests/phone/phone.h"

#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/random.h"
#include "tests/phone/phone_state.h"

void phone_say(const struct phone *p, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    (void)p;
    fprintf(stderr, "%s\n", line);
}

void phone_fail(struct phone *p, const char *format, ...)
{
    if (p->error[0] != '\0')
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(p->error, sizeof p->error, format, args);
    va_end(args);
    phone_say(p, "error: %s", p->error);
}

/* ---- legs ---- */

/* Blocking, which a test program may. */
static int resolve(const char *text, struct address *out)
{
    char host[ADDRESS_HOST];
    uint16_t port;
    int rc = address_split(bytes_of_string(text), host, &port);
    if (rc != 0)
        return rc;
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return ERR_NOT_FOUND;
    rc = address_from_sockaddr(found->ai_addr, found->ai_addrlen, out);
    address_set_port(out, port);
    freeaddrinfo(found);
    return rc;
}

bool phone_dial(struct phone *p, struct phone_leg *leg, const char *address, const char *sni,
                uint64_t now)
{
    struct quic_dial dial = {.sni = sni, .user = leg};
    leg->established = false;
    int rc = resolve(address, &dial.remote);
    if (rc == 0)
        rc = quic_endpoint_dial(p->endpoint, &dial, now, &leg->connection);
    if (rc != 0)
        phone_say(p, "cannot dial %s: %s", address, error_text(rc));
    return rc == 0;
}

void phone_send(struct phone *p, struct phone_leg *leg, const struct signal *message)
{
    struct buffer json = {0};
    struct quic_body *body = NULL;
    int rc = leg->connection == NULL ? ERR_CLOSED : signal_write(message, &json);
    if (rc == 0)
        body = quic_body_new(buffer_view(&json));
    if (rc == 0)
        rc = body == NULL ? ERR_MEMORY : quic_connection_send_message(leg->connection, body, 0);
    if (rc != 0)
        phone_say(p, "cannot send %s: %s", signal_type_name(message->type), error_text(rc));
    quic_body_release(body);
    buffer_free(&json);
}

void phone_send_token(struct phone *p, struct phone_leg *leg)
{
    if (p->options.token == NULL)
        return;
    phone_send(p, leg,
               &(struct signal){.type = SIGNAL_AUTH_TOKEN,
                                .auth_token = {.token = signal_text_of(p->options.token)}});
}

void phone_finish(struct phone *p)
{
    p->finishing = true;
    p->retry_at = PHONE_NEVER;
    if (p->media.connection != NULL)
        quic_connection_close(p->media.connection, "normal close", false);
    if (p->signal.connection != NULL)
        quic_connection_close(p->signal.connection, "normal close", true);
}

/* ---- what the QUIC library calls ---- */

static bool is_signal(const struct phone_leg *leg)
{
    return leg == &leg->phone->signal;
}

static void on_established(void *context, struct quic_connection *c, const struct quic_peer *peer)
{
    (void)context;
    struct phone_leg *leg = quic_connection_user(c);
    leg->established = true;
    if (is_signal(leg))
        phone_signal_established(leg->phone, peer);
    else
        phone_media_established(leg->phone);
}

static void on_message(void *context, struct quic_connection *c, struct bytes body)
{
    (void)context;
    struct phone_leg *leg = quic_connection_user(c);
    struct signal message;
    struct signal_error error;
    quic_connection_release_message(c);
    int rc = signal_parse(body, &message, &error);
    if (rc != 0) {
        phone_say(leg->phone, "a message that cannot be read: %s", error_text(rc));
        return;
    }
    if (is_signal(leg))
        phone_signal_message(leg->phone, &message, clock_monotonic());
    else
        phone_media_message(leg->phone, &message, clock_monotonic());
    signal_free(&message);
}

static void on_datagram(void *context, struct quic_connection *c, struct bytes data)
{
    (void)context;
    struct phone_leg *leg = quic_connection_user(c);
    if (!is_signal(leg))
        phone_media_datagram(leg->phone, data, clock_monotonic());
}

static void on_closed(void *context, struct quic_connection *c, const struct quic_close *why)
{
    (void)context;
    struct phone_leg *leg = quic_connection_user(c);
    leg->connection = NULL;
    if (leg->phone->finishing)
        return;
    if (is_signal(leg))
        phone_signal_closed(leg->phone, why, clock_monotonic());
    else
        phone_media_closed(leg->phone, why);
}

const struct quic_callbacks phone_callbacks = {on_established, on_message, on_datagram, on_closed};

/* ---- life ---- */

static int init_media(struct phone *p, uint32_t sender)
{
    const struct phone_options *o = &p->options;
    meter_init(&p->meter);
    if (o->play == NULL)
        talker_init(&p->talker, o->pps, o->bytes, o->seconds, sender);
    int rc = o->play == NULL ? 0 : talker_init_voice(&p->talker, o->play);
    if (rc != 0)
        phone_say(p, "cannot play %s", o->play);
    if (rc == 0 && o->record != NULL)
        rc = voice_recorder_init(&p->recorder);
    return rc;
}

int phone_init(struct phone **out, struct quic_endpoint *endpoint,
               const struct phone_options *options, const struct identity_seed *seed)
{
    struct phone *p = calloc(1, sizeof *p);
    struct fingerprint_user fingerprint;
    uint32_t sender = 0;
    if (p == NULL)
        return ERR_MEMORY;
    p->options = *options;
    p->endpoint = endpoint;
    p->signal.phone = p->media.phone = p;
    p->retry_at = p->talk_by = p->leave_at = PHONE_NEVER;
    p->call.ringing_ms = p->call.setup_ms = -1;
    int rc = keys_identity(seed, &p->identity);
    if (rc == 0)
        rc = fingerprint_user_of_key(p->identity.public_key, &fingerprint);
    if (rc == 0)
        rc = random_fill(&sender, sizeof sender);
    if (rc == 0)
        rc = init_media(p, sender);
    if (rc != 0) {
        phone_free(p);
        return rc;
    }
    fingerprint_user_text(&fingerprint, p->fingerprint);
    *out = p;
    return 0;
}

void phone_free(struct phone *p)
{
    if (p == NULL)
        return;
    talker_free(&p->talker);
    meter_free(&p->meter);
    voice_recorder_free(p->recorder);
    keys_ed25519_wipe(&p->identity);
    free(p);
}

void phone_start(struct phone *p, uint64_t now)
{
    if (p->options.mode == PHONE_ROOM) {
        phone_media_join(p, p->options.relay, p->options.room, now);
        return;
    }
    if (!phone_dial(p, &p->signal, p->options.relay, "_signal", now))
        phone_signal_closed(p, &(struct quic_close){.error = ERR_NOT_FOUND}, now);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t phone_deadline(const struct phone *p)
{
    uint64_t due = earlier(p->retry_at, earlier(p->talk_by, p->leave_at));
    if (p->media.connection == NULL)
        return due;
    uint64_t talk = talker_deadline(&p->talker);
    return earlier(due, talk > p->crowded_until ? talk : p->crowded_until);
}

void phone_expire(struct phone *p, uint64_t now)
{
    if (now >= p->retry_at) {
        p->retry_at = PHONE_NEVER;
        phone_start(p, now);
    }
    phone_media_expire(p, now);
    if (now < p->leave_at)
        return;
    p->leave_at = PHONE_NEVER;
    if (p->options.mode == PHONE_CALL)
        phone_hang_up(p, SIGNAL_HANGUP_NORMAL);
    else
        phone_finish(p);
}

void phone_stop(struct phone *p, uint64_t now)
{
    (void)now;
    if (p->finishing)
        return;
    p->stopping = true;
    if (p->call.active)
        phone_hang_up(p, SIGNAL_HANGUP_NORMAL);
    bool endless = p->options.mode == PHONE_REGISTER && p->options.calls == 0;
    if (!endless && !p->finishing)
        phone_fail(p, "stopped by a signal");
    phone_finish(p);
}

void phone_conclude(struct phone *p)
{
    p->concluding = true;
    talker_conclude(&p->talker);
}

bool phone_done(const struct phone *p)
{
    return p->finishing && p->signal.connection == NULL && p->media.connection == NULL;
}

bool phone_succeeded(const struct phone *p)
{
    return p->error[0] == '\0';
}
