#include "tests/sim/legacy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "tests/sim/net_connection.h"

#define HELLO_WITHIN (5 * CLOCK_SECOND)
#define REDIAL_FIRST (5 * CLOCK_SECOND)
#define REDIAL_MAX (300 * CLOCK_SECOND)
#define SWEEP_EVERY (5 * CLOCK_SECOND)
#define SILENT_AFTER (15 * CLOCK_SECOND)

/* ---- saying ---- */

void legacy_say_on(struct quic_connection *conn, const struct signal *message)
{
    struct buffer text = {0};
    if (signal_write(message, &text) != 0)
        sim_broken("a message that cannot be written");
    struct quic_body *body = quic_body_new(buffer_view(&text));
    quic_connection_send_message(conn, body, 0);
    quic_body_release(body);
    buffer_free(&text);
}

void legacy_say(const struct legacy_task *task, const struct signal *message)
{
    legacy_say_on(task->conn, message);
}

static void say_hello(const struct legacy_task *task)
{
    char text[FINGERPRINT_TLS_TEXT];
    fingerprint_tls_text(&task->relay->fingerprint, text);
    struct signal hello = {.type = SIGNAL_FEDERATION_HELLO};
    hello.federation_hello.tls_fingerprint = signal_text_of(text);
    legacy_say(task, &hello);
}

/* ---- links ---- */

struct legacy_link *legacy_link_find(const struct legacy *l,
                                     const struct fingerprint_tls *fingerprint)
{
    struct legacy_link *link = l->links;
    while (link != NULL && !fingerprint_tls_equal(&link->fingerprint, fingerprint))
        link = link->next;
    return link;
}

static void remove_link(struct legacy *l, struct legacy_link *link)
{
    DL_DELETE(l->links, link);
    legacy_forget_remotes(link);
    free(link);
}

/* Takes the place of any other connection of that fingerprint (defect 21). */
static void start_link(struct legacy_task *task, const struct fingerprint_tls *fingerprint,
                       const char *label)
{
    struct legacy *l = task->relay;
    struct legacy_link *old = legacy_link_find(l, fingerprint);
    struct legacy_link *link = sim_alloc(sizeof(*link));
    if (old != NULL)
        remove_link(l, old);
    link->fingerprint = task->fingerprint = *fingerprint;
    link->conn = task->conn;
    link->last_seen = l->net->now;
    snprintf(link->label, sizeof(link->label), "%s", label);
    DL_APPEND(l->links, link);
    task->role = LEGACY_LINK;
    legacy_announce_all(l, link);
}

/* Whichever connection ends first takes the entry along, and nobody is told (21, 24). */
static void end_link(const struct legacy_task *task)
{
    struct legacy_link *link = legacy_link_find(task->relay, &task->fingerprint);
    if (link != NULL)
        remove_link(task->relay, link);
}

/* 1 and 2: by source address alone, or by a claim. NULL: refused. */
static const char *trusted_label(const struct legacy_task *task,
                                 const struct fingerprint_tls *claimed)
{
    const struct legacy *l = task->relay;
    const struct address *from = &net_far(task->conn)->address;
    for (size_t i = 0; i < l->peer_count; i++) {
        if (l->peers[i].dialed && address_equal_ip(&l->peers[i].address, from))
            return l->peers[i].label;
    }
    for (size_t i = 0; i < l->peer_count; i++) {
        if (!l->peers[i].dialed && fingerprint_tls_equal(&l->peers[i].fingerprint, claimed))
            return l->peers[i].label;
    }
    return NULL;
}

static void take_hello(struct legacy_task *task, const struct signal *m)
{
    struct fingerprint_tls claimed;
    net_timer_stop(task->relay->net, &task->deadline);
    if (m->type != SIGNAL_FEDERATION_HELLO ||
        fingerprint_tls_parse(signal_text_bytes(m->federation_hello.tls_fingerprint), &claimed) <
            0) {
        quic_connection_close(task->conn, "no hello", false);
        return;
    }
    const char *label = trusted_label(task, &claimed);
    if (label == NULL)
        quic_connection_close(task->conn, "not trusted", false);
    else
        start_link(task, &claimed, label);
}

