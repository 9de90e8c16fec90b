#!/usr/bin/env python3
# parallel
# asan
# timeout: 400
"""Every way in which a call ends, or does not come about: for every party, with its reason, and
without an entry left behind in either process; on one relay and across two."""
import re
import signal

from harness import (ALICE, BOB, CAROL, PATIENCE, answer, main, offer, user_fingerprint, wait_for)

RING_S = 3  # ring timeout in these tests


def one(lab):
    relay = lab.relay("relay", limits={"ring_timeout_s": RING_S}).start()
    return relay, relay


def two(lab):
    a = lab.relay("relay-a", limits={"ring_timeout_s": RING_S})
    b = lab.relay("relay-b", limits={"ring_timeout_s": RING_S})
    a.configure(peers=[a.peer(b)])
    b.configure(trusted=[b.trust(a)])
    a.start()
    b.start()
    a.linked("relay-b")
    b.linked("relay-a")
    return a, b


def on_both(name):
    """Registers the body as two tests: on one relay, and across two."""
    def wrap(body):
        globals()[f"test_{name}_on_one_relay"] = lambda lab: body(lab, *one(lab))
        globals()[f"test_{name}_across"] = lambda lab: body(lab, *two(lab))
        return body
    return wrap


def nothing_left(*relays):
    """In either process: what the data plane still holds shows when a control plane adopts it."""
    for relay in set(relays):
        relay.nothing_left()
        relay.control.signal(signal.SIGTERM)
        assert relay.control.wait() == 0
        relay.start_control()
        relay.ready()
        relay.nothing_left()
        adopted, = re.findall(r"adopted plane=control connections=.*", relay.control.log())
        assert "rooms=0 calls=0 swept=0" in adopted, adopted


@on_both("reject")
def reject(lab, a, b):
    bob = lab.phone("bob", b, "--register", "--answer", "reject")
    alice = lab.phone("alice", a, "--call", bob.fingerprint())
    report = alice.report()
    assert alice.exit_code == 1 and report["error"], report
    assert report["ringing_ms"] is not None and report["setup_ms"] is None, report
    assert report["hangup"] is not None and report["hangup"]["by"] != "us", report
    assert bob.report()["hangup"]["by"] == "us" and bob.exit_code == 0
    nothing_left(a, b)


@on_both("no_answer")
def no_answer(lab, a, b):
    puppet = lab.puppet()
    bob = puppet.register("bob", b, BOB)
    alice = lab.phone("alice", a, "--call", bob)
    puppet.wait_message("bob", "DirectCallOffer")
    report = alice.report()
    assert report["hangup"] == {"reason": "Timeout", "by": "relay"}, report
    call_id = report["call_id"]
    assert puppet.wait_message("bob", "Hangup")["call_id"] == call_id
    assert puppet.messages("bob", "Hangup")[0]["reason"] == "Timeout"
    nothing_left(a, b)


@on_both("callee_hangs_up")
def callee_hangs_up(lab, a, b):
    puppet = lab.puppet()
    bob = puppet.register("bob", b, BOB)
    alice = lab.phone("alice", a, "--call", bob, "--seconds", 60)
    call_id = puppet.wait_message("bob", "DirectCallOffer")["call_id"]
    puppet.send("bob", answer(call_id))
    puppet.wait_message("bob", "CallSetup")
    alice.wait_log("joined")
    puppet.send("bob", {"Hangup": {"reason": "Normal", "call_id": call_id}})
    report = alice.report()
    assert report["hangup"] == {"reason": "Normal", "by": "peer"}, report
    nothing_left(a, b)


@on_both("caller_hangs_up_while_ringing")
def caller_hangs_up_while_ringing(lab, a, b):
    puppet = lab.puppet()
    bob = puppet.register("bob", b, BOB)
    alice = lab.phone("alice", a, "--call", bob)
    offered = puppet.wait_message("bob", "DirectCallOffer")
    alice.wait_log("ringing")
    alice.end(signal.SIGTERM)
    assert alice.report()["hangup"]["by"] == "us"
    assert puppet.wait_message("bob", "Hangup")["call_id"] == offered["call_id"]
    puppet.send("bob", answer(offered["call_id"]))  # too late: must not bring the call back
    puppet.ping("bob")
    nothing_left(a, b)


@on_both("caller_lost")
def caller_lost(lab, a, b):
    """A phone that is killed sends no close: its relay learns by its timers."""
    bob = lab.phone("bob", b, "--register", "--seconds", 120)
    alice = lab.phone("alice", a, "--call", bob.fingerprint(), "--seconds", 120)
    alice.wait_log("talking")
    alice.end(signal.SIGKILL)
    report = bob.report(limit=PATIENCE + 40)
    assert report["hangup"]["by"] in ("relay", "peer"), report
    nothing_left(a, b)


@on_both("callee_lost")
def callee_lost(lab, a, b):
    bob = lab.phone("bob", b, "--register", "--seconds", 120)
    alice = lab.phone("alice", a, "--call", bob.fingerprint(), "--seconds", 120)
    bob.wait_log("talking")
    bob.end(signal.SIGKILL)
    report = alice.report(limit=PATIENCE + 40)
    assert report["hangup"]["by"] in ("relay", "peer"), report
    nothing_left(a, b)


@on_both("callee_offline_everywhere")
def callee_offline(lab, a, b):
    alice = lab.phone("alice", a, "--call", user_fingerprint(CAROL))
    report = alice.report(limit=PATIENCE)
    assert report["hangup"] == {"reason": "Normal", "by": "relay"}, report
    assert report["ringing_ms"] is None, report
    nothing_left(a, b)


