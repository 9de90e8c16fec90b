/*
 * Rooms: their names, the two hashes of a name that travel on the wire, and the ids of calls,
 * which name a room of their own (protocol.md 1.4, 1.5, 3.5).
 *
 * A room name arrives as TLS SNI, so it is a host name: in lower case, whatever the phone wrote.
 * Names from the config are brought to that form too (defect 29). The tag is made of the name as
 * it is configured on the originals; ours is the lower-case one.
 */
#ifndef CHAPPE_COMMON_ROOM_H
#define CHAPPE_COMMON_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

#define ROOM_NAME_MAX 253                  /* characters, as any host name */
#define ROOM_NAME_SIZE (ROOM_NAME_MAX + 1) /* with the NUL */
#define ROOM_DEFAULT "default"             /* where a connection without SNI belongs */
#define ROOM_CALL_PREFIX "call-"
/* `call-` and the id are one label of a host name, which has at most 63 characters. */
#define ROOM_CALL_ID_MAX 58
#define ROOM_CALL_ID_SIZE (ROOM_CALL_ID_MAX + 1)

/* What stands before the media packet of a federation datagram. */
#define ROOM_TAG_SIZE 8

struct room_tag {
    uint8_t bytes[ROOM_TAG_SIZE];
};

/* The first 8 bytes of SHA-256(name), of the name's bytes as given. Returns 0 or ERR_CRYPTO. */
int room_tag_of_name(struct bytes name, struct room_tag *out);
bool room_tag_equal(const struct room_tag *a, const struct room_tag *b);
uint64_t room_tag_number(const struct room_tag *tag); /* big-endian, as a key for tables */

/*
 * The 32 hex digits that clients of the web bridge use instead of the name: the first 16 bytes of
 * SHA-256("featherchat-group:" + name). Returns 0 or ERR_CRYPTO.
 */
#define ROOM_HASHED_SIZE 33
int room_hashed_name(struct bytes name, char out[ROOM_HASHED_SIZE]);

/* True for 32 hex digits of either case: the hash of a name, by its looks. */
bool room_name_is_hash(struct bytes name);

/*
 * True for a name that phones can use and that the relay gives no other meaning: labels of 1 to 63
 * of [A-Za-z0-9_-] with single dots between them, none starting or ending in `-`, the last not of
 * digits only, at most 253 characters; and not reserved.
 */
bool room_name_valid(struct bytes name);

/* Names with a meaning of their own: `ping`, `version` and all that start with `_` (defect 69). */
bool room_name_reserved(struct bytes name);

/*
 * A room name in the one form that is compared: valid, in lower case (ASCII), a trailing dot taken
 * off. Returns 0 or ERR_SYNTAX; `out` is then an empty string.
 */
int room_name_normalize(struct bytes name, char out[ROOM_NAME_SIZE]);

/* True if the name starts with `call-`, in any case; what follows need not be a valid id. */
bool room_is_call(struct bytes name);
/* What follows `call-`, a view into `name`; BYTES_NONE if it is no call room. */
struct bytes room_call_id(struct bytes name);

/*
 * The form of a call id that is stored and looked up: in lower case, because it comes back as SNI
 * (defect 29). Returns 0; ERR_SYNTAX if it is empty, has a character outside of [a-z0-9-] or ends
 * in `-` (no host name does), ERR_TOO_LARGE beyond 58 characters (defect 64); `out` is then an
 * empty string.
 */
int room_call_id_normalize(struct bytes id, char out[ROOM_CALL_ID_SIZE]);

/* `call-` + id, which must be a normalized one. */
void room_of_call(const char *id, char out[ROOM_NAME_SIZE]);

#endif
