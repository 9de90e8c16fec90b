#!/usr/bin/env python3
# timeout: 240
"""One room on several relays: everybody hears everybody, once each."""
import json
import subprocess

from federation import HASHED, ROOM, announced, relays
from harness import ALICE, BOB, PATIENCE, lossless, main, program, wait_for


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


def look(relay, *words):
    """What `chappectl rooms` prints for people, and for programs."""
    done = [subprocess.run([program("chappectl"), "-c", relay.config_path, "rooms", *words, *more],
                           capture_output=True, text=True, timeout=PATIENCE)
            for more in ([], ["--json"])]
    assert all(d.returncode == 0 and not d.stderr for d in done), done
    return done[0].stdout, json.loads(done[1].stdout)


def test_an_operator_sees_a_room_in_transit(lab):
    a, b, c = relays(lab, 3, [(0, 1), (1, 2)])
    puppet = lab.puppet()
    puppet.join("alice", a, ROOM, ALICE)
    puppet.join("bob", c, HASHED, BOB)
    wait_for("both behind the middle", lambda: [r["elsewhere"] for r in b.ctl("rooms")] == [2])
    _, (row,) = look(b)
    assert row["name"] == ROOM and not row["members"], row
    assert sorted(row["links"]) == ["relay-0", "relay-2"], row
    text, room = look(b, HASHED)
    assert "\nelsewhere\n" in text and "\nwants\n" in text, text
    people = {p["fingerprint"]: p for p in room["elsewhere"]}
    assert len(people) == 2 and room["members"] == [], room
    assert sorted(p["path"] for p in people.values()) == [["relay-0"], ["relay-2"]], people
    wait_for("both ends want the other's media", lambda: sorted(
        (w["link"], w["origin"]) for w in look(b, ROOM)[1]["wants"]) == [
            ("relay-0", "relay-2"), ("relay-2", "relay-0")])
    wait_for("the end sees who is elsewhere", lambda: look(a, ROOM)[1]["elsewhere"])
    _, end = look(a, ROOM)
    assert [m["fingerprint"] for m in end["members"]] == [p for p in people
                                                         if people[p]["path"] == ["relay-0"]]
    assert [p["path"][0] for p in end["elsewhere"]] == ["relay-1"], end
    for name, status in (("kitchen", 1), ("my room", 2)):
        done = subprocess.run([program("chappectl"), "-c", b.config_path, "rooms", name],
                              capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == status and done.stderr and not done.stdout, done


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
        wait_for("both are there",
                 lambda r=relay: any(room["members"] for room in r.ctl("rooms")))
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
