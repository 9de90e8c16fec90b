#include "tests/bench/load/swarm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/media.h"
#include "tests/phone/stamp.h"

static void on_established(void *context, struct quic_connection *c, const struct quic_peer *peer)
{
    (void)context;
    struct member *m = quic_connection_user(c);
    if (member_greet(m, peer) != 0)
        quic_connection_close(c, "greeting failed", false);
}

static void on_message(void *context, struct quic_connection *c, struct bytes body)
{
    struct swarm *s = context;
    struct member *m = quic_connection_user(c);
    int rc = member_hear(m, body);
    quic_connection_release_message(c);
    if (rc < 0) {
        quic_connection_close(c, "refused", false);
    } else if (rc > 0 && m->state == MEMBER_DIALED) {
        m->state = MEMBER_READY;
        s->ready++;
    }
}

static void on_datagram(void *context, struct quic_connection *c, struct bytes data)
{
    (void)c;
    struct swarm *s = context;
    struct stamp stamp;
    if (data.len < MEDIA_HEADER_SIZE)
        return;
    struct bytes payload = {data.data + MEDIA_HEADER_SIZE, data.len - MEDIA_HEADER_SIZE};
    if (!stamp_read(payload, &stamp))
        return;
    uint64_t now = clock_monotonic();
    s->received++;
    histogram_add(&s->latency, now > stamp.sent ? now - stamp.sent : 0);
}

static void on_closed(void *context, struct quic_connection *c, const struct quic_close *why)
{
    struct swarm *s = context;
    struct member *m = quic_connection_user(c);
    if (s->lost == 0 && !s->ending)
        fprintf(stderr, "bench: a connection (%s) ended: %s, reason \"%s\"\n", m->sni,
                error_text(why->error), why->reason);
    m->state = MEMBER_LOST;
    m->connection = NULL;
    s->lost++;
}

static int endpoint_init(struct swarm *s, size_t i)
{
    static const struct quic_callbacks callbacks = {.established = on_established,
                                                    .message = on_message,
                                                    .datagram = on_datagram,
                                                    .closed = on_closed};
    struct quic_config config;
    struct address local;
    quic_config_init(&config);
    config.exporter_label = "EXPORTER-chappe-register";
    config.worker = (uint8_t)i;
    int rc = address_parse_listen(BYTES_LITERAL("127.0.0.1:0"), &local);
    if (rc == 0)
        rc = quic_endpoint_init(&s->endpoints[i], &config, &local, false, &callbacks, s);
    if (rc != 0)
        return rc;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    return epoll_ctl(s->epoll, EPOLL_CTL_ADD, quic_endpoint_fd(s->endpoints[i]), &event) == 0
               ? 0
               : ERR_SYSTEM;
}

int swarm_init(struct swarm *s, const struct address *relay, size_t count)
{
    *s = (struct swarm){.relay = *relay, .count = count, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    s->members = calloc(count, sizeof *s->members);
    int rc = s->members == NULL ? ERR_MEMORY : s->epoll < 0 ? ERR_SYSTEM : 0;
    for (size_t i = 0; rc == 0 && i < SWARM_ENDPOINTS; i++)
        rc = endpoint_init(s, i);
    if (rc != 0)
        swarm_free(s);
    return rc;
}

void swarm_free(struct swarm *s)
{
    s->ending = true;
    for (size_t i = 0; i < SWARM_ENDPOINTS; i++) {
        if (s->endpoints[i] == NULL)
            continue;
        uint64_t now = clock_monotonic();
        quic_endpoint_close_all(s->endpoints[i], "normal close", now);
        quic_endpoint_flush(s->endpoints[i], now);
        quic_endpoint_free(s->endpoints[i]);
    }
    if (s->epoll >= 0)
        close(s->epoll);
    free(s->members);
    *s = (struct swarm){.epoll = -1};
}

struct quic_endpoint *swarm_endpoint(struct swarm *s, const struct member *m)
{
    return s->endpoints[(size_t)(m - s->members) % SWARM_ENDPOINTS];
}

static int dial(struct swarm *s, struct member *m, uint64_t now)
{
    struct quic_dial dial = {.remote = s->relay, .sni = m->sni, .user = m};
    int rc = quic_endpoint_dial(swarm_endpoint(s, m), &dial, now, &m->connection);
    if (rc == 0) {
        m->state = MEMBER_DIALED;
        s->dialed++;
    }
    return rc;
}

static int dial_more(struct swarm *s, uint64_t now)
{
    int rc = 0;
    while (rc == 0 && s->dialed < s->count && s->dialed - s->ready < SWARM_HANDSHAKES)
        rc = dial(s, &s->members[s->dialed], now);
    return rc;
}

void swarm_flush(struct swarm *s, uint64_t now)
{
    for (size_t i = 0; i < SWARM_ENDPOINTS; i++)
        quic_endpoint_flush(s->endpoints[i], now);
}

static uint64_t earliest(const struct swarm *s, uint64_t until)
{
    for (size_t i = 0; i < SWARM_ENDPOINTS; i++) {
        uint64_t deadline = quic_endpoint_deadline(s->endpoints[i]);
        if (deadline < until)
            until = deadline;
    }
    return until;
}

static int wait_events(struct swarm *s, uint64_t until, struct epoll_event *events)
{
    uint64_t now = clock_monotonic();
    uint64_t left = until > now ? until - now : 0;
    struct timespec timeout = {(time_t)(left / CLOCK_SECOND), (long)(left % CLOCK_SECOND)};
    int count = epoll_pwait2(s->epoll, events, SWARM_ENDPOINTS, &timeout, NULL);
    if (count < 0)
        return errno == EINTR ? 0 : ERR_SYSTEM;
    return count;
}

int swarm_step(struct swarm *s, uint64_t until)
{
    struct epoll_event events[SWARM_ENDPOINTS];
    int count = wait_events(s, earliest(s, until), events);
    if (count < 0)
        return count;
    uint64_t now = clock_monotonic();
    for (int i = 0; i < count; i++)
        quic_endpoint_receive(s->endpoints[events[i].data.u64], now);
    for (size_t i = 0; i < SWARM_ENDPOINTS; i++) {
        if (quic_endpoint_deadline(s->endpoints[i]) <= now)
            quic_endpoint_expire(s->endpoints[i], now);
    }
    int rc = dial_more(s, now);
    swarm_flush(s, now);
    return rc;
}

int swarm_open(struct swarm *s, uint64_t until)
{
    while (s->ready < s->count) {
        uint64_t now = clock_monotonic();
        if (now >= until)
            return ERR_TIMEOUT;
        int rc = dial_more(s, now);
        if (rc == 0) {
            swarm_flush(s, now);
            rc = swarm_step(s, until);
        }
        if (rc == 0 && s->lost > 0)
            rc = ERR_CLOSED;
        if (rc != 0)
            return rc;
    }
    return 0;
}

uint64_t swarm_waiting(const struct swarm *s, uint64_t queued)
{
    uint64_t gone = 0;
    for (size_t i = 0; i < SWARM_ENDPOINTS; i++) {
        const struct quic_counters *c = quic_endpoint_counters(s->endpoints[i]);
        gone += c->datagrams_sent + c->drop_queue_full;
    }
    return queued > gone ? queued - gone : 0;
}

void swarm_clear(struct swarm *s)
{
    s->received = 0;
    histogram_clear(&s->latency);
}
