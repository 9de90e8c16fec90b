#include "dataplane/quic/connection.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/random.h"
#include "dataplane/quic/connection_id.h"
#include "dataplane/quic/endpoint.h"
#include "dataplane/quic/packet_keys.h"

#define MTU_MAX 1452  /* bytes of UDP payload that fit an Ethernet frame under IPv6 */
#define UNI_STREAMS 3 /* for the peer; every one is declined */
#define CLIENT_FIRST_ID 16
#define ANSWER_PACKETS 2 /* packets with datagrams that are acknowledged at once */
#define ANSWER_DELAY (24 * CLOCK_MS)

/* ---- settings ---- */

static void make_settings(const struct quic_connection *c, ngtcp2_settings *settings)
{
    static const uint16_t probes[] = {MTU_MAX, 1392, 1280};
    const struct quic_endpoint *e = c->endpoint;
    ngtcp2_settings_default(settings);
    settings->initial_ts = e->now;
    settings->initial_rtt = 300 * CLOCK_MS;
    settings->handshake_timeout = e->config.handshake_timeout;
    settings->max_tx_udp_payload_size = MTU_MAX;
    settings->pmtud_probes = probes;
    settings->pmtud_probeslen = sizeof(probes) / sizeof(probes[0]);
    settings->max_window = 0; /* windows do not grow: they are back pressure */
    settings->max_stream_window = 0;
}

static void make_parameters(const struct quic_config *config, ngtcp2_transport_params *params)
{
    ngtcp2_transport_params_default(params);
    params->initial_max_stream_data_bidi_local = config->stream_window;
    params->initial_max_stream_data_bidi_remote = config->stream_window;
    params->initial_max_stream_data_uni = config->stream_window;
    params->initial_max_data = config->connection_window;
    params->initial_max_streams_bidi = config->streams_max;
    params->initial_max_streams_uni = UNI_STREAMS;
    params->max_idle_timeout = config->idle_timeout;
    params->max_udp_payload_size = UDP_PAYLOAD_MAX;
    params->active_connection_id_limit = 5;
    params->max_datagram_frame_size = 65535;
}

static ngtcp2_path path_view(const struct udp_path *path)
{
    return (ngtcp2_path){
        .local = {(ngtcp2_sockaddr *)(uintptr_t)&path->local.u.any, path->local.len},
        .remote = {(ngtcp2_sockaddr *)(uintptr_t)&path->remote.u.any, path->remote.len},
    };
}

/* ---- making ---- */

static void on_message(void *argument, struct bytes body)
{
    struct quic_connection *c = argument;
    if (c->endpoint->callbacks.message)
        c->endpoint->callbacks.message(c->endpoint->context, c, body);
}

static struct quic_connection *connection_new(struct quic_endpoint *e, const struct udp_path *path)
{
    /* Room for the new one's timer now, so that setting it cannot fail later. */
    if (heap_reserve(&e->timers, e->total + 1) != ERR_OK)
        return NULL;
    struct quic_connection *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->endpoint = e;
    c->path = *path;
    c->next = e->connections;
    if (c->next)
        c->next->previous = c;
    e->connections = c;
    e->count++;
    e->total++;
    connection_count_unfinished(c, true);
    return c;
}

/* The parts that need the ngtcp2 object; both roles. */
static int connection_ready(struct quic_connection *c, int ngtcp2_error)
{
    struct quic_endpoint *e = c->endpoint;
    if (ngtcp2_error != 0) {
        c->qc = NULL;
        return ERR_MEMORY;
    }
    ngtcp2_conn_set_tls_native_handle(c->qc, c->tls);
    tls_session_attach(c->tls, c->qc);
    message_in_init(&c->in, c->qc, &e->config, &e->counters, on_message, c);
    connection_set_timer(c);
    connection_mark(c);
    return ERR_OK;
}

int connection_new_id(struct quic_connection *c, ngtcp2_cid *out)
{
    struct quic_endpoint *e = c->endpoint;
    int rv = ERR_EXISTS;
    for (int attempt = 0; attempt < 8 && rv == ERR_EXISTS; attempt++) {
        rv = connection_id_make(out, e->config.worker, e->config.generation);
        if (rv == ERR_OK)
            rv = id_table_add(&e->ids, connection_id_view(out), c);
    }
    return rv;
}

static int start_client(struct quic_connection *c, const struct quic_dial *dial)
{
    ngtcp2_callbacks callbacks = {0};
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    ngtcp2_cid server_id = {.datalen = CLIENT_FIRST_ID};
    ngtcp2_cid own_id;
    struct tls_options options = {
        .role = dial->present_certificate ? TLS_CLIENT_CERTIFICATE : TLS_CLIENT,
        .alpn = c->endpoint->config.alpn,
        .sni = dial->sni,
        .pin = dial->pin,
    };
    int rv = tls_session_new(&c->tls, c->endpoint->tls, &options);
    if (rv == ERR_OK)
        rv = random_fill(server_id.data, CLIENT_FIRST_ID);
    if (rv == ERR_OK)
        rv = connection_new_id(c, &own_id);
    if (rv != ERR_OK)
        return rv;
    connection_set_callbacks(&callbacks);
    make_settings(c, &settings);
    make_parameters(&c->endpoint->config, &params);
    ngtcp2_path path = path_view(&c->path);
    int error = ngtcp2_conn_client_new(&c->qc, &server_id, &own_id, &path, NGTCP2_PROTO_VER_V1,
                                       &callbacks, &settings, &params, NULL, c);
    if (error != 0)
        id_table_remove(&c->endpoint->ids, connection_id_view(&own_id), c);
    return connection_ready(c, error);
}

