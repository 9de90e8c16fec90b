#!/usr/bin/env python3
# parallel
# timeout: 1200
"""The control plane of any relay is killed at each step of what goes on between relays: a room that
spans them, presence, calls over a relay in between, a link that is lost and comes back.

How, and what is compared: kills.py. News between relays is coalesced, so of the RoomUpdates that
somebody got only the last counts, and only while he is there. Each test tries ten points of its
own (a lost link, which takes its time, one in any case), CHAPPE_KILL_POINTS=all all of them.
"""
import json
import time

from harness import ALICE, BOB, CAROL, main, user_fingerprint, wait_for
from kills import Run, Scene, die_everywhere
from peer import MEDIA

ROOM = "general"
QUIET = 0.6  # seconds without a change: longer than anything is held back


class MeshRun(Run):
    VIEWS = (*Run.VIEWS, "presence")
    PASSING = (*Run.PASSING, "last_error", "next_dial_ms", "connections")

    def __init__(self, *args):
        super().__init__(*args)
        self.packets = 0

    # ---- steps ----

    def come(self):
        super().come()
        for relay in self.scene.relays:
            self.knows(relay, ALICE, BOB)

    def knows(self, relay, *seeds):
        """Whose phones are anywhere, as this relay knows."""
        wanted = {user_fingerprint(seed) for seed in seeds}

        def known():
            rows = relay.ctl("presence", check=False)
            return rows is not None and {row["fingerprint"] for row in rows} == wanted
        wait_for(f"{relay.name} knows of {wanted}", known)

    def join(self, name, relay, seed):
        self.phones.append(name)
        self.members.add(name)
        self.puppet.join(name, relay, ROOM, seed)

    def roster(self, name):
        updates = self.puppet.messages(name, "RoomUpdate")
        return {p["fingerprint"] for p in updates[-1]["participants"]} if updates else set()

    def meets(self, name, *seeds):
        wanted = {user_fingerprint(seed) for seed in seeds}
        wait_for(f"{name} sees {wanted}", lambda: self.roster(name) == wanted)

    def hears(self, listener, speaker):
        """A packet that is said now gets there. The way may still be in the making, so others
        follow."""
        said = set()

        def is_heard():
            self.packets += 1
            said.add(MEDIA + f"{self.packets:08x}")
            self.puppet.command("datagram", speaker, MEDIA + f"{self.packets:08x}")
            return any(e["hex"] in said for e in self.puppet.events(listener, "datagram"))
        wait_for(f"{listener} hears {speaker}", is_heard)

    # ---- what is seen ----

    def first_view(self):
        views = [self.view()]

        def is_quiet():
            time.sleep(QUIET)
            views.append(self.view())
            return views[-1] == views[-2]
        wait_for("nothing to change any more", is_quiet)
        return views[-1]

    def received(self):
        """Without a RoomUpdate that another one replaced, or of somebody who has gone."""
        lines = list(super().received())
        there = {name for name in self.phones if not self.puppet.events(name, "closed")}
        last = {line.split(": ")[0]: i for i, line in enumerate(lines) if '"RoomUpdate"' in line}
        return [line for i, line in enumerate(lines) if '"RoomUpdate"' not in line
                or (line.split(": ")[0] in there and last[line.split(": ")[0]] == i)]

    def go(self, there):
        super().go(there)
        for relay in self.scene.relays:
            self.knows(relay)


class Mesh(Scene):
    RUN = MeshRun

    def __init__(self, lab, count, links):
        super().__init__(lab, count, links, terms={"delegate": True}, global_rooms=[ROOM])


class Pair(Mesh):
    """Whose link is taken out of the config of the one that dials, and put back."""

    def __init__(self, lab):
        super().__init__(lab, 2, [(0, 1)])
        self.peers = self.a.config["peers"]

    def reload(self, peers):
        self.a.configure(peers=peers)
        wait_for("a reload", lambda: self.a.ctl("reload", check=False) is not None)

    def cut(self):
        self.reload([])

    def mend(self):
        self.reload(self.peers)

    def apart(self):
        self.cut()
        for relay in self.relays:
            wait_for(f"{relay.name} without a link", lambda r=relay: not self.is_linked(r))

    @staticmethod
    def is_linked(relay):
        peers = relay.ctl("peers", check=False)
        return peers is None or any(peer["state"] == "linked" for peer in peers)

    def together(self):
        self.mend()
        self.linked()


class LossyPair(Pair):
    """Whose packets are lost. Each time it takes longer to link again: reconnect.h."""

    def address(self, a, b):
        self.path = self.lab.proxy(self.relays[b].port)
        return self.path.address

    def cut(self):
        self.path.cut = True

    def mend(self):
        self.path.cut = False


# ---- flows ----

def room(run):
    run.come()
    run.join("x", run.a, ALICE)
    run.join("y", run.b, BOB)
    for name in ("x", "y"):
        run.meets(name, ALICE, BOB)
    run.look("together")
    run.hears("y", "x")
    run.hears("x", "y")
    run.leave("y")
    run.meets("x", ALICE)
    run.look("alone")
    run.join("y2", run.b, BOB)
    run.meets("x", ALICE, BOB)
    run.hears("x", "y2")
    run.meets("y2", ALICE, BOB)


def presence(run):
    run.come()
    run.puppet.register("carol", run.b, CAROL)
    run.phones.append("carol")
    for relay in run.scene.relays:
        run.knows(relay, ALICE, BOB, CAROL)
    run.look("there")
    run.leave("carol")
    for relay in run.scene.relays:
        run.knows(relay, ALICE, BOB)
    run.puppet.register("carol2", run.a, CAROL)
    run.phones.append("carol2")
    for relay in run.scene.relays:
        run.knows(relay, ALICE, BOB, CAROL)
    run.look("moved")


def call(run):
    run.come()
    run.talk()
    run.hears("bob-media", "alice-media")
    run.hears("alice-media", "bob-media")
    run.hang_up("bob")
    run.hear("alice", "Hangup")
    run.leave_room("bob-media", "alice-media")


def cancelled(run):
    run.come()
    run.ring()
    run.look("ringing")
    run.hang_up("alice")
    run.hear("bob", "Hangup")


def callee_vanishes(run):
    run.come()
    run.set_up()
    run.look("set up")
    run.leave("bob")
    run.hear("alice", "Hangup")


def apart_for_a_while(run):
    run.come()
    run.join("x", run.a, ALICE)
    run.join("y", run.b, BOB)
    run.meets("x", ALICE, BOB)
    run.scene.apart()
    run.meets("x", ALICE)
    run.meets("y", BOB)
    run.knows(run.a, ALICE)
    run.look("apart")
    run.scene.together()
    for name in ("x", "y"):
        run.meets(name, ALICE, BOB)
    run.hears("y", "x")
    for relay in run.scene.relays:
        run.knows(relay, ALICE, BOB)
    run.look("together again")


def test_two_relays(lab):
    die_everywhere(Mesh(lab, 2, [(0, 1)]), (room, presence))


def test_three_in_a_row(lab):
    die_everywhere(Mesh(lab, 3, [(0, 1), (1, 2)]), (room, presence, call, cancelled,
                                                    callee_vanishes))


def test_triangle(lab):
    die_everywhere(Mesh(lab, 3, [(0, 1), (1, 2), (0, 2)]), (room, presence, call))


def test_a_link_taken_out(lab):
    die_everywhere(Pair(lab), (apart_for_a_while,))


def test_a_link_lost(lab):
    die_everywhere(LossyPair(lab), (apart_for_a_while,), most=1)


if __name__ == "__main__":
    main(globals(), at_once=4)
