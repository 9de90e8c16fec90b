#!/usr/bin/env python3
# parallel
# timeout: 300
"""Calls over three links in a chain of four relays: media both ways; a callee who is at two relays
or moves; the middle relay or control planes killed while it rings and while they talk."""
import functools

from harness import ALICE, BOB, answer, lossless, main, offer, wait_for
from starvation import Starvation

CALL = "m1"


class Chain:
    """relay-0 to relay-3, each linked with the next; all forward for all."""

    def __init__(self, lab, **limits):
        self.lab = lab
        self.relays = [lab.relay(f"relay-{i}") for i in range(4)]
        for i, relay in enumerate(self.relays):
            around = self.relays[i - 1:i], self.relays[i + 1:i + 2]
            relay.configure(limits={"federation_hops": 3, **limits},
                            trusted=[relay.trust(r, delegate=True) for r in around[0]],
                            peers=[relay.peer(r, delegate=True) for r in around[1]])
        for relay in self.relays:
            relay.start()
        self.linked()

    def linked(self):
        for i, relay in enumerate(self.relays):
            for other in self.relays[max(i - 1, 0):i] + self.relays[i + 1:i + 2]:
                relay.linked(other.name)

    def knows(self, fingerprint, places=1):
        """Waits until relay-0 knows so many relays that have this phone."""
        wait_for(f"{fingerprint} at {places} relays", lambda: sum(
            p["fingerprint"] == fingerprint and p["hops"] > 0
            for p in self.relays[0].ctl("presence")) == places)

    def calls(self, at):
        return self.relays[at].ctl("calls")

    def nothing_left(self, but=()):
        for i, relay in enumerate(self.relays):
            if i not in but:
                relay.nothing_left()

    def kill_middle(self):
        self.relays[1].kill()

    def replace_control_planes(self):
        for relay in self.relays:
            relay.control.signal(9)
            relay.control.wait()
            relay.start_control()
        for relay in self.relays:
            relay.ready()


def on_a_chain(**limits):
    """A test of a chain. A machine that stood still is no failure: links end by silence."""
    def decorate(test):
        @functools.wraps(test)
        def on_lab(lab):
            with Starvation(()).excuses():
                chain = Chain(lab, **limits)
                with Starvation(r.data.pid for r in chain.relays).excuses():
                    test(chain)
        return on_lab
    return decorate


def phones(chain, seconds, *more):
    """Alice calls Bob; he has registered."""
    media = ("--seconds", seconds, *more)
    bob = chain.lab.phone("bob", chain.relays[3], "--register", *media)
    callee = bob.fingerprint()
    chain.knows(callee)
    return chain.lab.phone("alice", chain.relays[0], "--call", callee, *media), bob


def both_ends(chain):
    """Puppets: Alice at relay-0, Bob at relay-3."""
    puppet = chain.lab.puppet()
    alice = puppet.register("alice", chain.relays[0], ALICE)
    bob = puppet.register("bob", chain.relays[3], BOB)
    chain.knows(bob)
    return puppet, alice, bob


def ring(puppet, alice, bob, call=CALL):
    puppet.send("alice", offer(alice, bob, call))
    puppet.wait_message("bob", "DirectCallOffer")
    puppet.wait_message("alice", "CallRinging")


@on_a_chain()
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


@on_a_chain(federation_hops=2)
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


@on_a_chain()
def test_control_planes_killed_while_they_talk(chain):
    alice, bob = phones(chain, 6)
    alice.wait_log("talking")
    chain.replace_control_planes()
    for phone in (alice, bob):
        report = phone.report()
        lossless(report)
        assert report["received"] == 300 and phone.exit_code == 0, report
    chain.nothing_left()


@on_a_chain()
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


@on_a_chain(ring_timeout_s=3)
def test_middle_killed_while_it_rings(chain):
    puppet, alice, bob = both_ends(chain)
    ring(puppet, alice, bob)
    chain.kill_middle()
    for name in ("alice", "bob"):
        hangup = puppet.wait_message(name, "Hangup")
        assert hangup["reason"] == "Timeout" and hangup["call_id"] == CALL, hangup
    chain.nothing_left(but=(1,))


@on_a_chain()
def test_middle_killed_while_they_talk(chain):
    """They have as long as for any lost link."""
    alice, bob = phones(chain, 60, "--pps", 10)
    alice.wait_log("talking")
    bob.wait_log("talking")
    chain.kill_middle()
    for phone in (alice, bob):
        report = phone.report(60)
        assert report["hangup"] == {"reason": "Error", "by": "relay"}, report
    chain.nothing_left(but=(1,))


@on_a_chain()
def test_middle_comes_back(chain):
    """It has forgotten the call: that goes on by another way, which is by the same relay."""
    puppet, alice, bob = both_ends(chain)
    ring(puppet, alice, bob)
    puppet.send("bob", answer(CALL))
    puppet.wait_message("alice", "CallSetup")
    chain.kill_middle()
    chain.relays[1].start()
    wait_for("the call in transit again", lambda: [
        (c["transit"], c["state"]) for c in chain.calls(1)] == [(True, "active")])
    puppet.send("alice", {"Hangup": {"reason": "Normal", "call_id": CALL}})
    assert "chappe" not in puppet.wait_message("bob", "Hangup")  # it is Alice who ends it
    assert not puppet.messages("alice", "Hangup")
    chain.nothing_left()


@on_a_chain()
def test_callee_at_two_relays(chain):
    puppet, alice, bob = both_ends(chain)
    puppet.register("bob2", chain.relays[2], BOB)
    chain.knows(bob, 2)
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


@on_a_chain()
def test_callee_moves(chain):
    """He registers elsewhere just before he is called: the news of that may not be with the caller yet."""
    puppet, alice, bob = both_ends(chain)
    puppet.command("close", "bob")
    puppet.register("bob2", chain.relays[1], BOB)
    puppet.send("alice", offer(alice, bob, CALL))
    puppet.wait_message("bob2", "DirectCallOffer")
    puppet.wait_message("alice", "CallRinging")
    puppet.send("bob2", answer(CALL))
    puppet.wait_message("bob2", "CallSetup")
    puppet.send("alice", {"Hangup": {"reason": "Normal", "call_id": CALL}})
    puppet.wait_message("bob2", "Hangup")
    chain.nothing_left()


if __name__ == "__main__":
    main(globals(), at_once=3)
