/*
 * A UDP or TCP address: IPv4 or IPv6 and a port, in the form that the socket calls take. Host
 * names are split off here but resolved elsewhere.
 *
 * An IPv4 address reached through a socket for both families looks like `::ffff:192.0.2.1` to the
 * kernel. address_from_sockaddr and the parsers unmap it, so that every address inside our programs
 * has one form; address_to_mapped makes what such a socket wants for sending.
 *
 * All zeros is a valid value that means "no address".
 */
#ifndef CHAPPE_COMMON_ADDRESS_H
#define CHAPPE_COMMON_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/bytes.h"

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } u;
    socklen_t len; /* of the member in use; 0: no address */
};

/* `[` + 45 characters + `%` + ten digits of a scope + `]:65535` + NUL, rounded up. */
#define ADDRESS_TEXT 72
/* A host name has at most 253 characters, and may end in a dot. */
#define ADDRESS_HOST 255

bool address_is_none(const struct address *a);

/* What a socket call filled in. Returns 0 or ERR_TYPE (neither IPv4 nor IPv6); unmaps. */
int address_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct address *out);
/* From 4 or 16 bytes in network order, else ERR_RANGE; no bytes: no address. Unmaps. */
int address_from_ip(struct bytes ip, uint16_t port, struct address *out);
/* The 4 or 16 bytes of the IP address, a view into `a`; BYTES_NONE if there is none. */
struct bytes address_ip(const struct address *a);
uint16_t address_port(const struct address *a); /* 0 if there is no address */
void address_set_port(struct address *a, uint16_t port);

/* Turns `::ffff:a.b.c.d` into `a.b.c.d`; leaves everything else as it is. */
void address_unmap(struct address *a);
/* The reverse, for sending through a socket of both families. */
void address_to_mapped(struct address *a);

/*
 * `192.0.2.1:4433` or `[2001:db8::1]:4433`, literal only. Returns 0; ERR_SYNTAX (a host name, no
 * port, IPv6 without brackets) or ERR_RANGE (port 0 or above 65535). `0.0.0.0` and `::` are
 * addresses like any other. The second function allows port 0, which listen addresses may have.
 */
int address_parse(struct bytes text, struct address *out);
int address_parse_listen(struct bytes text, struct address *out);
/* An IP address alone, IPv6 with or without brackets. The port is 0. Returns 0 or ERR_SYNTAX. */
int address_parse_ip(struct bytes text, struct address *out);
/*
 * Splits `host:port`, where the host may be a name, an IPv4 address or an IPv6 address in brackets
 * (which are taken off). Names consist of letters, digits, `-`, `_` and dots. Errors as above.
 */
int address_split(struct bytes text, char host[ADDRESS_HOST], uint16_t *port);

/* `a.b.c.d:port` or `[v6]:port`, which address_parse reads back; "" if there is no address. */
void address_text(const struct address *a, char out[ADDRESS_TEXT]);
/* The IP address alone, IPv6 without brackets. */
void address_ip_text(const struct address *a, char out[ADDRESS_TEXT]);

bool address_is_wildcard(const struct address *a); /* 0.0.0.0 or :: */
bool address_is_loopback(const struct address *a); /* 127.0.0.0/8 or ::1 */

/* Family, IP, scope and port; flow labels do not count. */
bool address_equal(const struct address *a, const struct address *b);
bool address_equal_ip(const struct address *a, const struct address *b); /* not the port */
/* Equal addresses have equal hashes; with the same secret key, else strangers can aim at a slot. */
uint64_t address_hash(const struct address *a, uint64_t key);
uint64_t address_hash_ip(const struct address *a, uint64_t key); /* goes with address_equal_ip */

#endif
