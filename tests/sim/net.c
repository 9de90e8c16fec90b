#include "tests/sim/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/error.h"
#include "tests/sim/net_connection.h"

/* Two endpoints that do not reach each other; the lower pointer's address first. */
struct cut_key {
    struct address a, b;
};

struct net_cut {
    struct cut_key key;
    UT_hash_handle hh;
};

void *sim_alloc(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        fputs("sim: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

void sim_broken(const char *what)
{
    fprintf(stderr, "sim: %s\n", what);
    abort();
}

/* ---- time ---- */

void net_init(struct net *net, uint64_t seed)
{
    *net = (struct net){.now = 1000 * CLOCK_SECOND, .dice = {seed}};
    heap_init(&net->timers);
}

void net_timer_set(struct net *net, struct net_timer *timer, uint64_t at)
{
    if (heap_set(&net->timers, &timer->node, at < net->now ? net->now : at) != 0)
        abort();
}

void net_timer_stop(struct net *net, struct net_timer *timer)
{
    heap_remove(&net->timers, &timer->node);
}

void net_run(struct net *net, uint64_t until)
{
    struct heap_node *node;
    while ((node = heap_pop_due(&net->timers, until)) != NULL) {
        struct net_timer *timer = heap_entry(node, struct net_timer, node);
        net->now = node->key;
        timer->due(timer);
    }
    net->now = until;
}

/* ---- what was said ---- */

static uint64_t stir(uint64_t digest, uint64_t word)
{
    digest = (digest ^ word) * UINT64_C(0x9fb21c651e98df25);
    return digest ^ (digest >> 32);
}

void net_note(struct net *net, struct bytes content)
{
    uint64_t digest = stir(net->digest, net->now);
    for (size_t at = 0; at < content.len; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        size_t rest = content.len - at;
        memcpy(&word, content.data + at, rest < sizeof(word) ? rest : sizeof(word));
        digest = stir(digest, word);
    }
    net->digest = stir(digest, content.len);
}

void net_note_of(const struct quic_connection *c, const char *what, struct bytes content)
{
    struct net *net = c->endpoint->net;
    net_note(net, bytes_of_string(what));
    net_note(net, (struct bytes){(const uint8_t *)&c->endpoint->address, sizeof(struct address)});
    if (c->far != NULL)
        net_note(net, (struct bytes){(const uint8_t *)&c->far->address, sizeof(struct address)});
    net_note(net, content);
}

void net_reset_counts(struct net *net)
{
    net->kind_count = 0;
    net->messages = net->bytes = net->media = 0;
}

static struct net_kind *kind_of(struct net *net, struct bytes body)
{
    char name[40] = "";
    if (body.len > 2)
        sscanf((const char *)body.data, "{\"%39[A-Za-z]", name);
    for (size_t i = 0; i < net->kind_count; i++) {
        if (strcmp(net->kinds[i].name, name) == 0)
            return &net->kinds[i];
    }
    struct net_kind *kind = &net->kinds[net->kind_count];
    net->kind_count += net->kind_count < NET_KINDS_MAX - 1;
    *kind = (struct net_kind){0};
    memcpy(kind->name, name, sizeof(name));
    return kind;
}

void net_count(struct net *net, const struct quic_connection *c, struct bytes body)
{
    if (!c->federation)
        return;
    struct net_kind *kind = kind_of(net, body);
    kind->messages++;
    kind->bytes += body.len;
    net->messages++;
    net->bytes += body.len;
    if (strcmp(kind->name, "Ping") != 0 && strcmp(kind->name, "Pong") != 0)
        net->last_message = net->now;
}

/* ---- endpoints ---- */

struct quic_endpoint *net_endpoint(struct net *net, const struct address *address,
                                   const struct fingerprint_tls *certificate,
                                   const struct quic_callbacks *callbacks, void *context)
{
    struct quic_endpoint *e = sim_alloc(sizeof(*e));
    e->net = net;
    memcpy(&e->address.u, &address->u, address->len);
    e->address.len = address->len;
    if (certificate != NULL)
        e->certificate = *certificate;
    e->up = true;
    e->latency = CLOCK_MS;
    e->callbacks = callbacks;
    e->context = context;
    HASH_ADD(hh, net->endpoints, address, sizeof(e->address), e);
    return e;
}

static struct cut_key key_of(const struct quic_endpoint *a, const struct quic_endpoint *b)
{
    struct cut_key key;
    bool ordered = memcmp(&a->address, &b->address, sizeof(a->address)) < 0;
    memcpy(&key.a, ordered ? &a->address : &b->address, sizeof(key.a));
    memcpy(&key.b, ordered ? &b->address : &a->address, sizeof(key.b));
    return key;
}

static struct net_cut *find_cut(const struct quic_endpoint *a, const struct quic_endpoint *b)
{
    struct net_cut *cut = NULL;
    if (a->net->cuts == NULL)
        return NULL;
    struct cut_key key = key_of(a, b);
    HASH_FIND(hh, a->net->cuts, &key, sizeof(key), cut);
    return cut;
}

bool net_reaches(const struct quic_endpoint *a, const struct quic_endpoint *b)
{
    return a->up && b->up && a->island == b->island && find_cut(a, b) == NULL;
}

static void check_all(struct quic_endpoint *e)
{
    for (struct quic_connection *c = e->connections; c != NULL; c = c->next) {
        net_connection_check(c);
        if (c->other != NULL)
            net_connection_check(c->other);
    }
}

void net_cut(struct quic_endpoint *a, struct quic_endpoint *b, bool wanted)
{
    struct net_cut *cut = find_cut(a, b);
    if ((cut != NULL) == wanted)
        return;
    if (wanted) {
        cut = sim_alloc(sizeof(*cut));
        cut->key = key_of(a, b);
        HASH_ADD(hh, a->net->cuts, key, sizeof(cut->key), cut);
    } else {
        HASH_DEL(a->net->cuts, cut);
        free(cut);
    }
    check_all(a);
    check_all(b);
}

void net_uncut_all(struct net *net)
{
    while (net->cuts != NULL) {
        struct net_cut *cut = net->cuts;
        HASH_DEL(net->cuts, cut);
        free(cut);
    }
    for (struct quic_endpoint *e = net->endpoints; e != NULL; e = e->hh.next)
        check_all(e);
}

void net_set_island(struct quic_endpoint *e, unsigned island)
{
    e->island = island;
    check_all(e);
}

/* Those whose other end was in this process. */
static void check_lonely(struct quic_endpoint *e)
{
    for (struct quic_endpoint *far = e->net->endpoints; far != NULL; far = far->hh.next) {
        for (struct quic_connection *c = far->connections; c != NULL; c = c->next) {
            if (c->far == e)
                net_connection_check(c);
        }
    }
}

void net_kill(struct quic_endpoint *e)
{
    e->up = false;
    while (e->connections != NULL)
        net_connection_free(e->connections);
    check_lonely(e);
}

void net_revive(struct quic_endpoint *e)
{
    e->up = true;
    e->life++;
    e->refuse_new = false;
    check_lonely(e);
}

void net_part(struct quic_endpoint *a, struct quic_endpoint *b)
{
    const struct quic_close why = {.error = ERR_CLOSED, .established = true, .reason = "parted"};
    for (struct quic_connection *c = a->connections; c != NULL; c = c->next) {
        if (c->far == b && c->established)
            net_connection_end(c, a->net->now, &why);
    }
}

void net_free(struct net *net)
{
    struct quic_endpoint *e, *next;
    for (e = net->endpoints; e != NULL; e = e->hh.next) {
        while (e->connections != NULL)
            net_connection_free(e->connections);
    }
    HASH_ITER(hh, net->endpoints, e, next)
    {
        HASH_DEL(net->endpoints, e);
        free(e);
    }
    while (net->cuts != NULL) {
        struct net_cut *cut = net->cuts;
        HASH_DEL(net->cuts, cut);
        free(cut);
    }
    heap_free(&net->timers);
}

struct quic_endpoint *net_far(const struct quic_connection *c)
{
    return c->far;
}
