#include <wolfssl/options.h>

#include "dataplane/quic/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <wolfssl/ssl.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/random.h"
#include "dataplane/quic/connection_id.h"

#define BATCHES 4 /* system calls in one quic_endpoint_receive */

void quic_config_init(struct quic_config *config)
{
    *config = (struct quic_config){
        .alpn = "wzp",
        .exporter_label = "EXPORTER-chappe-register",
        .request_client_certificate = true,
        .idle_timeout = 30 * CLOCK_SECOND,
        .keep_alive = 5 * CLOCK_SECOND,
        .handshake_timeout = 10 * CLOCK_SECOND,
        .message_timeout = 10 * CLOCK_SECOND,
        .message_max = 1048576,
        .stream_window = 65536,
        .connection_window = 262144,
        .streams_max = 100,
        .send_queue_messages = 256,
        .send_queue_bytes = 4 * 1048576,
        .address_connections = 4096,
        .retry_threshold = 256,
    };
}

/* ---- making ---- */

/* Everything that the caller's config points to becomes ours; the certificate is in the contexts.
 */
static int copy_config(struct quic_endpoint *e, const struct quic_config *config)
{
    e->config = *config;
    e->config.private_key_der = BYTES_NONE;
    e->config.certificate_der.data = NULL;
    e->config.alpn = strdup(config->alpn);
    e->config.exporter_label = strdup(config->exporter_label);
    return e->config.alpn && e->config.exporter_label ? ERR_OK : ERR_MEMORY;
}

static int init_tables(struct quic_endpoint *e)
{
    uint64_t seeds[3];
    int rv = random_fill(seeds, sizeof(seeds));
    id_table_init(&e->ids, seeds[0]);
    id_table_init(&e->tokens, seeds[1]);
    id_table_init(&e->addresses, seeds[2]);
    return rv;
}

static int init_parts(struct quic_endpoint *e, const struct quic_config *config,
                      const struct address *local, bool reuse_port)
{
    int rv = copy_config(e, config);
    if (rv == ERR_OK)
        rv = init_tables(e);
    if (rv == ERR_OK)
        rv = tls_contexts_new(&e->tls, config);
    if (rv != ERR_OK)
        return rv;
    e->inbox = udp_inbox_new();
    e->outbox = udp_outbox_new(&e->socket, &e->counters.drop_send_error);
    if (!e->inbox || !e->outbox)
        return ERR_MEMORY;
    return udp_socket_open(&e->socket, local, reuse_port);
}

int quic_endpoint_init(struct quic_endpoint **out, const struct quic_config *config,
                       const struct address *local, bool reuse_port,
                       const struct quic_callbacks *callbacks, void *context)
{
    struct quic_endpoint *e = calloc(1, sizeof(*e));
    if (!e)
        return ERR_MEMORY;
    e->socket.fd = -1;
    e->callbacks = *callbacks;
    e->context = context;
    int rv = init_parts(e, config, local, reuse_port);
    if (rv != ERR_OK) {
        quic_endpoint_free(e);
        return rv;
    }
    *out = e;
    return ERR_OK;
}

void quic_endpoint_free(struct quic_endpoint *e)
{
    if (!e)
        return;
    while (e->connections)
        connection_destroy(e->connections);
    heap_free(&e->timers);
    id_table_free(&e->ids);
    id_table_free(&e->tokens);
    id_table_free(&e->addresses);
    payload_pool_free(&e->payloads);
    tls_contexts_free(e->tls);
    udp_inbox_free(e->inbox);
    udp_outbox_free(e->outbox);
    udp_socket_close(&e->socket);
    free((void *)(uintptr_t)e->config.alpn);
    free((void *)(uintptr_t)e->config.exporter_label);
    explicit_bzero(e, sizeof(*e));
    free(e);
}

int quic_endpoint_dial(struct quic_endpoint *e, const struct quic_dial *dial, uint64_t now,
                       struct quic_connection **out)
{
    endpoint_set_now(e, now);
    if (e->config.connections_max && e->count >= e->config.connections_max)
        return ERR_FULL;
    return connection_dial(e, dial, out);
}

/* ---- receiving ---- */

void endpoint_set_now(struct quic_endpoint *e, uint64_t now)
{
    if (now > e->now)
        e->now = now;
}

/* A short packet for none of our ids: a stateless reset for us, or a reason to send one. */
static void receive_stray(struct quic_endpoint *e, const struct endpoint_packet *packet)
{
    struct bytes data = packet->data;
    struct quic_connection *c = NULL;
    if (data.len >= NGTCP2_STATELESS_RESET_TOKENLEN) {
        struct bytes token = {data.data + data.len - NGTCP2_STATELESS_RESET_TOKENLEN,
                              NGTCP2_STATELESS_RESET_TOKENLEN};
        c = id_table_find(&e->tokens, token);
    }
    if (c) {
        connection_reset(c);
        return;
    }
    e->counters.drop_unknown_connection++;
    stateless_reset(e, packet);
}

