#!/usr/bin/env python3
# parallel
# timeout: 300
"""The control plane is killed with -9 at each step of a call, and nobody notices.

The shim between the planes of a relay counts the inputs and the transactions of a flow that nobody
disturbs: they are its kill points. Then the flow is played again with a kill at one of them, which
the shim holds up so that the process dies exactly there:

  inputs:   `before`  the input has not reached the control plane
            `into`    it has, a moment ago: the process dies somewhere in its reaction, or behind it
  commands: `before`  the transaction is made, and lost with the process
            `after`   it reaches the data plane when its sender is dead
            `late`    it reaches the data plane when a successor has adopted, and must be refused

Compared with the undisturbed run are everything that phones and peers received, and what the
operator sees in the middle of the flow and after it. There are about 930 points in the three tests;
each runs ten of its own, chosen evenly. CHAPPE_KILL_POINTS=N (or `all`, about seven minutes) runs so
many in each test, CHAPPE_KILL_SEED=N chooses others.
"""
import contextlib
import difflib
import json
import os
import random
import re
import signal
import threading

from harness import (ALICE, BOB, CAROL, DAVE, answer, decided, main, offer, user_fingerprint, wait_for)
from shim import Shim
from starvation import Starvation
from peer import Peer

WAYS = {"inputs": ("before", "into"), "commands": ("before", "after", "late")}
POINTS = os.environ.get("CHAPPE_KILL_POINTS", "10")
SEED = int(os.environ.get("CHAPPE_KILL_SEED", "1"))


class Death(threading.Thread):
    """Of the relay's control plane, at the nth message of a stream from now on."""

    def __init__(self, relay, shim, stream, nth, kind):
        super().__init__(daemon=True)
        self.relay, self.shim, self.kind = relay, shim, kind
        self.step = f"{relay.name}: {kind} number {nth} of its {stream}"
        self.what = None  # what the message did that was held; None: it has not come
        self.failure = None
        shim.ask("count")
        shim.ask("hold", stream, nth)
        self.start()

    def run(self):
        try:
            line = self.shim.hear()
            if line.startswith("held"):
                self.what = line[5:]
                self._die()
        except Exception as why:  # told by over()
            self.failure = why

    def _die(self):
        if self.kind == "into":
            self.shim.ask("release")
        self.relay.control.signal(signal.SIGKILL)
        self.relay.control.wait()
        if self.kind in ("before", "after"):
            self.shim.ask("drop" if self.kind == "before" else "release")
        self.relay.start_control()
        self.relay.ready()
        if self.kind == "late":
            self.shim.ask("release")

    def over(self):
        """The flow has ended. True: there was a death in it."""
        if self.what is None:
            self.shim.tell("release")  # answered to the thread, which ends
        self.join()
        assert self.failure is None, (self.step, self.failure)
        return self.what is not None


class Scene:
    """Relays with shims inside, which many runs have in common: one relay, with a peer on strings or
    without, or two that are linked."""

    def __init__(self, lab, across=False, peer=None):
        self.lab, self.runs = lab, 0
        self.a = self.b = lab.relay("relay-a")
        self.peer = Peer(lab, self.a, peer) if peer else None
        if across:
            self.b = lab.relay("relay-b")
            self.a.configure(peers=[self.a.peer(self.b)])
            self.b.configure(trusted=[self.b.trust(self.a)])
        if peer:
            self.a.configure(trusted=[self.peer.trust()])
        self.relays = [self.a, self.b] if across else [self.a]
        self.shims = [Shim(lab, relay) for relay in self.relays]
        for relay in self.relays:
            relay.start()
        if across:
            self.a.linked("relay-b")
            self.b.linked("relay-a")
        if peer:
            self.peer.link()

    def play(self, flow, expected=None, death=None):
        """What was seen; with `expected` the same must be seen now. `death`: index of the relay,
        stream, number, kind."""
        self.runs += 1
        run = Run(self, f"{flow.__name__}{self.runs}", expected)
        kill = death and Death(self.relays[death[0]], self.shims[death[0]], *death[1:])
        if not kill:
            for shim in self.shims:
                shim.ask("count")
        try:
            flow(run)
            run.look("at the end")
            steps = None if kill else [shim.counted() for shim in self.shims]
            died = kill and kill.over()
            run.end()
        except AssertionError:
            self.lab.say(f"{flow.__name__}, {kill and kill.step} ({kill and kill.what})")
            raise
        return died if kill else (run.seen, steps)


