"""A control plane is killed with -9 at each step of a flow, and nobody notices.

The shim between the planes of a relay counts the inputs and the transactions of a flow that nobody
disturbs: they are its kill points. Then the flow is played again with a kill at one of them, which
the shim holds up so that the process dies exactly there:

  inputs:   `before`  the input has not reached the control plane
            `into`    it has, a moment ago: the process dies somewhere in its reaction, or behind it
  commands: `before`  the transaction is made, and lost with the process
            `after`   it reaches the data plane when its sender is dead
            `late`    it reaches the data plane when a successor has adopted, and must be refused

Compared with the undisturbed run are what phones and peers received, and what the operator sees in
the middle of the flow and after it.

CHAPPE_KILL_POINTS=N (or `all`) tries so many points in each test, chosen evenly; CHAPPE_KILL_SEED=N
chooses others.
"""
import contextlib
import difflib
import json
import os
import random
import re
import signal
import threading

from harness import ALICE, BOB, answer, decided, offer, user_fingerprint, wait_for
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
    """Relays with shims inside, which many runs have in common: relay-a, relay-b and so on, in each
    pair of `links` the first dials the second. relay-a may have a peer on strings."""
    RUN = None  # the class of its runs; Run

    def __init__(self, lab, count=1, links=(), peer=None, terms=None, **config):
        """`terms`: of all entries of peers and trusted."""
        self.lab, self.runs, self.links = lab, 0, links
        self.relays = [lab.relay(f"relay-{letter}") for letter in "abcd"[:count]]
        self.a, self.b = self.relays[0], self.relays[-1]
        self.peer = Peer(lab, self.a, peer) if peer else None
        self._configure(terms or {}, config)
        self.shims = [Shim(lab, relay) for relay in self.relays]
        for relay in self.relays:
            relay.start()
        self.linked()
        if peer:
            self.peer.link()

    def _configure(self, terms, config):
        for i, relay in enumerate(self.relays):
            relay.configure(
                peers=[relay.peer(self.relays[b], self.address(a, b), **terms)
                       for a, b in self.links if a == i],
                trusted=[relay.trust(self.relays[a], **terms) for a, b in self.links if b == i],
                **config)
        if self.peer:
            self.a.configure(trusted=[self.peer.trust()])

    def address(self, a, b):
        """Where the first of a pair dials the second, if not there."""

    def linked(self):
        for pair in self.links:
            for a, b in (pair, reversed(pair)):
                self.relays[a].linked(self.relays[b].name)

    def play(self, flow, expected=None, death=None):
        """What was seen; with `expected` the same must be seen now. `death`: index of the relay,
        stream, number, kind."""
        self.runs += 1
        run = (self.RUN or Run)(self, f"{flow.__name__}{self.runs}", expected)
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
        self.members = set()  # those of them that are in a room: they get no Pong
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

    VIEWS = ("sessions", "rooms", "calls", "peers")
    PASSING = ("id", "addr")  # what says nothing in an entry

    def view(self):
        lines = []
        for relay in self.scene.relays:
            for what in self.VIEWS:
                entries = relay.ctl(what, check=False)
                if entries is None:
                    return None  # it is dead at this moment
                for entry in entries:
                    kept = {k: v for k, v in decided(entry).items() if k not in self.PASSING}
                    lines.append(self.same(f"{relay.name} {what} {json.dumps(kept, sort_keys=True)}"))
        return sorted(lines)

    def first_view(self):
        """Of the run that the others are compared with."""
        return self.view()

    def look(self, when):
        """At what the operator sees."""
        number = len(self.seen)
        if self.expected is None:
            self.seen.append((when, self.first_view()))
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
                elif event["event"] not in ("open", "datagram"):
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
        for name in set(there) - self.members:
            self.puppet.ping(name)
        if self.peer:
            self.peer_has_all(there)
        self.seen.append(("received", [line for line in self.received() if '"Pong"' not in line
                                       and '"PresenceUpdate"' not in line]))
        if self.expected is not None:
            expect_same("received", self.expected[-1][1], self.seen[-1][1])
        self.go(there)
        self.puppet.close()
        self.scene.lab.puppets.remove(self.puppet)  # a failure is about a later one
        for relay in self.scene.relays:
            wait_for("nobody is left", lambda r=relay: not [
                s for s in r.ctl("sessions") if s["kind"] != "link"])
            relay.nothing_left()

    def go(self, there):
        self.leave(*there)


# ---- kill points ----

def enumerate_points(scene, flows):
    """What is seen in each flow that nobody disturbs, twice the same; and its kill points. A timer
    (the end of an old record, news of presence) may add a transaction to one run and not to the
    next: the fewer count."""
    seen, points = {}, []
    for flow in flows:
        seen[flow], steps = scene.play(flow)
        _, more_steps = scene.play(flow, seen[flow])
        points += [(flow, relay, stream, nth + 1, kind)
                   for relay, counted in enumerate(zip(steps, more_steps))
                   for stream, kinds in WAYS.items()
                   for nth in range(min(count[stream] for count in counted))
                   for kind in kinds]
    return seen, points


def choose(points, most):
    wanted = len(points) if POINTS == "all" else int(POINTS)
    count = min(wanted, len(points), most)
    offset = random.Random(SEED).random()
    return [points[int((i + offset) * len(points) / count)] for i in range(count)]


def die_everywhere(scene, flows, most=10 ** 9):
    """`most`: tries no more points, however many are wanted."""
    with Starvation(relay.data.pid for relay in scene.relays).excuses():  # links end by silence
        seen, points = enumerate_points(scene, flows)
        chosen = choose(points, most)
        died = sum(scene.play(flow, seen[flow], death) for flow, *death in chosen)
    scene.lab.say(f"{len(points)} kill points, {len(chosen)} tried, {died} deaths")
    assert died >= len(chosen) * 0.8  # some come to nothing: see enumerate_points
