/*
 * How records are written and read: a format version byte, then fields one after another. Numbers
 * are big-endian; a text is u16 length and bytes, a body u32 length and bytes. Each type of record
 * has its own version (next to its writer); a reader takes its own version and the ones before.
 *
 * Keys are `kind/name` in printable characters, so that a debugging view can show them.
 */
#ifndef CHAPPE_CONTROL_CORE_RECORD_H
#define CHAPPE_CONTROL_CORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes.h"
#include "common/fingerprint.h"

#define RECORD_KEY_SIZE 128 /* with the NUL */

/* The kinds of records, which start their keys. */
#define RECORD_CONNECTION "connection/" /* + the connection's number, 16 hex digits */
#define RECORD_CALL "call/"             /* + its id */
#define RECORD_ENDED "ended/"           /* + the call's id */
#define RECORD_PEER "peer/"             /* + its TLS fingerprint, 64 hex digits */
#define RECORD_DRAIN "drain/"           /* one, see drain.h */
#define RECORD_TOPIC "topic/"           /* + 32 hex digits, see federation_record.h */
#define RECORD_ENTRY "entry/"           /* likewise */
#define RECORD_DEMAND "demand/"         /* likewise */
#define RECORD_ORIGINAL "original/"     /* likewise, see original_record.h */
#define RECORD_QUEUE "queue/"           /* + the peer's TLS fingerprint: something is unsent */
#define RECORD_TERMS "terms/"           /* one, see federation_terms.h */
#define RECORD_PRESENCE "presence/"     /* see presence_record.h */
#define RECORD_NAMES "names/"           /* likewise */
#define RECORD_ROUTE "route/"           /* + the query's id, see route.h */
#define RECORD_PROBE "probe/"           /* + 32 hex digits, of a target's address */
#define RECORD_SAID "said/"             /* + a relay's TLS fingerprint: what it told on a probe */
#define RECORD_REPLAY "replay/"         /* + 32 hex digits, see replay.h */

void record_key(char key[RECORD_KEY_SIZE], const char *kind, const char *name);
void record_key_u64(char key[RECORD_KEY_SIZE], const char *kind, uint64_t number);
void record_key_hex(char key[RECORD_KEY_SIZE], const char *kind, struct bytes name);
/* The part behind the kind, or NULL if the key is of another kind. `key` need not end in a NUL. */
struct bytes record_key_name(struct bytes key, const char *kind);

void record_put_text(struct buffer *out, const char *text); /* NULL is written like "" */
void record_put_body(struct buffer *out, struct bytes body);
void record_put_tls(struct buffer *out, const struct fingerprint_tls *fingerprint);

/* Readers fail as struct reader does; a text that does not fit `size` fails too. */
void record_get_text(struct reader *r, char *out, size_t size);
/* A fresh copy, NULL for an empty text; fails beyond `max` bytes and without memory. */
char *record_get_copy(struct reader *r, size_t max);
struct bytes record_get_body(struct reader *r); /* a view */
void record_get_tls(struct reader *r, struct fingerprint_tls *out);
bool record_get_bool(struct reader *r);
/* Reads the version byte; 0 if it is not 1..newest. */
uint8_t record_get_version(struct reader *r, uint8_t newest);

#endif
