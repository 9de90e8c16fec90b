#!/usr/bin/env python3
# timeout: 300
"""Originals as clients, as relays that dial us and as relays that we dial, on aioquic (interop.py)."""
import json

from harness import main, wait_for
from interop import OLGA, OTTO, ROOM, hear, one_of_each, original, quiet, stage, tests_of

from variants import ON_A_LINK, TO_A_CLIENT, fault_of, once

try:
    from original import Client, packet, room_hashed, room_tag, talker_of
except ImportError:
    pass  # no aioquic: all are skipped, and say why


def both_see(a, b):
    wait_for(f"{a.name} and {b.name} see each other",
             lambda: b.fingerprint in a.roster() and a.fingerprint in b.roster())


# ---- what it would notice ----

BAD_MESSAGES = [
    '{"Cookie":{}}', '{"Pong":{"timestamp_ms":1}}', '{"Ping":{"timestamp_ms":-1}}', '"Reflect"',
    '{"GlobalRoomActive":{"participants":[]}}', '{"GlobalRoomInactive":{"room":7}}',
    '{"GlobalRoomActive":{"room":"a","participants":[{"alias":"x"}]}}', '{}', '[]', '{"a":1,"b":2}',
    '{"FederatedSignalForward":{"inner":{"New":{}},"origin_relay_fp":"a"}}',
    '{"FederatedSignalForward":{"inner":{"Hangup":{"reason":"Bored"}},"origin_relay_fp":"a"}}',
    '{"GlobalRoomInactive":{"room":"a","room":"b"}}', '{"GlobalRoomInactive":"a"}']
GOOD_MESSAGES = [
    '{"Ping":{"timestamp_ms":1}}', '{"GlobalRoomActive":{"room":"a","chappe":{}}}',
    '{"FederatedSignalForward":{"inner":{"Hangup":{"reason":"Normal"}},"origin_relay_fp":"a"}}']


def is_bad(text, expected):
    try:
        return fault_of(json.loads(text, object_pairs_hook=once), expected) is not None
    except ValueError:
        return True


def test_what_is_not_in_the_protocol_fails(lab):
    """Variants and fields; datagrams with a tag of ours, toward clients with any."""
    s = stage(lab)
    assert all(is_bad(text, ON_A_LINK) for text in BAD_MESSAGES)
    assert not any(is_bad(text, ON_A_LINK) for text in GOOD_MESSAGES)
    assert is_bad('{"GlobalRoomInactive":{"room":"a"}}', TO_A_CLIENT)
    assert is_bad('{"RoomUpdate":{"count":2,"participants":[]}}', TO_A_CLIENT)
    assert not is_bad('{"RoomUpdate":{"count":0,"participants":[]}}', TO_A_CLIENT)
    relay, o = one_of_each(lab, s, we_dial=True)
    a = Client(s, "a", relay).join("general")
    wire = next(iter(o.of_wire))
    media = packet("somebody", 1)
    s.spoken.add(media)
    a.datagram_received(a.wire, media)
    o.datagram_received(wire, room_tag("general") + media)
    assert not s.faults, s.faults
    for receiver, over, data in (
            (a, a.wire, room_tag("general") + media), (a, a.wire, b"8 random" + media),
            (a, a.wire, media + b"x"), (o, wire, media), (o, wire, b"8 random" + media),
            (o, wire, room_tag("kitchen") + media), (o, wire, room_tag("general") + media[1:])):
        s.run(receiver.datagram_received, over, data)
        assert len(s.faults) == 1, (receiver.name, data, s.faults)
        s.faults.clear()


# ---- clients ----

def test_clients_in_a_room(lab):
    s = stage(lab)
    relay = lab.relay("relay", **ROOM).start()
    a = Client(s, "a", relay).join("general")
    b = Client(s, "b", relay).join(room_hashed("general"))
    both_see(a, b)
    phone = lab.phone("phone", relay, "--room", "general", "--seconds", 1)
    wait_for("a sees the phone", lambda: len(a.roster()) == 3)
    hear([a, b], a, b)
    report = phone.report()
    assert report["error"] is None and report["participants"] == 3, report
    a.leave()
    b.leave()
    relay.nothing_left()


