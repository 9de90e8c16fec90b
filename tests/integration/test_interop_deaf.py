#!/usr/bin/env python3
# parallel
# timeout: 240
"""An original that reads no signals for a minute, on aioquic (interop.py)."""
import time

from harness import main, wait_for
from interop import hear, one_of_each, quiet, stage, tests_of

try:
    from original import CREDIT, Client
except ImportError:
    pass  # no aioquic: skipped, and says why

DEAF_S = 60
ROOMS = [f"room{i}" for i in range(16)]


def linked_all_the_time(relay):
    peer, = relay.ctl("peers")
    assert peer["state"] == "linked" and peer["connections"] == 1, peer
    assert "link_connection_lost" not in relay.logs()


def occupied(relay):
    return [room for room in relay.ctl("rooms") if room["members"]]


def everything_changes(s, relay):
    """At a pace at which an original would be told: more often than it has credit. Who is there."""
    for turn in range(4):
        there = [Client(s, f"c{turn}-{room}", relay).join(room) for room in ROOMS]
        wait_for("all are there", lambda: len(occupied(relay)) == len(ROOMS))
        time.sleep(1.1)
        if turn < 3:
            for client in there:
                client.leave()
            wait_for("one is left", lambda: len(occupied(relay)) == 1)
            time.sleep(1.1)
    return there


def test_defect_33_an_original_that_stops_reading(lab):
    """Its stream credit runs out while everything changes, for a minute; the link stays, media goes
    both ways, nobody else waits; then it learns how things are now. (It dials us: a link that we dial
    is made anew after 40 s, defect 21.)"""
    s = stage(lab)
    relay, o = one_of_each(lab, s, we_dial=False, global_rooms=ROOMS)
    stay = Client(s, "stay", relay).join("room0")
    wait_for("the original sees one", lambda: o.sees("room0") == {stay.fingerprint})
    o.join("room0", "olga")
    wait_for("Olga is seen", lambda: "olga" in stay.roster())
    said = o.said()
    o.set_deaf(True)
    end = time.monotonic() + DEAF_S
    there = everything_changes(s, relay)
    wait_for("the other phone sees all in time", lambda: len(stay.roster()) == 3)
    wire, = o.of_wire
    wait_for("it has no credit left", lambda: wire.out_of_credit)
    turns = 0
    while time.monotonic() < end:
        hear([stay, o], stay, o)
        linked_all_the_time(relay)
        assert wire.out_of_credit and o.said() == said, (len(wire.inbound), o.said(), said)
        turns += 1
        time.sleep(max(0, min(5, end - time.monotonic())))  # a minute is what it is about
    assert turns >= 5, turns
    o.set_deaf(False)
    for client, room in zip(there, ROOMS):
        wait_for(f"the original sees {room}", lambda c=client, r=room: c.fingerprint in o.sees(r))
    assert o.said() - said <= CREDIT + len(ROOMS), o.said() - said
    quiet(o)
    linked_all_the_time(relay)


if __name__ == "__main__":
    main(tests_of(globals()))
