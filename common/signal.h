/*
 * Signal messages: what phones and relays say to each other besides media (protocol.md section 2).
 * One message is one JSON value, {"Variant":{fields}} or "Variant" for one without a body.
 *
 * signal_parse() takes exactly what the original takes, in its seed or its later commit (serde_json
 * is the measure): unknown fields are skipped, known ones are checked, a body may be an array of
 * its fields in order. Where the commits differ the later one counts, but for one thing: null for a
 * list of the later commit is taken as an empty list, as the seed does. signal_write() writes what
 * the later original writes.
 *
 * How a field's type in protocol.md looks here:
 *
 *   str               struct signal_text; may contain NUL, is not NUL-terminated
 *   b32               uint8_t [32]
 *   b*                struct bytes
 *   [T]               struct signal_texts, signal_profiles, ...: items and count
 *   u8 .. u64, bool   as in C
 *   optional (? or ~) text, bytes and lists: `data` or `items` is NULL when absent, not NULL when
 *                     present and empty; anything else: a pointer to const, NULL when absent
 *
 * A text, bytes or list that is not optional may be {NULL, 0} for an empty one in both directions.
 *
 * Extensions of our own are optional fields that no original has: `chappe_proof`, and objects under
 * the key `chappe` (federation.md). Originals skip them. They are never part of a body given as an
 * array. A malformed one is an error like any other.
 *
 * To build a message fill in a struct signal by hand; everything that is left out is absent or
 * empty:
 *
 *   struct signal s = {.type = SIGNAL_HANGUP,
 *                      .hangup = {.reason = SIGNAL_HANGUP_NORMAL, .call_id = call_id}};
 */
#ifndef CHAPPE_COMMON_SIGNAL_H
#define CHAPPE_COMMON_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/* Caps. A list beyond its cap is ERR_TOO_LARGE. The length of a message is for the caller to bound.
 */
#define SIGNAL_MAX_PARTICIPANTS 4096
#define SIGNAL_MAX_TEXTS                                                                           \
    32768 /* fingerprints and relay chains; 1 MiB holds 25,000 fingerprints                        \
           */
#define SIGNAL_MAX_PROFILES 256
#define SIGNAL_MAX_ADDRS 256
#define SIGNAL_MAX_PATH 64
#define SIGNAL_MAX_ORIGINALS 64
#define SIGNAL_MAX_WANTS 4096

/*
 * All 36 variants: B has a body, U has none. (NAME, Name on the wire, member of the union). The
 * last two exist in the later commit only.
 */
#define SIGNAL_VARIANTS(B, U)                                                                      \
    B(CALL_OFFER, CallOffer, call_offer)                                                           \
    B(CALL_ANSWER, CallAnswer, call_answer)                                                        \
    B(ICE_CANDIDATE, IceCandidate, ice_candidate)                                                  \
    B(REKEY, Rekey, rekey)                                                                         \
    B(QUALITY_UPDATE, QualityUpdate, quality_update)                                               \
    B(LOSS_RECOVERY_UPDATE, LossRecoveryUpdate, loss_recovery_update)                              \
    B(PING, Ping, ping)                                                                            \
    B(PONG, Pong, pong)                                                                            \
    B(HANGUP, Hangup, hangup)                                                                      \
    B(AUTH_TOKEN, AuthToken, auth_token)                                                           \
    U(HOLD, Hold, hold)                                                                            \
    U(UNHOLD, Unhold, unhold)                                                                      \
    U(MUTE, Mute, mute)                                                                            \
    U(UNMUTE, Unmute, unmute)                                                                      \
    B(TRANSFER, Transfer, transfer)                                                                \
    U(TRANSFER_ACK, TransferAck, transfer_ack)                                                     \
    B(PRESENCE_UPDATE, PresenceUpdate, presence_update)                                            \
    B(ROUTE_QUERY, RouteQuery, route_query)                                                        \
    B(ROUTE_RESPONSE, RouteResponse, route_response)                                               \
    B(SESSION_FORWARD, SessionForward, session_forward)                                            \
    B(SESSION_FORWARD_ACK, SessionForwardAck, session_forward_ack)                                 \
    B(ROOM_UPDATE, RoomUpdate, room_update)                                                        \
    B(FEDERATION_HELLO, FederationHello, federation_hello)                                         \
    B(GLOBAL_ROOM_ACTIVE, GlobalRoomActive, global_room_active)                                    \
    B(GLOBAL_ROOM_INACTIVE, GlobalRoomInactive, global_room_inactive)                              \
    B(REGISTER_PRESENCE, RegisterPresence, register_presence)                                      \
    B(REGISTER_PRESENCE_ACK, RegisterPresenceAck, register_presence_ack)                           \
    B(DIRECT_CALL_OFFER, DirectCallOffer, direct_call_offer)                                       \
    B(DIRECT_CALL_ANSWER, DirectCallAnswer, direct_call_answer)                                    \
    B(CALL_SETUP, CallSetup, call_setup)                                                           \
    B(CALL_RINGING, CallRinging, call_ringing)                                                     \
    U(REFLECT, Reflect, reflect)                                                                   \
    B(REFLECT_RESPONSE, ReflectResponse, reflect_response)                                         \
    B(FEDERATED_SIGNAL_FORWARD, FederatedSignalForward, federated_signal_forward)                  \
    B(MEDIA_PATH_REPORT, MediaPathReport, media_path_report)                                       \
    B(QUALITY_DIRECTIVE, QualityDirective, quality_directive)