static void take_link_message(struct legacy_task *task, const struct signal *m)
{
    struct legacy *l = task->relay;
    struct legacy_link *link = legacy_link_find(l, &task->fingerprint);
    if (link == NULL)
        return; /* another connection of the relay has ended */
    link->last_seen = l->net->now;
    if (m->type == SIGNAL_GLOBAL_ROOM_ACTIVE)
        legacy_active(l, link, &m->global_room_active);
    else if (m->type == SIGNAL_GLOBAL_ROOM_INACTIVE)
        legacy_inactive(l, link, &m->global_room_inactive);
}

static void sweep(struct net_timer *timer)
{
    struct legacy *l = heap_entry(timer, struct legacy, sweep);
    for (struct legacy_link *link = l->links; link != NULL; link = link->next) {
        if (l->net->now - link->last_seen <= SILENT_AFTER)
            continue;
        legacy_forget_remotes(link); /* others are not told (25) */
        for (const struct legacy_room *room = l->rooms; room != NULL; room = room->next)
            legacy_update(l, room->name);
    }
    net_timer_set(l->net, &l->sweep, l->net->now + SWEEP_EVERY);
}

/* ---- tasks ---- */

static void hello_missing(struct net_timer *timer)
{
    struct legacy_task *task = heap_entry(timer, struct legacy_task, deadline);
    quic_connection_close(task->conn, "no hello", false);
}

static struct legacy_task *add_task(struct legacy *l)
{
    struct legacy_task *task = sim_alloc(sizeof(*task));
    task->relay = l;
    task->deadline.due = hello_missing;
    DL_APPEND2(l->tasks, task, all_prev, all_next);
    return task;
}

static void free_task(struct legacy_task *task)
{
    net_timer_stop(task->relay->net, &task->deadline);
    DL_DELETE2(task->relay->tasks, task, all_prev, all_next);
    free(task);
}

static void dial(struct legacy_peer *peer)
{
    struct legacy_task *task = add_task(peer->relay);
    task->peer = peer;
    snprintf(task->sni, sizeof(task->sni), "_federation");
    const struct quic_dial to = {.remote = peer->address, .sni = "_federation", .user = task};
    quic_endpoint_dial(peer->relay->endpoint, &to, 0, &task->conn);
}

static void redial(struct net_timer *timer)
{
    dial(heap_entry(timer, struct legacy_peer, redial));
}

static void dial_later(struct legacy_peer *peer, bool failed)
{
    struct net *net = peer->relay->net;
    if (failed && peer->delay < REDIAL_MAX)
        peer->delay = peer->delay * 2 < REDIAL_MAX ? peer->delay * 2 : REDIAL_MAX;
    net_timer_set(net, &peer->redial, net->now + peer->delay);
}

static void on_established(void *context, struct quic_connection *conn,
                           const struct quic_peer *peer)
{
    struct legacy *l = context;
    struct legacy_task *task = quic_connection_user(conn);
    if (task != NULL) {
        task->peer->delay = REDIAL_FIRST; /* even if it is refused next (41) */
        say_hello(task);
        start_link(task, &task->peer->fingerprint, task->peer->label); /* 3 */
        return;
    }
    task = add_task(l);
    task->conn = conn;
    snprintf(task->sni, sizeof(task->sni), "%.*s", ROOM_NAME_MAX,
             peer->sni[0] == '\0' ? ROOM_DEFAULT : peer->sni);
    quic_connection_set_user(conn, task);
    if (strcmp(task->sni, "_federation") == 0)
        net_timer_set(l->net, &task->deadline, l->net->now + HELLO_WITHIN);
}

static void take(struct legacy_task *task, const struct signal *m)
{
    if (strcmp(task->sni, "_federation") == 0 && task->role == LEGACY_NEW)
        take_hello(task, m);
    else if (task->role == LEGACY_LINK)
        take_link_message(task, m);
    else if (task->role == LEGACY_NEW && m->type == SIGNAL_CALL_OFFER)
        legacy_join(task, &m->call_offer);
}