def expect_same(what, without, with_death):
    differences = difflib.ndiff(without, with_death or ["nothing"])
    assert without == with_death, what + ":\n" + "\n".join(
        line for line in differences if line[0] in "+-")


class Run:
    """One time that a flow is played: its phones, and what they and the operator saw."""

    def __init__(self, scene, name, expected):
        self.scene, self.a, self.b, self.peer = scene, scene.a, scene.b, scene.peer
        self.expected, self.seen = expected, []
        self.call = f"id{scene.runs:04d}"
        self.room = f"call-{self.call}"
        self.puppet = scene.lab.puppet(name)
        self.phones = []
        if self.peer:
            self.heard = len(self.peer.puppet.events())

    # ---- steps of a flow ----

    def come(self):
        """Alice and Bob are there."""
        for name, relay, seed in (("alice", self.a, ALICE), ("bob", self.b, BOB)):
            self.puppet.register(name, relay, seed)
            self.phones.append(name)

    def say(self, name, message):
        self.puppet.send(name, message)

    def hear(self, name, variant, count=1):
        return self.puppet.wait_message(name, variant, count)

    def ring(self):
        self.say("alice", offer(user_fingerprint(ALICE), user_fingerprint(BOB), self.call))
        self.hear("bob", "DirectCallOffer")
        self.hear("alice", "CallRinging")

    def answer(self, mode="AcceptTrusted"):
        self.say("bob", answer(self.call, mode))

    def set_up(self):
        self.ring()
        self.answer()
        for name in ("alice", "bob"):
            self.hear(name, "CallSetup")

    def enter(self, name, relay, seed):
        """Its media connection."""
        self.phones.append(f"{name}-media")
        self.puppet.join(f"{name}-media", relay, self.room, seed)
        self.hear(f"{name}-media", "RoomUpdate")

    def sees(self, name, count):
        wait_for(f"{name} sees {count}", lambda: any(
            update["count"] == count for update in self.puppet.messages(name, "RoomUpdate")))

    def leave_room(self, first, second):
        """After the hang-up; over there nobody is told then."""
        self.leave(first)
        if self.a is self.b:
            wait_for(f"{second} is alone", lambda: self.puppet.messages(
                second, "RoomUpdate")[-1]["count"] == 1)
        self.leave(second)
        for relay in self.scene.relays:
            relay.nothing_left()

    def talk(self):
        self.set_up()
        self.enter("alice", self.a, ALICE)
        self.enter("bob", self.b, BOB)
        for name in ("alice-media", "bob-media"):
            self.sees(name, 2)
        self.look("talking")

    def hang_up(self, name, **more):
        self.say(name, {"Hangup": {"reason": "Normal", "call_id": self.call, **more}})

    def leave(self, *names):
        for name in names:
            self.puppet.command("close", name)
            self.puppet.wait_closed(name)

    # ---- what is seen ----

    def same(self, text):
        """Without what differs from run to run: the call's id, ports, keys, messages' ids."""
        ports = "|".join(str(relay.port) for relay in self.scene.relays)
        text = text.replace(self.call, "CALL")
        text = re.sub(rf"127\.0\.0\.1:(?!(?:{ports})\b)\d+", "ADDRESS", text)
        text = re.sub(r'"(ephemeral_pub|signature)": \[[^]]*\]', r'"\1": []', text)
        return re.sub(r'"id": "[0-9a-f]{16}"', '"id": ""', text)

    def view(self):
        lines = []
        for relay in self.scene.relays:
            for what in ("sessions", "rooms", "calls", "peers"):
                entries = relay.ctl(what, check=False)
                if entries is None:
                    return None  # it is dead at this moment
                for entry in entries:
                    kept = decided(entry)
                    kept.pop("id", None)
                    kept.pop("addr", None)
                    lines.append(self.same(f"{relay.name} {what} {json.dumps(kept, sort_keys=True)}"))
        return sorted(lines)

    def look(self, when):
        """At what the operator sees."""
        number = len(self.seen)
        if self.expected is None:
            self.seen.append((when, self.view()))
            return
        wanted, views = self.expected[number][1], []

        def look():
            views[:] = [self.view()]
            return views[0] == wanted
        with contextlib.suppress(AssertionError):
            wait_for("the state", look)
        expect_same(when, wanted, views[0])
        self.seen.append((when, wanted))

    def received(self):
        """By whom and what: in order for each of them, whatever the order among them."""
        events = {name: self.puppet.events(name) for name in self.phones}
        if self.peer:
            events["peer"] = [e for e in self.peer.puppet.events()[self.heard:]
                              if '"resync":true' not in e.get("body", "")]
        for name in sorted(events):
            for event in events[name]:
                if event["event"] == "message":
                    yield f"{name}: {self.same(json.dumps(json.loads(event['body'])))}"
                elif event["event"] != "open":
                    yield f"{name}: {event['event']} {event.get('reason')}"

    def peer_knows(self):
        """Whom it was told to be here: news of many may come in one message, or each in its own."""
        known = set()
        for told in self.peer.puppet.messages(self.peer.name, "PresenceUpdate"):
            if "base" not in told["chappe"]:
                known.clear()  # this is all
            known |= set(told["fingerprints"])
            known -= set(told["chappe"].get("gone", ()))
        return known

    def peer_has_all(self, there):
        """It is told that there is no such call, after all that it was told before."""
        self.peer.forward(answer(f"no-{self.call}"))
        wait_for("the peer to have all", lambda: any(
            h.get("call_id") == f"no-{self.call}" for h in self.peer.forwarded("Hangup")))
        here = {user_fingerprint(seed) for name, seed in (("alice", ALICE), ("bob", BOB))
                if name in there}
        wait_for(f"the peer knows of {there}", lambda: self.peer_knows() == here)

    def end(self):
        """Whoever is still there has got all that was meant for him, and goes."""
        there = [name for name in self.phones if not self.puppet.events(name, "closed")]
        for name in there:
            self.puppet.ping(name)
        if self.peer:
            self.peer_has_all(there)
        self.seen.append(("received", [line for line in self.received() if '"Pong"' not in line
                                       and '"PresenceUpdate"' not in line]))
        if self.expected is not None:
            expect_same("received", self.expected[-1][1], self.seen[-1][1])
        self.leave(*there)
        self.puppet.close()
        self.scene.lab.puppets.remove(self.puppet)  # a failure is about a later one
        for relay in self.scene.relays:
            wait_for("nobody is left", lambda r=relay: not [
                s for s in r.ctl("sessions") if s["kind"] != "link"])
            relay.nothing_left()


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


