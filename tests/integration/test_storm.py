#!/usr/bin/env python3
# timeout: 300
"""The control plane of one of two relays is killed again and again, and nobody notices.

Twenty rooms and twenty calls between the relays; in five of each somebody sends a packet every
millisecond. No packet is lost or doubled, calls that are placed meanwhile succeed, only later, and
after it the control plane's state is what it was before.

CHAPPE_STORM_SECONDS=30 rages for so long instead of ten seconds.
"""
import concurrent.futures
import contextlib
import json
import os
import random
import signal
import socket
import threading

from harness import Skip, decided, free_port, lossless, main, wait_for
from scrape import dropped
from shim import Shim
from starvation import Starvation
from supervisor import Killer, Supervisor, resident_kib

SECONDS = float(os.environ.get("CHAPPE_STORM_SECONDS", "10"))
ROOMS = 20
CALLS = 20
FAST = 5                              # of the rooms, and of the calls
FAST_MEDIA = ("--pps", 1000, "--bytes", 60)
MEDIA = ("--pps", 10, "--bytes", 60)
FOR_LONG = ("--seconds", 3600)        # they are told when it is enough
NO_PEERS = {"peer": None, "caller_peer": None}  # each relay names the other
GROWTH_KIB = 3072                     # of the data plane, beyond the other relay's
LATER = ("--seconds", 2, "--pps", 10)  # calls that are placed meanwhile