static void on_message(void *context, struct quic_connection *conn, struct bytes body)
{
    struct legacy_task *task = quic_connection_user(conn);
    struct signal m;
    (void)context;
    quic_connection_release_message(conn);
    if (signal_parse(body, &m, NULL) != 0) {
        quic_connection_close(conn, "malformed", false); /* 37 */
        return;
    }
    take(task, &m);
    signal_free(&m);
}

static void on_datagram(void *context, struct quic_connection *conn, struct bytes data)
{
    struct legacy_task *task = quic_connection_user(conn);
    (void)context;
    if (task->role == LEGACY_LINK)
        legacy_link_media(task, data);
    else if (task->role == LEGACY_MEMBER)
        legacy_member_media(task, data);
}

static void on_closed(void *context, struct quic_connection *conn, const struct quic_close *why)
{
    struct legacy_task *task = quic_connection_user(conn);
    (void)context;
    if (task->role == LEGACY_LINK)
        end_link(task);
    else if (task->role == LEGACY_MEMBER)
        legacy_leave(task);
    if (task->peer != NULL)
        dial_later(task->peer, !why->established);
    free_task(task);
}

/* ---- life ---- */

static const struct quic_callbacks callbacks = {
    .established = on_established,
    .message = on_message,
    .datagram = on_datagram,
    .closed = on_closed,
};

struct legacy *legacy_new(struct net *net, const struct address *address,
                          const struct fingerprint_tls *fingerprint,
                          const char *const *global_rooms, size_t rooms, size_t peers_max)
{
    struct legacy *l = sim_alloc(sizeof(*l));
    l->net = net;
    l->fingerprint = *fingerprint;
    l->sweep.due = sweep;
    l->peers = sim_alloc((peers_max + 1) * sizeof(*l->peers));
    for (size_t i = 0; i < rooms && i < LEGACY_ROOMS_MAX; i++)
        snprintf(l->rooms_global[l->global_count++], ROOM_NAME_SIZE, "%s", global_rooms[i]);
    l->endpoint = net_endpoint(net, address, fingerprint, &callbacks, l);
    l->endpoint->up = false;
    return l;
}

void legacy_add_peer(struct legacy *l, const struct fingerprint_tls *fingerprint,
                     const struct address *address, const char *label, bool dialed)
{
    struct legacy_peer *peer = &l->peers[l->peer_count++];
    *peer = (struct legacy_peer){.relay = l,
                                 .fingerprint = *fingerprint,
                                 .address = *address,
                                 .dialed = dialed,
                                 .redial.due = redial};
    snprintf(peer->label, sizeof(peer->label), "%s", label);
}

void legacy_begin(struct legacy *l)
{
    if (l->endpoint->up)
        return;
    net_revive(l->endpoint);
    net_timer_set(l->net, &l->sweep, l->net->now + SWEEP_EVERY);
    for (size_t i = 0; i < l->peer_count; i++) {
        l->peers[i].delay = REDIAL_FIRST;
        if (l->peers[i].dialed)
            dial(&l->peers[i]);
    }
}

void legacy_stop(struct legacy *l)
{
    if (!l->endpoint->up)
        return;
    net_kill(l->endpoint);
    net_timer_stop(l->net, &l->sweep);
    for (size_t i = 0; i < l->peer_count; i++)
        net_timer_stop(l->net, &l->peers[i].redial);
    while (l->links != NULL)
        remove_link(l, l->links);
    while (l->tasks != NULL)
        free_task(l->tasks);
    while (l->rooms != NULL) {
        struct legacy_room *room = l->rooms;
        DL_DELETE(l->rooms, room);
        free(room);
    }
    legacy_forget_media(l);
}

void legacy_free(struct legacy *l)
{
    if (l == NULL)
        return;
    legacy_stop(l);
    legacy_forget_told(l);
    free(l->peers);
    free(l);
}
