#include "control/core/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "control/core/advice.h"
#include "control/core/link.h"
#include "control/core/peer_record.h"

/* ---- the table ---- */

struct peer *peer_find(const struct core *c, const struct fingerprint_tls *fingerprint)
{
    struct peer *peer = NULL;
    HASH_FIND(hh, c->peers, fingerprint, sizeof(*fingerprint), peer);
    return peer;
}

static void timer_due(struct core *c, struct timer *timer);

static struct peer *make(struct core *c, const struct fingerprint_tls *fingerprint)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    if (peer == NULL)
        return NULL;
    peer->fingerprint = *fingerprint;
    peer->timer.due = timer_due;
    peer->record.run = peer_record_write;
    renewal_init(&peer->renewal);
    reconnect_init(&peer->reconnect, c->now);
    HASH_ADD(hh, c->peers, fingerprint, sizeof(peer->fingerprint), peer);
    return peer;
}

void peer_set_terms(struct peer *peer, const struct peer_terms *terms)
{
    peer->label = terms->label;
    peer->address = terms->address;
    peer->source = terms->source;
    peer->delegate = terms->delegate;
    peer->legacy = terms->legacy;
}

struct peer *peers_add(struct core *c, const struct fingerprint_tls *fingerprint)
{
    struct peer_terms terms;
    struct peer *peer = peer_find(c, fingerprint);
    if (peer == NULL)
        peer = make(c, fingerprint);
    if (peer != NULL && peer_terms_of(c->settings.config, fingerprint, &terms))
        peer_set_terms(peer, &terms);
    return peer;
}

int peers_init(struct core *c)
{
    const struct config *config = c->settings.config;
    for (size_t i = 0; i < config->peer_count; i++) {
        if (peers_add(c, &config->peers[i].fingerprint) == NULL)
            return ERR_MEMORY;
    }
    for (size_t i = 0; i < config->trusted_count; i++) {
        if (peers_add(c, &config->trusted[i].fingerprint) == NULL)
            return ERR_MEMORY;
    }
    return peer_find(c, &c->settings.tls) == NULL ? 0 : ERR_DUPLICATE;
}

void peers_free(struct core *c)
{
    peers_forget(c);
    while (c->peers != NULL)
        peers_remove(c, c->peers);
}

void peers_remove(struct core *c, struct peer *peer)
{
    timer_stop(c, &peer->timer);
    renewal_forget(c, peer);
    deferred_cancel(c, &peer->record);
    question_forget(c, &peer->question);
    HASH_DEL(c->peers, peer);
    free(peer);
}

void peers_forget(struct core *c)
{
    for (struct peer *peer = c->peers; peer != NULL; peer = peer->hh.next) {
        timer_stop(c, &peer->timer);
        renewal_forget(c, peer);
        deferred_cancel(c, &peer->record);
        question_forget(c, &peer->question);
        reconnect_init(&peer->reconnect, c->now);
        peer->links = NULL;
        peer->attempts = peer->dial = peer->silent_until = peer->since = 0;
        peer->address_count = peer->address_next = 0;
        peer->last_error[0] = '\0';
        peer->later = peer->resolving = false;
        peer->strikes = 0;
    }
}

bool peer_linked(const struct peer *peer)
{
    return peer->links != NULL;
}

bool peer_is_ours(const struct peer *peer)
{
    return peer->links != NULL && peer->links->ours;
}

bool peer_knows_later(const struct peer *peer)
{
    return peer->later || peer_is_ours(peer);
}

void peer_changed(struct core *c, struct peer *peer)
{
    deferred_add(c, &peer->record);
}

void peer_error(struct core *c, struct peer *peer, const char *why)
{
    if (strcmp(peer->last_error, why) == 0)
        return;
    snprintf(peer->last_error, sizeof(peer->last_error), "%s", why);
    peer_changed(c, peer);
    report(c, LOG_WARN, "peer_not_linked", LOG_STR("peer", peer->label), LOG_STR("why", why));
}

/* ---- when to dial ---- */

/* Jitter: another number for each peer and attempt, the same one after a restart (splitmix64). */
static uint64_t jitter(const struct core *c, const struct peer *peer)
{
    uint64_t x = c->settings.seed + peer->attempts * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < 8; i++)
        x = (x << 8 | x >> 56) ^ peer->fingerprint.bytes[i];
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void schedule(struct core *c, struct peer *peer)
{
    uint64_t at = reconnect_deadline(&peer->reconnect);
    if (peer->address == NULL || at == UINT64_MAX)
        timer_stop(c, &peer->timer);
    else
        timer_set(c, &peer->timer, at);
    peer_changed(c, peer);
}

static void failed(struct core *c, struct peer *peer)
{
    reconnect_failed(&peer->reconnect, c->now, jitter(c, peer));
    schedule(c, peer);
}

void peer_dial_at(struct core *c, struct peer *peer, uint64_t at)
{
    reconnect_at(&peer->reconnect, at);
    schedule(c, peer);
}

void peer_link_up(struct core *c, struct peer *peer)
{
    renewal_linked(c, peer);
    reconnect_linked(&peer->reconnect, c->now);
    peer->last_error[0] = '\0';
    peer->since = c->now;
    schedule(c, peer);
}

void peer_link_lost(struct core *c, struct peer *peer)
{
    peer->attempts++;
    peer->since = c->now;
    reconnect_lost(&peer->reconnect, c->now, jitter(c, peer));
    schedule(c, peer);
}

void peers_start(struct core *c)
{
    for (struct peer *peer = c->peers; peer != NULL; peer = peer->hh.next) {
        renewal_start(c, peer);
        if (peer->resolving)
            peer_redial(c, peer);
        else if (peer->address != NULL && reconnect_deadline(&peer->reconnect) != UINT64_MAX)
            timer_set(c, &peer->timer, reconnect_deadline(&peer->reconnect));
    }
}

