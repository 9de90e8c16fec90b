#include "dataplane/quic/udp_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"

#define BUFFER_SIZE 65536               /* a GRO buffer holds up to 64 KiB */
#define SOCKET_BUFFER (4 * 1024 * 1024) /* asked for; the kernel gives what it allows */

struct udp_inbox {
    struct mmsghdr headers[UDP_BATCH];
    struct iovec vectors[UDP_BATCH];
    struct sockaddr_in6 names[UDP_BATCH];
    _Alignas(struct cmsghdr) uint8_t controls[UDP_BATCH][128];
    uint8_t buffers[UDP_BATCH][BUFFER_SIZE];
};

static void set_int(int fd, int level, int name, int value)
{
    /* All of these only make things better; where the kernel refuses, life goes on without. */
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

static void set_options(int fd, sa_family_t family)
{
    set_int(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    set_int(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
    set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER); /* beyond the limit, as root */
    set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER);
    set_int(fd, SOL_UDP, UDP_GRO, 1);
    /* Do not fragment: the size of the path is found by QUIC's own probes (RFC 9000, 14). */
    set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (family == AF_INET6) {
        set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
        set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
        set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    } else {
        set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
    }
}

static int bind_socket(struct udp_socket *s, const struct address *local, bool reuse_port)
{
    if (reuse_port)
        set_int(s->fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (bind(s->fd, &local->u.any, local->len) != 0)
        return ERR_SYSTEM;
    s->local.len = sizeof(s->local.u);
    return getsockname(s->fd, &s->local.u.any, &s->local.len) == 0 ? ERR_OK : ERR_SYSTEM;
}

int udp_socket_open(struct udp_socket *s, const struct address *local, bool reuse_port)
{
    sa_family_t family = local->u.any.sa_family;
    *s = (struct udp_socket){.wildcard = address_is_wildcard(local)};
    s->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return ERR_SYSTEM;
    set_options(s->fd, family);
    if (bind_socket(s, local, reuse_port) != ERR_OK) {
        int saved = errno;
        udp_socket_close(s);
        errno = saved;
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

void udp_socket_close(struct udp_socket *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

int udp_socket_route(const struct udp_socket *s, const struct address *remote,
                     struct address *local)
{
    *local = s->local;
    if (!s->wildcard)
        return ERR_OK;
    int fd = socket(remote->u.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_SYSTEM;
    struct address found = {.len = sizeof(found.u)};
    int failed = connect(fd, &remote->u.any, remote->len) != 0 ||
                 getsockname(fd, &found.u.any, &found.len) != 0;
    close(fd);
    if (failed)
        return ERR_SYSTEM;
    address_set_port(&found, address_port(&s->local));
    *local = found;
    return ERR_OK;
}

struct udp_inbox *udp_inbox_new(void)
{
    /* Not cleared: most of these pages are never touched. */
    struct udp_inbox *in = malloc(sizeof(*in));
    if (!in)
        return NULL;
    memset(in->headers, 0, sizeof(in->headers));
    for (size_t i = 0; i < UDP_BATCH; i++) {
        in->vectors[i] = (struct iovec){in->buffers[i], BUFFER_SIZE};
        in->headers[i].msg_hdr.msg_iov = &in->vectors[i];
        in->headers[i].msg_hdr.msg_iovlen = 1;
        in->headers[i].msg_hdr.msg_name = &in->names[i];
        in->headers[i].msg_hdr.msg_control = in->controls[i];
    }
    return in;
}

void udp_inbox_free(struct udp_inbox *in)
{
    free(in);
}

size_t udp_inbox_read(struct udp_inbox *in, const struct udp_socket *s)
{
    for (size_t i = 0; i < UDP_BATCH; i++) {
        in->headers[i].msg_hdr.msg_namelen = sizeof(in->names[i]);
        in->headers[i].msg_hdr.msg_controllen = sizeof(in->controls[i]);
    }
    int n;
    do {
        n = recvmmsg(s->fd, in->headers, UDP_BATCH, MSG_DONTWAIT, NULL);
    } while (n < 0 && errno == EINTR);
    /* Anything but EAGAIN is the report of an earlier packet (ICMP); reading it cleared it. */
    return n > 0 ? (size_t)n : 0;
}

/* Takes the segment size and the destination address out of what the kernel says of a buffer. */
static void read_control(struct msghdr *header, struct udp_received *out)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
            int segment;
            memcpy(&segment, CMSG_DATA(c), sizeof(segment));
            if (segment > 0)
                out->segment = (size_t)segment;
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            out->path.local.u.v4.sin_addr = info.ipi_addr;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            out->path.local.u.v6.sin6_addr = info.ipi6_addr;
        }
    }
}

bool udp_inbox_get(struct udp_inbox *in, const struct udp_socket *s, size_t index,
                   struct udp_received *out)
{
    struct msghdr *header = &in->headers[index].msg_hdr;
    out->data = in->buffers[index];
    out->len = out->segment = in->headers[index].msg_len;
    out->path.local = s->local;
    out->path.remote.len = header->msg_namelen;
    if (out->len == 0 || header->msg_namelen == 0 || header->msg_namelen > sizeof(in->names[0]))
        return false;
    memcpy(&out->path.remote.u, &in->names[index], header->msg_namelen);
    if (header->msg_namelen < sizeof(out->path.remote.u))
        memset((uint8_t *)&out->path.remote.u + header->msg_namelen, 0,
               sizeof(out->path.remote.u) - header->msg_namelen);
    read_control(header, out);
    return out->path.remote.u.any.sa_family == s->local.u.any.sa_family;
}
