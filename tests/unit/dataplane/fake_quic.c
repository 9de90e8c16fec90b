#include "fake_quic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct quic_payload {
    uint32_t references;
    uint32_t len;
    uint8_t data[];
};

static struct quic_connection *connections;
static struct quic_connection *dialed;
static int dial_error;
static bool payloads_refused;
static long living;
static const struct quic_counters counters;
static struct quic_limits limits;

static struct quic_connection *make(void)
{
    struct quic_connection *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->next = connections;
    connections = c;
    return c;
}

struct quic_connection *fake_quic_accept(void)
{
    return make();
}

struct quic_connection *fake_quic_dialed(void)
{
    return dialed;
}

void fake_quic_refuse_dials(int error)
{
    dial_error = error;
}

void fake_quic_refuse_payloads(void)
{
    payloads_refused = true;
}

long fake_quic_living(void)
{
    return living;
}

void fake_quic_forget_notes(struct quic_connection *c)
{
    for (size_t i = 0; i < c->count; i++)
        buffer_free(&c->notes[i].content);
    c->count = 0;
}

void fake_quic_free(void)
{
    while (connections) {
        struct quic_connection *c = connections;
        connections = c->next;
        fake_quic_forget_notes(c);
        free(c);
    }
    dialed = NULL;
    dial_error = 0;
    payloads_refused = false;
}

static struct fake_note *note(struct quic_connection *c)
{
    if (c->count == sizeof(c->notes) / sizeof(c->notes[0]))
        abort();
    struct fake_note *n = &c->notes[c->count++];
    *n = (struct fake_note){0};
    return n;
}

/* ---- the endpoint ---- */

int quic_endpoint_dial(struct quic_endpoint *e, const struct quic_dial *dial, uint64_t now,
                       struct quic_connection **out)
{
    (void)e;
    (void)now;
    if (dial_error)
        return dial_error;
    dialed = make();
    dialed->user = dial->user;
    dialed->remote = dial->remote;
    dialed->pinned = dial->pin != NULL;
    if (dial->pin)
        dialed->pin = *dial->pin;
    dialed->present_certificate = dial->present_certificate;
    snprintf(dialed->sni, sizeof(dialed->sni), "%s", dial->sni);
    *out = dialed;
    return 0;
}

void quic_config_init(struct quic_config *config)
{
    *config = (struct quic_config){0};
}

int quic_endpoint_init(struct quic_endpoint **out, const struct quic_config *config,
                       const struct address *local, bool reuse_port,
                       const struct quic_callbacks *callbacks, void *context)
{
    (void)config;
    (void)local;
    (void)reuse_port;
    (void)callbacks;
    (void)context;
    *out = NULL;
    return ERR_SYSTEM;
}

void quic_endpoint_free(struct quic_endpoint *e)
{
    (void)e;
}

int quic_endpoint_fd(const struct quic_endpoint *e)
{
    (void)e;
    return -1;
}

void quic_endpoint_local(const struct quic_endpoint *e, struct address *out)
{
    (void)e;
    *out = (struct address){0};
}

int quic_endpoint_receive(struct quic_endpoint *e, uint64_t now)
{
    (void)e;
    (void)now;
    return 0;
}

uint64_t quic_endpoint_deadline(const struct quic_endpoint *e)
{
    (void)e;
    return UINT64_MAX;
}

void quic_endpoint_expire(struct quic_endpoint *e, uint64_t now)
{
    (void)e;
    (void)now;
}

void quic_endpoint_flush(struct quic_endpoint *e, uint64_t now)
{
    (void)e;
    (void)now;
}

void quic_endpoint_refuse_new(struct quic_endpoint *e, bool refuse)
{
    (void)e;
    (void)refuse;
}

void quic_endpoint_set_limits(struct quic_endpoint *e, const struct quic_limits *wanted)
{
    (void)e;
    limits = *wanted;
}

const struct quic_limits *fake_quic_limits(void)
{
    return &limits;
}

