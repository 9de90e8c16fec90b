#!/usr/bin/env python3
# timeout: 240
"""One room on several relays: everybody hears everybody, once each."""
from federation import HASHED, ROOM, announced, relays
from harness import ALICE, BOB, lossless, main, wait_for


def talk(lab, places, seconds=3):
    """One phone at each place (relay, spelling of the room). Everybody but the last is there
    before anybody talks; nobody may lose a packet that was sent after he was there."""
    phones = [lab.phone(f"p{i}", relay, "--room", room, "--seconds", seconds)
              for i, (relay, room) in enumerate(places)]
    return [phone.report() for phone in phones]


def test_pair_both_spellings(lab):
    a, b = relays(lab, 2, [(0, 1)])
    for report in talk(lab, [(a, ROOM), (b, HASHED)]):
        lossless(report)
        assert report["received"] == 150 and report["participants"] == 2, report
    for relay in (a, b):
        relay.nothing_left()


def test_chain_and_middle_has_nobody(lab):
    a, _, c = relays(lab, 3, [(0, 1), (1, 2)])
    announced(a, 2)
    announced(c, 2)
    for report in talk(lab, [(a, ROOM), (c, ROOM)]):
        lossless(report)
        assert report["received"] == 150 and report["participants"] == 2, report


def test_roster_follows(lab):
    a, b = relays(lab, 2, [(0, 1)])
    puppet = lab.puppet()
    puppet.join("alice", a, ROOM, ALICE)
    puppet.join("bob", b, HASHED, BOB)

    def roster(name):
        updates = puppet.messages(name, "RoomUpdate")
        return [(p["alias"] or "", p["relay_label"]) for p in updates[-1]["participants"]]
    wait_for("alice sees bob", lambda: roster("alice")[1:] and roster("alice")[1][1] == "relay-1")
    wait_for("bob sees alice", lambda: roster("bob")[1:] and roster("bob")[1][1] == "relay-0")
    b.kill()
    wait_for("alice sees bob gone", lambda: len(roster("alice")) == 1)


def test_control_plane_dies_under_media(lab):
    a, b, c = relays(lab, 3, [(0, 1), (1, 2)])
    announced(a, 2)
    announced(c, 2)
    phones = [lab.phone(f"p{i}", relay, "--room", ROOM, "--seconds", 5)
              for i, relay in enumerate((a, c))]
    for relay in (a, c):
        wait_for("both are there", lambda r=relay: r.ctl("rooms"))
    for relay in (a, b, c):
        relay.control.signal(9)
        relay.control.wait()
        relay.start_control()
        relay.ready()
    for phone in phones:
        report = phone.report()
        lossless(report)
        assert report["received"] == 250, report


if __name__ == "__main__":
    main(globals())
