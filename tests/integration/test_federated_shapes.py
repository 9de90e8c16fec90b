#!/usr/bin/env python3
# timeout: 300
"""One room on several relays, in all shapes: each packet reaches everybody else exactly once, and
silence is silent."""
import json
import time

from federation import (ROOM, SHAPES, all_heard, announced, enter, excuse, media_to, relays, seen,
                        told, watch)
from harness import ALICE, BOB, CAROL, DAVE, main, program, wait_for
from scrape import dropped
from starvation import Starvation

HOPS = {"limits": {"federation_hops": 4}}
MEDIA = "000000000000000000000000"  # a media header
PACKETS = [MEDIA + f"{i:08x}" for i in range(20)]


# ---- shapes ----

def identical(lab, made):
    """Two phones at the first relay and one at the last say the very same; then the first rejoins
    and says it again. Nobody misses a copy, nobody gets one more."""
    puppet = lab.puppet()
    talkers = {"a1": (made[0], ALICE), "a2": (made[0], BOB), "z": (made[-1], CAROL)}
    for name, (relay, seed) in talkers.items():
        puppet.join(name, relay, ROOM, seed)
    listeners = [f"l{i}" for i in range(len(made))]
    for name, relay in zip(listeners, made):
        puppet.join(name, relay, ROOM, DAVE if name == "l0" else name.encode().hex().ljust(64, "0"))
    everybody = [*talkers, *listeners]
    for name in everybody:
        wait_for(f"{name} sees all", lambda n=name: puppet.messages(n, "RoomUpdate")[-1]["count"]
                 == len(everybody))
    due = dict.fromkeys(everybody, 0)

    def say(name):
        for packet in PACKETS:
            puppet.command("datagram", name, packet)
            puppet.wait_sent()
        for other in everybody:
            due[other] += other != name
        heard()

    def heard():
        for name in everybody:
            wait_for(f"{due[name]} copies of all packets at {name}",
                     lambda n=name: copies(n) == dict.fromkeys(PACKETS, due[n]))

    def copies(name):
        got = [e["hex"] for e in puppet.events(name, "datagram")]
        return {packet: got.count(packet) for packet in PACKETS}

    for name in talkers:
        say(name)
    puppet.command("close", "a1")
    everybody.remove("a1")
    puppet.join("again", made[0], ROOM, ALICE)
    everybody.append("again")
    due["again"] = 0
    for name in everybody:
        wait_for(f"{name} sees all again",
                 lambda n=name: puppet.messages(n, "RoomUpdate")[-1]["count"] == len(everybody))
    say("again")
    return puppet, everybody, heard


def silent(puppet, everybody, made):
    """Two seconds after the last change nobody says anything about rooms, to relays or phones."""
    time.sleep(2)  # it is the silence after this that counts

    def said():
        return told(made), sum(len(puppet.messages(name, "RoomUpdate")) for name in everybody)
    before = said()
    time.sleep(1.5)
    assert said() == before, (before, said())


def shape(lab, name):
    made = relays(lab, *SHAPES[name], **HOPS)
    machine = watch(made)
    reports = [phone.report(60) for phone in enter(lab, made, 2)]
    all_heard(reports, 100, machine)
    puppet, everybody, heard = identical(lab, made)
    silent(puppet, everybody, made)
    heard()  # still not one copy more


def test_pair(lab):
    shape(lab, "pair")


def test_chain_of_three(lab):
    shape(lab, "chain of three")


def test_triangle(lab):
    shape(lab, "triangle")


def test_ring_of_four(lab):
    shape(lab, "ring of four")


def test_star_of_five(lab):
    shape(lab, "star of five")


def test_one_join_in_a_triangle_costs_at_most_six_messages(lab):
    made = relays(lab, *SHAPES["triangle"])
    for relay in made:
        announced(relay, 4)  # two neighbours' own, and each one's of the other
    puppet = lab.puppet()
    puppet.join("bob", made[1], ROOM, BOB)
    puppet.join("carol", made[2], ROOM, CAROL)
    wait_for("carol sees bob", lambda: puppet.messages("carol", "RoomUpdate")[-1]["count"] == 2)
    before = settled(made)
    puppet.join("alice", made[0], ROOM, ALICE)
    for name in ("alice", "bob", "carol"):
        wait_for(f"{name} sees three",
                 lambda n=name: puppet.messages(n, "RoomUpdate")[-1]["count"] == 3)
    cost = settled(made) - before
    lab.say(f"one join: {cost:.0f} messages")
    assert 2 <= cost <= 6, cost


