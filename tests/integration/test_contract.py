#!/usr/bin/env python3
# parallel
# asan
# timeout: 400
"""The contract between the planes, with the real ones and a shim between their sockets.

Phones send numbered pings while messages between the planes are lost, doubled, delayed and cut, and
while processes are killed. Each ping must have exactly one pong, in order. At the end the control
plane is killed once more: what its successor finds in the data plane is what it had itself.

Two planes of a kind, and planes of different releases: test_doubles.py.
"""
import json
import signal

from harness import ALICE, BOB, CAROL, DAVE, lossless, main, wait_for
from shim import Shim

SEEDS = (ALICE, BOB, CAROL, DAVE)
PINGS = 40
LOSSY = (100, 100, 200, 40)  # per mille dropped, doubled, delayed; ms of delay


class World:
    """A relay with a shim inside, registered phones that ping, and members of a room."""

    def __init__(self, lab, seed):
        self.lab = lab
        self.relay = lab.relay("relay")
        self.shim = Shim(lab, self.relay, seed)
        self.relay.start()
        self.puppet = lab.puppet()
        self.sent = {}

    def phones(self):
        for i, seed in enumerate(SEEDS):
            name = f"phone{i}"
            self.puppet.register(name, self.relay, seed)
            self.sent[name] = 0

    def room(self):
        for i, seed in enumerate(SEEDS[:2]):
            self.puppet.join(f"member{i}", self.relay, "general", seed)

    def ping(self, count):
        for _ in range(count):
            for name in self.sent:
                self.sent[name] += 1
                self.puppet.send(name, {"Ping": {"timestamp_ms": self.sent[name]}})

    def pongs(self, name):
        return [p["timestamp_ms"] for p in self.puppet.messages(name, "Pong")]

    def all_answered(self):
        for name, count in self.sent.items():
            wait_for(f"{count} pongs at {name}", lambda: len(self.pongs(name)) >= count)
        for name, count in self.sent.items():
            assert self.pongs(name) == list(range(1, count + 1)), (name, self.pongs(name))

    def kill_control(self):
        self.relay.control.signal(signal.SIGKILL)
        self.relay.control.wait()
        self.relay.start_control()

    def kill_data(self):
        self.relay.data.signal(signal.SIGKILL)
        self.relay.data.wait()
        self.relay.start_data()

    def state(self):
        state = {what: self.relay.ctl(what) for what in ("sessions", "rooms", "calls")}
        for entries in state.values():
            entries.sort(key=lambda e: json.dumps(e, sort_keys=True))
        return state

    def same_after_restart(self):
        """The control plane's state is the data plane's: another one reads the same there."""
        self.shim.heal()
        self.relay.ready()
        before = self.state()
        self.kill_control()
        self.relay.ready()
        assert self.state() == before, (before, self.state())
        return before


def test_contract_lossy(lab):
    world = World(lab, 11)
    world.shim.faults(*LOSSY)
    world.phones()
    world.room()
    world.ping(PINGS)
    world.all_answered()
    state = world.same_after_restart()
    assert len(state["sessions"]) == 6 and len(state["rooms"]) == 1, state
    world.ping(5)
    world.all_answered()
    counters = world.shim.counters()
    assert min(counters[k] for k in ("dropped", "duplicated", "delayed")) > 10, counters


def test_contract_cut(lab):
    world = World(lab, 12)
    world.phones()
    for _ in range(5):
        world.ping(3)
        world.shim.ask("cut")
        world.ping(3)
        world.shim.ask("join")
        world.ping(2)
    world.all_answered()
    world.same_after_restart()
    assert world.shim.counters()["cuts"] == 5


def test_contract_control_killed(lab):
    world = World(lab, 13)
    world.shim.faults(*LOSSY)
    world.phones()
    world.room()
    for _ in range(4):
        world.ping(8)
        world.kill_control()
        world.ping(4)
    world.all_answered()
    state = world.same_after_restart()
    assert len(state["sessions"]) == 6 and len(state["rooms"]) == 1, state


def test_contract_closed_while_control_is_gone(lab):
    world = World(lab, 14)
    world.phones()
    world.room()
    world.relay.control.signal(signal.SIGKILL)
    world.relay.control.wait()
    for name in ("phone0", "member0", "member1"):
        world.puppet.command("close", name)
        world.sent.pop(name, None)
    world.ping(3)
    world.relay.start_control()
    world.all_answered()
    wait_for("only the other phones", lambda: len(world.relay.ctl("sessions")) == 3)
    assert world.relay.ctl("rooms") == []
    world.same_after_restart()


def test_contract_data_killed(lab):
    world = World(lab, 15)
    world.shim.faults(*LOSSY)
    world.phones()
    world.ping(5)
    world.all_answered()
    before = world.relay.ctl("status")["data_epoch"]
    world.kill_data()
    wait_for("the new data plane's epoch", lambda: world.relay.ctl("status")["data_epoch"] > before)
    world.relay.ready()
    wait_for("no session left", lambda: world.relay.ctl("sessions") == [])
    puppet = lab.puppet("second")
    puppet.register("again", world.relay, ALICE)
    puppet.ping("again")
    assert len(world.same_after_restart()["sessions"]) == 1


def test_contract_garbage(lab):
    world = World(lab, 16)
    world.phones()
    for _ in range(20):
        world.ping(2)
        world.shim.ask("garbage", 100)
    world.all_answered()
    assert world.relay.data.running() and world.relay.control.running()
    world.same_after_restart()


def test_contract_call(lab):
    """A call over a bad line between the planes, in the middle of which the control plane dies."""
    relay = lab.relay("relay")
    shim = Shim(lab, relay, 17)
    relay.start()
    shim.faults(*LOSSY)
    bob = lab.phone("bob", relay, "--register", "--seconds", 4)
    alice = lab.phone("alice", relay, "--call", bob.fingerprint(), "--seconds", 4)
    wait_for("an active call", lambda: any(c["state"] == "active" for c in relay.ctl("calls")))
    relay.control.signal(signal.SIGKILL)
    relay.control.wait()
    relay.start_control()
    for phone in (alice, bob):
        report = phone.report()
        lossless(report)
        assert report["received"] == 200 and phone.exit_code == 0, report
    shim.heal()
    relay.nothing_left()


if __name__ == "__main__":
    main(globals())
