#include "tests/sim/net_connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/error.h"

#define RETRY (200 * CLOCK_MS) /* of what does not pass */
#define RETIRING (1 * CLOCK_SECOND)

struct quic_payload {
    uint32_t references;
    uint32_t len;
    uint8_t data[]; /* 8 bytes of room for a tag, then the content */
};

/* A datagram on its way. */
struct flight {
    struct net_timer arrival;
    struct quic_connection *to;
    struct quic_payload *payload;
    bool tagged;
    uint8_t tag[QUIC_DATAGRAM_TAG];
    struct flight *prev, *next;
};

static struct net *net_of(const struct quic_connection *c)
{
    return c->endpoint->net;
}

static uint64_t latency(const struct quic_connection *c)
{
    return c->endpoint->latency + c->far->latency;
}

bool net_connection_reaches(const struct quic_connection *c)
{
    return net_reaches(c->endpoint, c->far);
}

/* ---- ends ---- */

static void free_messages(struct message **list)
{
    while (*list != NULL) {
        struct message *m = *list;
        DL_DELETE(*list, m);
        quic_body_release(m->body);
        free(m);
    }
}

static void free_flight(struct flight *f)
{
    net_timer_stop(net_of(f->to), &f->arrival);
    DL_DELETE(f->to->flights, f);
    quic_payload_release(f->payload);
    free(f);
}

void net_connection_free(struct quic_connection *c)
{
    struct net *net = net_of(c);
    net_timer_stop(net, &c->handshake);
    net_timer_stop(net, &c->ending);
    net_timer_stop(net, &c->arrival);
    free_messages(&c->inbox);
    free_messages(&c->waiting);
    while (c->flights != NULL)
        free_flight(c->flights);
    if (c->other != NULL)
        c->other->other = NULL;
    DL_DELETE(c->endpoint->connections, c);
    free(c);
}

/* The process of the far end has told it, or another process there does not know it. */
static void end_alone(struct quic_connection *c, uint64_t at, const struct quic_close *why)
{
    struct quic_close theirs = *why;
    theirs.by_peer = true;
    theirs.established = c->established;
    net_connection_end(c, at, &theirs);
}

static void ended(struct net_timer *timer)
{
    struct quic_connection *c = heap_entry(timer, struct quic_connection, ending);
    struct quic_connection *other = c->other;
    uint64_t now = net_of(c)->now;
    if (other != NULL && !c->timing_out && net_connection_reaches(c)) {
        uint64_t at = now + latency(c);
        end_alone(other, at > other->last_arrival ? at : other->last_arrival + 1, &c->why);
    }
    net_note_of(c, "closed", bytes_of_string(c->why.reason));
    c->endpoint->callbacks->closed(c->endpoint->context, c, &c->why);
    net_connection_free(c);
    if (other != NULL)
        net_connection_check(other);
}

void net_connection_end(struct quic_connection *c, uint64_t at, const struct quic_close *why)
{
    if (heap_contains(&c->ending.node) && !c->timing_out && c->ending.node.key <= at)
        return;
    c->why = *why;
    c->timing_out = false;
    net_timer_set(net_of(c), &c->ending, at);
}

static void time_out(struct quic_connection *c)
{
    struct net *net = net_of(c);
    uint64_t patience = c->dead_after == 0 ? NET_IDLE_TIMEOUT : c->dead_after + c->ping_after;
    const struct quic_close why = {.error = ERR_TIMEOUT, .established = c->established};
    net_connection_end(c, net->now + patience + dice_below(&net->dice, CLOCK_SECOND / 2), &why);
    c->timing_out = true;
}

