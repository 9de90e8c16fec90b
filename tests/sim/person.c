#include "tests/sim/person.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/signal.h"
#include "tests/sim/net_connection.h"
#include "tests/sim/names.h"

#define AGAIN_AFTER CLOCK_SECOND

static void dial(struct person *p);

/* ---- what the relay says ---- */

static void begin_stay(struct person *p)
{
    p->stays++;
    p->stay_life = p->at->life;
    memset(p->heard, 0, (size_t)p->people * sizeof(p->heard[0]));
}

static void offer(struct person *p)
{
    static const uint8_t signature[64] = {1};
    struct buffer text = {0};
    struct signal m = {.type = SIGNAL_CALL_OFFER};
    name_person_key(p->number, m.call_offer.identity_pub);
    memcpy(m.call_offer.ephemeral_pub, m.call_offer.identity_pub, 32);
    memcpy(m.call_offer.ephemeral_pub, &p->offers, sizeof(p->offers));
    p->offers++;
    m.call_offer.signature = (struct bytes){signature, sizeof(signature)};
    if (signal_write(&m, &text) != 0)
        sim_broken("a CallOffer");
    struct quic_body *body = quic_body_new(buffer_view(&text));
    quic_connection_send_message(p->conn, body, 0);
    quic_body_release(body);
    buffer_free(&text);
}

static void on_established(void *context, struct quic_connection *c, const struct quic_peer *peer)
{
    struct person *p = context;
    (void)peer;
    if (c != p->conn)
        return;
    if (p->stay_life != p->at->life)
        begin_stay(p);
    offer(p);
}

static bool is(struct bytes body, const char *variant)
{
    size_t len = strlen(variant);
    return body.len > len + 2 && memcmp(body.data + 2, variant, len) == 0;
}

static void on_message(void *context, struct quic_connection *c, struct bytes body)
{
    struct person *p = context;
    quic_connection_release_message(c);
    if (c != p->conn)
        return;
    p->joined |= is(body, "CallAnswer");
    if (!is(body, "RoomUpdate"))
        return;
    quic_body_release(p->roster);
    p->roster = quic_body_new(body);
    p->rosters++;
}

static void on_closed(void *context, struct quic_connection *c, const struct quic_close *why)
{
    struct person *p = context;
    (void)why;
    if (c != p->conn)
        return;
    p->conn = NULL;
    p->joined = false;
    if (p->relay >= 0)
        net_timer_set(p->net, &p->again, p->net->now + AGAIN_AFTER);
}

/* ---- media ---- */

/* False: it was heard before. */
static bool note_heard(struct person_heard *heard, uint32_t number)
{
    if (number >= heard->next) {
        uint32_t by = number + 1 - heard->next;
        heard->seen = (by < PERSON_PACKETS_MAX ? heard->seen << by : 0) | 1;
        heard->next = number + 1;
        return true;
    }
    uint64_t bit = UINT64_C(1) << (heard->next - 1 - number);
    bool before = (heard->seen & bit) != 0;
    heard->seen |= bit;
    return !before;
}

/* Whether somebody who is where this person is can have said it lately. */
static bool is_sound(const struct person *p, const struct packet *packet)
{
    return packet->from < (uint32_t)p->people && packet->room == packet_room(p->room) &&
           (packet->from != (uint32_t)p->number || packet->stay != p->stays) &&
           packet->number + PERSON_PACKETS_MAX >= p->heard[packet->from].next;
}

static void keep_odd(struct person *p, const struct packet *packet)
{
    p->odd = realloc(p->odd, (p->odd_count + 1) * sizeof(*p->odd));
    if (p->odd == NULL)
        sim_broken("no memory");
    p->odd[p->odd_count++] = *packet;
}

static void on_datagram(void *context, struct quic_connection *c, struct bytes data)
{
    struct person *p = context;
    struct packet packet = {.from = UINT32_MAX};
    if (c != p->conn)
        return;
    p->received++;
    bool sound = packet_read(data, &packet) && is_sound(p, &packet);
    if (sound && note_heard(&p->heard[packet.from], packet.number))
        return;
    if (sound)
        p->doubled++;
    else
        p->strange++;
    keep_odd(p, &packet);
}

