#include "dataplane/session.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct session *session_new(uint64_t number)
{
    struct session *c = calloc(1, sizeof(*c));

    if (c)
        c->number = number;
    return c;
}

void session_free(struct session *c)
{
    if (!c)
        return;
    free(c->sni);
    free(c);
}

static uint64_t hash_of(const struct table *sessions, uint64_t number)
{
    return table_hash(sessions, (struct bytes){(const uint8_t *)&number, sizeof(number)});
}

struct session *session_find(const struct table *sessions, uint64_t number)
{
    struct table_node *node = table_first(sessions, hash_of(sessions, number));

    for (; node; node = table_next(node)) {
        struct session *c = table_entry(node, struct session, node);
        if (c->number == number)
            return c;
    }
    return NULL;
}

int session_insert(struct table *sessions, struct session *c)
{
    return table_insert(sessions, &c->node, hash_of(sessions, c->number));
}

int session_establish(struct session *c, struct quic_connection *quic, const struct quic_peer *peer)
{
    if (!c->sni) {
        c->sni = strdup(peer->sni);
        if (!c->sni)
            return ERR_MEMORY;
    }
    c->quic = quic;
    c->state = SESSION_OPEN;
    c->dialed = peer->dialed;
    c->remote = peer->remote;
    c->local = peer->local;
    c->has_certificate = peer->has_certificate;
    c->fingerprint = peer->fingerprint;
    memcpy(c->exporter, peer->exporter, sizeof(c->exporter));
    return 0;
}

void session_remote(const struct session *c, struct address *out)
{
    if (c->quic)
        quic_connection_remote(c->quic, out);
    else
        *out = c->remote;
}

void session_opened(const struct session *c, struct ipc_item *out)
{
    *out = (struct ipc_item){
        .type = IPC_opened,
        .u.opened = {.connection = c->number,
                     .dialed = c->dialed,
                     .dial = c->dial,
                     .remote = c->remote,
                     .local = c->local,
                     .sni = bytes_of_string(c->sni),
                     .has_certificate = c->has_certificate,
                     .fingerprint = c->fingerprint},
    };
    memcpy(out->u.opened.exporter.bytes, c->exporter, sizeof(c->exporter));
}

uint64_t session_lost(const struct session *c)
{
    return c->quic ? quic_connection_lost(c->quic) : c->datagrams_lost;
}
