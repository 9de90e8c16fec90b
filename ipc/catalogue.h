/*
 * The catalogue: every item that can travel between the planes, with its fields, in one table.
 * Structs, encoder, decoder, the checks of lengths and the text view for people are all made from
 * it (catalogue.c); so are the tests. Design: shared design page, "The contract between the
 * planes".
 *
 * A nng message is a header (ipc/frame.h) and a row of items. The kinds of row:
 *   input     data -> control, one of opened, signal, closed
 *   notice    data -> control, any number of notices
 *   command   control -> data, one transaction: all of its items or none
 *   position  either way, data_position or control_position, every 100 ms
 *   request   control -> data, request, then perhaps a report: asks for a slice
 *   reply     data -> control, slice, then what is installed, in the same items that installed it
 *             (opened and commands); or refusal alone
 *
 * Names: a connection is the data plane's number, never used twice in one data epoch. A room is its
 * canonical name. A link is the TLS fingerprint of the peer relay. A tag is the 8 bytes in front of
 * a federation datagram. A record's key is the control plane's choice.
 *
 * The version below changes with every change of the table's meaning.
 */
#ifndef CHAPPE_IPC_CATALOGUE_H
#define CHAPPE_IPC_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/address.h"
#include "common/bytes.h"
#include "common/fingerprint.h"

#define IPC_VERSION 5

#define IPC_ROW_MAX (16u * 1024 * 1024) /* bytes of a row of items */
#define IPC_ROW_ITEMS_MAX 262144        /* items in a row */

#define IPC_TAG_SIZE 8
#define IPC_EXPORTER_SIZE 32
#define IPC_HOPS_MAX 4096                    /* hops in one list */
#define IPC_CONNECTIONS_MAX 65536            /* connections in one list */
#define IPC_NAME_MAX 255                     /* bytes of a room, sni, reason, counter name */
#define IPC_KEY_MAX 255                      /* bytes of a record's key */
#define IPC_VALUE_MAX (256u * 1024)          /* bytes of a record's value */
#define IPC_BODY_MAX (1048576u + 64u * 1024) /* bytes of a signal message */

/* Where a packet of a room or of a route goes besides the members: over which link, tagged how. */
struct ipc_hop {
    struct fingerprint_tls link;
    uint8_t tag[IPC_TAG_SIZE];
};

/* Lists are views: of the decoded message, or of the caller's array when encoding. */
struct ipc_connections {
    const uint64_t *list; /* after decoding: owned by the struct ipc_items that holds the item */
    size_t count;
};

struct ipc_hops {
    const struct ipc_hop *list; /* likewise */
    size_t count;
};

/*
 * Field types: what, C type, on the wire.
 *   U32 U64            big-endian
 *   BOOL               one byte, 0 or 1
 *   NAME               u16 length + bytes, at most IPC_NAME_MAX (struct bytes)
 *   KEY, VALUE, BODY   u32 length + bytes, with their own caps (struct bytes)
 *   FINGERPRINT        32 bytes            TAG       8 bytes           EXPORTER   32 bytes
 *   ADDRESS            u8 length (4 or 16, 0 = none), address, u16 port
 *   CONNECTIONS, HOPS  u32 count + elements
 */

/* ---- inputs: numbered per connection, acknowledged, sent again until they are ---- */

/* A handshake is done. In a snapshot: a connection whose `opened` was acknowledged. */
#define IPC_FIELDS_opened(F)                                                                       \
    F(U64, connection)                                                                             \
    F(U64, input) /* number within the connection, from 1 */                                       \
    F(BOOL, dialed)                                                                                \
    F(U64, dial) /* the id that the dial command gave; 0 if accepted */                            \
    F(ADDRESS, remote)                                                                             \
    F(ADDRESS, local) /* at which the peer reached us */                                           \
    F(NAME, sni)      /* lower-cased; empty: none */                                               \
    F(BOOL, has_certificate)                                                                       \
    F(FINGERPRINT, fingerprint)                                                                    \
    F(EXPORTER, exporter)

/* A signal message, as it came. */
#define IPC_FIELDS_signal(F)                                                                       \
    F(U64, connection)                                                                             \
    F(U64, input)                                                                                  \
    F(ADDRESS, remote) /* of the current path */                                                   \
    F(BODY, body)