/* ---- how to dial ---- */

static void dial_next(struct core *c, struct peer *peer)
{
    if (peer->address_next >= peer->address_count) {
        failed(c, peer);
        return;
    }
    peer->dial = core_order(c);
    c->counters.dials++;
    struct ipc_item item = {.type = IPC_dial};
    item.u.dial.dial = peer->dial;
    item.u.dial.remote = peer->addresses[peer->address_next++];
    item.u.dial.sni = BYTES_LITERAL("_federation");
    item.u.dial.pinned = true;
    item.u.dial.pin = peer->fingerprint;
    item.u.dial.present_certificate = true;
    transaction_add(&c->transaction, &item);
    peer_changed(c, peer);
}

static void resolved(struct core *c, struct question *q, const struct core_answer *answer)
{
    struct peer *peer = heap_entry(q, struct peer, question);
    peer->resolving = false;
    peer_changed(c, peer);
    if (!answer->ok || answer->address_count == 0) {
        peer_error(c, peer, answer->why[0] == '\0' ? "its name has no address" : answer->why);
        failed(c, peer);
        return;
    }
    size_t n = answer->address_count;
    peer->address_count = n < CORE_ADDRESSES_MAX ? n : CORE_ADDRESSES_MAX;
    peer->address_next = 0;
    memcpy(peer->addresses, answer->addresses, peer->address_count * sizeof(peer->addresses[0]));
    dial_next(c, peer);
}

void peer_redial(struct core *c, struct peer *peer)
{
    if (peer->address == NULL || peer->dial != 0 || peer->question.id != 0 ||
        drain_refuses_peer(c, peer))
        return;
    peer->attempts += !peer->resolving; /* else the one before us asked, and died */
    peer->resolving = true;
    peer_changed(c, peer);
    struct core_question question = {.type = CORE_ASK_RESOLVE};
    question.address = bytes_of_string(peer->address);
    peer->question.answered = resolved;
    question_ask(c, &peer->question, &question);
}

void peer_readdressed(struct core *c, struct peer *peer)
{
    question_forget(c, &peer->question);
    peer->resolving = false;
    peer->dial = 0;
    peer->address_count = peer->address_next = 0;
    peer_dial_at(c, peer, c->now);
}

static void timer_due(struct core *c, struct timer *timer)
{
    struct peer *peer = heap_entry(timer, struct peer, timer);
    if (!drain_refuses_peer(c, peer) && reconnect_due(&peer->reconnect, c->now))
        peer_redial(c, peer);
}

struct peer *peers_of_dial(const struct core *c, uint64_t dial)
{
    struct peer *peer = c->peers;
    while (peer != NULL && (dial == 0 || peer->dial != dial))
        peer = peer->hh.next;
    return peer;
}

void peer_dial_over(struct core *c, struct peer *peer, uint64_t dial)
{
    if (dial == 0 || peer->dial != dial)
        return;
    peer->dial = 0;
    peer_changed(c, peer);
}

void peer_dial_wasted(struct core *c, struct peer *peer, uint64_t dial)
{
    peer_dial_over(c, peer, dial);
    c->counters.dials_failed++;
    failed(c, peer);
}

/* The certificate is another one: perhaps the peer has a new identity, perhaps it is not the peer.
 */
static void report_pin(struct core *c, const struct peer *peer, const struct ipc_closed *closed)
{
    char wanted[FINGERPRINT_TLS_TEXT], presented[FINGERPRINT_TLS_TEXT] = "none";
    fingerprint_tls_text(&peer->fingerprint, wanted);
    if (closed->has_certificate)
        fingerprint_tls_text(&closed->fingerprint, presented);
    char lines[ADVICE_SIZE] = "";
    if (closed->has_certificate)
        advice_change(c->settings.config, &peer->fingerprint, NULL,
                      &(struct advice_change){.fingerprint = &closed->fingerprint}, lines);
    report_limited(c, REPORT_LINK, LOG_WARN, "peer_has_another_certificate",
                   LOG_STR("peer", peer->label), LOG_STR("wanted", wanted),
                   LOG_STR("presented", presented), LOG_STR("if_wanted_configure", lines));
}

void peers_dial_failed(struct core *c, const struct ipc_closed *closed)
{
    struct peer *peer = peers_of_dial(c, closed->dial);
    if (peer == NULL)
        return;
    c->counters.dials_failed++;
    peer->dial = 0;
    renewal_dial_failed(c, peer);
    int error = -(int)closed->error;
    if (error == ERR_PIN)
        report_pin(c, peer, closed);
    char reason[IPC_NAME_MAX + 1], why[PEER_ERROR_SIZE];
    signal_text_copy(signal_text_of_bytes(closed->reason), reason, sizeof(reason));
    snprintf(why, sizeof(why), "%s%s%.100s", error_text(error), reason[0] == '\0' ? "" : ": ",
             reason);
    peer_error(c, peer, why);
    if (peer_linked(peer))
        failed(c, peer);
    else
        dial_next(c, peer);
}

int peers_restore(struct core *c, struct bytes name, struct bytes value)
{
    struct fingerprint_tls fingerprint;
    if (fingerprint_tls_parse(name, &fingerprint) < 0)
        return ERR_SYNTAX;
    struct peer *peer = peer_find(c, &fingerprint);
    if (peer == NULL)
        return ERR_NOT_FOUND;
    int err = peer_record_read(peer, value);
    if (err < 0)
        reconnect_init(&peer->reconnect, c->now);
    return err;
}
