#!/usr/bin/env python3
# parallel
# asan
# timeout: 240
"""The data plane dies and another one starts; the control plane stays up. It notices, forgets what
died, dials again; peers and phones learn it by a stateless reset, long before their time-outs."""
import signal

from harness import ALICE, BOB, main, wait_for
from peer import MEDIA

ROOM = "general"
SOON_S = 15  # half of what an idle connection lasts


class Scene:
    """Alice at relay a and Bob at relay b in one room; a dials b."""

    def __init__(self, lab):
        self.a, self.b = lab.relay("relay-a"), lab.relay("relay-b")
        self.a.configure(peers=[self.a.peer(self.b)], global_rooms=[ROOM])
        self.b.configure(trusted=[self.b.trust(self.a)], global_rooms=[ROOM])
        for relay in (self.a, self.b):
            relay.start()
        self.puppet = lab.puppet()
        self.linked()
        self.alice = self.come("alice", self.a, ALICE)
        self.bob = self.come("bob", self.b, BOB)
        self.together()

    def linked(self):
        self.a.linked("relay-b")
        self.b.linked("relay-a")

    def come(self, name, relay, seed):
        self.puppet.join(name, relay, ROOM, seed)
        return name

    def count(self, name):
        return self.puppet.messages(name, "RoomUpdate")[-1]["count"]

    def heard(self, name):
        return [e["hex"] for e in self.puppet.events(name, "datagram")]

    def together(self):
        """Both see both, and hear each other."""
        for name in (self.alice, self.bob):
            wait_for(f"{name} sees two", lambda n=name: self.count(n) == 2)
        for speaker, listener, payload in ((self.alice, self.bob, "aa"), (self.bob, self.alice, "bb")):
            before = len(self.heard(listener))

            def reaches(s=speaker, to=listener, p=payload, n=before):
                self.puppet.command("datagram", s, MEDIA + p + f"{len(self.puppet.events()):04x}")
                return len(self.heard(to)) > n
            wait_for(f"{listener} hears {speaker}", reaches)


def restart(relay, number=signal.SIGKILL):
    """Its data plane alone."""
    before = relay.ctl("status")["data_epoch"]
    relay.data.signal(number)
    relay.data.wait()
    relay.start_data().wait_log("data_started")
    wait_for("the control plane to notice", lambda: relay.ctl("status")["data_epoch"] > before)
    relay.ready()


def come_back(scene, relay, name, seed, other):
    """Whoever was at the relay learns that it is gone when he says something, and comes again."""
    control = relay.control
    scene.puppet.send(name, {"Ping": {"timestamp_ms": 1}})
    closed = scene.puppet.wait_closed(name, SOON_S)
    assert (closed["error"], closed["reason"]) == ("closed", "reset: the peer was restarted"), closed
    assert not [s for s in relay.ctl("sessions") if s["kind"] != "link"]
    wait_for(f"{other} is alone", lambda: scene.count(other) == 1)
    scene.linked()
    fresh = scene.come(name + "-again", relay, seed)
    assert control.running() and relay.control is control
    assert not scene.puppet.events(other, "closed")
    return fresh


def test_of_the_relay_that_dials(lab):
    scene = Scene(lab)
    restart(scene.a)
    scene.alice = come_back(scene, scene.a, scene.alice, ALICE, scene.bob)
    scene.together()


def test_of_the_relay_that_is_dialed(lab):
    scene = Scene(lab)
    restart(scene.b)
    scene.bob = come_back(scene, scene.b, scene.bob, BOB, scene.alice)
    scene.together()


def test_a_close_that_could_be_sent_is_heard_at_once(lab):
    scene = Scene(lab)
    scene.a.data.signal(signal.SIGTERM)
    assert scene.a.data.wait() == 0
    assert scene.puppet.wait_closed(scene.alice, SOON_S)["reason"] == "shutdown"
    wait_for("Bob is alone", lambda: scene.count(scene.bob) == 1, SOON_S)
    scene.a.start_data()
    scene.linked()
    scene.alice = scene.come("alice-again", scene.a, ALICE)
    scene.together()


if __name__ == "__main__":
    main(globals(), at_once=3)
