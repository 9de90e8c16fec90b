#include "dataplane/connection.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct connection *connection_new(uint64_t number)
{
    struct connection *c = calloc(1, sizeof(*c));

    if (c)
        c->number = number;
    return c;
}

void connection_free(struct connection *c)
{
    if (!c)
        return;
    free(c->sni);
    free(c);
}

static uint64_t hash_of(const struct table *connections, uint64_t number)
{
    return table_hash(connections, (struct bytes){(const uint8_t *)&number, sizeof(number)});
}

struct connection *connection_find(const struct table *connections, uint64_t number)
{
    struct table_node *node = table_first(connections, hash_of(connections, number));

    for (; node; node = table_next(node)) {
        struct connection *c = table_entry(node, struct connection, node);
        if (c->number == number)
            return c;
    }
    return NULL;
}

int connection_insert(struct table *connections, struct connection *c)
{
    return table_insert(connections, &c->node, hash_of(connections, c->number));
}

int connection_establish(struct connection *c, struct quic_connection *quic,
                         const struct quic_peer *peer)
{
    if (!c->sni) {
        c->sni = strdup(peer->sni);
        if (!c->sni)
            return ERR_MEMORY;
    }
    c->quic = quic;
    c->state = CONNECTION_OPEN;
    c->dialed = peer->dialed;
    c->remote = peer->remote;
    c->local = peer->local;
    c->has_certificate = peer->has_certificate;
    c->fingerprint = peer->fingerprint;
    memcpy(c->exporter, peer->exporter, sizeof(c->exporter));
    return 0;
}

void connection_remote(const struct connection *c, struct address *out)
{
    if (c->quic)
        quic_connection_remote(c->quic, out);
    else
        *out = c->remote;
}