# ---- kill points ----

def enumerate_points(scene, flows):
    """What is seen in each flow that nobody disturbs, twice the same; and its kill points. A timer
    (the end of an old record, news of presence) may add a transaction to one run and not to the
    next: the fewer count."""
    seen, points = {}, []
    for flow in flows:
        seen[flow], steps = scene.play(flow)
        again, more_steps = scene.play(flow)
        assert seen[flow] == again, (flow.__name__, seen[flow], again)
        points += [(flow, relay, stream, nth + 1, kind)
                   for relay, counted in enumerate(zip(steps, more_steps))
                   for stream, kinds in WAYS.items()
                   for nth in range(min(count[stream] for count in counted))
                   for kind in kinds]
    return seen, points


def choose(points):
    if POINTS == "all":
        return points
    count = min(int(POINTS), len(points))
    offset = random.Random(SEED).random()
    return [points[int((i + offset) * len(points) / count)] for i in range(count)]


def die_everywhere(scene, flows):
    with Starvation(relay.data.pid for relay in scene.relays).excuses():  # links end by silence
        seen, points = enumerate_points(scene, flows)
        chosen = choose(points)
        died = sum(scene.play(flow, seen[flow], death) for flow, *death in chosen)
    scene.lab.say(f"{len(points)} kill points, {len(chosen)} tried, {died} deaths")
    assert died >= len(chosen) * 0.8  # some come to nothing: see enumerate_points


def test_one_relay(lab):
    die_everywhere(Scene(lab), LOCAL)


def test_across(lab):
    die_everywhere(Scene(lab, across=True), ACROSS)


def test_with_a_peer(lab):
    die_everywhere(Scene(lab, peer=CAROL), WITH_PEER)


if __name__ == "__main__":
    main(globals(), at_once=3)
