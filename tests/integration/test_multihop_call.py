#!/usr/bin/env python3
# parallel
# timeout: 300
"""Calls over two and three links: media both ways; a callee who is at two relays or moves; a relay
in the middle or control planes killed while it rings and while they talk."""
import functools
import signal
import time

import federation
from harness import ALICE, BOB, answer, lossless, main, offer, wait_for
from shim import Shim
from starvation import Starvation

CALL = "m1"
CHAIN = [(0, 1), (1, 2), (2, 3)]
FORK = [(0, 1), (1, 2), (1, 3)]  # the two ends behind relay-1 may be silent without each other
LINK_LOST_S = 2                  # until a dead neighbour is known to be dead
PATIENCE_S = 30                  # with which an active call waits for its link
ROOM_FOR_CI = 5
RING_S = 3
SEARCH_S = 1                     # for one whom presence had promised


class Mesh:
    """relay-0 to relay-3, linked as they are listed; all forward for all. Some have a shim."""

    def __init__(self, lab, links=CHAIN, shims=(), **limits):
        self.lab, self.links = lab, links
        self.relays = [lab.relay(f"relay-{i}") for i in range(4)]
        for i, relay in enumerate(self.relays):
            relay.configure(
                limits={"federation_hops": 3, **limits},
                trusted=[relay.trust(self.relays[a], delegate=True) for a, b in links if b == i],
                peers=[relay.peer(self.relays[b], delegate=True) for a, b in links if a == i])
        self.shims = {i: Shim(lab, self.relays[i]) for i in shims}
        for relay in self.relays:
            relay.start()
        self.linked()

    def linked(self):
        federation.linked(self.relays, self.links)

    def knows(self, fingerprint, *places, at=0):
        """Waits until this relay knows that the phone is at these others, by their numbers."""
        wanted = sorted(self.relays[i].fingerprint() for i in places)
        wait_for(f"{fingerprint} at {places}", lambda: sorted(
            p["relay"] for p in self.relays[at].ctl("presence")
            if p["fingerprint"] == fingerprint and p["hops"] > 0) == wanted)

    def calls(self, at):
        return self.relays[at].ctl("calls")

    def nothing_left(self, but=()):
        for i, relay in enumerate(self.relays):
            if i not in but:
                relay.nothing_left()

    def kill(self, which):
        self.relays[which].kill()
        return time.monotonic()

    def replace_control_planes(self):
        for relay in self.relays:
            relay.control.signal(9)
            relay.control.wait()
            relay.start_control()
        for relay in self.relays:
            relay.ready()


def on_a_mesh(**how):
    """A test of a mesh. A machine that stood still is no failure: links end by silence."""
    def decorate(test):
        @functools.wraps(test)
        def on_lab(lab):
            with Starvation(()).excuses():
                chain = Mesh(lab, **how)
                with Starvation(r.data.pid for r in chain.relays).excuses():
                    test(chain)
        return on_lab
    return decorate


def phones(chain, seconds, *more):
    """Alice calls Bob; he has registered."""
    media = ("--seconds", seconds, *more)
    bob = chain.lab.phone("bob", chain.relays[3], "--register", *media)
    callee = bob.fingerprint()
    chain.knows(callee, 3)
    return chain.lab.phone("alice", chain.relays[0], "--call", callee, *media), bob


def both_ends(chain, caller=0):
    """Puppets: Alice at this relay, Bob at relay-3."""
    puppet = chain.lab.puppet()
    alice = puppet.register("alice", chain.relays[caller], ALICE)
    bob = puppet.register("bob", chain.relays[3], BOB)
    chain.knows(bob, 3, at=caller)
    return puppet, alice, bob


def ring(puppet, alice, bob, call=CALL):
    puppet.send("alice", offer(alice, bob, call))
    puppet.wait_message("bob", "DirectCallOffer")
    puppet.wait_message("alice", "CallRinging")