void net_connection_check(struct quic_connection *c)
{
    static const struct quic_close reset = {.error = ERR_CLOSED, .reset = true};
    bool reaches = net_connection_reaches(c);
    if (!c->established)
        return;
    if (!reaches && !heap_contains(&c->ending.node)) {
        time_out(c);
    } else if (reaches && c->timing_out && c->other != NULL) {
        net_timer_stop(net_of(c), &c->ending);
        c->timing_out = false;
    }
    if (reaches && c->other == NULL)
        end_alone(c, net_of(c)->now + NET_RESET_AFTER + latency(c), &reset);
}

/* ---- the handshake ---- */

static void arrive(struct net_timer *timer);

struct quic_connection *net_connection_new(struct quic_endpoint *e, struct quic_endpoint *far,
                                           const char *sni)
{
    struct quic_connection *c = sim_alloc(sizeof(*c));
    c->endpoint = e;
    c->far = far;
    snprintf(c->sni, sizeof(c->sni), "%s", sni);
    c->federation = strcmp(sni, "_federation") == 0;
    c->ending.due = ended;
    c->arrival.due = arrive;
    DL_APPEND(e->connections, c);
    return c;
}

static void fail_dial(struct quic_connection *c, int error)
{
    struct quic_close why = {.error = error};
    if (error == ERR_PIN) {
        why.has_certificate = true;
        why.fingerprint = c->far->certificate;
    }
    net_connection_end(c, net_of(c)->now, &why);
}

static struct quic_peer peer_of(const struct quic_connection *c)
{
    struct quic_peer peer = {.dialed = c->dialed};
    peer.remote = c->far->address;
    peer.local = c->endpoint->address;
    memcpy(peer.sni, c->sni, sizeof(peer.sni));
    peer.has_certificate = c->dialed || (c->endpoint->asks && c->other->dial.present_certificate);
    if (peer.has_certificate)
        peer.fingerprint = c->far->certificate;
    return peer;
}

static void establish(struct quic_connection *c)
{
    struct quic_peer peer = peer_of(c);
    c->established = true;
    if (c->endpoint->callbacks->established != NULL)
        c->endpoint->callbacks->established(c->endpoint->context, c, &peer);
}

static void shake_hands(struct net_timer *timer)
{
    struct quic_connection *c = heap_entry(timer, struct quic_connection, handshake);
    struct quic_endpoint *far = c->far;
    if (far == NULL || !net_connection_reaches(c))
        fail_dial(c, ERR_TIMEOUT);
    else if (c->dial.pin != NULL && !fingerprint_tls_equal(&c->pin, &far->certificate))
        fail_dial(c, ERR_PIN);
    else if (far->refuse_new)
        fail_dial(c, ERR_FULL);
    else {
        struct quic_connection *accepted = net_connection_new(far, c->endpoint, c->sni);
        accepted->other = c;
        c->other = accepted;
        establish(accepted);
        establish(c);
    }
}

int quic_endpoint_dial(struct quic_endpoint *e, const struct quic_dial *dial, uint64_t now,
                       struct quic_connection **out)
{
    struct quic_endpoint *far = NULL;
    (void)now;
    struct address key;
    memset(&key, 0, sizeof(key));
    memcpy(&key.u, &dial->remote.u, dial->remote.len);
    key.len = dial->remote.len;
    HASH_FIND(hh, e->net->endpoints, &key, sizeof(key), far);
    struct quic_connection *c = net_connection_new(e, far, dial->sni);
    c->dialed = true;
    c->dial = *dial;
    c->user = dial->user;
    if (dial->pin != NULL)
        c->pin = *dial->pin;
    c->handshake.due = shake_hands;
    bool answers = far != NULL && net_reaches(e, far);
    net_timer_set(e->net, &c->handshake,
                  e->net->now + (answers ? 2 * latency(c) : NET_DIAL_TIMEOUT));
    *out = c;
    return 0;
}

/* ---- messages ---- */