/* The last input of a connection. A dial that failed has this one alone (number 1). */
#define IPC_FIELDS_closed(F)                                                                       \
    F(U64, connection)                                                                             \
    F(U64, input)                                                                                  \
    F(BOOL, dialed)                                                                                \
    F(U64, dial)                                                                                   \
    F(U32, error) /* an error code of common/error.h, negated */                                   \
    F(BOOL, by_peer)                                                                               \
    F(NAME, reason)          /* printable */                                                       \
    F(BOOL, has_certificate) /* with ERR_PIN: what was presented instead */                        \
    F(FINGERPRINT, fingerprint)

/* ---- notices: may be lost, the next one replaces them ---- */

#define IPC_FIELDS_counter(F)                                                                      \
    F(NAME, name)                                                                                  \
    F(NAME, help) /* what it counts, for people */                                                 \
    F(U64, value) /* since the data plane's start */

/* A link and what went over all its connections since the data plane knows the link; numbers that
   are smaller than before are of a new life of the link. */
#define IPC_FIELDS_link_state(F)                                                                   \
    F(FINGERPRINT, link)                                                                           \
    F(U32, connections) /* that live */                                                            \
    F(U32, rtt_us)      /* of the one that carries media; 0 = not known */                         \
    F(U64, datagrams_in)                                                                           \
    F(U64, datagrams_out)                                                                          \
    F(U64, datagrams_lost) /* of those that went out, declared lost */                             \
    F(U32, datagram_max)   /* bytes with the tag, on the one that carries media; 0 = not known */

#define IPC_FIELDS_plane_state(F)                                                                  \
    F(U64, started_ms) /* wall clock at start, ms since 1970 */                                    \
    F(U64, connections)                                                                            \
    F(U64, unacknowledged) /* inputs waiting for their acknowledgement */                          \
    F(NAME, aes)

/* The first media of a link in a room, in one direction. */
#define IPC_FIELDS_first_media(F)                                                                  \
    F(FINGERPRINT, link)                                                                           \
    F(NAME, room)                                                                                  \
    F(BOOL, inbound)

/* ---- commands ---- */

/* All inputs of the connection up to this number are dealt with. */
#define IPC_FIELDS_ack(F)                                                                          \
    F(U64, connection)                                                                             \
    F(U64, input)

/* `owner` 0: of nobody, stays until deleted. Else it goes with that connection's last ack. */
#define IPC_FIELDS_record_put(F)                                                                   \
    F(KEY, key)                                                                                    \
    F(U64, owner)                                                                                  \
    F(VALUE, value)
#define IPC_FIELDS_record_delete(F) F(KEY, key)

/* One message to each of the connections; replace_key 0: none. */
#define IPC_FIELDS_send(F)                                                                         \
    F(CONNECTIONS, to)                                                                             \
    F(U64, replace_key)                                                                            \
    F(BODY, body)
/* On a unidirectional stream (SNI `version`). */
#define IPC_FIELDS_send_unidirectional(F)                                                          \
    F(U64, connection)                                                                             \
    F(BODY, body)
#define IPC_FIELDS_close(F)                                                                        \
    F(U64, connection)                                                                             \
    F(BOOL, after_sent) /* what is queued goes first */                                            \
    F(NAME, reason)

/* Makes or changes a room; `egress` replaces the whole list: where the members' media goes. */
#define IPC_FIELDS_room_put(F)                                                                     \
    F(NAME, room)                                                                                  \
    F(U32, participant_pps) /* packets/s from one sender; 0 = unlimited */                         \
    F(HOPS, egress)
#define IPC_FIELDS_room_delete(F) F(NAME, room)
/* The connection becomes a member: it sends to and hears the room. One room per connection. */
#define IPC_FIELDS_join(F)                                                                         \
    F(U64, connection)                                                                             \
    F(NAME, room)
#define IPC_FIELDS_leave(F) F(U64, connection)

/* The connection becomes one of a link's; egress uses the oldest that lives. */
#define IPC_FIELDS_link_join(F)                                                                    \
    F(U64, connection)                                                                             \
    F(FINGERPRINT, link)                                                                           \
    F(NAME, label) /* of the peer, for people */                                                   \
    F(BOOL, legacy)                                                                                \
    F(U32, ping_after_ms) /* liveness; 0 = none */                                                 \
    F(U32, dead_after_ms)