int connection_dial(struct quic_endpoint *e, const struct quic_dial *dial,
                    struct quic_connection **out)
{
    struct udp_path path = {.remote = dial->remote};
    if (e->socket.local.u.any.sa_family == AF_INET6)
        address_to_mapped(&path.remote);
    if (path.remote.u.any.sa_family != e->socket.local.u.any.sa_family)
        return ERR_TYPE;
    if (udp_socket_route(&e->socket, &path.remote, &path.local) != ERR_OK)
        return ERR_SYSTEM;
    struct quic_connection *c = connection_new(e, &path);
    if (!c)
        return ERR_MEMORY;
    c->dialed = true;
    c->user = dial->user;
    int rv = start_client(c, dial);
    if (rv != ERR_OK) {
        connection_destroy(c);
        return rv;
    }
    *out = c;
    return ERR_OK;
}

static int server_parameters(struct quic_connection *c, const struct connection_offer *offer,
                             const ngtcp2_cid *own_id, ngtcp2_transport_params *params)
{
    make_parameters(&c->endpoint->config, params);
    params->original_dcid = offer->original_id ? *offer->original_id : offer->header->dcid;
    params->original_dcid_present = 1;
    if (offer->original_id) {
        params->retry_scid = offer->header->dcid;
        params->retry_scid_present = 1;
    }
    params->stateless_reset_token_present = 1;
    return stateless_token(c->endpoint, own_id, params->stateless_reset_token);
}

static int create_server(struct quic_connection *c, const struct connection_offer *offer,
                         const ngtcp2_cid *own_id)
{
    const ngtcp2_pkt_hd *header = offer->header;
    ngtcp2_callbacks callbacks = {0};
    ngtcp2_settings settings;
    ngtcp2_transport_params params;
    int rv = server_parameters(c, offer, own_id, &params);
    if (rv != ERR_OK)
        return rv;
    connection_set_callbacks(&callbacks);
    make_settings(c, &settings);
    if (offer->original_id) {
        settings.token = header->token;
        settings.tokenlen = header->tokenlen;
        settings.token_type = NGTCP2_TOKEN_TYPE_RETRY;
    }
    ngtcp2_path path = path_view(&c->path);
    return connection_ready(c, ngtcp2_conn_server_new(&c->qc, &header->scid, own_id, &path,
                                                      header->version, &callbacks, &settings,
                                                      &params, NULL, c));
}

static int start_server(struct quic_connection *c, const struct connection_offer *offer)
{
    struct quic_endpoint *e = c->endpoint;
    ngtcp2_cid own_id;
    struct tls_options options = {.role = TLS_SERVER, .alpn = e->config.alpn};
    int rv = tls_session_new(&c->tls, e->tls, &options);
    if (rv == ERR_OK)
        rv = id_table_add(&e->ids, connection_id_view(&offer->header->dcid), c);
    if (rv != ERR_OK)
        return rv;
    c->first_id = offer->header->dcid;
    c->use = endpoint_address_add(e, &c->path.remote);
    if (!c->use)
        return ERR_MEMORY;
    rv = connection_new_id(c, &own_id);
    if (rv != ERR_OK)
        return rv;
    rv = create_server(c, offer, &own_id);
    if (rv != ERR_OK)
        id_table_remove(&e->ids, connection_id_view(&own_id), c);
    return rv;
}

int connection_accept(struct quic_endpoint *e, const struct connection_offer *offer,
                      struct quic_connection **out)
{
    struct quic_connection *c = connection_new(e, offer->path);
    if (!c)
        return ERR_MEMORY;
    int rv = start_server(c, offer);
    if (rv != ERR_OK) {
        connection_destroy(c);
        return rv;
    }
    *out = c;
    return ERR_OK;
}

/* ---- running ---- */

bool connection_is_open(const struct quic_connection *c)
{
    return c->qc && c->established && !c->closing && !c->over && c->failure == ERR_OK;
}

static void public_address(const struct address *in, struct address *out)
{
    *out = *in;
    address_unmap(out);
}

void connection_establish(struct quic_connection *c, struct quic_peer *peer)
{
    struct quic_endpoint *e = c->endpoint;
    c->established = true;
    connection_count_unfinished(c, false);
    e->counters.handshakes_completed++;
    if (e->config.keep_alive)
        ngtcp2_conn_set_keep_alive_timeout(c->qc, e->config.keep_alive);
    connection_measure(c);
    public_address(&c->path.remote, &peer->remote);
    public_address(&c->path.local, &peer->local);
    if (e->callbacks.established)
        e->callbacks.established(e->context, c, peer);
    if (connection_is_open(c))
        message_in_start(&c->in, e->now);
}

