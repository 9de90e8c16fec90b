#!/usr/bin/env python3
# parallel
# asan
# timeout: 180
"""Peer relays that are puppets: what a relay accepts from them, tells them, and sends them
(defects 11 to 13, 21, 25, 56 to 58 and 63)."""
import time

from harness import (ALICE, BOB, CAROL, DAVE, answer, main, offer, user_fingerprint, wait_for)
from peer import MEDIA, Peer, ring_bob, tagged


def scene(lab, *seeds, legacy=(), **config):
    """A relay, a puppet for its phones, and linked peers."""
    relay = lab.relay("relay", **config)
    peers = [Peer(lab, relay, seed, seed in legacy) for seed in seeds]
    relay.configure(trusted=[peer.trust() for peer in peers])
    relay.start()
    return relay, lab.puppet("phones"), [peer.link() for peer in peers]


def settle(phones, *names):
    for name in names:
        phones.ping(name)


# ---- what a peer may say ----

def test_defect_11_the_origin_must_be_the_link(lab):
    relay, phones, (one, two) = scene(lab, CAROL, DAVE)
    phones.register("bob", relay, BOB)
    one.forward(offer(user_fingerprint(ALICE), user_fingerprint(BOB), "o1"), origin=two.fingerprint)
    ring_bob(relay, phones, one, "o2")
    assert len(phones.messages("bob", "DirectCallOffer")) == 1
    phones.send("bob", answer("o2"))
    assert one.wait_forwarded("DirectCallAnswer")["call_id"] == "o2"
    assert not two.forwarded("DirectCallAnswer") and not two.forwarded("CallRinging")


def test_defect_12_a_peer_speaks_about_its_own_calls_only(lab):
    relay, phones, (one, two) = scene(lab, CAROL, DAVE)
    ring_bob(relay, phones, one, "t1")
    hangup = {"Hangup": {"reason": "Normal", "call_id": "t1"}}
    two.forward(hangup)
    two.forward(answer("t1"))
    two.wait_forwarded("Hangup")  # it learns that this call is none of its own
    settle(phones, "bob")
    assert not phones.messages("bob", "Hangup") and not phones.messages("bob", "CallSetup")
    phones.send("bob", answer("t1"))
    one.wait_forwarded("DirectCallAnswer")
    two.forward(hangup)
    settle(phones, "bob")
    assert not phones.messages("bob", "Hangup")
    one.forward(hangup)
    assert phones.wait_message("bob", "Hangup")["call_id"] == "t1"
    relay.nothing_left()


def test_defect_12_the_first_answer_wins_and_is_the_only_one(lab):
    """An offer for somebody who is not here goes to every peer; both say that he is with them."""
    relay, phones, (one, two) = scene(lab, CAROL, DAVE)
    alice = phones.register("alice", relay, ALICE)
    phones.send("alice", offer(alice, user_fingerprint(BOB), "f1"))
    for peer in (one, two):
        peer.wait_forwarded("DirectCallOffer")
        peer.forward({"CallRinging": {"call_id": "f1"}})
    phones.wait_message("alice", "CallRinging")
    one.forward(answer("f1"))
    phones.wait_message("alice", "CallSetup")
    assert two.wait_forwarded("Hangup")["call_id"] == "f1"
    two.forward(answer("f1", "Reject"))
    two.forward(answer("f1"))
    settle(phones, "alice")
    assert len(phones.messages("alice", "CallSetup")) == 1
    assert len(phones.messages("alice", "CallRinging")) == 1  # two rang, she hears of one
    assert not phones.messages("alice", "Hangup")
    assert relay.ctl("calls")[0]["peer"] == one.label


# ---- media ----

def test_defect_13_a_peer_s_media_reaches_the_rooms_bound_to_it_only(lab):
    relay, phones, (one, two) = scene(lab, CAROL, DAVE)
    ring_bob(relay, phones, one, "m1")
    phones.send("bob", answer("m1"))
    phones.wait_message("bob", "CallSetup")
    phones.join("bob-media", relay, "call-m1", BOB)
    phones.join("private", relay, "kitchen", ALICE)
    for peer in (two, one):
        for room in ("call-m1", "kitchen", "call-other", "default"):
            peer.puppet.command("datagram", peer.name, tagged(room, "aa" if peer is one else "bb"))
    wait_for("the packet of the right peer", lambda: phones.events("bob-media", "datagram"))
    one.puppet.command("datagram", one.name, tagged("call-m1", "cc"))
    wait_for("one more", lambda: len(phones.events("bob-media", "datagram")) >= 2)
    assert [e["hex"] for e in phones.events("bob-media", "datagram")] == [MEDIA + "aa", MEDIA + "cc"]
    assert not phones.events("private", "datagram")