def prefer(pid):
    """It is what is measured: it gets a core before whatever else runs here, where that is allowed."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, -10)


class Storm:
    """Two relays; `a` is under supervisord and loses its control plane."""

    def __init__(self, lab, rooms, calls, shim=False):
        self.lab = lab
        self.a, self.b = lab.relay("a"), lab.relay("b")
        for relay in (self.a, self.b):
            relay.metrics = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
            relay.configure(metrics={"listen": relay.metrics})
        self.a.configure(trusted=[self.a.trust(self.b)])
        self.b.configure(peers=[self.b.peer(self.a)])
        self.shim = Shim(lab, self.a, 21) if shim else None
        self.supervisor = Supervisor(lab, self.a)
        self.b.start()
        self.a.ready()
        self.a.linked("b")
        self.b.linked("a")
        self.phones, self.later = [], []
        self.fast = []  # those of the phones that send or hear a packet every millisecond
        self._rooms(rooms)
        self._calls(calls)
        self._up(rooms, calls)
        planes = [self.supervisor.wait_pid("data"), self.b.data.pid]
        for pid in [*planes, *(p.process.pid for p in self.phones)]:
            prefer(pid)
        self.starvation = Starvation([*(p.process.pid for p in self.fast), *planes])
        self.before = self.state()
        self.resident = self._resident()

    def _resident(self):
        """KiB of both data planes."""
        return resident_kib(self.supervisor.wait_pid("data")), resident_kib(self.b.data.pid)

    @staticmethod
    def _media(fast):
        return (*(FAST_MEDIA if fast else MEDIA), *FOR_LONG)

    def _pair(self, i, *phones):
        """The phones of one room or call."""
        self.phones += phones
        if i < FAST:
            self.fast += phones

    def _rooms(self, count):
        for i in range(count):
            self._pair(i, *(self.lab.phone(f"room{i}{who}", self.a, "--room", f"room-{i}",
                                           *self._media(i < FAST and who == "x"))
                            for who in "xy"))

    def _calls(self, count):
        """Half of the callers are at each relay; of the fast ones, too."""
        callees = [self.lab.phone(f"callee{i}", (self.b, self.a)[i % 2], "--register",
                                  *self._media(False)) for i in range(count)]
        for i, callee in enumerate(callees):
            caller = self.lab.phone(f"caller{i}", (self.a, self.b)[i % 2], "--call",
                                    callee.fingerprint(), *self._media(i < FAST))
            self._pair(i, caller, callee)

    def _up(self, rooms, calls):
        def look():
            here, there = self.state(), self.b.ctl("calls")
            return (sum(len(room["members"]) == 2 for room in here["rooms"]) == rooms
                    and sum(call["state"] == "active" for call in here["calls"]) == calls
                    and len(there) == calls
                    and sum(s["kind"] == "room" for s in here["sessions"]) == 2 * rooms + calls)
        wait_for(f"{rooms} rooms and {calls} calls", look)

    def state(self):
        state = {what: self.a.ctl(what) for what in ("sessions", "rooms", "calls", "peers")}
        for entries in state.values():
            entries[:] = map(decided, entries)
            entries.sort(key=lambda entry: json.dumps(entry, sort_keys=True))
        return state

    def call_later(self):
        """A call in each direction, placed while the storm rages."""
        n = len(self.later)
        for here, there in ((self.a, self.b), (self.b, self.a)):
            callee = self.lab.phone(f"later-callee{n}{there.name}", there, "--register", *LATER)
            self.later.append(callee)
            self.later.append(self.lab.phone(f"later-caller{n}{here.name}", here, "--call",
                                             callee.fingerprint(), *LATER))

    def rage(self, kill, *arguments):
        """Calls are placed as long as this kills."""
        killer = Killer(self.supervisor)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            done = pool.submit(kill, killer, *arguments)
            while not done.done():
                self.call_later()
                concurrent.futures.wait([done], 3)
            done.result()
        self.lab.say(f"killed {killer.kills} times in {arguments[0]} s")
        return killer.kills

    def later_calls_succeed(self):
        for phone in self.later:
            report = phone.report()
            assert phone.exit_code == 0 and report["error"] is None, (phone.name, report)
            assert report["received"] > 0 and report["duplicated"] == 0, (phone.name, report)

    def as_before(self):
        """After the storm, with everybody still there."""
        self.a.ready()
        with contextlib.suppress(AssertionError):
            wait_for("the state before the storm", lambda: self.state() == self.before)
        now = self.state()
        for what in now:
            gone = [entry for entry in self.before[what] if entry not in now[what]]
            new = [entry for entry in now[what] if entry not in self.before[what]]
            assert now[what] == self.before[what], (what, "gone", gone, "new", new)
        for call, same in zip(self.state()["calls"], sorted(
                self.b.ctl("calls"), key=lambda entry: json.dumps(entry, sort_keys=True))):
            assert {**call, **NO_PEERS} == {**same, **NO_PEERS}, (call, same)
        grown, same = (now - then for now, then in zip(self._resident(), self.resident))
        self.lab.say(f"the data plane grew by {grown} KiB, the other relay's by {same} KiB")
        assert grown < same + GROWTH_KIB, (grown, same)

    def nothing_lost(self):
        """Nor doubled; all have said enough, and calls and rooms are over then."""
        for phone in self.phones:
            phone.process.signal(signal.SIGUSR1)
        reports = {phone.name: phone.report() for phone in self.phones}
        received, lost = (sum(report[key] for report in reports.values())
                          for key in ("received", "lost"))
        self.lab.say(f"{received} packets, {lost} lost")
        for relay in (self.a, self.b):
            relay.nothing_left()
            left = [s for s in relay.ctl("sessions") if s["kind"] != "link"]
            assert not left, left
            self.lab.say(f"{relay.name} dropped {dropped(relay)}")
        worst = self.starvation.stop()
        self.lab.say(f"a process waited for a core for {worst:.0f} ms")
        for phone in self.phones:
            assert phone.exit_code == 0, (phone.name, reports[phone.name])
            assert reports[phone.name]["duplicated"] == 0, (phone.name, reports[phone.name])
        if lost > 0 and worst > Starvation.LIMIT:
            raise Skip(f"{lost} of {received + lost} packets lost, but the machine is too busy to "
                       f"tell why: a process waited {worst:.0f} ms for a core")
        for phone in self.phones:
            lossless(reports[phone.name])


class Cuts:
    """Cuts the connections between the planes at random, while it is entered."""

    def __init__(self, shim, seed=1):
        self.shim, self.random = shim, random.Random(seed)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.over.wait(self.random.uniform(0.2, 2)):
            self.shim.ask("cut")
            self.over.wait(self.random.uniform(0, 0.3))
            self.shim.ask("join")

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *why):
        self.over.set()
        self.thread.join()


def test_storm(lab):
    storm = Storm(lab, ROOMS, CALLS)
    with storm.starvation.excuses():
        assert storm.rage(Killer.after_ready, SECONDS, 1.0) >= SECONDS / 10
        storm.a.ready()
        assert storm.rage(Killer.at_start, SECONDS, 0.05) >= SECONDS / 10
        storm.later_calls_succeed()
        storm.as_before()
        storm.nothing_lost()


def test_storm_over_a_bad_line(lab):
    """The same while messages between the planes are dropped, doubled, delayed and cut."""
    storm = Storm(lab, 4, 4, shim=True)
    with storm.starvation.excuses():
        storm.shim.faults(50, 50, 100, 20)
        with Cuts(storm.shim):
            for seconds in (SECONDS / 2, SECONDS / 2):
                storm.rage(Killer.after_ready, seconds, 0.5)
        storm.shim.heal()
        storm.later_calls_succeed()
        storm.as_before()
        storm.nothing_lost()
        counters = storm.shim.counters()
        assert min(counters[key] for key in ("dropped", "delayed", "cuts")) > 2, counters


if __name__ == "__main__":
    main(globals())
