#include "tests/unit/quic/raw_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "dataplane/quic/endpoint.h"

int64_t raw_stream_open(struct pair_end *end, bool bidirectional)
{
    int64_t stream = -1;
    ngtcp2_conn *qc = end->connection->qc;
    int rv = bidirectional ? ngtcp2_conn_open_bidi_stream(qc, &stream, NULL)
                           : ngtcp2_conn_open_uni_stream(qc, &stream, NULL);
    return rv == 0 ? stream : -1;
}

size_t raw_stream_write(struct pair *p, struct pair_end *end, int64_t stream, struct bytes data,
                        bool fin)
{
    struct quic_connection *c = end->connection;
    ngtcp2_vec vector = {(uint8_t *)(uintptr_t)data.data, data.len};
    uint32_t flags = fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : NGTCP2_WRITE_STREAM_FLAG_NONE;
    size_t sent = 0;
    for (int blocked = 0; blocked < 2;) {
        uint8_t packet[UDP_PAYLOAD_MAX];
        ngtcp2_ssize written = -1;
        ngtcp2_ssize n = ngtcp2_conn_writev_stream(c->qc, NULL, NULL, packet, sizeof(packet),
                                                   &written, flags, stream, &vector, 1, p->now);
        if (n < 0)
            return sent;
        if (n == 0) {
            /* The congestion window or the connection's window is full: let something come. */
            blocked++;
            pair_settle(p);
            if (!end->connection)
                return sent;
            continue;
        }
        (void)!sendto(c->endpoint->socket.fd, packet, (size_t)n, 0, &c->path.remote.u.any,
                      c->path.remote.len);
        if (written < 0)
            continue;
        vector.base += written;
        vector.len -= (size_t)written;
        sent += (size_t)written;
        if (sent == data.len)
            return sent;
    }
    return sent;
}

void raw_stream_reset(struct pair_end *end, int64_t stream)
{
    assert_int_equal(ngtcp2_conn_shutdown_stream_write(end->connection->qc, 0, stream, 7), 0);
    connection_mark(end->connection);
}