def test_defect_63_a_call_concerns_its_peer_only(lab):
    """Neither announcement nor media of a call room reach another peer, nor those of any other
    room; of a call on one relay nobody is told."""
    relay, phones, (one, two) = scene(lab, CAROL, DAVE)
    ring_bob(relay, phones, one, "s1")
    phones.send("bob", answer("s1"))
    phones.wait_message("bob", "CallSetup")
    phones.join("bob-media", relay, "call-s1", BOB)
    phones.command("datagram", "bob-media", MEDIA + "aa")
    wait_for("media at the peer", one.datagrams)
    assert one.datagrams() == [tagged("call-s1", "aa")]
    active = wait_for("the announcement", lambda: one.puppet.messages(one.name, "GlobalRoomActive"))
    assert active[-1]["room"] == "call-s1", active
    assert [p["fingerprint"] for p in active[-1]["participants"]] == [user_fingerprint(BOB)]
    alice = phones.register("alice", relay, ALICE)
    phones.send("alice", offer(alice, user_fingerprint(BOB), "local"))
    phones.wait_message("bob", "DirectCallOffer", count=2)
    phones.send("bob", answer("local"))
    phones.wait_message("alice", "CallSetup")
    phones.join("alice-media", relay, "call-local", ALICE)
    phones.command("datagram", "alice-media", MEDIA + "dd")
    phones.join("kitchen", relay, "kitchen", DAVE)
    phones.command("datagram", "kitchen", MEDIA + "ee")
    settle(phones, "alice", "bob")
    assert not two.datagrams() and not two.puppet.messages(two.name, "GlobalRoomActive")
    assert not two.forwarded("DirectCallOffer") and not one.forwarded("DirectCallOffer")
    assert len(one.datagrams()) == 1


# ---- ends of calls ----

def test_defect_56_a_reject_reaches_the_caller_s_relay(lab):
    relay, phones, (one,) = scene(lab, CAROL)
    ring_bob(relay, phones, one, "r1")
    assert one.wait_forwarded("CallRinging")["call_id"] == "r1"
    phones.send("bob", answer("r1", "Reject"))
    assert one.wait_forwarded("DirectCallAnswer")["accept_mode"] == "Reject"
    relay.nothing_left()


def test_defect_57_a_lost_phone_is_told_to_the_peer(lab):
    relay, phones, (one,) = scene(lab, CAROL)
    ring_bob(relay, phones, one, "p1")
    phones.command("close", "bob")
    assert one.wait_forwarded("Hangup")["call_id"] == "p1"
    relay.nothing_left()


def test_defect_58_not_here(lab):
    """When all that were asked have said so the caller is told at once, and never hears it ring."""
    relay, phones, (one, two) = scene(lab, CAROL, DAVE)
    alice = phones.register("alice", relay, ALICE)
    phones.send("alice", offer(alice, user_fingerprint(BOB), "n1"))
    nowhere = {"Hangup": {"reason": "Normal", "call_id": "n1", "chappe": {"not_here": True}}}
    for peer in (one, two):
        peer.wait_forwarded("DirectCallOffer")
    one.forward(nowhere)
    settle(phones, "alice")
    assert not phones.messages("alice", "Hangup")
    two.forward(nowhere)
    assert phones.wait_message("alice", "Hangup")["call_id"] == "n1"
    assert not phones.messages("alice", "CallRinging")
    one.forward(offer(user_fingerprint(DAVE), user_fingerprint(CAROL), "n2"))
    hangup = wait_for("our own not here", lambda: [
        h for h in one.forwarded("Hangup") if h["call_id"] == "n2"])[0]
    assert hangup["chappe"]["not_here"] is True, hangup
    relay.nothing_left()


# ---- connections of a link ----

def test_defect_21_one_link_of_several_connections(lab):
    relay, phones, (one,) = scene(lab, CAROL)
    one.link()
    one.link()
    assert len(relay.ctl("peers")) == 1 and relay.ctl("peers")[0]["connections"] == 3
    ring_bob(relay, phones, one, "k1")
    for name in ("c3", "c1"):  # a young one, and the one that speaks
        one.puppet.command("close", name)
        one.puppet.wait_closed(name)
    one.name = "c2"
    wait_for("one connection left", lambda: relay.ctl("peers")[0]["connections"] == 1)
    assert relay.ctl("peers")[0]["state"] == "linked"
    phones.send("bob", answer("k1"))
    one.wait_forwarded("DirectCallAnswer")
    phones.join("bob-media", relay, "call-k1", BOB)
    phones.command("datagram", "bob-media", MEDIA + "aa")
    wait_for("media over what is left", one.datagrams)


# ---- originals ----

def test_an_original_calls_and_is_called(lab):
    relay, phones, (original,) = scene(lab, CAROL, legacy=(CAROL,))
    ring_bob(relay, phones, original, "g1")
    phones.send("bob", answer("g1"))
    original.wait_forwarded("DirectCallAnswer")
    assert not original.forwarded("CallRinging")  # it rang when it sent the offer
    assert not original.forwarded("Hangup")
    phones.send("bob", {"Hangup": {"reason": "Normal", "call_id": "g1"}})
    original.wait_forwarded("Hangup")
    alice = phones.register("alice", relay, ALICE)
    phones.send("alice", offer(alice, user_fingerprint(DAVE), "g2"))
    phones.wait_message("alice", "CallRinging")  # an original never confirms
    original.wait_forwarded("DirectCallOffer")
    original.forward(answer("g2"))
    assert phones.wait_message("alice", "CallSetup")["room"] == "call-g2"
    original.forward({"Hangup": {"reason": "Normal"}})  # the only call of this link
    assert phones.wait_message("alice", "Hangup")
    relay.nothing_left()


def test_defect_25_an_original_hears_a_ping_every_few_seconds(lab):
    """It forgets whom it has not heard for 15 s; more often than every 5 s is a waste."""
    begin = time.monotonic()
    _, _, (original, ours) = scene(lab, CAROL, DAVE, legacy=(CAROL,))
    linked = time.monotonic()
    wait_for("two pings", lambda: len(original.puppet.messages(original.name, "Ping")) >= 2, limit=30)
    now = time.monotonic()
    assert now - begin > 9.5 and now - linked < 20, (begin, linked, now)
    assert not ours.puppet.messages(ours.name, "Ping")


if __name__ == "__main__":
    main(globals(), at_once=4)
