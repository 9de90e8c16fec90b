#!/usr/bin/env python3
# parallel
# timeout: 300
"""The control plane is killed at each step of a call, on one relay, across two, with a peer on strings.

How, and what is compared: kills.py. There are about 930 points in the three tests; each tries ten of
its own. CHAPPE_KILL_POINTS=all takes about seven minutes.
"""
import json

from harness import ALICE, BOB, CAROL, DAVE, answer, main, offer, user_fingerprint, wait_for
from kills import Scene, die_everywhere


# ---- flows ----

def caller_hangs_up(run):
    run.come()
    run.talk()
    run.hang_up("alice")
    run.hear("bob", "Hangup")
    run.leave_room("alice-media", "bob-media")


def callee_hangs_up_with_privacy(run):
    run.come()
    run.ring()
    run.answer("AcceptGeneric")
    for name in ("alice", "bob"):
        run.hear(name, "CallSetup")
    run.hang_up("bob")
    run.hear("alice", "Hangup")


def rejected(run):
    run.come()
    run.ring()
    run.look("ringing")
    run.answer("Reject")
    run.hear("alice", "Hangup")


def cancelled(run):
    run.come()
    run.ring()
    run.hang_up("alice")
    run.hear("bob", "Hangup")


def caller_vanishes_ringing(run):
    run.come()
    run.ring()
    run.leave("alice")
    run.hear("bob", "Hangup")


def callee_vanishes_talking(run):
    run.come()
    run.talk()
    run.leave("bob")
    run.hear("alice", "Hangup")
    run.leave_room("bob-media", "alice-media")


def questions(run):
    run.come()
    for name in ("alice", "bob"):
        run.puppet.ping(name)
        run.say(name, json.dumps("Reflect"))
        run.hear(name, "ReflectResponse")
        run.say(name, {"NoSuchVariant": {}})
        run.puppet.ping(name)


def peer_calls(run):
    run.come()
    run.peer.forward(offer(user_fingerprint(DAVE), user_fingerprint(BOB), run.call))
    run.hear("bob", "DirectCallOffer")
    run.answer()
    run.hear("bob", "CallSetup")
    run.enter("bob", run.b, BOB)
    run.look("set up")
    run.peer.forward({"Hangup": {"reason": "Normal", "call_id": run.call}})
    run.hear("bob", "Hangup")
    run.leave("bob-media")
    run.a.nothing_left()


def peer_is_called(run):
    run.come()
    run.say("alice", offer(user_fingerprint(ALICE), user_fingerprint(DAVE), run.call))
    wait_for("the offer at the peer", lambda: any(
        o["call_id"] == run.call for o in run.peer.forwarded("DirectCallOffer")))
    run.peer.forward({"CallRinging": {"call_id": run.call}})
    run.hear("alice", "CallRinging")
    run.peer.forward(answer(run.call))
    run.hear("alice", "CallSetup")
    run.look("set up")
    run.hang_up("alice")
    wait_for("the hang-up at the peer", lambda: any(
        h.get("call_id") == run.call for h in run.peer.forwarded("Hangup")))


LOCAL = (caller_hangs_up, callee_hangs_up_with_privacy, rejected, cancelled,
         caller_vanishes_ringing, callee_vanishes_talking, questions)
ACROSS = LOCAL[:-1]
WITH_PEER = (peer_calls, peer_is_called)


def test_one_relay(lab):
    die_everywhere(Scene(lab), LOCAL)


def test_across(lab):
    die_everywhere(Scene(lab, 2, [(0, 1)]), ACROSS)


def test_with_a_peer(lab):
    die_everywhere(Scene(lab, peer=CAROL), WITH_PEER)


if __name__ == "__main__":
    main(globals(), at_once=3)