static const struct quic_callbacks callbacks = {
    .established = on_established,
    .message = on_message,
    .datagram = on_datagram,
    .closed = on_closed,
};

void person_say(struct person *p, uint32_t number)
{
    const struct packet packet = {
        .from = p->identical ? UINT32_MAX : (uint32_t)p->number,
        .number = number,
        .stay = p->identical ? UINT32_MAX : p->stays,
        .relay = (uint32_t)p->relay,
        .room = packet_room(p->room),
    };
    uint8_t bytes[PACKET_SIZE];
    if (!p->joined)
        return;
    packet_write(&packet, bytes);
    struct quic_payload *payload =
        quic_payload_new(p->endpoint, (struct bytes){bytes, sizeof(bytes)});
    quic_connection_send_datagram(p->conn, payload, NULL);
    quic_payload_release(payload);
}

void person_deafen(struct person *p)
{
    memset(p->heard, 0, (size_t)p->people * sizeof(p->heard[0]));
    p->received = p->doubled = p->strange = 0;
    p->odd_count = 0;
}

unsigned person_heard(const struct person *p, int talker)
{
    return (unsigned)__builtin_popcountll(p->heard[talker].seen);
}

/* ---- coming and going ---- */

static void dial(struct person *p)
{
    const struct quic_dial to = {.remote = p->at->address, .sni = p->room};
    if (quic_endpoint_dial(p->endpoint, &to, p->net->now, &p->conn) != 0)
        sim_broken("a person who cannot dial");
}

static void dial_again(struct net_timer *timer)
{
    dial(heap_entry(timer, struct person, again));
}

void person_leave(struct person *p)
{
    net_timer_stop(p->net, &p->again);
    if (p->conn != NULL)
        quic_connection_close(p->conn, "left", false);
    quic_body_release(p->roster);
    p->roster = NULL;
    p->conn = NULL;
    p->joined = false;
    p->relay = -1;
}

void person_join(struct person *p, int relay, struct quic_endpoint *at, const char *room)
{
    person_leave(p);
    p->relay = relay;
    p->at = at;
    snprintf(p->room, sizeof(p->room), "%s", room);
    begin_stay(p);
    dial(p);
}

struct person *person_new(struct net *net, int number, int people)
{
    struct address address = name_person_address(number);
    struct person *p = sim_alloc(sizeof(*p));
    p->net = net;
    p->number = number;
    p->relay = -1;
    p->people = people;
    p->heard = sim_alloc((size_t)people * sizeof(p->heard[0]));
    p->again.due = dial_again;
    p->endpoint = net_endpoint(net, &address, NULL, &callbacks, p);
    name_person(number, p->name);
    return p;
}

void person_free(struct person *p)
{
    if (p == NULL)
        return;
    net_timer_stop(p->net, &p->again);
    quic_body_release(p->roster);
    free(p->heard);
    free(p->odd);
    free(p);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

char (*person_sees(const struct person *p, size_t *count))[FINGERPRINT_USER_TEXT]
{
    struct signal m;
    *count = 0;
    char(*names)[FINGERPRINT_USER_TEXT] = sim_alloc(FINGERPRINT_USER_TEXT);
    if (p->roster == NULL)
        return names;
    if (signal_parse((struct bytes){p->roster->data, p->roster->len}, &m, NULL) != 0)
        sim_broken("a RoomUpdate that cannot be read");
    const struct signal_participants *list = &m.room_update.participants;
    free(names);
    names = sim_alloc((list->count + 1) * FINGERPRINT_USER_TEXT);
    for (size_t i = 0; i < list->count; i++)
        snprintf(names[i], FINGERPRINT_USER_TEXT, "%.*s", (int)list->items[i].fingerprint.len,
                 list->items[i].fingerprint.data);
    *count = list->count;
    qsort(names, *count, sizeof(names[0]), by_text);
    signal_free(&m);
    return names;
}
