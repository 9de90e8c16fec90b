#include "tests/unit/quic/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int open_socket(void)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&local, sizeof(local)), 0);
    return fd;
}

static void address_of(int fd, struct address *out)
{
    out->len = sizeof(out->u);
    assert_int_equal(getsockname(fd, &out->u.any, &out->len), 0);
}

void wire_init(struct wire *w, const struct address *server)
{
    memset(w, 0, sizeof(*w));
    w->inner = open_socket();
    w->outer = open_socket();
    w->server = *server;
    address_of(w->inner, &w->address);
}

void wire_free(struct wire *w)
{
    close(w->inner);
    close(w->outer);
}

void wire_rebind(struct wire *w)
{
    int fd = open_socket();
    close(w->outer);
    w->outer = fd;
}

void wire_outer_address(const struct wire *w, struct address *out)
{
    address_of(w->outer, out);
}

static void forward(struct wire *w, const struct wire_packet *packet)
{
    const struct address *to = packet->to_server ? &w->server : &w->client;
    int fd = packet->to_server ? w->outer : w->inner;
    w->passed++;
    (void)!sendto(fd, packet->data, packet->len, 0, &to->u.any, to->len);
}

static void decide(struct wire *w, struct wire_packet *packet)
{
    enum wire_action action =
        w->hook ? w->hook(w, packet->to_server, packet->data, packet->len) : WIRE_PASS;
    if (action == WIRE_PASS || action == WIRE_TWICE)
        forward(w, packet);
    if (action == WIRE_TWICE)
        forward(w, packet);
    if (action == WIRE_HOLD) {
        assert_true(w->held_count < WIRE_HELD);
        w->held[w->held_count++] = *packet;
    }
}

static bool pump_side(struct wire *w, bool to_server)
{
    struct wire_packet packet = {.to_server = to_server};
    struct address from = {.len = sizeof(from.u)};
    bool moved = false;
    for (;;) {
        ssize_t n = recvfrom(to_server ? w->inner : w->outer, packet.data, sizeof(packet.data), 0,
                             &from.u.any, &from.len);
        if (n < 0)
            return moved;
        if (to_server)
            w->client = from;
        packet.len = (size_t)n;
        moved = true;
        decide(w, &packet);
    }
}

bool wire_pump(struct wire *w)
{
    bool to_server = pump_side(w, true);
    bool to_client = pump_side(w, false);
    return to_server || to_client;
}

void wire_release(struct wire *w)
{
    while (w->held_count > 0)
        forward(w, &w->held[--w->held_count]);
}