static void copy_address(const ngtcp2_addr *in, struct address *out)
{
    if (in->addrlen > sizeof(out->u))
        return;
    memcpy(&out->u, in->addr, in->addrlen);
    out->len = in->addrlen;
}

static void free_tls(struct quic_connection *c)
{
    ngtcp2_conn_set_tls_native_handle(c->qc, NULL);
    tls_session_free(c->tls);
    c->tls = NULL;
}

/* Whether an answer to the packet just read must not wait. */
static bool is_urgent(const struct quic_connection *c)
{
    return c->tls || c->closing || c->failure || c->got_stream || c->unanswered >= ANSWER_PACKETS ||
           c->datagrams.count > 0 || c->out.waiting || c->out.open_count > 0 || c->in.fins > 0;
}

/*
 * An acknowledgement may wait for a datagram that goes the same way, or for the next packet, but
 * not longer than we promised (max_ack_delay, 25 ms). ngtcp2 itself would wait only for an eighth
 * of the round-trip time, so in a call nearly every packet would cost one of its own. If nothing
 * waits to be acknowledged, its next deadline is that of a loss.
 */
static void answer_later(struct quic_connection *c)
{
    uint64_t at = c->unanswered ? c->endpoint->now + ANSWER_DELAY : ngtcp2_conn_get_expiry(c->qc);
    /* A timer that is early costs less than moving it for every packet. */
    if (!heap_contains(&c->timer) || c->timer.key > at)
        (void)heap_set(&c->endpoint->timers, &c->timer, at);
}

/* The path may have moved, and TLS may have done its work. */
static void after_packet(struct quic_connection *c)
{
    if (c->got_datagram && c->unanswered < ANSWER_PACKETS)
        c->unanswered++;
    bool urgent = is_urgent(c);
    c->got_datagram = c->got_stream = false;
    if (c->tls && c->established)
        free_tls(c);
    const ngtcp2_path *path = ngtcp2_conn_get_path(c->qc);
    copy_address(&path->remote, &c->path.remote);
    copy_address(&path->local, &c->path.local);
    if (urgent)
        connection_mark(c);
    else
        answer_later(c);
}

void connection_receive(struct quic_connection *c, const struct udp_path *path, struct bytes packet)
{
    if (!c->qc) {
        connection_linger_receive(c, packet.len);
        return;
    }
    ngtcp2_path view = path_view(path);
    uint64_t failures = packet_keys_failures();
    int rv = ngtcp2_conn_read_pkt(c->qc, &view, NULL, packet.data, packet.len, c->endpoint->now);
    c->endpoint->counters.drop_decrypt += packet_keys_failures() - failures;
    if (rv != 0) {
        connection_fail(c, rv);
        return;
    }
    c->waiting_since = 0;
    after_packet(c);
}

static uint64_t liveness_deadline(const struct quic_connection *c)
{
    return c->dead_after && c->waiting_since ? c->waiting_since + c->dead_after : UINT64_MAX;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void connection_set_timer(struct quic_connection *c)
{
    struct quic_endpoint *e = c->endpoint;
    uint64_t at;
    if (c->qc) {
        at = earlier(ngtcp2_conn_get_expiry(c->qc), message_in_deadline(&c->in));
        at = earlier(at, liveness_deadline(c));
        if (c->closing && c->closing->until)
            at = earlier(at, c->closing->until);
        /* What is due although everything was just written must not keep the loop spinning. */
        if (at <= e->now)
            at = e->now + CLOCK_MS;
    } else {
        at = connection_linger_until(c);
    }
    if (!heap_contains(&c->timer) || c->timer.key != at)
        (void)heap_set(&e->timers, &c->timer, at); /* there is room: see connection_new */
}

void connection_expire(struct quic_connection *c)
{
    struct quic_endpoint *e = c->endpoint;
    if (!c->qc) {
        connection_destroy(c);
        return;
    }
    if (message_in_deadline(&c->in) <= e->now) {
        e->counters.message_timeout++;
        connection_abort(c, ERR_TIMEOUT, "message timeout");
        return;
    }
    if (liveness_deadline(c) <= e->now) {
        connection_abort(c, ERR_TIMEOUT, "silent");
        return;
    }
    int rv = ngtcp2_conn_get_expiry(c->qc) <= e->now ? ngtcp2_conn_handle_expiry(c->qc, e->now) : 0;
    if (rv != 0)
        connection_fail(c, rv);
    else
        connection_mark(c);
}

void connection_mark(struct quic_connection *c)
{
    struct quic_endpoint *e = c->endpoint;
    if (c->dirty)
        return;
    c->dirty = true;
    c->dirty_next = NULL;
    c->dirty_previous = e->dirty_last;
    if (e->dirty_last)
        e->dirty_last->dirty_next = c;
    else
        e->dirty = c;
    e->dirty_last = c;
}