enum signal_type {
#define X(upper, wire, lower) SIGNAL_##upper,
    SIGNAL_VARIANTS(X, X)
#undef X
        SIGNAL_TYPES /* how many there are */
};

/* "CallOffer"; "?" for a value that is no type. */
const char *signal_type_name(enum signal_type type);

/* ---- parts (protocol.md 2.2) ---- */

struct signal_text {
    const char *data;
    size_t len;
};

#define SIGNAL_TEXT_NONE ((struct signal_text){NULL, 0})
/* A view of a string literal. */
#define SIGNAL_TEXT(s) ((struct signal_text){"" s, sizeof(s) - 1})

struct signal_text signal_text_of(const char *s); /* view of a C string; NULL gives absent */
struct signal_text signal_text_of_bytes(struct bytes view);
struct bytes signal_text_bytes(struct signal_text text);
bool signal_text_equal(struct signal_text a, struct signal_text b); /* absent equals empty */
bool signal_text_equal_string(struct signal_text text, const char *s);
/* Copies as a C string, cut to fit; false if it was cut, contains NUL, or is absent. */
bool signal_text_copy(struct signal_text text, char *out, size_t size);

struct signal_texts {
    const struct signal_text *items;
    size_t count;
};

/* In the order of the wire numbers of media packets. */
enum signal_codec {
    SIGNAL_CODEC_OPUS24K,
    SIGNAL_CODEC_OPUS16K,
    SIGNAL_CODEC_OPUS6K,
    SIGNAL_CODEC_CODEC2_3200,
    SIGNAL_CODEC_CODEC2_1200,
    SIGNAL_CODEC_COMFORT_NOISE,
    SIGNAL_CODEC_OPUS32K,
    SIGNAL_CODEC_OPUS48K,
    SIGNAL_CODEC_OPUS64K,
    SIGNAL_CODECS,
};

enum signal_hangup_reason {
    SIGNAL_HANGUP_NORMAL,
    SIGNAL_HANGUP_BUSY,
    SIGNAL_HANGUP_DECLINED,
    SIGNAL_HANGUP_TIMEOUT,
    SIGNAL_HANGUP_ERROR,
    SIGNAL_HANGUP_REASONS,
};

enum signal_accept_mode {
    SIGNAL_ACCEPT_REJECT,
    SIGNAL_ACCEPT_TRUSTED,
    SIGNAL_ACCEPT_GENERIC,
    SIGNAL_ACCEPT_MODES,
};

/* The names on the wire; "?" for a value out of range. */
const char *signal_codec_name(enum signal_codec codec);
const char *signal_hangup_reason_name(enum signal_hangup_reason reason);
const char *signal_accept_mode_name(enum signal_accept_mode mode);

struct signal_profile {
    enum signal_codec codec;
    float fec_ratio;
    uint8_t frame_duration_ms;
    uint8_t frames_per_block;
};

struct signal_profiles {
    const struct signal_profile *items;
    size_t count;
};

extern const struct signal_profile signal_profile_good;
extern const struct signal_profile signal_profile_degraded;
extern const struct signal_profile signal_profile_catastrophic;
extern const struct signal_profile signal_profile_studio_32k;
extern const struct signal_profile signal_profile_studio_48k;
extern const struct signal_profile signal_profile_studio_64k;
extern const struct signal_profiles signal_profiles_good; /* the list [GOOD] */

struct signal_quality_report {
    uint8_t loss_pct;
    uint8_t rtt_4ms;
    uint8_t jitter_ms;
    uint8_t bitrate_cap_kbps;
};

struct signal_participant {
    struct signal_text fingerprint;
    struct signal_text alias;       /* optional */
    struct signal_text relay_label; /* optional */
};

struct signal_participants {
    const struct signal_participant *items;
    size_t count;
};

/* ---- extensions of our own, under the key `chappe` (federation.md); every member is optional
 * unless the comment says otherwise ---- */

struct signal_version {
    uint64_t start;   /* required; ms, when the publisher's data plane started */
    uint64_t counter; /* required */
};

struct signal_want {
    struct signal_text origin;
    struct signal_text label; /* 16 hex digits; not checked here */
    const bool *off;
};