/* Media that comes over `link` with `tag`: to the members of `room` (empty: none) and onward. */
#define IPC_FIELDS_route_put(F)                                                                    \
    F(FINGERPRINT, link)                                                                           \
    F(TAG, tag)                                                                                    \
    F(NAME, room)                                                                                  \
    F(FINGERPRINT, origin) /* whose media it is, for dedup; zeros: the link's own */               \
    F(BOOL, legacy)        /* an original's: it may be what others said, passed on */              \
    F(U32, pps)            /* of all routes of link and room (no room: of this one) together: */   \
                           /* token bucket, burst one second, the newest counts; 0 = unlimited */  \
    F(HOPS, onward)
#define IPC_FIELDS_route_delete(F)                                                                 \
    F(FINGERPRINT, link)                                                                           \
    F(TAG, tag)

/* A connection to be made; its outcome is `opened` or `closed` with this dial id. */
#define IPC_FIELDS_dial(F)                                                                         \
    F(U64, dial)                                                                                   \
    F(ADDRESS, remote)                                                                             \
    F(NAME, sni)                                                                                   \
    F(BOOL, pinned)                                                                                \
    F(FINGERPRINT, pin)                                                                            \
    F(BOOL, present_certificate)

/* A message that the data plane sends by itself at this interval; interval 0 or a close ends it. */
#define IPC_FIELDS_repeat(F)                                                                       \
    F(U64, connection)                                                                             \
    F(U32, interval_ms)                                                                            \
    F(BODY, body)

#define IPC_FIELDS_refuse_new(F) F(BOOL, refuse)

/* What the data plane enforces by itself; said at each adoption and after a reload, so it is in no
   snapshot. ipc/settings.h makes it from a config. */
#define IPC_FIELDS_settings(F)                                                                     \
    F(U32, max_sessions)                                                                           \
    F(U32, max_phones)                                                                             \
    F(U32, address_connections) /* 0 = unlimited */                                                \
    F(U32, signal_bytes)                                                                           \
    F(U32, log_level)   /* enum log_level; another number changes nothing */                       \
    F(VALUE, event_log) /* path; empty: off */

/* The process is to close all connections and end with 0: the last command of a drain. */
#define IPC_FIELDS_stop(F) F(NAME, reason)

/* The control plane has adopted everything that it claims. */
#define IPC_FIELDS_complete(F) F(U64, swept) /* how many things it swept, for the log */

/* ---- the contract itself: made and read by the two sides, not by the planes ---- */

/* Where the data plane is. The frame's sequence: the last input published. */
#define IPC_FIELDS_data_position(F)                                                                \
    F(U64, committed)     /* the last command committed */                                         \
    F(BOOL, gap)          /* a command beyond the next one has come */                             \
    F(U64, refused)       /* a command that will never be committed; 0 = none */                   \
    F(U32, refused_error) /* why, an error code, negated */

/* Where the control plane is. The frame's sequence: the last command published. */
#define IPC_FIELDS_control_position(F)                                                             \
    F(BOOL, live)    /* it has adopted and takes inputs */                                         \
    F(U64, received) /* the last input received */                                                 \
    F(BOOL, gap)     /* an input beyond the next one has come, or is known to have been sent */

#define IPC_FIELDS_request(F) F(U64, cursor) /* 0: the first slice, of a new control epoch */
/* The note of an input that was being handled when a control plane died (ipc/note.h). */
#define IPC_FIELDS_report(F)                                                                       \
    F(U64, data_epoch)                                                                             \
    F(U64, control_epoch)                                                                          \
    F(U64, connection)                                                                             \
    F(U64, input)

/* The frame's sequence: the last input of which the snapshot shows the effect. */
#define IPC_FIELDS_slice(F)                                                                        \
    F(U64, cursor)    /* of the request */                                                         \
    F(U64, next)      /* cursor of the next slice */                                               \
    F(BOOL, last)     /* that was all */                                                           \
    F(U64, committed) /* the last command committed */
#define IPC_FIELDS_refusal(F)                                                                      \
    F(U32, error)         /* an error code, negated */                                             \
    F(U64, control_epoch) /* the epoch that commands; a new one must be greater */

/* name, number on the wire. Numbers are never reused. */
#define IPC_INPUTS(X)                                                                              \
    X(opened, 1)                                                                                   \
    X(signal, 2)                                                                                   \
    X(closed, 3)
#define IPC_NOTICES(X)                                                                             \
    X(counter, 16)                                                                                 \
    X(link_state, 17)                                                                              \
    X(plane_state, 18)                                                                             \
    X(first_media, 19)