static void receive_packet(struct quic_endpoint *e, const struct endpoint_packet *packet)
{
    ngtcp2_version_cid ids;
    struct bytes data = packet->data;
    int rv = ngtcp2_pkt_decode_version_cid(&ids, data.data, data.len, CONNECTION_ID_SIZE);
    e->counters.packets_received++;
    if (rv != 0 && rv != NGTCP2_ERR_VERSION_NEGOTIATION) {
        e->counters.drop_malformed++;
        return;
    }
    struct quic_connection *c = id_table_find(&e->ids, (struct bytes){ids.dcid, ids.dcidlen});
    bool long_header = (data.data[0] & 0x80) != 0;
    if (c)
        connection_receive(c, packet->path, data);
    else if (!long_header)
        receive_stray(e, packet);
    else if (rv == NGTCP2_ERR_VERSION_NEGOTIATION ||
             (ids.version != NGTCP2_PROTO_VER_V1 && ids.version != 0))
        stateless_version_negotiation(e, packet, &ids);
    else
        endpoint_accept(e, packet);
}

static void flush_marked(struct quic_endpoint *e)
{
    e->crowded = false;
    while (e->dirty) {
        struct quic_connection *c = e->dirty;
        connection_unmark(c);
        connection_flush(c);
    }
}

static void receive_buffer(struct quic_endpoint *e, const struct udp_received *buffer)
{
    for (size_t at = 0; at < buffer->len; at += buffer->segment) {
        size_t left = buffer->len - at;
        struct endpoint_packet packet = {
            .path = &buffer->path,
            .data = {buffer->data + at, left < buffer->segment ? left : buffer->segment},
        };
        receive_packet(e, &packet);
        /* A batch may bring more for one receiver than its queue holds. */
        if (e->crowded)
            flush_marked(e);
    }
}

int quic_endpoint_receive(struct quic_endpoint *e, uint64_t now)
{
    endpoint_set_now(e, now);
    for (int batch = 0; batch < BATCHES; batch++) {
        size_t count = udp_inbox_read(e->inbox, &e->socket);
        for (size_t i = 0; i < count; i++) {
            struct udp_received buffer;
            if (udp_inbox_get(e->inbox, &e->socket, i, &buffer))
                receive_buffer(e, &buffer);
        }
        if (count < UDP_BATCH)
            return ERR_OK;
    }
    return ERR_AGAIN;
}

/* ---- time and sending ---- */

uint64_t quic_endpoint_deadline(const struct quic_endpoint *e)
{
    const struct heap_node *first = heap_first(&e->timers);
    return first ? first->key : UINT64_MAX;
}

void quic_endpoint_expire(struct quic_endpoint *e, uint64_t now)
{
    struct heap_node *node;
    endpoint_set_now(e, now);
    while ((node = heap_pop_due(&e->timers, e->now)))
        connection_expire(heap_entry(node, struct quic_connection, timer));
}

void quic_endpoint_flush(struct quic_endpoint *e, uint64_t now)
{
    endpoint_set_now(e, now);
    flush_marked(e);
    udp_outbox_send(e->outbox);
}

void quic_endpoint_close_all(struct quic_endpoint *e, const char *reason, uint64_t now)
{
    endpoint_set_now(e, now);
    for (struct quic_connection *c = e->connections; c; c = c->next)
        quic_connection_close(c, reason, false);
}

/* ---- the rest ---- */

int quic_endpoint_fd(const struct quic_endpoint *e)
{
    return e->socket.fd;
}

void quic_endpoint_local(const struct quic_endpoint *e, struct address *out)
{
    *out = e->socket.local;
    address_unmap(out);
}

void quic_endpoint_refuse_new(struct quic_endpoint *e, bool refuse)
{
    e->refusing = refuse;
}

void quic_endpoint_set_limits(struct quic_endpoint *e, const struct quic_limits *limits)
{
    e->config.connections_max = limits->connections_max;
    e->config.address_connections = limits->address_connections;
    e->config.message_max = limits->message_max;
}

const struct quic_counters *quic_endpoint_counters(const struct quic_endpoint *e)
{
    return &e->counters;
}

size_t quic_endpoint_connections(const struct quic_endpoint *e)
{
    return e->count;
}

struct quic_payload *quic_payload_new(struct quic_endpoint *e, struct bytes content)
{
    return payload_pool_take(&e->payloads, content);
}