struct signal_wants {
    const struct signal_want *items;
    size_t count;
};

struct signal_hangup_extension {
    struct signal_text by;
    const bool *not_here;
    const bool *lost;
};

struct signal_hello_extension {
    uint32_t v; /* required */
    const uint32_t *hops;
    const bool *accepts_forwarded;
    const bool *resync;
    const bool *begin;
    const bool *end;
    struct signal_texts originals; /* TLS fingerprints */
    const uint64_t *start;         /* of the sender's data plane, ms since 1970 */
};

struct signal_forward_extension {
    struct signal_text origin; /* TLS fingerprint of the true origin */
    const uint32_t *hops;      /* left */
    struct signal_text id;
    struct signal_texts way; /* TLS fingerprints of the relays to go through */
    const uint32_t *again;   /* which other way of a call that is on */
};

struct signal_room_active_extension {
    const struct signal_version *version;
    struct signal_text origin;
    struct signal_text publisher;
    struct signal_texts path;
    struct signal_wants want;
};

struct signal_room_inactive_extension {
    const struct signal_version *version;
    struct signal_text origin;
    struct signal_text publisher;
};

struct signal_presence_extension {
    struct signal_text origin;
    const struct signal_version *version;
    const struct signal_version *base;
    struct signal_texts path;
    struct signal_texts gone;
    const bool *off;
    const uint32_t *ask;
    const uint32_t *first;
    const uint32_t *last;
};

struct signal_route_extension {
    struct signal_text id;
    struct signal_texts path; /* in a response */
};

/* ---- bodies (protocol.md 2.3, 2.4) ---- */

struct signal_call_offer {
    uint8_t identity_pub[32];
    uint8_t ephemeral_pub[32];
    struct bytes signature;
    struct signal_profiles supported_profiles;
    struct signal_text alias; /* optional */
};

struct signal_call_answer {
    uint8_t identity_pub[32];
    uint8_t ephemeral_pub[32];
    struct bytes signature;
    struct signal_profile chosen_profile;
};

struct signal_ice_candidate {
    struct signal_text candidate;
};

struct signal_rekey {
    uint8_t new_ephemeral_pub[32];
    struct bytes signature;
};

struct signal_quality_update {
    struct signal_quality_report report;
    struct signal_profile recommended_profile;
};

struct signal_loss_recovery_update {
    uint64_t dred_reconstructions;
    uint64_t classical_plc_invocations;
    uint64_t frames_decoded;
};

struct signal_ping {
    uint64_t timestamp_ms;
};

struct signal_pong {
    uint64_t timestamp_ms;
};

struct signal_hangup {
    enum signal_hangup_reason reason;
    struct signal_text call_id; /* optional, later */
    const struct signal_hangup_extension *chappe;
};

struct signal_auth_token {
    struct signal_text token;
};

struct signal_transfer {
    struct signal_text target_fingerprint;
    struct signal_text relay_addr; /* optional */
};

struct signal_presence_update {
    struct signal_texts fingerprints;
    struct signal_text relay_addr;
    const struct signal_presence_extension *chappe;
};

struct signal_route_query {
    struct signal_text fingerprint;
    uint8_t ttl;
    const struct signal_route_extension *chappe;
};

struct signal_route_response {
    struct signal_text fingerprint;
    bool found;
    struct signal_texts relay_chain;
    const struct signal_route_extension *chappe;
};

struct signal_session_forward {
    struct signal_text session_id;
    struct signal_text target_fingerprint;
    struct signal_text source_relay;
};

struct signal_session_forward_ack {
    struct signal_text session_id;
    struct signal_text room_name;
};

struct signal_room_update {
    uint32_t count; /* as sent; participants.count is the truth */
    struct signal_participants participants;
};

struct signal_federation_hello {
    struct signal_text tls_fingerprint;
    const struct signal_hello_extension *chappe;
};

struct signal_global_room_active {
    struct signal_text room;
    struct signal_participants participants;
    const struct signal_room_active_extension *chappe;
};

struct signal_global_room_inactive {
    struct signal_text room;
    const struct signal_room_inactive_extension *chappe;
};

struct signal_register_presence {
    uint8_t identity_pub[32];
    struct bytes signature;
    struct signal_text alias;  /* optional */
    struct bytes chappe_proof; /* optional, extension; any length here, 64 if it is to be valid */
};

struct signal_register_presence_ack {
    bool success;
    struct signal_text error;       /* optional */
    struct signal_text relay_build; /* optional, later */
};

struct signal_direct_call_offer {
    struct signal_text caller_fingerprint;
    struct signal_text caller_alias; /* optional */
    struct signal_text target_fingerprint;
    struct signal_text call_id;
    uint8_t identity_pub[32];
    uint8_t ephemeral_pub[32];
    struct bytes signature;
    struct signal_profiles supported_profiles;
    struct signal_text caller_reflexive_addr; /* optional */
    struct signal_texts caller_local_addrs;   /* later */
    struct signal_text caller_build_version;  /* optional, later */
};

