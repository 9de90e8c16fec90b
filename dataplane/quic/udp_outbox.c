#include "dataplane/quic/udp_outbox.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define MESSAGES 64
#define ARENA (256 * 1024)
#define SEGMENTS_MAX 64   /* of one message; the kernel's limit before 6.9 */
#define MESSAGE_MAX 65000 /* bytes of one message with all its segments */
#define CONTROL_SIZE (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)))

struct message {
    struct udp_path path;
    size_t segment; /* bytes of all packets but the last */
    size_t packets;
    bool closed; /* the last packet was shorter, nothing may follow */
    struct iovec vector;
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_SIZE];
};

struct udp_outbox {
    const struct udp_socket *socket;
    uint64_t *errors;
    bool no_gso; /* the device or the kernel cannot */
    size_t used; /* bytes of the arena */
    size_t count;
    struct mmsghdr headers[MESSAGES];
    struct message messages[MESSAGES];
    uint8_t arena[ARENA];
};

struct udp_outbox *udp_outbox_new(const struct udp_socket *s, uint64_t *errors)
{
    struct udp_outbox *out = malloc(sizeof(*out));
    if (!out)
        return NULL;
    out->socket = s;
    out->errors = errors;
    out->no_gso = false;
    out->used = 0;
    out->count = 0;
    return out;
}

void udp_outbox_free(struct udp_outbox *out)
{
    free(out);
}

uint8_t *udp_outbox_space(struct udp_outbox *out)
{
    if (out->used + UDP_PAYLOAD_MAX > ARENA || out->count == MESSAGES)
        udp_outbox_send(out);
    return out->arena + out->used;
}

static bool same_path(const struct udp_path *a, const struct udp_path *b)
{
    return a->remote.len == b->remote.len && a->local.len == b->local.len &&
           memcmp(&a->remote.u, &b->remote.u, a->remote.len) == 0 &&
           memcmp(&a->local.u, &b->local.u, a->local.len) == 0;
}

static bool extends(const struct udp_outbox *out, const struct udp_path *path, size_t len)
{
    if (out->count == 0 || out->no_gso)
        return false;
    const struct message *m = &out->messages[out->count - 1];
    return !m->closed && len <= m->segment && m->packets < SEGMENTS_MAX &&
           m->vector.iov_len + len <= MESSAGE_MAX && same_path(&m->path, path);
}

void udp_outbox_commit(struct udp_outbox *out, const struct udp_path *path, size_t len)
{
    if (extends(out, path, len)) {
        struct message *m = &out->messages[out->count - 1];
        m->packets++;
        m->vector.iov_len += len;
        m->closed = len < m->segment;
    } else {
        struct message *m = &out->messages[out->count++];
        m->path = *path;
        m->segment = len;
        m->packets = 1;
        m->closed = false;
        m->vector = (struct iovec){out->arena + out->used, len};
    }
    out->used += len;
}

static struct cmsghdr *add_control(struct msghdr *header, int level, int type, const void *data,
                                   size_t len)
{
    uint8_t *at = (uint8_t *)header->msg_control + header->msg_controllen;
    struct cmsghdr *c = (struct cmsghdr *)(void *)at;
    memset(c, 0, CMSG_SPACE(len));
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), data, len);
    header->msg_controllen += CMSG_SPACE(len);
    return c;
}

static void add_source(struct msghdr *header, const struct address *local)
{
    if (local->u.any.sa_family == AF_INET6) {
        struct in6_pktinfo info = {.ipi6_addr = local->u.v6.sin6_addr};
        add_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
    } else {
        struct in_pktinfo info = {.ipi_spec_dst = local->u.v4.sin_addr};
        add_control(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
    }
}

static void make_header(const struct udp_outbox *out, struct message *m, struct msghdr *header)
{
    *header = (struct msghdr){
        .msg_name = &m->path.remote.u,
        .msg_namelen = m->path.remote.len,
        .msg_iov = &m->vector,
        .msg_iovlen = 1,
        .msg_control = m->control,
    };
    if (out->socket->wildcard)
        add_source(header, &m->path.local);
    if (m->packets > 1) {
        uint16_t segment = (uint16_t)m->segment;
        add_control(header, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
    }
    if (header->msg_controllen == 0)
        header->msg_control = NULL;
}

/* The kernel refused segments: each packet on its own. */
static void send_singly(struct udp_outbox *out, struct message *m)
{
    uint8_t *at = m->vector.iov_base;
    size_t left = m->vector.iov_len;
    while (left > 0) {
        struct message one = {.path = m->path, .packets = 1};
        struct msghdr header;
        size_t len = left < m->segment ? left : m->segment;
        one.vector = (struct iovec){at, len};
        make_header(out, &one, &header);
        if (sendmsg(out->socket->fd, &header, MSG_DONTWAIT) < 0)
            ++*out->errors;
        at += len;
        left -= len;
    }
}

static void handle_refused(struct udp_outbox *out, struct message *m, int error)
{
    if (m->packets > 1 && (error == EIO || error == EINVAL || error == EOPNOTSUPP)) {
        out->no_gso = true;
        send_singly(out, m);
        return;
    }
    *out->errors += m->packets;
}

void udp_outbox_send(struct udp_outbox *out)
{
    size_t done = 0;
    for (size_t i = 0; i < out->count; i++)
        make_header(out, &out->messages[i], &out->headers[i].msg_hdr);
    while (done < out->count) {
        int n = sendmmsg(out->socket->fd, out->headers + done, (unsigned)(out->count - done),
                         MSG_DONTWAIT);
        if (n > 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            /* The error belongs to the first one; the rest may still go out. */
            handle_refused(out, &out->messages[done], errno);
            done++;
        }
    }
    out->count = 0;
    out->used = 0;
}