@on_both("forged_caller")
def forged_caller(lab, a, b):
    """Defect 7: the offer names somebody else as its caller."""
    puppet = lab.puppet()
    bob = puppet.register("bob", b, BOB)
    puppet.register("mallory", a, CAROL)
    puppet.send("mallory", offer(user_fingerprint(ALICE), bob, "f0"))
    refused = puppet.wait_message("mallory", "Hangup")
    assert refused["reason"] == "Error" and refused["call_id"] == "f0", refused
    puppet.ping("mallory")
    puppet.ping("bob")
    assert not puppet.messages("bob", "DirectCallOffer")
    nothing_left(a, b)


@on_both("answer_by_a_stranger")
def answer_by_a_stranger(lab, a, b):
    """Defects 8 and 12: only the callee may answer."""
    puppet = lab.puppet()
    bob = puppet.register("bob", b, BOB)
    alice = puppet.register("alice", a, ALICE)
    puppet.register("mallory", b, CAROL)
    puppet.send("alice", offer(alice, bob, "a1"))
    puppet.wait_message("bob", "DirectCallOffer")
    puppet.wait_message("alice", "CallRinging")
    for who in ("mallory", "alice"):
        puppet.send(who, answer("a1"))
        puppet.send(who, answer("a1", "Reject"))
        puppet.ping(who)
    assert not puppet.messages("alice", "DirectCallAnswer")
    assert not puppet.messages("alice", "CallSetup") and not puppet.messages("bob", "CallSetup")
    puppet.send("bob", answer("a1"))  # the call is still there for the one it is for
    puppet.wait_message("alice", "CallSetup")
    puppet.send("mallory", {"Hangup": {"reason": "Normal", "call_id": "a1"}})  # defect 10
    puppet.ping("mallory")
    assert not puppet.messages("alice", "Hangup")
    puppet.send("alice", {"Hangup": {"reason": "Normal", "call_id": "a1"}})
    puppet.wait_message("bob", "Hangup")
    nothing_left(a, b)


@on_both("duplicate_call_id")
def duplicate_call_id(lab, a, b):
    """Defect 9: a second offer with a live call's id does not take that call over."""
    puppet = lab.puppet()
    bob = puppet.register("bob", b, BOB)
    alice = puppet.register("alice", a, ALICE)
    carol = puppet.register("carol", a, CAROL)
    puppet.send("alice", offer(alice, bob, "d1"))
    puppet.wait_message("bob", "DirectCallOffer")
    puppet.send("carol", offer(carol, bob, "d1"))
    assert puppet.wait_message("carol", "Hangup")["call_id"] == "d1"
    puppet.send("bob", answer("d1"))
    puppet.wait_message("alice", "CallSetup")
    assert not puppet.messages("carol", "CallSetup")
    assert len(puppet.messages("bob", "DirectCallOffer")) == 1
    puppet.send("bob", {"Hangup": {"reason": "Normal", "call_id": "d1"}})
    puppet.wait_message("alice", "Hangup")
    nothing_left(a, b)


@on_both("third_phone_in_a_call_room")
def third_phone(lab, a, b):
    puppet = lab.puppet()
    puppet.set_up(a, b, "c3")
    puppet.join("alice-media", a, "call-c3", ALICE)
    puppet.join("bob-media", b, "call-c3", BOB)
    for relay, name in ((a, "carol-at-a"), (b, "carol-at-b")):
        puppet.open(name, relay, "call-c3")
        puppet.command("join", name, CAROL)
        puppet.wait_closed(name)
        assert not puppet.messages(name, "RoomUpdate")
    seen = puppet.wait_message("alice-media", "RoomUpdate")
    assert seen["count"] <= 2
    puppet.send("alice", {"Hangup": {"reason": "Normal", "call_id": "c3"}})
    puppet.wait_message("bob", "Hangup")
    puppet.wait_closed("alice-media")  # defect 62: nobody stays in the room of an ended call
    puppet.wait_closed("bob-media")
    nothing_left(a, b)


def test_defect_06_a_new_registration_outlives_the_old_connection(lab):
    relay, _ = one(lab)
    puppet = lab.puppet()
    fingerprint = puppet.register("old", relay, BOB)
    puppet.register("new", relay, BOB)
    puppet.wait_closed("old")
    alice = puppet.register("alice", relay, ALICE)
    puppet.send("alice", offer(alice, fingerprint, "r6"))
    puppet.wait_message("new", "DirectCallOffer")
    assert [s["fingerprint"] for s in relay.ctl("sessions")].count(fingerprint) == 1


def test_registered_phone_keeps_its_call_when_it_registers_again(lab):
    relay, _ = one(lab)
    puppet = lab.puppet()
    puppet.set_up(relay, relay, "k1")
    puppet.register("alice-again", relay, ALICE)
    puppet.wait_closed("alice")
    assert not puppet.messages("bob", "Hangup")
    puppet.send("bob", {"Hangup": {"reason": "Normal", "call_id": "k1"}})
    assert puppet.wait_message("alice-again", "Hangup")["call_id"] == "k1"
    relay.nothing_left()


def test_unknown_messages_do_no_harm(lab):
    """Defect 37: an unknown variant, bad JSON, or what nobody sends costs nothing but a log line."""
    relay, _ = one(lab)
    puppet = lab.puppet()
    puppet.register("bob", relay, BOB)
    for message in ('{"Nonsense":{}}', "{", "", "[]", '{"Ping":{"timestamp_ms":-1}}', '"Hold"',
                    '{"Hangup":{"reason":"Bored"}}', "\x01\x02", '{"Ping":{"timestamp_ms":1}} x'):
        puppet.send("bob", message)
    puppet.ping("bob")
    wait_for("the unknown variant in the log", lambda: "Nonsense" in relay.logs())


if __name__ == "__main__":
    main(globals(), at_once=6)