struct signal_direct_call_answer {
    struct signal_text call_id;
    enum signal_accept_mode accept_mode;
    const uint8_t *identity_pub;                 /* optional, 32 bytes */
    const uint8_t *ephemeral_pub;                /* optional, 32 bytes */
    struct bytes signature;                      /* optional */
    const struct signal_profile *chosen_profile; /* optional */
    struct signal_text callee_reflexive_addr;    /* optional */
    struct signal_texts callee_local_addrs;      /* later */
    struct signal_text callee_build_version;     /* optional, later */
};

struct signal_call_setup {
    struct signal_text call_id;
    struct signal_text room;
    struct signal_text relay_addr;
    struct signal_text peer_direct_addr;  /* optional */
    struct signal_texts peer_local_addrs; /* later */
};

struct signal_call_ringing {
    struct signal_text call_id;
};

struct signal_reflect_response {
    struct signal_text observed_addr;
};

struct signal;

struct signal_federated_signal_forward {
    /*
     * The wrapped message. Parsed: never NULL, and inner_raw is its exact source text, a view into
     * the bytes given to signal_parse (which must outlive it). To be written: if `inner` is NULL
     * the bytes of inner_raw are embedded as they are, else `inner` is written anew.
     */
    const struct signal *inner;
    struct bytes inner_raw;
    struct signal_text origin_relay_fp;
    const struct signal_forward_extension *chappe;
};

struct signal_media_path_report { /* later */
    struct signal_text call_id;
    bool direct_ok;
    struct signal_text race_winner; /* "Direct" or "Relay" */
};

struct signal_quality_directive { /* later */
    struct signal_profile recommended_profile;
    struct signal_text reason; /* optional */
};

/* ---- the message ---- */

struct signal_arena;

struct signal {
    enum signal_type type;
    /* Parsed: the message, or one that it wraps, has a variant or a field of the later commit. */
    bool later;
    union {
#define B(upper, wire, lower) struct signal_##lower lower;
#define U(upper, wire, lower)
        SIGNAL_VARIANTS(B, U)
#undef B
#undef U
    };
    struct signal_arena *arena; /* what signal_parse allocated; NULL in a built message */
};

/* ---- reading ---- */

struct signal_error {
    int code;         /* as signal_parse returned it */
    size_t offset;    /* byte of the input at which it went wrong */
    char path[128];   /* "DirectCallOffer.identity_pub[3]"; "" for the message as a whole */
    char variant[48]; /* with ERR_UNKNOWN_VARIANT: its name, printable, perhaps cut; else "" */
};

/*
 * Parses one message. 0: `out` is filled in, owns its memory (but for inner_raw), and is freed by
 * signal_free. Negative: `out` is empty (freeing it does nothing) and `error`, if not NULL, says
 * what is wrong and where:
 *
 *   ERR_SYNTAX, ERR_TRUNCATED, ERR_TRAILING   not one JSON value
 *   ERR_DEPTH            more than 127 nested arrays and objects in known fields
 *   ERR_UNKNOWN_VARIANT  a message, or a forwarded one, of a kind that we don't know
 *   ERR_TYPE, ERR_RANGE, ERR_UNKNOWN (name in an enum), ERR_MISSING, ERR_DUPLICATE   a bad field
 *   ERR_TOO_LARGE        a list beyond its cap
 *   ERR_MEMORY
 *
 * Memory taken: at most 16 times the input's length and 4 KiB.
 */
int signal_parse(struct bytes json, struct signal *out, struct signal_error *error);
void signal_free(struct signal *signal); /* not for the `inner` of another message */

/* "DirectCallOffer.identity_pub[3]: value out of range (byte 217)", cut to fit. */
void signal_error_format(const struct signal_error *error, char *out, size_t size);

/* ---- writing ---- */

/*
 * Appends the message as JSON: compact, fields in the original's order, then our extensions. 0, or
 * ERR_MEMORY (see struct buffer), ERR_RANGE (a type or an enum's value that does not exist),
 * ERR_MISSING (a forward without inner message), ERR_DEPTH (forwards nested too deeply); then
 * nothing was appended.
 */
int signal_write(const struct signal *signal, struct buffer *out);

/* Wraps a message for a peer relay, its bytes unchanged, so that unknown fields survive. */
int signal_write_forward(struct buffer *out, const char *origin_relay_fp, struct bytes inner_raw,
                         const struct signal_forward_extension *extension_or_null);

/* Appends one line for each variant with its fields, their types and marks, made from the table. */
int signal_list_fields(struct buffer *out);

#endif