def killed_while_they_talk(chain, which):
    """They have as long as for any lost link."""
    phone = phones(chain, 60, "--pps", 10)
    for one in phone:
        one.wait_log("talking")
    killed = chain.kill(which)
    for one in phone:
        report = one.report(60)
        assert report["hangup"] == {"reason": "Error", "by": "relay"}, report
        assert report["duplicated"] == 0, report
    seconds = time.monotonic() - killed
    chain.lab.say(f"both were hung up after {seconds:.1f} s")
    assert seconds <= LINK_LOST_S + PATIENCE_S + ROOM_FOR_CI, seconds
    chain.nothing_left(but=(which,))


@on_a_mesh()
def test_second_relay_killed_while_they_talk(chain):
    killed_while_they_talk(chain, 1)


@on_a_mesh()
def test_third_relay_killed_while_they_talk(chain):
    killed_while_they_talk(chain, 2)


@on_a_mesh()
def test_media_both_ways(chain):
    alice, bob = phones(chain, 2)
    wait_for("the call in transit", lambda: [
        (c["transit"], c["caller_peer"], c["peer"]) for c in chain.calls(1)
    ] == [(True, "relay-0", "relay-2")])
    for phone in (alice, bob):
        report = phone.report()
        lossless(report)
        assert report["received"] == 100 and report["participants"] == 2, report
        assert phone.exit_code == 0, report
    chain.nothing_left()


@on_a_mesh(federation_hops=2)
def test_beyond_the_reach_of_presence(chain):
    """As far as the default goes, two links; the way over the third is asked for."""
    media = ("--seconds", 2)
    bob = chain.lab.phone("bob", chain.relays[3], "--register", *media)
    alice = chain.lab.phone("alice", chain.relays[0], "--call", bob.fingerprint(), *media)
    for phone in (alice, bob):
        report = phone.report()
        lossless(report)
        assert report["received"] == 100 and phone.exit_code == 0, report
    chain.nothing_left()


@on_a_mesh()
def test_control_planes_killed_while_they_talk(chain):
    alice, bob = phones(chain, 6)
    alice.wait_log("talking")
    chain.replace_control_planes()
    for phone in (alice, bob):
        report = phone.report()
        lossless(report)
        assert report["received"] == 300 and phone.exit_code == 0, report
    chain.nothing_left()


@on_a_mesh()
def test_control_planes_killed_while_it_rings(chain):
    puppet, alice, bob = both_ends(chain)
    ring(puppet, alice, bob)
    chain.replace_control_planes()
    puppet.send("bob", answer(CALL))
    for name in ("alice", "bob"):
        assert puppet.wait_message(name, "CallSetup")["room"] == f"call-{CALL}"
    chain.replace_control_planes()
    puppet.send("bob", {"Hangup": {"reason": "Normal", "call_id": CALL}})
    assert puppet.wait_message("alice", "Hangup")["call_id"] == CALL
    chain.nothing_left()


def killed_while_it_rings(chain, which):
    """Both are told that nobody answered, when the time to answer is over."""
    puppet, alice, bob = both_ends(chain)
    ring(puppet, alice, bob)
    killed = chain.kill(which)
    for name in ("alice", "bob"):
        hangup = puppet.wait_message(name, "Hangup")
        assert hangup["reason"] == "Timeout" and hangup["call_id"] == CALL, hangup
    seconds = time.monotonic() - killed
    chain.lab.say(f"both were told after {seconds:.1f} s, the ring timeout is {RING_S} s")
    assert seconds <= RING_S + ROOM_FOR_CI, seconds
    chain.nothing_left(but=(which,))
    for name in ("alice", "bob"):
        assert len(puppet.messages(name, "Hangup")) == 1, puppet.messages(name)


@on_a_mesh(ring_timeout_s=RING_S)
def test_second_relay_killed_while_it_rings(chain):
    killed_while_it_rings(chain, 1)


@on_a_mesh(ring_timeout_s=RING_S)
def test_third_relay_killed_while_it_rings(chain):
    killed_while_it_rings(chain, 2)


