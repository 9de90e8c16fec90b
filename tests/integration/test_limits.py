#!/usr/bin/env python3
# parallel
# asan
# timeout: 180
"""Limits: how many, how fast, and that who is slow or greedy hurts only himself
(defects 34, 35, 39, 40, 54, 61, 66 and 73)."""
from harness import (ALICE, BOB, CAROL, DAVE, answer, lossless, main, offer, user_fingerprint,
                     wait_for)

MEDIA = "0000" + "0001" + "00000000" + "00000000"  # header of an Opus packet


# ---- how many ----

def test_defect_40_phones_are_capped(lab):
    relay = lab.relay("relay")
    relay.configure(relay={"max_phones": 2})
    relay.start()
    puppet = lab.puppet()
    puppet.register("alice", relay, ALICE)
    puppet.register("bob", relay, BOB)
    puppet.open("carol", relay, "_signal")
    puppet.command("register", "carol", CAROL)
    ack = puppet.wait_message("carol", "RegisterPresenceAck")
    assert not ack["success"] and "full" in ack["error"], ack
    puppet.wait_closed("carol")
    puppet.register("alice-again", relay, ALICE)  # not one more
    puppet.command("close", "bob")
    wait_for("Bob's place to be free", lambda: len(relay.ctl("sessions")) == 1)
    puppet.register("carol-again", relay, CAROL)


def test_defect_40_media_sessions_are_capped(lab):
    relay = lab.relay("relay")
    relay.configure(relay={"max_sessions": 2})
    relay.start()
    puppet = lab.puppet()
    puppet.join("alice", relay, "kitchen", ALICE)
    puppet.join("bob", relay, "garden", BOB)
    puppet.open("carol", relay, "kitchen")
    puppet.command("join", "carol", CAROL)
    assert "full" in puppet.wait_closed("carol")["reason"]
    assert not puppet.messages("carol", "CallAnswer")
    puppet.register("carol-phone", relay, CAROL)  # registering is another thing
    puppet.command("close", "bob")
    wait_for("Bob's place to be free", lambda: len(relay.ctl("rooms")) == 1)
    puppet.join("carol-again", relay, "kitchen", CAROL)


def test_defect_40_connections_of_one_address_are_capped(lab):
    relay = lab.relay("relay", limits={"address_connections": 3}).start()
    puppet = lab.puppet()
    for i in range(3):
        puppet.open(f"p{i}", relay, "_probe")
    puppet.command("open", "p3", relay.address, "_probe")
    puppet.wait_closed("p3")
    assert not puppet.events("p3", "open")
    puppet.ping("p0")
    puppet.command("close", "p1")
    puppet.wait_closed("p1")
    wait_for("a place to be free", lambda: len(relay.ctl("sessions")) == 2)
    puppet.open("p4", relay, "_probe")
    puppet.ping("p4")


def test_defect_39_who_says_nothing_is_closed(lab):
    relay = lab.relay("relay").start()
    puppet = lab.puppet()
    for name, sni in (("phone", "_signal"), ("member", "kitchen"), ("relay", "_federation")):
        puppet.open(name, relay, sni)
    puppet.register("alice", relay, ALICE)
    for name in ("phone", "member", "relay"):
        assert puppet.wait_closed(name)["reason"] == "no greeting in time"
    puppet.ping("alice")


# ---- who does not read ----

def test_defect_34_a_phone_that_does_not_read(lab):
    """It is closed when its queue is full; who talks to it, and all others, go on."""
    relay = lab.relay("relay").start()
    puppet, other = lab.puppet(), lab.puppet("other")
    bob = puppet.register("bob", relay, BOB)
    puppet.deaf("bob")
    alice = other.register("alice", relay, ALICE)
    for i in range(1500):
        puppet.send("bob", '"Reflect"')  # each makes an answer that he does not take
        if i % 100 == 99:
            other.ping("alice")
    puppet.wait_closed("bob")
    other.send("alice", offer(alice, bob, "d1"))  # for somebody who is not there any more
    assert other.wait_message("alice", "Hangup")["call_id"] == "d1"
    relay.nothing_left()
    assert len(relay.ctl("sessions")) == 1


def test_defect_34_calls_for_a_phone_that_does_not_read(lab):
    """More offers than it has credit for: callers are served, and it dies alone."""
    relay = lab.relay("relay").start()
    puppet, other = lab.puppet(), lab.puppet("other")
    bob = puppet.register("bob", relay, BOB)
    puppet.deaf("bob")
    alice = other.register("alice", relay, ALICE)
    for i in range(400):
        other.send("alice", offer(alice, bob, f"call{i}"))
        other.send("alice", {"Hangup": {"reason": "Normal", "call_id": f"call{i}"}})
        if i % 50 == 49:
            other.ping("alice")
    carol = other.register("carol", relay, CAROL)
    other.send("carol", offer(carol, alice, "c1"))
    other.wait_message("alice", "DirectCallOffer")
    other.send("alice", answer("c1"))
    other.wait_message("carol", "CallSetup")


def test_defect_73_a_link_does_not_wait_for_a_phone_that_does_not_read(lab):
    """More offers over the link than the callee takes: the other calls over that link are served."""
    a, b = lab.relay("relay-a"), lab.relay("relay-b")
    a.configure(peers=[a.peer(b)])
    b.configure(trusted=[b.trust(a)])
    b.start()
    a.start()
    a.linked("relay-b")
    puppet, other = lab.puppet(), lab.puppet("other")
    bob = puppet.register("bob", b, BOB)
    puppet.deaf("bob")
    carol = other.register("carol", b, CAROL)
    alice = other.register("alice", a, ALICE)
    for i in range(400):
        other.send("alice", offer(alice, bob, f"call{i}"))
        other.send("alice", {"Hangup": {"reason": "Normal", "call_id": f"call{i}"}})
        if i % 50 == 49:
            other.ping("alice")
    other.send("alice", offer(alice, carol, "c1"))
    other.wait_message("carol", "DirectCallOffer")
    other.send("carol", answer("c1"))
    other.wait_message("alice", "CallSetup")
    assert all(p["state"] == "linked" and p["connections"] == 1 for p in a.ctl("peers"))


