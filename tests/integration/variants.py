"""The signal messages that an original can read (protocol.md 2.1 to 2.3)."""

# Every variant, with the fields that serde cannot do without.
VARIANTS = {
    "CallOffer": ["identity_pub", "ephemeral_pub", "signature", "supported_profiles"],
    "CallAnswer": ["identity_pub", "ephemeral_pub", "signature", "chosen_profile"],
    "IceCandidate": ["candidate"], "Rekey": ["new_ephemeral_pub", "signature"],
    "QualityUpdate": ["report", "recommended_profile"], "LossRecoveryUpdate": [],
    "Ping": ["timestamp_ms"], "Pong": ["timestamp_ms"], "Hangup": ["reason"],
    "AuthToken": ["token"], "Hold": None, "Unhold": None, "Mute": None, "Unmute": None,
    "Transfer": ["target_fingerprint"], "TransferAck": None,
    "PresenceUpdate": ["fingerprints", "relay_addr"], "RouteQuery": ["fingerprint", "ttl"],
    "RouteResponse": ["fingerprint", "found", "relay_chain"],
    "SessionForward": ["session_id", "target_fingerprint", "source_relay"],
    "SessionForwardAck": ["session_id", "room_name"], "RoomUpdate": ["count", "participants"],
    "FederationHello": ["tls_fingerprint"], "GlobalRoomActive": ["room"],
    "GlobalRoomInactive": ["room"], "RegisterPresence": ["identity_pub", "signature"],
    "RegisterPresenceAck": ["success"],
    "DirectCallOffer": ["caller_fingerprint", "target_fingerprint", "call_id", "identity_pub",
                        "ephemeral_pub", "signature", "supported_profiles"],
    "DirectCallAnswer": ["call_id", "accept_mode"], "CallSetup": ["call_id", "room", "relay_addr"],
    "CallRinging": ["call_id"], "Reflect": None, "ReflectResponse": ["observed_addr"],
    "FederatedSignalForward": ["inner", "origin_relay_fp"],
}
ON_A_LINK = {"FederationHello", "GlobalRoomActive", "GlobalRoomInactive", "FederatedSignalForward",
             "Ping"}
TO_A_CLIENT = {"CallAnswer", "RoomUpdate", "RegisterPresenceAck", "DirectCallOffer", "Hangup",
               "DirectCallAnswer", "CallSetup", "CallRinging", "Pong", "ReflectResponse"}


def variant_of(message):
    return message if isinstance(message, str) else next(iter(message))


# ---- types of fields, of all variants that a relay of ours may send ----

def is_text(value):
    return isinstance(value, str)


def is_optional_text(value):
    return value is None or isinstance(value, str)


def is_unsigned(bits):
    return lambda value: type(value) is int and 0 <= value < 1 << bits


def is_bytes(value):
    return isinstance(value, list) and all(is_unsigned(8)(v) for v in value)


def is_key(value):
    return is_bytes(value) and len(value) == 32


def is_one_of(*names):
    return lambda value: value in names


def is_profile(value):
    return value["codec"] in CODECS and type(value["fec_ratio"]) in (int, float) and all(
        is_unsigned(8)(value[key]) for key in ("frame_duration_ms", "frames_per_block"))


def is_list_of(kind):
    return lambda value: isinstance(value, list) and all(kind(v) for v in value)


def is_participant(value):
    return is_text(value["fingerprint"]) and is_optional_text(value.get("alias")) and \
        is_optional_text(value.get("relay_label"))


CODECS = ["Opus24k", "Opus16k", "Opus6k", "Codec2_3200", "Codec2_1200", "ComfortNoise", "Opus32k",
          "Opus48k", "Opus64k"]
FIELDS = {
    "identity_pub": is_key, "ephemeral_pub": is_key, "signature": is_bytes,
    "chosen_profile": is_profile, "supported_profiles": is_list_of(is_profile),
    "timestamp_ms": is_unsigned(64), "count": is_unsigned(32),
    "participants": is_list_of(is_participant), "success": lambda value: type(value) is bool,
    "reason": is_one_of("Normal", "Busy", "Declined", "Timeout", "Error"),
    "accept_mode": is_one_of("Reject", "AcceptTrusted", "AcceptGeneric"),
    "room": is_text, "call_id": is_text, "relay_addr": is_text, "tls_fingerprint": is_text,
    "caller_fingerprint": is_text, "target_fingerprint": is_text, "origin_relay_fp": is_text,
    "observed_addr": is_text, "error": is_optional_text, "alias": is_optional_text,
    "caller_alias": is_optional_text, "peer_direct_addr": is_optional_text,
    "caller_reflexive_addr": is_optional_text, "callee_reflexive_addr": is_optional_text,
}


def is_wrong(key, value):
    try:
        return key in FIELDS and not FIELDS[key](value)
    except (KeyError, TypeError, AttributeError):
        return True


def once(pairs):
    """For json.loads: serde takes no field twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a field comes twice: {[key for key, _ in pairs]}")
    return found


def fault_of(message, expected):
    """Why an original could not read it; None: it can."""
    if not is_text(message) and (not isinstance(message, dict) or len(message) != 1):
        return "no variant"
    name = variant_of(message)
    if name not in VARIANTS or name not in expected:
        return f"{name} makes no sense here"
    fields = VARIANTS[name]
    if (fields is None) != isinstance(message, str):
        return f"{name} has the wrong form"
    body = {} if fields is None else message[name]
    missing = [f for f in fields or [] if f not in body]
    if missing:
        return f"{name} lacks {missing}"
    wrong = [key for key, value in body.items() if is_wrong(key, value)]
    if wrong:
        return f"{name} has wrong {wrong}"
    if name == "RoomUpdate" and body["count"] != len(body["participants"]):
        return "RoomUpdate counts wrong"
    if name == "FederatedSignalForward":
        return fault_of(body["inner"], VARIANTS)
    return None