static void send_on(struct quic_connection *c, struct message *m)
{
    struct quic_connection *to = c->other;
    struct net *net = net_of(c);
    net_count(net, c, (struct bytes){m->body->data, m->body->len});
    net_note_of(c, "message", (struct bytes){m->body->data, m->body->len});
    if (to == NULL) {
        quic_body_release(m->body);
        free(m);
        return;
    }
    c->in_flight++;
    m->at = net->now + latency(c);
    if (m->at <= to->last_arrival)
        m->at = to->last_arrival + 1;
    to->last_arrival = m->at;
    if (to->inbox == NULL)
        net_timer_set(net, &to->arrival, m->at);
    DL_APPEND(to->inbox, m);
}

static void pump(struct quic_connection *c)
{
    while (c->waiting != NULL && c->in_flight < NET_STREAMS) {
        struct message *m = c->waiting;
        DL_DELETE(c->waiting, m);
        c->waiting_count--;
        send_on(c, m);
    }
}

static void arrive(struct net_timer *timer)
{
    struct quic_connection *c = heap_entry(timer, struct quic_connection, arrival);
    struct net *net = net_of(c);
    if (!net_connection_reaches(c) || c->endpoint->busy_until > net->now) {
        uint64_t busy = c->endpoint->busy_until;
        net_timer_set(net, &c->arrival, busy > net->now ? busy : net->now + RETRY);
        return;
    }
    struct message *m = c->inbox;
    DL_DELETE(c->inbox, m);
    if (c->inbox != NULL)
        net_timer_set(net, &c->arrival, c->inbox->at);
    c->unreleased++;
    if (!c->closing && c->endpoint->callbacks->message != NULL)
        c->endpoint->callbacks->message(c->endpoint->context, c,
                                        (struct bytes){m->body->data, m->body->len});
    quic_body_release(m->body);
    free(m);
}

void quic_connection_release_message(struct quic_connection *c)
{
    if (c->unreleased == 0)
        abort(); /* nothing was handed up */
    c->unreleased--;
    if (c->other == NULL)
        return;
    c->other->in_flight--;
    pump(c->other);
}

static bool replace(struct quic_connection *c, struct quic_body *body, uint64_t key)
{
    struct message *m = c->waiting;
    while (m != NULL && (key == 0 || m->replace_key != key))
        m = m->next;
    if (m == NULL)
        return false;
    quic_body_release(m->body);
    m->body = body;
    return true;
}

int quic_connection_send_message(struct quic_connection *c, struct quic_body *body,
                                 uint64_t replace_key)
{
    if (c->closing || !c->established)
        return ERR_CLOSED;
    if (c->waiting_count >= NET_QUEUE)
        return ERR_FULL;
    quic_body_retain(body);
    if (c->waiting != NULL && replace(c, body, replace_key))
        return 0;
    struct message *m = sim_alloc(sizeof(*m));
    m->body = body;
    m->replace_key = replace_key;
    DL_APPEND(c->waiting, m);
    c->waiting_count++;
    pump(c);
    return 0;
}

int quic_connection_send_unidirectional(struct quic_connection *c, struct bytes content)
{
    (void)content;
    return c->closing ? ERR_CLOSED : 0;
}

void quic_connection_close(struct quic_connection *c, const char *reason, bool after_sent)
{
    struct quic_close why = {.error = ERR_CLOSED, .established = c->established};
    if (c->closing)
        return;
    c->closing = true;
    snprintf(why.reason, sizeof(why.reason), "%s", reason);
    bool later = after_sent && (c->waiting != NULL || c->in_flight > 0);
    net_connection_end(c, net_of(c)->now + (later ? RETIRING : 0), &why);
}

struct quic_body *quic_body_new(struct bytes content)
{
    struct quic_body *body = sim_alloc(sizeof(*body) + content.len + 1);
    body->references = 1;
    body->len = (uint32_t)content.len;
    if (content.len > 0)
        memcpy(body->data, content.data, content.len);
    return body;
}

void quic_body_retain(struct quic_body *body)
{
    body->references++;
}