@on_a_mesh()
def test_middle_comes_back(chain):
    """It has forgotten the call: that goes on by another way, which is by the same relay."""
    puppet, alice, bob = both_ends(chain)
    ring(puppet, alice, bob)
    puppet.send("bob", answer(CALL))
    puppet.wait_message("alice", "CallSetup")
    chain.kill(1)
    chain.relays[1].start()
    wait_for("the call in transit again", lambda: [
        (c["transit"], c["state"]) for c in chain.calls(1)] == [(True, "active")])
    puppet.send("alice", {"Hangup": {"reason": "Normal", "call_id": CALL}})
    assert "chappe" not in puppet.wait_message("bob", "Hangup")  # it is Alice who ends it
    assert not puppet.messages("alice", "Hangup")
    chain.nothing_left()


@on_a_mesh()
def test_callee_at_two_relays(chain):
    puppet, alice, bob = both_ends(chain)
    puppet.register("bob2", chain.relays[2], BOB)
    chain.knows(bob, 2, 3)
    ring(puppet, alice, bob)
    puppet.wait_message("bob2", "DirectCallOffer")
    puppet.send("bob", answer(CALL))
    puppet.wait_message("alice", "CallSetup")
    assert puppet.wait_message("bob2", "Hangup")["call_id"] == CALL
    puppet.ping("bob")
    assert not puppet.messages("bob", "Hangup")
    puppet.send("alice", {"Hangup": {"reason": "Normal", "call_id": CALL}})
    puppet.wait_message("bob", "Hangup")
    chain.nothing_left()


@on_a_mesh(links=FORK)
def test_one_of_two_relays_of_the_callee_dies(chain):
    """It rings on at the other one."""
    puppet, alice, bob = both_ends(chain)
    puppet.register("bob2", chain.relays[2], BOB)
    chain.knows(bob, 2, 3)
    ring(puppet, alice, bob)
    puppet.wait_message("bob2", "DirectCallOffer")
    chain.kill(3)
    chain.knows(bob, 2)
    puppet.send("bob2", answer(CALL))
    puppet.wait_message("alice", "CallSetup")
    puppet.wait_message("bob2", "CallSetup")
    assert not puppet.messages("alice", "Hangup") and not puppet.messages("bob2", "Hangup")
    puppet.send("alice", {"Hangup": {"reason": "Normal", "call_id": CALL}})
    puppet.wait_message("bob2", "Hangup")
    chain.nothing_left(but=(3,))


# ---- the callee moves between presence and offer ----

def moves(chain, caller=0):
    """Bob goes from relay-3 to relay-2, which does not get to say so: from his being registered
    on its control plane's transactions are held."""
    puppet, alice, bob = both_ends(chain, caller)
    there, hold = chain.relays[2], chain.shims[2]
    puppet.open("bob2", there, "_signal")
    wait_for("all that there is at relay-2", lambda: len(there.ctl("sessions")) == 2 and {
        p["fingerprint"] for p in there.ctl("presence")} == {alice, bob})
    wait_for("nothing under way at relay-2", lambda: there.ctl("status")["uncommitted"] == 0)
    hold.ask("count")
    hold.ask("hold", "commands", 2)  # the first is the answer to his registration
    puppet.command("register", "bob2", BOB)
    assert puppet.wait_message("bob2", "RegisterPresenceAck")["success"]
    held = hold.hear()
    assert held.startswith("held"), held
    return puppet, alice, bob, hold


def talks_and_ends(chain, puppet):
    """Each heard of the call once, and it works."""
    puppet.wait_message("alice", "CallRinging")
    puppet.send("bob2", answer(CALL))
    for name in ("alice", "bob2"):
        assert puppet.wait_message(name, "CallSetup")["room"] == f"call-{CALL}"
    puppet.send("bob2", {"Hangup": {"reason": "Normal", "call_id": CALL}})
    assert puppet.wait_message("alice", "Hangup").get("chappe", {}).get("by") is None
    chain.nothing_left()
    for name, variant in (("alice", "CallRinging"), ("alice", "Hangup"),
                          ("bob2", "DirectCallOffer")):
        assert len(puppet.messages(name, variant)) == 1, puppet.messages(name)


def nowhere(chain, caller):
    """Where he was it is known that he left, where he is it is not told yet."""
    puppet, alice, bob, hold = moves(chain, caller)
    puppet.command("close", "bob")
    chain.knows(bob, at=caller)
    puppet.send("alice", offer(alice, bob, CALL))
    return puppet, alice, bob, hold