#define IPC_COMMANDS(X)                                                                            \
    X(ack, 32)                                                                                     \
    X(record_put, 33)                                                                              \
    X(record_delete, 34)                                                                           \
    X(send, 35)                                                                                    \
    X(send_unidirectional, 36)                                                                     \
    X(close, 37)                                                                                   \
    X(room_put, 38)                                                                                \
    X(room_delete, 39)                                                                             \
    X(join, 40)                                                                                    \
    X(leave, 41)                                                                                   \
    X(link_join, 42)                                                                               \
    X(route_put, 43)                                                                               \
    X(route_delete, 44)                                                                            \
    X(dial, 45)                                                                                    \
    X(repeat, 46)                                                                                  \
    X(refuse_new, 47)                                                                              \
    X(complete, 48)                                                                                \
    X(settings, 49)                                                                                \
    X(stop, 50)
#define IPC_CONTRACT(X)                                                                            \
    X(data_position, 240)                                                                          \
    X(control_position, 241)                                                                       \
    X(request, 242)                                                                                \
    X(report, 243)                                                                                 \
    X(slice, 244)                                                                                  \
    X(refusal, 245)
#define IPC_CATALOGUE(X) IPC_INPUTS(X) IPC_NOTICES(X) IPC_COMMANDS(X) IPC_CONTRACT(X)

/* C types of the field types. */
#define IPC_TYPE_U32 uint32_t
#define IPC_TYPE_U64 uint64_t
#define IPC_TYPE_BOOL bool
#define IPC_TYPE_NAME struct bytes
#define IPC_TYPE_KEY struct bytes
#define IPC_TYPE_VALUE struct bytes
#define IPC_TYPE_BODY struct bytes
#define IPC_TYPE_FINGERPRINT struct fingerprint_tls
#define IPC_TYPE_ADDRESS struct address
#define IPC_TYPE_CONNECTIONS struct ipc_connections
#define IPC_TYPE_HOPS struct ipc_hops
#define IPC_TYPE_TAG struct ipc_tag
#define IPC_TYPE_EXPORTER struct ipc_exporter

struct ipc_tag {
    uint8_t bytes[IPC_TAG_SIZE];
};

struct ipc_exporter {
    uint8_t bytes[IPC_EXPORTER_SIZE];
};

#define IPC_MEMBER(type, name) IPC_TYPE_##type name;
#define X(name, number)                                                                            \
    struct ipc_##name {                                                                            \
        IPC_FIELDS_##name(IPC_MEMBER)                                                              \
    };
IPC_CATALOGUE(X)
#undef X

enum ipc_type {
#define X(name, number) IPC_##name = (number),
    IPC_CATALOGUE(X)
#undef X
};

struct ipc_item {
    enum ipc_type type;
    union {
#define X(name, number) struct ipc_##name name;
        IPC_CATALOGUE(X)
#undef X
    } u;
};

/* The name of an item type, e.g. "record_put"; NULL for a number that is not in the catalogue. */
const char *ipc_type_name(unsigned type);

enum ipc_class {
    IPC_CLASS_NONE, /* not in the catalogue */
    IPC_CLASS_INPUT,
    IPC_CLASS_NOTICE,
    IPC_CLASS_COMMAND,
    IPC_CLASS_CONTRACT,
};
enum ipc_class ipc_type_class(unsigned type);

/* Appends an item. Sets out->failed (and returns an error) for lack of memory or a broken cap. */
int ipc_item_encode(struct buffer *out, const struct ipc_item *item);

/*
 * A decoded row of items. Views point into the message, which must outlive it; the lists are owned.
 * Zero-initialised is empty. ipc_items_decode replaces the content: 0, or ERR_UNKNOWN (item type),
 * ERR_TRUNCATED, ERR_RANGE, ERR_TOO_LARGE, ERR_MEMORY, and then it is empty.
 */
struct ipc_items {
    struct ipc_item *list;
    size_t count;
    size_t capacity;
    void **blocks; /* memory of the lists */
    size_t block_count;
};
int ipc_items_decode(struct ipc_items *items, struct bytes row);
void ipc_items_free(struct ipc_items *items);

/* One line for people, `name field=value ...`, bodies cut at 200 bytes. The debugging view. */
void ipc_item_print(struct buffer *out, const struct ipc_item *item);

#endif