void quic_body_release(struct quic_body *body)
{
    if (body != NULL && --body->references == 0)
        free(body);
}

/* ---- datagrams ---- */

static void land(struct net_timer *timer)
{
    struct flight *f = heap_entry(timer, struct flight, arrival);
    struct quic_connection *c = f->to;
    struct quic_payload *payload = f->payload;
    size_t skip = f->tagged ? 0 : QUIC_DATAGRAM_TAG;
    payload->references++;
    memcpy(payload->data, f->tag, sizeof(f->tag));
    free_flight(f);
    if (net_connection_reaches(c) && !c->closing && c->endpoint->callbacks->datagram != NULL)
        c->endpoint->callbacks->datagram(
            c->endpoint->context, c,
            (struct bytes){payload->data + skip, payload->len + QUIC_DATAGRAM_TAG - skip});
    quic_payload_release(payload);
}

int quic_connection_send_datagram(struct quic_connection *c, struct quic_payload *payload,
                                  const uint8_t *tag)
{
    struct net *net = net_of(c);
    if (c->closing || !c->established)
        return ERR_CLOSED;
    const struct bytes content = {payload->data + QUIC_DATAGRAM_TAG, payload->len};
    net_note_of(c, "tag", (struct bytes){tag, tag == NULL ? 0 : QUIC_DATAGRAM_TAG});
    net_note_of(c, "datagram", content);
    net->media += c->federation;
    if (c->federation && net->watch != NULL)
        net->watch(net->watch_context, c->far, content);
    bool lost = c->federation && net->lose_one_in != 0 && dice_one_in(&net->dice, net->lose_one_in);
    if (c->other == NULL || lost || !net_connection_reaches(c))
        return 0;
    struct flight *f = sim_alloc(sizeof(*f));
    f->to = c->other;
    f->payload = payload;
    payload->references++;
    f->tagged = tag != NULL;
    if (tag != NULL)
        memcpy(f->tag, tag, sizeof(f->tag));
    f->arrival.due = land;
    DL_APPEND(c->other->flights, f);
    uint64_t late = net->jitter == 0 ? 0 : dice_below(&net->dice, net->jitter);
    net_timer_set(net, &f->arrival, net->now + latency(c) + late);
    return 0;
}

struct quic_payload *quic_payload_new(struct quic_endpoint *e, struct bytes content)
{
    (void)e;
    struct quic_payload *payload = sim_alloc(sizeof(*payload) + QUIC_DATAGRAM_TAG + content.len);
    payload->references = 1;
    payload->len = (uint32_t)content.len;
    memcpy(payload->data + QUIC_DATAGRAM_TAG, content.data, content.len);
    return payload;
}

void quic_payload_retain(struct quic_payload *payload)
{
    payload->references++;
}

void quic_payload_release(struct quic_payload *payload)
{
    if (--payload->references == 0)
        free(payload);
}

/* ---- the rest of quic.h that the data plane's tables use ---- */

void quic_connection_set_user(struct quic_connection *c, void *user)
{
    c->user = user;
}

void *quic_connection_user(const struct quic_connection *c)
{
    return c->user;
}

void quic_connection_remote(const struct quic_connection *c, struct address *out)
{
    *out = c->far->address;
}

uint64_t quic_connection_lost(const struct quic_connection *c)
{
    (void)c;
    return 0;
}

uint64_t quic_connection_rtt(const struct quic_connection *c)
{
    return 2 * latency(c);
}

uint32_t quic_connection_datagram_max(const struct quic_connection *c)
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

void quic_connection_set_datagram_queue(struct quic_connection *c, uint16_t datagrams)
{
    (void)c;
    (void)datagrams;
}

void quic_endpoint_set_limits(struct quic_endpoint *e, const struct quic_limits *limits)
{
    (void)e;
    (void)limits;
}

void quic_endpoint_refuse_new(struct quic_endpoint *e, bool refuse)
{
    e->refuse_new = refuse;
}
