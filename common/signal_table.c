#include "common/signal_table.h"

#include <assert.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NULLABLE SIGNAL_MARK_NULLABLE
#define OMITTED SIGNAL_MARK_OMITTED
#define OMIT_EMPTY SIGNAL_MARK_OMIT_EMPTY
#define DEFAULT SIGNAL_MARK_DEFAULT
#define LATER SIGNAL_MARK_LATER
#define OURS (SIGNAL_MARK_OURS | SIGNAL_MARK_OMITTED)

/* The member of struct signal_OWNER that has the field's name. */
#define FIELD(owner, member, kind)                                                                 \
    .name = #member, .type = SIGNAL_FIELD_##kind, .offset = offsetof(struct signal_##owner, member)

/* The struct signal_NAME, described by NAME_fields. */
#define STRUCT(name, suffix, ours)                                                                 \
    static const struct signal_struct name##_##suffix = {                                          \
        sizeof(struct signal_##name), COUNT(name##_fields), name##_fields, ours}

/* ---- enums ---- */

#define ENUM(table, type, count, ...)                                                              \
    static const char *const table##_list[] = {__VA_ARGS__};                                       \
    static_assert(COUNT(table##_list) == (count), "one name for each value");                      \
    const struct signal_names table = {type, table##_list, count}

ENUM(signal_codec_names, "CodecId", SIGNAL_CODECS, "Opus24k", "Opus16k", "Opus6k", "Codec2_3200",
     "Codec2_1200", "ComfortNoise", "Opus32k", "Opus48k", "Opus64k");
ENUM(signal_hangup_reason_names, "HangupReason", SIGNAL_HANGUP_REASONS, "Normal", "Busy",
     "Declined", "Timeout", "Error");
ENUM(signal_accept_mode_names, "CallAcceptMode", SIGNAL_ACCEPT_MODES, "Reject", "AcceptTrusted",
     "AcceptGeneric");

/* ---- parts ---- */

static const struct signal_field profile_fields[] = {
    {FIELD(profile, codec, ENUM), .names = &signal_codec_names},
    {FIELD(profile, fec_ratio, F32)},
    {FIELD(profile, frame_duration_ms, U8)},
    {FIELD(profile, frames_per_block, U8)},
};
STRUCT(profile, part, false);

static const struct signal_field quality_report_fields[] = {
    {FIELD(quality_report, loss_pct, U8)},
    {FIELD(quality_report, rtt_4ms, U8)},
    {FIELD(quality_report, jitter_ms, U8)},
    {FIELD(quality_report, bitrate_cap_kbps, U8)},
};
STRUCT(quality_report, part, false);

static const struct signal_field participant_fields[] = {
    {FIELD(participant, fingerprint, TEXT)},
    {FIELD(participant, alias, TEXT), .marks = NULLABLE},
    {FIELD(participant, relay_label, TEXT), .marks = NULLABLE | DEFAULT},
};
STRUCT(participant, part, false);

/* ---- extensions ---- */

static const struct signal_field version_fields[] = {
    {FIELD(version, start, U64)},
    {FIELD(version, counter, U64)},
};
STRUCT(version, part, true);

static const struct signal_field want_fields[] = {
    {FIELD(want, origin, TEXT), .marks = OMITTED},
    {FIELD(want, label, TEXT), .marks = OMITTED},
    {FIELD(want, off, BOOL), .marks = OMITTED},
};
STRUCT(want, part, true);

static const struct signal_field hangup_extension_fields[] = {
    {FIELD(hangup_extension, by, TEXT), .marks = OMITTED},
    {FIELD(hangup_extension, not_here, BOOL), .marks = OMITTED},
    {FIELD(hangup_extension, lost, BOOL), .marks = OMITTED},
};
STRUCT(hangup_extension, part, true);

static const struct signal_field hello_extension_fields[] = {
    {FIELD(hello_extension, v, U32)},
    {FIELD(hello_extension, hops, U32), .marks = OMITTED},
    {FIELD(hello_extension, accepts_forwarded, BOOL), .marks = OMITTED},
    {FIELD(hello_extension, resync, BOOL), .marks = OMITTED},
    {FIELD(hello_extension, begin, BOOL), .marks = OMITTED},
    {FIELD(hello_extension, end, BOOL), .marks = OMITTED},
    {FIELD(hello_extension, originals, TEXTS), .max = SIGNAL_MAX_ORIGINALS, .marks = OMITTED},
    {FIELD(hello_extension, start, U64), .marks = OMITTED},
};
STRUCT(hello_extension, part, true);

static const struct signal_field forward_extension_fields[] = {
    {FIELD(forward_extension, origin, TEXT), .marks = OMITTED},
    {FIELD(forward_extension, hops, U32), .marks = OMITTED},
    {FIELD(forward_extension, id, TEXT), .marks = OMITTED},
    {FIELD(forward_extension, way, TEXTS), .max = SIGNAL_MAX_PATH, .marks = OMITTED},
    {FIELD(forward_extension, again, U32), .marks = OMITTED},
};
STRUCT(forward_extension, part, true);

static const struct signal_field room_active_extension_fields[] = {
    {FIELD(room_active_extension, version, STRUCT), .part = &version_part, .marks = OMITTED},
    {FIELD(room_active_extension, origin, TEXT), .marks = OMITTED},
    {FIELD(room_active_extension, publisher, TEXT), .marks = OMITTED},
    {FIELD(room_active_extension, path, TEXTS), .max = SIGNAL_MAX_PATH, .marks = OMITTED},
    {FIELD(room_active_extension, want, STRUCTS), .max = SIGNAL_MAX_WANTS, .part = &want_part,
     .marks = OMITTED},
};
STRUCT(room_active_extension, part, true);

static const struct signal_field room_inactive_extension_fields[] = {
    {FIELD(room_inactive_extension, version, STRUCT), .part = &version_part, .marks = OMITTED},
    {FIELD(room_inactive_extension, origin, TEXT), .marks = OMITTED},
    {FIELD(room_inactive_extension, publisher, TEXT), .marks = OMITTED},
};
STRUCT(room_inactive_extension, part, true);

static const struct signal_field presence_extension_fields[] = {
    {FIELD(presence_extension, origin, TEXT), .marks = OMITTED},
    {FIELD(presence_extension, version, STRUCT), .part = &version_part, .marks = OMITTED},
    {FIELD(presence_extension, base, STRUCT), .part = &version_part, .marks = OMITTED},
    {FIELD(presence_extension, path, TEXTS), .max = SIGNAL_MAX_PATH, .marks = OMITTED},
    {FIELD(presence_extension, gone, TEXTS), .max = SIGNAL_MAX_TEXTS, .marks = OMITTED},
    {FIELD(presence_extension, off, BOOL), .marks = OMITTED},
    {FIELD(presence_extension, ask, U32), .marks = OMITTED},
    {FIELD(presence_extension, first, U32), .marks = OMITTED},
    {FIELD(presence_extension, last, U32), .marks = OMITTED},
};
STRUCT(presence_extension, part, true);

static const struct signal_field route_extension_fields[] = {
    {FIELD(route_extension, id, TEXT), .marks = OMITTED},
    {FIELD(route_extension, path, TEXTS), .max = SIGNAL_MAX_PATH, .marks = OMITTED},
};
STRUCT(route_extension, part, true);

/* ---- bodies ---- */

static const struct signal_field call_offer_fields[] = {
    {FIELD(call_offer, identity_pub, KEY)},
    {FIELD(call_offer, ephemeral_pub, KEY)},
    {FIELD(call_offer, signature, BYTES)},
    {FIELD(call_offer, supported_profiles, STRUCTS), .max = SIGNAL_MAX_PROFILES,
     .part = &profile_part},
    {FIELD(call_offer, alias, TEXT), .marks = NULLABLE | DEFAULT},
};
STRUCT(call_offer, body, false);

static const struct signal_field call_answer_fields[] = {
    {FIELD(call_answer, identity_pub, KEY)},
    {FIELD(call_answer, ephemeral_pub, KEY)},
    {FIELD(call_answer, signature, BYTES)},
    {FIELD(call_answer, chosen_profile, STRUCT), .part = &profile_part},
};
STRUCT(call_answer, body, false);

static const struct signal_field ice_candidate_fields[] = {
    {FIELD(ice_candidate, candidate, TEXT)},
};
STRUCT(ice_candidate, body, false);

static const struct signal_field rekey_fields[] = {
    {FIELD(rekey, new_ephemeral_pub, KEY)},
    {FIELD(rekey, signature, BYTES)},
};
STRUCT(rekey, body, false);

static const struct signal_field quality_update_fields[] = {
    {FIELD(quality_update, report, STRUCT), .part = &quality_report_part},
    {FIELD(quality_update, recommended_profile, STRUCT), .part = &profile_part},
};
STRUCT(quality_update, body, false);

static const struct signal_field loss_recovery_update_fields[] = {
    {FIELD(loss_recovery_update, dred_reconstructions, U64), .marks = DEFAULT},
    {FIELD(loss_recovery_update, classical_plc_invocations, U64), .marks = DEFAULT},
    {FIELD(loss_recovery_update, frames_decoded, U64), .marks = DEFAULT},
};
STRUCT(loss_recovery_update, body, false);

static const struct signal_field ping_fields[] = {
    {FIELD(ping, timestamp_ms, U64)},
};
STRUCT(ping, body, false);

static const struct signal_field pong_fields[] = {
    {FIELD(pong, timestamp_ms, U64)},
};
STRUCT(pong, body, false);

static const struct signal_field hangup_fields[] = {
    {FIELD(hangup, reason, ENUM), .names = &signal_hangup_reason_names},
    {FIELD(hangup, call_id, TEXT), .marks = OMITTED | DEFAULT | LATER},
    {FIELD(hangup, chappe, STRUCT), .part = &hangup_extension_part, .marks = OURS},
};
STRUCT(hangup, body, false);

static const struct signal_field auth_token_fields[] = {
    {FIELD(auth_token, token, TEXT)},
};
STRUCT(auth_token, body, false);

static const struct signal_field transfer_fields[] = {
    {FIELD(transfer, target_fingerprint, TEXT)},
    {FIELD(transfer, relay_addr, TEXT), .marks = NULLABLE},
};
STRUCT(transfer, body, false);

static const struct signal_field presence_update_fields[] = {
    {FIELD(presence_update, fingerprints, TEXTS), .max = SIGNAL_MAX_TEXTS},
    {FIELD(presence_update, relay_addr, TEXT)},
    {FIELD(presence_update, chappe, STRUCT), .part = &presence_extension_part, .marks = OURS},
};
STRUCT(presence_update, body, false);

static const struct signal_field route_query_fields[] = {
    {FIELD(route_query, fingerprint, TEXT)},
    {FIELD(route_query, ttl, U8)},
    {FIELD(route_query, chappe, STRUCT), .part = &route_extension_part, .marks = OURS},
};
STRUCT(route_query, body, false);

static const struct signal_field route_response_fields[] = {
    {FIELD(route_response, fingerprint, TEXT)},
    {FIELD(route_response, found, BOOL)},
    {FIELD(route_response, relay_chain, TEXTS), .max = SIGNAL_MAX_TEXTS},
    {FIELD(route_response, chappe, STRUCT), .part = &route_extension_part, .marks = OURS},
};
STRUCT(route_response, body, false);

static const struct signal_field session_forward_fields[] = {
    {FIELD(session_forward, session_id, TEXT)},
    {FIELD(session_forward, target_fingerprint, TEXT)},
    {FIELD(session_forward, source_relay, TEXT)},
};
STRUCT(session_forward, body, false);

static const struct signal_field session_forward_ack_fields[] = {
    {FIELD(session_forward_ack, session_id, TEXT)},
    {FIELD(session_forward_ack, room_name, TEXT)},
};
STRUCT(session_forward_ack, body, false);

static const struct signal_field room_update_fields[] = {
    {FIELD(room_update, count, U32)},
    {FIELD(room_update, participants, STRUCTS), .max = SIGNAL_MAX_PARTICIPANTS,
     .part = &participant_part},
};
STRUCT(room_update, body, false);

static const struct signal_field federation_hello_fields[] = {
    {FIELD(federation_hello, tls_fingerprint, TEXT)},
    {FIELD(federation_hello, chappe, STRUCT), .part = &hello_extension_part, .marks = OURS},
};
STRUCT(federation_hello, body, false);

static const struct signal_field global_room_active_fields[] = {
    {FIELD(global_room_active, room, TEXT)},
    {FIELD(global_room_active, participants, STRUCTS), .max = SIGNAL_MAX_PARTICIPANTS,
     .part = &participant_part, .marks = DEFAULT},
    {FIELD(global_room_active, chappe, STRUCT), .part = &room_active_extension_part, .marks = OURS},
};
STRUCT(global_room_active, body, false);

static const struct signal_field global_room_inactive_fields[] = {
    {FIELD(global_room_inactive, room, TEXT)},
    {FIELD(global_room_inactive, chappe, STRUCT), .part = &room_inactive_extension_part,
     .marks = OURS},
};
STRUCT(global_room_inactive, body, false);

static const struct signal_field register_presence_fields[] = {
    {FIELD(register_presence, identity_pub, KEY)},
    {FIELD(register_presence, signature, BYTES)},
    {FIELD(register_presence, alias, TEXT), .marks = NULLABLE},
    {FIELD(register_presence, chappe_proof, BYTES), .marks = OURS},
};
STRUCT(register_presence, body, false);

static const struct signal_field register_presence_ack_fields[] = {
    {FIELD(register_presence_ack, success, BOOL)},
    {FIELD(register_presence_ack, error, TEXT), .marks = OMITTED},
    {FIELD(register_presence_ack, relay_build, TEXT), .marks = OMITTED | DEFAULT | LATER},
};
STRUCT(register_presence_ack, body, false);

static const struct signal_field direct_call_offer_fields[] = {
    {FIELD(direct_call_offer, caller_fingerprint, TEXT)},
    {FIELD(direct_call_offer, caller_alias, TEXT), .marks = NULLABLE},
    {FIELD(direct_call_offer, target_fingerprint, TEXT)},
    {FIELD(direct_call_offer, call_id, TEXT)},
    {FIELD(direct_call_offer, identity_pub, KEY)},
    {FIELD(direct_call_offer, ephemeral_pub, KEY)},
    {FIELD(direct_call_offer, signature, BYTES)},
    {FIELD(direct_call_offer, supported_profiles, STRUCTS), .max = SIGNAL_MAX_PROFILES,
     .part = &profile_part},
    {FIELD(direct_call_offer, caller_reflexive_addr, TEXT), .marks = OMITTED | DEFAULT},
    {FIELD(direct_call_offer, caller_local_addrs, TEXTS), .max = SIGNAL_MAX_ADDRS,
     .marks = OMIT_EMPTY | DEFAULT | LATER},
    {FIELD(direct_call_offer, caller_build_version, TEXT), .marks = OMITTED | DEFAULT | LATER},
};
STRUCT(direct_call_offer, body, false);

static const struct signal_field direct_call_answer_fields[] = {
    {FIELD(direct_call_answer, call_id, TEXT)},
    {FIELD(direct_call_answer, accept_mode, ENUM), .names = &signal_accept_mode_names},
    {FIELD(direct_call_answer, identity_pub, KEY), .marks = OMITTED},
    {FIELD(direct_call_answer, ephemeral_pub, KEY), .marks = OMITTED},
    {FIELD(direct_call_answer, signature, BYTES), .marks = OMITTED},
    {FIELD(direct_call_answer, chosen_profile, STRUCT), .part = &profile_part, .marks = OMITTED},
    {FIELD(direct_call_answer, callee_reflexive_addr, TEXT), .marks = OMITTED | DEFAULT},
    {FIELD(direct_call_answer, callee_local_addrs, TEXTS), .max = SIGNAL_MAX_ADDRS,
     .marks = OMIT_EMPTY | DEFAULT | LATER},
    {FIELD(direct_call_answer, callee_build_version, TEXT), .marks = OMITTED | DEFAULT | LATER},
};
STRUCT(direct_call_answer, body, false);

static const struct signal_field call_setup_fields[] = {
    {FIELD(call_setup, call_id, TEXT)},
    {FIELD(call_setup, room, TEXT)},
    {FIELD(call_setup, relay_addr, TEXT)},
    {FIELD(call_setup, peer_direct_addr, TEXT), .marks = OMITTED | DEFAULT},
    {FIELD(call_setup, peer_local_addrs, TEXTS), .max = SIGNAL_MAX_ADDRS,
     .marks = OMIT_EMPTY | DEFAULT | LATER},
};
STRUCT(call_setup, body, false);

static const struct signal_field call_ringing_fields[] = {
    {FIELD(call_ringing, call_id, TEXT)},
};
STRUCT(call_ringing, body, false);

static const struct signal_field reflect_response_fields[] = {
    {FIELD(reflect_response, observed_addr, TEXT)},
};
STRUCT(reflect_response, body, false);

static const struct signal_field federated_signal_forward_fields[] = {
    {FIELD(federated_signal_forward, inner, MESSAGE)},
    {FIELD(federated_signal_forward, origin_relay_fp, TEXT)},
    {FIELD(federated_signal_forward, chappe, STRUCT), .part = &forward_extension_part,
     .marks = OURS},
};
STRUCT(federated_signal_forward, body, false);

static const struct signal_field media_path_report_fields[] = {
    {FIELD(media_path_report, call_id, TEXT)},
    {FIELD(media_path_report, direct_ok, BOOL)},
    {FIELD(media_path_report, race_winner, TEXT), .marks = DEFAULT},
};
STRUCT(media_path_report, body, false);

static const struct signal_field quality_directive_fields[] = {
    {FIELD(quality_directive, recommended_profile, STRUCT), .part = &profile_part},
    {FIELD(quality_directive, reason, TEXT), .marks = OMITTED | DEFAULT},
};
STRUCT(quality_directive, body, false);

/* ---- variants ---- */

const struct signal_variant signal_variants[SIGNAL_TYPES] = {
#define B(upper, wire, lower) {#wire, &lower##_body, SIGNAL_##upper >= SIGNAL_MEDIA_PATH_REPORT},
#define U(upper, wire, lower) {#wire, NULL, false},
    SIGNAL_VARIANTS(B, U)
#undef B
#undef U
};

bool signal_field_is_pointer(const struct signal_field *field)
{
    switch (field->type) {
    case SIGNAL_FIELD_TEXT:
    case SIGNAL_FIELD_BYTES:
    case SIGNAL_FIELD_TEXTS:
    case SIGNAL_FIELD_STRUCTS:
    case SIGNAL_FIELD_MESSAGE:
        return false;
    default:
        return (field->marks & SIGNAL_MARK_OMITTED) != 0;
    }
}

size_t signal_field_size(const struct signal_field *field)
{
    switch (field->type) {
    case SIGNAL_FIELD_TEXT:
    case SIGNAL_FIELD_TEXTS:
        return sizeof(struct signal_text);
    case SIGNAL_FIELD_KEY:
        return 32;
    case SIGNAL_FIELD_BYTES:
        return sizeof(struct bytes);
    case SIGNAL_FIELD_U8:
        return sizeof(uint8_t);
    case SIGNAL_FIELD_U32:
        return sizeof(uint32_t);
    case SIGNAL_FIELD_U64:
        return sizeof(uint64_t);
    case SIGNAL_FIELD_BOOL:
        return sizeof(bool);
    case SIGNAL_FIELD_F32:
        return sizeof(float);
    case SIGNAL_FIELD_ENUM:
        return sizeof(int);
    case SIGNAL_FIELD_STRUCT:
    case SIGNAL_FIELD_STRUCTS:
        return field->part->size;
    case SIGNAL_FIELD_MESSAGE:
        return sizeof(struct signal);
    }
    return 0;
}