def test_client_calls_a_phone(lab):
    s = stage(lab)
    relay = lab.relay("relay").start()
    phone = lab.phone("phone", relay, "--register", "--seconds", 2)
    a = Client(s, "a", relay).register()
    wait_for("a is registered", lambda: a.all("RegisterPresenceAck"))
    a.say({"DirectCallOffer": {
        "caller_fingerprint": a.fingerprint, "caller_alias": "a", "call_id": "18a5b2c3d4e5f607",
        "target_fingerprint": phone.fingerprint(), "identity_pub": list(a.public),
        "ephemeral_pub": [0] * 32, "signature": [], "supported_profiles": []}})
    setup = wait_for("the call is set up", lambda: a.all("CallSetup"))[0]
    assert a.all("CallRinging") and a.all("DirectCallAnswer")
    media = Client(s, "a", relay).join(setup["room"])
    wait_for("a hears the phone", lambda: len(media.heard) >= 50)
    a.say({"Hangup": {"reason": "Normal"}})  # the seed's, without a call id
    report = phone.report()
    assert report["error"] is None and report["hangup"]["by"] == "peer", report
    wait_for("the media connection is closed", lambda: media.closed)


def test_defect_35_clients_that_never_read(lab):
    """They run out of stream credit, and nobody else notices; they hear."""
    s = stage(lab)
    relay = lab.relay("relay", **ROOM).start()
    deaf = [Client(s, f"deaf{i}", relay).join("general", deaf=True) for i in range(3)]
    a = Client(s, "a", relay).join("general")
    wait_for("a sees the deaf ones", lambda: len(a.roster()) == 4)
    for i in range(110):
        b = Client(s, f"b{i}", relay).join("general")
        wait_for(f"a sees b{i}", lambda b=b: b.fingerprint in a.roster())
        b.leave()
    wait_for("all are gone again", lambda: len(a.roster()) == 4)
    hear([a, *deaf], a, *deaf)
    for client in deaf:
        assert client.wire.out_of_credit, len(client.wire.inbound)
        assert not client.closed and not client.messages
        s.run(client.wire.listen_again)
        wait_for("it reads the newest list in the end", lambda c=client: c.roster() == a.roster())


# ---- one relay of ours, one original ----

def meet(lab, we_dial):
    s = stage(lab)
    relay, o = one_of_each(lab, s, we_dial)
    a = Client(s, "a", relay).join(room_hashed("general"))
    wait_for("the original sees a", lambda: o.sees() == {a.fingerprint})
    o.join("general", OLGA)
    wait_for("a sees Olga", lambda: a.roster().get(OLGA) == "original")
    hear([a, o], a, o)
    b = Client(s, "b", relay).join("general")
    wait_for("the original sees b too", lambda: o.sees() == {a.fingerprint, b.fingerprint})
    o.leave("general")
    wait_for("Olga is gone", lambda: OLGA not in a.roster())
    o.join(room_hashed("general"), OTTO)  # its clients on the web hash the name
    wait_for("a sees Otto", lambda: OTTO in a.roster())
    a.leave()
    b.leave()
    wait_for("the original sees nobody", lambda: o.sees() == set())
    quiet(o)
    return s, relay, o


def test_original_dials_us(lab):
    meet(lab, we_dial=False)


def test_we_dial_an_original(lab):
    meet(lab, we_dial=True)


def test_original_calls_a_phone(lab):
    s = stage(lab)
    relay, o = one_of_each(lab, s, we_dial=True)
    phone = lab.phone("phone", relay, "--register", "--seconds", 1)
    offer = {"caller_fingerprint": OLGA, "caller_alias": None, "call_id": "18a5b2c3d4e5f608",
             "target_fingerprint": phone.fingerprint(), "identity_pub": [0] * 32,
             "ephemeral_pub": [0] * 32, "signature": [], "supported_profiles": []}
    o.forward({"DirectCallOffer": offer})

    def answers():
        return [m["FederatedSignalForward"] for m in o.messages if "FederatedSignalForward" in m
                and "DirectCallAnswer" in m["FederatedSignalForward"]["inner"]]
    answer = wait_for("the original hears the answer", answers)[0]
    assert answer["origin_relay_fp"] == relay.fingerprint()
    o.forward({"Hangup": {"reason": "Normal"}})
    report = phone.report()
    assert report["call_id"] == offer["call_id"], report