def settled(made):
    """The room messages among these relays, once there were no more for about a second."""
    seen = [told(made)]

    def look():
        seen.append(told(made))
        return len(seen) > 15 and seen[-1] == seen[-15]
    wait_for("no more messages", look)
    return seen[-1]


def test_nobody_there_and_nobody_behind_gets_no_media(lab):
    """A star: the second and the third relay talk, the first passes it on, the others are empty."""
    made = relays(lab, *SHAPES["star of five"])
    machine = watch(made)
    all_heard([phone.report(60) for phone in enter(lab, made[1:3], 10)], 500, machine)
    wait_for("the hub's count", lambda: media_to(made[0], "relay-1") >= 500)
    for label in ("relay-3", "relay-4"):
        assert media_to(made[0], label) == 0, made[0].ctl("peers")
    for relay in made[3:]:
        assert relay.ctl("peers")[0]["packets_in"] == 0, relay.ctl("peers")


def crowd(lab, relay, count):
    """So many talkers in one process, in the room bench-0."""
    return lab.start(f"bench-{relay.name}", [
        program("bench-load"), "--relay", relay.address, "--rooms", "1", "--members", str(count),
        "--talkers", str(count), "--pps", "50", "--bytes", "120", "--intervals", "1",
        "--interval-ms", "1500", "--pid", str(relay.data.pid)])


def forty_talk(lab, made, phones, crowds):
    """The first of the phones hears each packet of all 39 others, of phones and crowds; they are at
    other relays, and the limits are the default's. Each crowd numbers its senders from 0: with two
    of them, each number is two people, and what they say looks said twice."""
    machine = Starvation([p.pid for p in (*(r.data for r in made), *(f.process for f in phones),
                                          *crowds)])
    for bench in crowds:
        assert bench.wait(60) == 0, bench.log()
    sent = [json.loads(bench.out().splitlines()[-1])["sent"] for bench in crowds]
    report, *others = [phone.report(60) for phone in phones]
    senders = len(others) + (40 - len(phones)) // len(crowds)
    assert report["error"] is None and report["participants"] == 40, report
    assert len(report["heard"]) == senders, report
    assert len(crowds) > 1 or report["duplicated"] == 0, report
    assert sum(sent) >= (40 - len(phones)) * 50, sent
    total = sum(sent) + sum(other["sent"] for other in others)
    drops = {relay.name: dropped(relay) for relay in made}
    assert not any("_rate" in series for relay in drops.values() for series in relay), drops
    if report["received"] != total:  # 2,000 a second overrun the phone's queue in 16 ms
        excuse(machine, Starvation.LIMIT)
    assert report["received"] == total, (total, report["received"], report["lost"], drops)


def test_forty_talkers_with_the_default_config(lab):
    """39 at one relay, in one process, and one at the other, who hears them all."""
    a, b = relays(lab, *SHAPES["pair"], rooms=["bench-0"])
    phones = enter(lab, [b], 4, "--others", 39, room="bench-0")
    wait_for("the listener at both relays", lambda: a.ctl("peers")[0]["rooms"])
    forty_talk(lab, [a, b], phones, [crowd(lab, a, 39)])


def test_forty_talkers_of_two_origins_over_one_link(lab):
    """The limit is one peer's for a room: those at the next relay and those behind it share it."""
    made = relays(lab, *SHAPES["chain of three"], rooms=["bench-0"])
    phones = enter(lab, [made[2], made[0]], 4, "--others", 39, room="bench-0")
    for phone in phones:
        wait_for("both in each list", lambda p=phone: seen(p) == 2)
    wait_for("the room on all links", lambda: all(
        p["rooms"] for relay in made for p in relay.ctl("peers")))
    forty_talk(lab, made, phones, [crowd(lab, made[0], 19), crowd(lab, made[1], 19)])


if __name__ == "__main__":
    main(globals(), at_once=3)
