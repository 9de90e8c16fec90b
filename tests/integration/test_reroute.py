#!/usr/bin/env python3
# parallel
# timeout: 200
"""Calls across a ring of four relays, whose way is cut while they talk: they go on the other way."""
from federation import SHAPES, excuse, flowing, relays, watch
from harness import main, wait_for

HOPS = {"limits": {"federation_hops": 4}}
COUNT, LINKS = SHAPES["ring of four"]
CALLER, CALLEE = 0, 2
SECONDS = 12
GAP = 5.0  # seconds: a link is known to be dead after 2 to 3


class Call:
    """Alice at one relay talks with Bob at the one across."""

    def __init__(self, lab, paths=None):
        self.lab = lab
        self.made = relays(lab, COUNT, LINKS, paths=paths, **HOPS)
        self.machine = watch(self.made)
        bob = lab.phone("bob", self.made[CALLEE], "--register", "--seconds", SECONDS)
        callee = bob.fingerprint()
        wait_for("Bob is known", lambda: any(
            p["fingerprint"] == callee for p in self.made[CALLER].ctl("presence")))
        alice = lab.phone("alice", self.made[CALLER], "--call", callee, "--seconds", SECONDS)
        self.phones = {"alice": alice, "bob": bob}
        flowing(self.phones.values(), [self.made[CALLER], self.made[CALLEE]])
        self.first = next(i for i in (1, 3) if self.made[i].ctl("calls"))
        self.second = 4 - self.first

    def goes_on(self, living):
        """By the other way; both hear the other to the end, and nothing twice."""
        wait_for("the other way", lambda: self.made[self.second].ctl("calls"))
        for name, phone in self.phones.items():
            report = phone.report(60)
            assert phone.exit_code == 0 and report["duplicated"] == 0, report
            (heard,) = report["heard"]
            gap = heard["max_gap_ms"] / 1000
            self.lab.say(f"{name} missed {heard['lost']} of {50 * SECONDS} packets, "
                         f"for {gap:.1f} s at most")
            if gap > GAP or len(heard["missing"]) > 1 or heard["lost"] > 50 * gap + 5:
                excuse(self.machine)
                raise AssertionError(report)
        for i in living:
            self.made[i].nothing_left()


def test_the_relay_on_the_way_dies(lab):
    call = Call(lab)
    call.made[call.first].kill()
    call.goes_on([CALLER, CALLEE, call.second])


def test_the_link_beyond_the_next_relay_is_cut(lab):
    """The caller's relay is told, its own links are fine."""
    paths = {(1, 2): {}, (2, 3): {}}
    call = Call(lab, paths)
    paths[(1, 2) if call.first == 1 else (2, 3)].cut = True
    call.goes_on([CALLER, CALLEE, call.second])


def test_a_control_plane_dies_meanwhile(lab):
    """That of the caller's relay, again and again, until the call has its other way."""
    call = Call(lab)
    caller = call.made[CALLER]
    call.made[call.first].kill()
    for _ in range(20):
        if call.made[call.second].ctl("calls"):
            break
        caller.control.signal(9)
        caller.control.wait()
        caller.start_control()
        caller.ready()
    call.goes_on([CALLER, CALLEE, call.second])


if __name__ == "__main__":
    main(globals(), at_once=3)
