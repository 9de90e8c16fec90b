#!/usr/bin/env python3
# timeout: 240
"""One room on several relays: everybody hears everybody, once each."""
from harness import ALICE, BOB, lossless, main, wait_for

HASHED_GENERAL = "a47b63f7d5b511ba5bc4089a74446906"
ROOM = {"global_rooms": ["general"]}


def relays(lab, count, edges, **config):
    """Relays that all have the room, linked: for each edge the first dials the second."""
    made = [lab.relay(f"relay-{i}") for i in range(count)]
    for i, relay in enumerate(made):
        relay.configure(
            peers=[relay.peer(made[b], delegate=True) for a, b in edges if a == i],
            trusted=[relay.trust(made[a], delegate=True) for a, b in edges if b == i],
            **ROOM, **config)
    for relay in made:
        relay.start()
    for a, b in edges:
        made[a].linked(f"relay-{b}")
        made[b].linked(f"relay-{a}")
    return made


def announced(relay, count):
    """Waits until the relay's neighbours have announced so many origins, all together."""
    wait_for(f"{count} origins at {relay.name}",
             lambda: sum(p["announced"] or 0 for p in relay.ctl("peers")) == count)


def talk(lab, places, seconds=3):
    """One phone at each place (relay, spelling of the room). Everybody but the last is there
    before anybody talks; nobody may lose a packet that was sent after he was there."""
    phones = [lab.phone(f"p{i}", relay, "--room", room, "--seconds", seconds)
              for i, (relay, room) in enumerate(places)]
    return [phone.report() for phone in phones]


def test_pair_both_spellings(lab):
    a, b = relays(lab, 2, [(0, 1)])
    for report in talk(lab, [(a, "general"), (b, HASHED_GENERAL)]):
        lossless(report)
        assert report["received"] == 150 and report["participants"] == 2, report
    for relay in (a, b):
        relay.nothing_left()


def test_chain_and_middle_has_nobody(lab):
    a, _, c = relays(lab, 3, [(0, 1), (1, 2)])
    announced(a, 2)
    announced(c, 2)
    for report in talk(lab, [(a, "general"), (c, "general")]):
        lossless(report)
        assert report["received"] == 150 and report["participants"] == 2, report


def test_ring_of_four(lab):
    made = relays(lab, 4, [(0, 1), (1, 2), (2, 3), (3, 0)], limits={"federation_hops": 4})
    for report in talk(lab, [(relay, "general") for relay in made]):
        assert report["error"] is None and report["duplicated"] == 0, report
        assert report["participants"] == 4 and report["sent"] == 150, report
        # Who comes last misses what was said before.
        assert report["received"] + report["lost"] == 450 and report["received"] > 350, report


def test_roster_follows(lab):
    a, b = relays(lab, 2, [(0, 1)])
    puppet = lab.puppet()
    puppet.join("alice", a, "general", ALICE)
    puppet.join("bob", b, HASHED_GENERAL, BOB)

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
    phones = [lab.phone(f"p{i}", relay, "--room", "general", "--seconds", 5)
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