def test_defect_35_a_member_that_does_not_read(lab):
    """250 updates of its room: it gets the newest, joins and leaves go on, no session is kept."""
    relay = lab.relay("relay").start()
    puppet, other = lab.puppet(), lab.puppet("other")
    puppet.join("deaf", relay, "kitchen", DAVE)
    puppet.deaf("deaf")
    other.join("alice", relay, "kitchen", ALICE)
    for i in range(125):
        other.join(f"b{i}", relay, "kitchen", BOB)
        other.command("close", f"b{i}")
        other.wait_closed(f"b{i}")
    wait_for("the visitors to be gone", lambda: len(relay.ctl("rooms")[0]["members"]) == 2)
    assert len(relay.ctl("sessions")) == 2
    assert not puppet.events("deaf", "closed")
    updates = len(puppet.messages("deaf", "RoomUpdate"))
    assert updates <= 105, updates  # all that its credit was good for, and what came before
    other.command("datagram", "alice", MEDIA + "cafe")
    wait_for("media at the deaf one", lambda: puppet.events("deaf", "datagram"))
    wait_for("the last update at Alice",
             lambda: other.messages("alice", "RoomUpdate")[-1]["count"] == 2)


# ---- how fast ----

def test_defect_54_a_sender_s_rate_is_limited(lab):
    """One who sends ten times too much is cut; his neighbour in the same room is not."""
    relay = lab.relay("relay", limits={"participant_pps": 100}).start()
    ear = lab.puppet()
    ear.join("ear", relay, "kitchen", DAVE)
    loud = lab.phone("loud", relay, "--room", "kitchen", "--pps", 1000, "--seconds", 3)
    calm = lab.phone("calm", relay, "--room", "kitchen", "--pps", 50, "--seconds", 3)
    for phone in (loud, calm):
        assert phone.report()["error"] is None
    count = {}
    for event in ear.events("ear", "datagram"):
        sender = event["hex"][32:40]  # of the stamp behind the 12 bytes of header
        count[sender] = count.get(sender, 0) + 1
    few, many = sorted(count.values())
    assert few == 150, count
    assert 150 < many < 1000, count  # a burst of a second, and what three or four more allow


def test_defect_54_the_rate_over_a_link_is_limited(lab):
    a, b = lab.relay("relay-a"), lab.relay("relay-b", limits={"federation_room_pps": 100})
    a.configure(peers=[a.peer(b)])
    b.configure(trusted=[b.trust(a)])
    b.start()
    a.start()
    a.linked("relay-b")
    bob = lab.phone("bob", b, "--register", "--pps", 50, "--seconds", 3)
    alice = lab.phone("alice", a, "--call", bob.fingerprint(), "--pps", 1000, "--seconds", 3)
    lossless(alice.report())
    report = bob.report()
    assert 100 < report["received"] < 1000 and report["lost"] > 1500, report


def test_no_limit_where_none_is_set(lab):
    relay = lab.relay("relay", limits={"participant_pps": 0}).start()
    bob = lab.phone("bob", relay, "--register", "--pps", 10, "--seconds", 2)
    alice = lab.phone("alice", relay, "--call", bob.fingerprint(), "--pps", 3000, "--seconds", 2)
    assert alice.report()["error"] is None
    report = bob.report()
    assert report["received"] > 4000, report  # more than the default would let through


# ---- who comes again ----

def test_defect_61_who_joins_again_replaces_his_own_zombie(lab):
    relay = lab.relay("relay").start()
    puppet = lab.puppet()
    alice, bob = puppet.set_up(relay, relay, "z1")
    puppet.join("alice-media", relay, "call-z1", ALICE)
    puppet.join("bob-media", relay, "call-z1", BOB)
    puppet.join("alice-again", relay, "call-z1", ALICE)  # the room has two places
    puppet.wait_closed("alice-media")
    assert not puppet.events("bob-media", "closed")
    assert sorted(relay.ctl("rooms")[0]["members"]) == sorted((alice, bob))
    puppet.command("datagram", "bob-media", MEDIA + "cafe")
    wait_for("media at the new connection", lambda: puppet.events("alice-again", "datagram"))
    assert [c["state"] for c in relay.ctl("calls")] == ["active"]


def test_defect_66_media_does_not_touch_the_registration(lab):
    relay = lab.relay("relay").start()
    puppet = lab.puppet()
    bob = puppet.register("bob", relay, BOB, alias="Bob")
    for i in range(3):
        puppet.join(f"media{i}", relay, "kitchen", BOB)
        puppet.command("close", f"media{i}")
        puppet.wait_closed(f"media{i}")
    wait_for("only the registration", lambda: len(relay.ctl("sessions")) == 1)
    alice = puppet.register("alice", relay, ALICE)
    puppet.send("alice", offer(alice, bob, "m1"))
    puppet.wait_message("bob", "DirectCallOffer")
    for name in ("alice", "bob"):
        puppet.command("close", name)
        puppet.wait_closed(name)
    wait_for("nobody", lambda: relay.ctl("sessions") == [])
    relay.nothing_left()
    assert user_fingerprint(BOB) == bob


if __name__ == "__main__":
    main(globals(), at_once=4)
