#include "common/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/text.h"

#define ADDRESS_PORT_MAX 65535
#define ADDRESS_MAPPED_AT 12 /* where the IPv4 address starts within a mapped one */

bool address_is_none(const struct address *a)
{
    return a->len == 0;
}

static void address_set_v4(struct address *out, const void *ip, uint16_t port)
{
    memset(out, 0, sizeof(*out));
    out->u.v4.sin_family = AF_INET;
    out->u.v4.sin_port = htons(port);
    memcpy(&out->u.v4.sin_addr, ip, sizeof(out->u.v4.sin_addr));
    out->len = sizeof(out->u.v4);
}

static void address_set_v6(struct address *out, const void *ip, uint16_t port, uint32_t scope)
{
    memset(out, 0, sizeof(*out));
    out->u.v6.sin6_family = AF_INET6;
    out->u.v6.sin6_port = htons(port);
    memcpy(&out->u.v6.sin6_addr, ip, sizeof(out->u.v6.sin6_addr));
    out->u.v6.sin6_scope_id = scope;
    out->len = sizeof(out->u.v6);
}

int address_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct address *out)
{
    struct address copy = {0};
    memset(out, 0, sizeof(*out));
    if (len < (socklen_t)sizeof(sa_family_t) || len > (socklen_t)sizeof(copy.u))
        return ERR_TYPE;
    memcpy(&copy.u, sa, len);
    if (copy.u.any.sa_family == AF_INET && len == (socklen_t)sizeof(copy.u.v4))
        address_set_v4(out, &copy.u.v4.sin_addr, ntohs(copy.u.v4.sin_port));
    else if (copy.u.any.sa_family == AF_INET6 && len == (socklen_t)sizeof(copy.u.v6))
        address_set_v6(out, &copy.u.v6.sin6_addr, ntohs(copy.u.v6.sin6_port),
                       copy.u.v6.sin6_scope_id);
    else
        return ERR_TYPE;
    address_unmap(out);
    return 0;
}

int address_from_ip(struct bytes ip, uint16_t port, struct address *out)
{
    memset(out, 0, sizeof(*out));
    if (ip.len == sizeof(struct in_addr))
        address_set_v4(out, ip.data, port);
    else if (ip.len == sizeof(struct in6_addr))
        address_set_v6(out, ip.data, port, 0);
    else if (ip.len != 0)
        return ERR_RANGE;
    address_unmap(out);
    return 0;
}

static bool address_is_v6(const struct address *a)
{
    return a->len == sizeof(a->u.v6);
}

struct bytes address_ip(const struct address *a)
{
    if (address_is_none(a))
        return BYTES_NONE;
    if (address_is_v6(a))
        return (struct bytes){a->u.v6.sin6_addr.s6_addr, sizeof(a->u.v6.sin6_addr)};
    return (struct bytes){(const uint8_t *)&a->u.v4.sin_addr, sizeof(a->u.v4.sin_addr)};
}

uint16_t address_port(const struct address *a)
{
    if (address_is_none(a))
        return 0;
    return ntohs(address_is_v6(a) ? a->u.v6.sin6_port : a->u.v4.sin_port);
}

void address_set_port(struct address *a, uint16_t port)
{
    if (address_is_v6(a))
        a->u.v6.sin6_port = htons(port);
    else if (!address_is_none(a))
        a->u.v4.sin_port = htons(port);
}

void address_unmap(struct address *a)
{
    if (!address_is_v6(a) || !IN6_IS_ADDR_V4MAPPED(&a->u.v6.sin6_addr))
        return;
    struct address mapped = *a;
    address_set_v4(a, mapped.u.v6.sin6_addr.s6_addr + ADDRESS_MAPPED_AT, address_port(&mapped));
}

void address_to_mapped(struct address *a)
{
    uint8_t ip[16] = {[10] = 0xff, [11] = 0xff};
    if (address_is_none(a) || address_is_v6(a))
        return;
    memcpy(ip + ADDRESS_MAPPED_AT, &a->u.v4.sin_addr, sizeof(a->u.v4.sin_addr));
    address_set_v6(a, ip, address_port(a), 0);
}

/* An IPv6 address may name its interface behind a `%`, by number or by name. */
static int address_parse_scope(char *text, uint32_t *scope)
{
    char *percent = strchr(text, '%');
    uint64_t number;
    *scope = 0;
    if (percent == NULL)
        return 0;
    *percent = '\0';
    if (text_parse_u64(bytes_of_string(percent + 1), 1, UINT32_MAX, &number) == 0)
        *scope = (uint32_t)number;
    else
        *scope = if_nametoindex(percent + 1);
    return *scope == 0 ? ERR_SYNTAX : 0;
}

static int address_parse_host(const char *host, bool v6, uint16_t port, struct address *out)
{
    uint8_t ip[sizeof(struct in6_addr)];
    char text[ADDRESS_HOST];
    uint32_t scope;
    snprintf(text, sizeof(text), "%s", host);
    memset(out, 0, sizeof(*out));
    if (!v6) {
        if (inet_pton(AF_INET, text, ip) != 1)
            return ERR_SYNTAX;
        address_set_v4(out, ip, port);
        return 0;
    }
    if (address_parse_scope(text, &scope) != 0 || inet_pton(AF_INET6, text, ip) != 1)
        return ERR_SYNTAX;
    address_set_v6(out, ip, port, scope);
    address_unmap(out);
    return 0;
}

