#include "tests/sim/phone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/room.h"
#include "common/signal.h"
#include "tests/sim/names.h"
#include "tests/sim/net_connection.h"

#define AGAIN_AFTER CLOCK_SECOND

/* ---- saying ---- */

static void say(struct phone *p, const struct signal *m)
{
    struct buffer text = {0};
    if (signal_write(m, &text) != 0)
        sim_broken("a phone's message");
    struct quic_body *body = quic_body_new(buffer_view(&text));
    quic_connection_send_message(p->conn, body, 0);
    quic_body_release(body);
    buffer_free(&text);
}

static void say_register(struct phone *p)
{
    struct signal m = {.type = SIGNAL_REGISTER_PRESENCE};
    name_person_key(p->media->number, m.register_presence.identity_pub);
    say(p, &m);
}

static void answer(struct phone *p, const char *call_id)
{
    struct signal m = {.type = SIGNAL_DIRECT_CALL_ANSWER};
    m.direct_call_answer.call_id = signal_text_of(call_id);
    m.direct_call_answer.accept_mode = SIGNAL_ACCEPT_TRUSTED;
    say(p, &m);
}

static void say_hangup(struct phone *p, const char *call_id)
{
    struct signal m = {.type = SIGNAL_HANGUP};
    m.hangup.call_id = signal_text_of(call_id);
    say(p, &m);
}

/* ---- calls ---- */

static void end_call(struct phone *p)
{
    p->call = PHONE_FREE;
    p->call_id[0] = '\0';
    person_leave(p->media);
}

/* It cannot say so now. */
static void lose_call(struct phone *p)
{
    if (p->call != PHONE_FREE)
        memcpy(p->lost_id, p->call_id, sizeof(p->lost_id));
    end_call(p);
}

static void take_registered(struct phone *p, bool registered)
{
    p->registered = registered;
    if (registered && p->lost_id[0] != '\0')
        say_hangup(p, p->lost_id);
    p->lost_id[0] = '\0';
}

static void copy_id(char out[PHONE_CALL_ID], struct signal_text id)
{
    snprintf(out, PHONE_CALL_ID, "%.*s", (int)id.len, id.data == NULL ? "" : id.data);
}

static void take_offer(struct phone *p, const struct signal_direct_call_offer *m)
{
    char id[PHONE_CALL_ID];
    copy_id(id, m->call_id);
    if (p->call != PHONE_FREE && strcmp(id, p->call_id) != 0) {
        say_hangup(p, id); /* busy */
        return;
    }
    if (p->call == PHONE_FREE) {
        p->call = PHONE_RINGS;
        memcpy(p->call_id, id, sizeof(id));
    }
    answer(p, id);
}

static void take_setup(struct phone *p, const struct signal_call_setup *m)
{
    char id[PHONE_CALL_ID], room[ROOM_NAME_SIZE];
    copy_id(id, m->call_id);
    if (p->call == PHONE_FREE || strcmp(id, p->call_id) != 0 || p->call == PHONE_TALKS)
        return;
    p->call = PHONE_TALKS;
    room_of_call(id, room);
    person_join(p->media, p->relay, p->at, room);
}

static void take_hangup(struct phone *p, const struct signal_hangup *m)
{
    char id[PHONE_CALL_ID];
    copy_id(id, m->call_id);
    if (p->call == PHONE_FREE || (id[0] != '\0' && strcmp(id, p->call_id) != 0))
        return;
    p->ended++;
    end_call(p);
}

static void take(struct phone *p, const struct signal *m)
{
    switch (m->type) {
    case SIGNAL_REGISTER_PRESENCE_ACK:
        take_registered(p, m->register_presence_ack.success);
        break;
    case SIGNAL_DIRECT_CALL_OFFER:
        take_offer(p, &m->direct_call_offer);
        break;
    case SIGNAL_CALL_RINGING:
        if (p->call == PHONE_CALLING)
            p->call = PHONE_RINGS;
        break;
    case SIGNAL_CALL_SETUP:
        take_setup(p, &m->call_setup);
        break;
    case SIGNAL_HANGUP:
        take_hangup(p, &m->hangup);
        break;
    default:
        break;
    }
}

void phone_call(struct phone *p, const char *name, const char *call_id)
{
    struct signal m = {.type = SIGNAL_DIRECT_CALL_OFFER};
    if (!p->registered || p->call != PHONE_FREE)
        return;
    p->call = PHONE_CALLING;
    snprintf(p->call_id, sizeof(p->call_id), "%s", call_id);
    m.direct_call_offer.caller_fingerprint = signal_text_of(p->media->name);
    m.direct_call_offer.target_fingerprint = signal_text_of(name);
    m.direct_call_offer.call_id = signal_text_of(call_id);
    say(p, &m);
}

void phone_hang_up(struct phone *p)
{
    if (p->call == PHONE_FREE)
        return;
    if (p->conn != NULL)
        say_hangup(p, p->call_id);
    end_call(p);
}

/* ---- the connection ---- */

static void on_established(void *context, struct quic_connection *c, const struct quic_peer *peer)
{
    struct phone *p = context;
    (void)peer;
    if (c == p->conn)
        say_register(p);
}

static void on_message(void *context, struct quic_connection *c, struct bytes body)
{
    struct phone *p = context;
    struct signal m;
    quic_connection_release_message(c);
    if (c != p->conn || signal_parse(body, &m, NULL) != 0)
        return;
    take(p, &m);
    signal_free(&m);
}

static void on_closed(void *context, struct quic_connection *c, const struct quic_close *why)
{
    struct phone *p = context;
    (void)why;
    if (c != p->conn)
        return;
    p->conn = NULL;
    p->registered = false;
    lose_call(p);
    if (p->relay >= 0)
        net_timer_set(p->net, &p->again, p->net->now + AGAIN_AFTER);
}

static const struct quic_callbacks callbacks = {
    .established = on_established,
    .message = on_message,
    .closed = on_closed,
};

static void dial(struct phone *p)
{
    const struct quic_dial to = {.remote = p->at->address, .sni = "_signal"};
    quic_endpoint_dial(p->endpoint, &to, p->net->now, &p->conn);
}

static void dial_again(struct net_timer *timer)
{
    dial(heap_entry(timer, struct phone, again));
}

void phone_unregister(struct phone *p)
{
    net_timer_stop(p->net, &p->again);
    lose_call(p);
    if (p->conn != NULL)
        quic_connection_close(p->conn, "off", false);
    p->conn = NULL;
    p->registered = false;
    p->relay = -1;
}

void phone_register(struct phone *p, int relay, struct quic_endpoint *at)
{
    phone_unregister(p);
    p->relay = relay;
    p->at = at;
    dial(p);
}

struct phone *phone_new(struct net *net, int number, int people)
{
    struct address address = name_person_address(number);
    struct phone *p = sim_alloc(sizeof(*p));
    p->net = net;
    p->relay = -1;
    p->media = person_new(net, number, people);
    p->again.due = dial_again;
    address_set_port(&address, 4434);
    p->endpoint = net_endpoint(net, &address, NULL, &callbacks, p);
    return p;
}

void phone_free(struct phone *p)
{
    if (p == NULL)
        return;
    net_timer_stop(p->net, &p->again);
    person_free(p->media);
    free(p);
}