@on_a_mesh(links=FORK, shims=(2,))
def test_callee_is_nowhere_when_he_is_called_from_next_door(chain):
    """All neighbours are asked, the one that has him among them."""
    puppet, _, _, hold = nowhere(chain, caller=1)
    wait_for("the call", lambda: chain.calls(1))
    puppet.ping("alice")
    assert not puppet.messages("alice", "Hangup") and not puppet.messages("bob2", "DirectCallOffer")
    hold.ask("release")
    puppet.wait_message("bob2", "DirectCallOffer")
    talks_and_ends(chain, puppet)


@on_a_mesh(links=FORK, shims=(2,))
def test_callee_is_nowhere_when_he_is_called_from_afar(chain):
    """All neighbours are asked and do not have him, nobody answers where he is: the caller is told
    so, once; he never rings. When the news is out he can be called."""
    puppet, alice, bob, hold = nowhere(chain, caller=0)
    began = time.monotonic()
    hangup = puppet.wait_message("alice", "Hangup")
    chain.lab.say(f"told after {time.monotonic() - began:.1f} s")
    assert hangup["call_id"] == CALL and hangup["chappe"]["by"] == "relay", hangup
    hold.ask("release")
    chain.knows(bob, 2)
    chain.nothing_left()
    assert not puppet.messages("bob2", "DirectCallOffer")
    assert not puppet.messages("alice", "CallRinging")
    puppet.send("alice", offer(alice, bob, "m2"))
    puppet.wait_message("bob2", "DirectCallOffer")
    puppet.wait_message("alice", "CallRinging")
    puppet.send("bob2", {"Hangup": {"reason": "Normal", "call_id": "m2"}})
    wait_for("its end", lambda: len(puppet.messages("alice", "Hangup")) == 2)
    chain.nothing_left()


def offered_where_he_was(chain, puppet, alice, bob):
    """relay-3 is called for Bob, who has left it, and does not look yet."""
    chain.relays[3].control.signal(signal.SIGSTOP)
    puppet.command("close", "bob")
    puppet.wait_closed("bob")
    chain.knows(bob, 3)
    puppet.send("alice", offer(alice, bob, CALL))
    wait_for("the call in transit", lambda: chain.calls(1))
    puppet.ping("alice")
    assert not puppet.messages("alice", "CallRinging") and not puppet.messages("alice", "Hangup")


@on_a_mesh(links=FORK, shims=(2,))
def test_callee_has_left_where_presence_had_him(chain):
    """Offered there alone; the news of where he is overtake the answer that he is not there."""
    puppet, alice, bob, hold = moves(chain)
    offered_where_he_was(chain, puppet, alice, bob)
    hold.ask("release")
    chain.knows(bob, 2, 3)
    puppet.ping("alice")
    assert not puppet.messages("alice", "CallRinging") and not puppet.messages("alice", "Hangup")
    assert not puppet.messages("bob2", "DirectCallOffer")
    chain.relays[3].control.signal(signal.SIGCONT)
    puppet.wait_message("bob2", "DirectCallOffer")
    talks_and_ends(chain, puppet)


@on_a_mesh(links=FORK)
def test_callee_has_left_for_good(chain):
    """The caller hears so, once, when he has been looked for; nobody rings."""
    puppet, alice, bob = both_ends(chain)
    offered_where_he_was(chain, puppet, alice, bob)
    chain.relays[3].control.signal(signal.SIGCONT)
    began = time.monotonic()
    hangup = puppet.wait_message("alice", "Hangup")
    seconds = time.monotonic() - began
    chain.lab.say(f"told after {seconds:.1f} s: {hangup}")
    assert hangup["call_id"] == CALL and hangup["reason"] == "Normal", hangup
    assert hangup["chappe"]["by"] == "relay" and not puppet.messages("alice", "CallRinging")
    assert seconds <= SEARCH_S + ROOM_FOR_CI, seconds
    chain.nothing_left()
    assert len(puppet.messages("alice", "Hangup")) == 1


if __name__ == "__main__":
    main(globals(), at_once=5)