/* Copies a view that must be text without NUL and fit. */
static int address_copy(struct bytes text, char out[ADDRESS_HOST])
{
    if (text.len == 0 || text.len >= ADDRESS_HOST || memchr(text.data, '\0', text.len) != NULL)
        return ERR_SYNTAX;
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return 0;
}

static bool address_is_name(const char *host)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return host[strspn(host, allowed)] == '\0' && host[0] != '.' && host[0] != '-';
}

/* The parts of `host:port`; `v6`: the host stood in brackets. */
struct address_parts {
    char host[ADDRESS_HOST];
    bool v6;
    uint16_t port;
};

static int address_take_apart(struct bytes text, uint16_t port_min, struct address_parts *out)
{
    struct bytes host = text;
    uint64_t port;
    while (host.len > 0 && host.data[host.len - 1] != ':')
        host.len--;
    if (host.len == 0)
        return ERR_SYNTAX;
    struct bytes rest = {text.data + host.len, text.len - host.len};
    host.len--;
    out->v6 = host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';
    if (out->v6)
        host = (struct bytes){host.data + 1, host.len - 2};
    int rc = address_copy(host, out->host);
    if (rc == 0)
        rc = text_parse_u64(rest, port_min, ADDRESS_PORT_MAX, &port);
    if (rc == 0)
        out->port = (uint16_t)port;
    return rc;
}

static int address_parse_port_from(struct bytes text, uint16_t port_min, struct address *out)
{
    struct address_parts parts;
    memset(out, 0, sizeof(*out));
    int rc = address_take_apart(text, port_min, &parts);
    return rc != 0 ? rc : address_parse_host(parts.host, parts.v6, parts.port, out);
}

int address_parse(struct bytes text, struct address *out)
{
    return address_parse_port_from(text, 1, out);
}

int address_parse_listen(struct bytes text, struct address *out)
{
    return address_parse_port_from(text, 0, out);
}

int address_parse_ip(struct bytes text, struct address *out)
{
    char host[ADDRESS_HOST];
    memset(out, 0, sizeof(*out));
    bool brackets = text.len >= 2 && text.data[0] == '[' && text.data[text.len - 1] == ']';
    if (brackets)
        text = (struct bytes){text.data + 1, text.len - 2};
    if (address_copy(text, host) != 0)
        return ERR_SYNTAX;
    return address_parse_host(host, brackets || strchr(host, ':') != NULL, 0, out);
}

int address_split(struct bytes text, char host[ADDRESS_HOST], uint16_t *port)
{
    struct address_parts parts;
    struct address ignored;
    int rc = address_take_apart(text, 1, &parts);
    if (rc != 0)
        return rc;
    if (parts.v6 ? address_parse_host(parts.host, true, 1, &ignored) != 0
                 : !address_is_name(parts.host))
        return ERR_SYNTAX;
    memcpy(host, parts.host, sizeof(parts.host));
    *port = parts.port;
    return 0;
}

void address_ip_text(const struct address *a, char out[ADDRESS_TEXT])
{
    struct bytes ip = address_ip(a);
    out[0] = '\0';
    if (ip.len == 0)
        return;
    inet_ntop(address_is_v6(a) ? AF_INET6 : AF_INET, ip.data, out, ADDRESS_TEXT);
    size_t len = strlen(out);
    if (address_is_v6(a) && a->u.v6.sin6_scope_id != 0)
        snprintf(out + len, ADDRESS_TEXT - len, "%%%u", a->u.v6.sin6_scope_id);
}

void address_text(const struct address *a, char out[ADDRESS_TEXT])
{
    char ip[ADDRESS_TEXT];
    address_ip_text(a, ip);
    out[0] = '\0';
    if (address_is_none(a))
        return;
    const char *format = address_is_v6(a) ? "[%.60s]:%u" : "%.60s:%u";
    snprintf(out, ADDRESS_TEXT, format, ip, (unsigned)address_port(a));
}

bool address_is_wildcard(const struct address *a)
{
    if (address_is_v6(a))
        return IN6_IS_ADDR_UNSPECIFIED(&a->u.v6.sin6_addr);
    return !address_is_none(a) && a->u.v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool address_is_loopback(const struct address *a)
{
    if (address_is_v6(a))
        return IN6_IS_ADDR_LOOPBACK(&a->u.v6.sin6_addr);
    return !address_is_none(a) && ntohl(a->u.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static uint32_t address_scope(const struct address *a)
{
    return address_is_v6(a) ? a->u.v6.sin6_scope_id : 0;
}

bool address_equal_ip(const struct address *a, const struct address *b)
{
    return bytes_equal(address_ip(a), address_ip(b)) && address_scope(a) == address_scope(b);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return address_equal_ip(a, b) && address_port(a) == address_port(b);
}

/* Mixes one word into a hash; the constants and shifts are those of the splitmix64 generator. */
static uint64_t address_mix(uint64_t hash, uint64_t word)
{
    hash += word + 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ hash >> 27) * 0x94d049bb133111ebu;
    return hash ^ hash >> 31;
}

uint64_t address_hash_ip(const struct address *a, uint64_t key)
{
    uint64_t words[2] = {0};
    struct bytes ip = address_ip(a);
    if (ip.len > 0)
        memcpy(words, ip.data, ip.len);
    uint64_t hash = address_mix(key, ip.len);
    hash = address_mix(hash, words[0]);
    hash = address_mix(hash, words[1]);
    return address_mix(hash, address_scope(a));
}

uint64_t address_hash(const struct address *a, uint64_t key)
{
    return address_mix(address_hash_ip(a, key), address_port(a));
}