void quic_endpoint_close_all(struct quic_endpoint *e, const char *reason, uint64_t now)
{
    (void)e;
    (void)reason;
    (void)now;
}

const struct quic_counters *quic_endpoint_counters(const struct quic_endpoint *e)
{
    (void)e;
    return &counters;
}

size_t quic_endpoint_connections(const struct quic_endpoint *e)
{
    (void)e;
    return 0;
}

const char *quic_aes_implementation(void)
{
    return "none";
}

/* ---- connections ---- */

void quic_connection_set_user(struct quic_connection *c, void *user)
{
    c->user = user;
}

void quic_connection_set_datagram_queue(struct quic_connection *c, uint16_t datagrams)
{
    (void)c;
    (void)datagrams;
}

void *quic_connection_user(const struct quic_connection *c)
{
    return c->user;
}

void quic_connection_remote(const struct quic_connection *c, struct address *out)
{
    *out = c->remote;
}

uint64_t quic_connection_rtt(const struct quic_connection *c)
{
    (void)c;
    return 0;
}

uint32_t quic_connection_datagram_max(const struct quic_connection *c)
{
    (void)c;
    return 0;
}

uint64_t quic_connection_lost(const struct quic_connection *c)
{
    (void)c;
    return 0;
}

void quic_connection_set_liveness(struct quic_connection *c, uint64_t ping_after,
                                  uint64_t dead_after)
{
    c->ping_after = ping_after;
    c->dead_after = dead_after;
}

void quic_connection_close(struct quic_connection *c, const char *reason, bool after_sent)
{
    c->closing = true;
    c->after_sent = after_sent;
    snprintf(c->reason, sizeof(c->reason), "%s", reason);
}

void quic_connection_release_message(struct quic_connection *c)
{
    c->released++;
}

int quic_connection_send_message(struct quic_connection *c, struct quic_body *body,
                                 uint64_t replace_key)
{
    if (c->refuse || c->closing)
        return c->refuse ? c->refuse : ERR_CLOSED;
    struct fake_note *n = note(c);
    n->replace_key = replace_key;
    return buffer_append(&n->content, body->data, body->len);
}

int quic_connection_send_unidirectional(struct quic_connection *c, struct bytes content)
{
    if (c->refuse)
        return c->refuse;
    return buffer_append_bytes(&note(c)->content, content);
}

int quic_connection_send_datagram(struct quic_connection *c, struct quic_payload *payload,
                                  const uint8_t *tag)
{
    if (c->refuse_datagrams)
        return c->refuse_datagrams;
    struct fake_note *n = note(c);
    n->datagram = true;
    n->tagged = tag != NULL;
    if (tag)
        memcpy(n->tag, tag, sizeof(n->tag));
    return buffer_append(&n->content, payload->data, payload->len);
}

/* ---- bodies and payloads ---- */

struct quic_body *quic_body_new(struct bytes content)
{
    struct quic_body *b = calloc(1, sizeof(*b) + content.len);
    if (!b)
        abort();
    b->references = 1;
    b->len = (uint32_t)content.len;
    if (content.len)
        memcpy(b->data, content.data, content.len);
    living++;
    return b;
}

void quic_body_retain(struct quic_body *b)
{
    b->references++;
}

void quic_body_release(struct quic_body *b)
{
    if (!b || --b->references)
        return;
    living--;
    free(b);
}

struct quic_payload *quic_payload_new(struct quic_endpoint *e, struct bytes content)
{
    (void)e;
    if (payloads_refused)
        return NULL;
    struct quic_payload *p = calloc(1, sizeof(*p) + content.len);
    if (!p)
        abort();
    p->references = 1;
    p->len = (uint32_t)content.len;
    if (content.len)
        memcpy(p->data, content.data, content.len);
    living++;
    return p;
}

void quic_payload_retain(struct quic_payload *p)
{
    p->references++;
}

void quic_payload_release(struct quic_payload *p)
{
    if (--p->references)
        return;
    living--;
    free(p);
}