def test_its_control_plane_dies(lab):
    """Originals announce at link-up only: a new control plane must know what was said before."""
    s = stage(lab)
    relay, o = one_of_each(lab, s, we_dial=True)
    o.join("general", OLGA)
    a = Client(s, "a", relay).join("general")
    wait_for("a sees Olga", lambda: OLGA in a.roster())
    wait_for("the original sees a", lambda: o.sees() == {a.fingerprint})
    before = o.said()
    relay.control.signal(9)
    relay.control.wait()
    hear([a], o)
    relay.start_control()
    relay.ready()
    b = Client(s, "b", relay).join("general")
    wait_for("b sees Olga", lambda: OLGA in b.roster())
    wait_for("the original sees both", lambda: o.sees() == {a.fingerprint, b.fingerprint})
    assert o.said() == before + 1, o.messages
    hear([o], b)


# ---- more relays ----

def triangle(lab, s, delegate):
    """Two of ours, linked, and an original that the first dials and that dials the second."""
    one, two = lab.relay("one"), lab.relay("two")
    o = original(s, lab)
    one.configure(peers=[one.peer(two, delegate=delegate), o.as_peer(delegate=delegate)], **ROOM)
    two.configure(trusted=[two.trust(one, delegate=delegate), o.as_trusted(delegate=delegate)],
                  **ROOM)
    for relay in (one, two):
        relay.start()
    o.dial(two)
    one.linked("two")
    for relay in (one, two):
        relay.linked("original")
    return one, two, o


def test_triangle(lab):
    """Each hears each other once, the original gets no packet twice, and nothing goes round."""
    s = stage(lab)
    one, two, o = triangle(lab, s, delegate=True)
    o.join("general", OLGA)
    a = Client(s, "a", one).join("general")
    b = Client(s, "b", two).join("general")
    both_see(a, b)
    for client in (a, b):
        wait_for("Olga is seen", lambda c=client: c.roster().get(OLGA) == "original")
    wait_for("the original sees both", lambda: o.sees() == {a.fingerprint, b.fingerprint})
    quiet(o)
    for client, other in ((a, two), (b, one)):  # it says of us what we said, as if we did not know
        assert other.fingerprint() in o.echoed(client.fingerprint), o.told
    hear([a, b, o], a, b, o, count=100)
    assert set(o.copies.values()) == {1}, "somebody spoke for another"
    b.leave()
    wait_for("b is gone", lambda: set(a.roster()) == {a.fingerprint, OLGA})
    wait_for("and at the original", lambda: o.sees() == {a.fingerprint})
    quiet(o)


def test_chain_over_an_original(lab):
    """Ours - original - ours: they hear each other through it, also when it has nobody."""
    s = stage(lab)
    one, two, o = lab.relay("one", **ROOM), lab.relay("two", **ROOM), original(s, lab)
    for relay in (one, two):
        relay.configure(peers=[o.as_peer(delegate=True)])
        relay.start()
        relay.linked("original")
    o.join("general", OLGA)
    a = Client(s, "a", one).join("general")
    b = Client(s, "b", two).join("general")
    both_see(a, b)
    o.leave("general")  # which it calls the end of the room, though there are others
    assert [m for _, m in o.told[-2:]] == [{"GlobalRoomInactive": {"room": "general"}}] * 2, o.told
    wait_for("Olga is gone", lambda: OLGA not in a.roster() and OLGA not in b.roster())
    both_see(a, b)
    hear([b], a)
    quiet(o)
    b.leave()
    wait_for("b is gone", lambda: set(a.roster()) == {a.fingerprint})


def test_two_originals_that_repeat_each_other(lab):
    """They send on whatever they hear, us among them; it comes to rest. (Linked with each other as
    well as with us, an original hears its own media again through the other, and says it again:
    that is theirs.)"""
    s = stage(lab)
    relay, o, p = lab.relay("relay", **ROOM), original(s, lab, "o"), original(s, lab, "p")
    relay.configure(peers=[o.as_peer(delegate=True), p.as_peer(delegate=True)])
    relay.start()
    relay.linked("o")
    relay.linked("p")
    o.dial(p)
    a = Client(s, "a", relay).join("general")
    o.join("general", OLGA)
    p.join("general", OTTO)
    wait_for("a sees both", lambda: set(a.roster()) == {a.fingerprint, OLGA, OTTO})
    quiet(o, p)
    hear([a, o, p], a)
    assert not any(talker_of(data).startswith("a") for data in a.heard), "its own echo"
    o.talk("olga", 50)
    wait_for("a hears Olga", lambda: sum(a.heard_of("olga").values()) >= 40)


if __name__ == "__main__":
    main(tests_of(globals()), at_once=4)
