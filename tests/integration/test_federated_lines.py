#!/usr/bin/env python3
# timeout: 240
"""Lines between relays that lose 5 %, take 100 ms and change the order: rooms and calls work over
them, also while control planes are replaced. What a line loses is lost; nothing comes twice."""
import signal

from federation import SHAPES, enter, excuse, flowing, relays, seen, watch
from harness import main, wait_for
from scrape import values

BAD = {"loss": 0.05, "delay": 0.1, "jitter": 0.03}
CHAIN_OF_FOUR = 4, [(0, 1), (1, 2), (2, 3)]
ENOUGH = 3  # times what is lost in the mean: that is not chance


def over_bad_lines(lab, count, links):
    made = relays(lab, count, links, limits={"federation_hops": 3},
                  paths={link: {**BAD, "seed": i} for i, link in enumerate(links)})
    return made, watch(made)


def replace_control_planes(made):
    for relay in made:
        relay.control.signal(signal.SIGKILL)
        relay.control.wait()
        relay.start_control()
    for relay in made:
        relay.ready()


def judge(heard, links, sent, machine):
    """What one heard of another who is so many links away."""
    most = ENOUGH * (1 - 0.95 ** links) * sent
    assert heard["duplicated"] == 0 and heard["received"] + heard["lost"] == sent, heard
    if heard["lost"] > most:
        excuse(machine)
    assert heard["lost"] <= most, (heard, most)


def links_lasted(made):
    for relay in made:
        assert values(relay)["chappe_control_links_lost_total"] == 0, relay.ctl("peers")
        assert "link_connection_lost" not in relay.logs(), relay.logs()[-2000:]


# ---- rooms ----

def room(lab, shape, links_between, meanwhile=lambda made: None):
    made, machine = over_bad_lines(lab, *SHAPES[shape])
    phones = enter(lab, made, 4)
    for phone in phones:
        wait_for("everybody is seen", lambda p=phone: seen(p) == len(made))
    flowing(phones, made, packets=10)
    meanwhile(made)
    assert all(phone.process.running() for phone in phones)
    reports = [phone.report(60) for phone in phones]
    for i, report in enumerate(reports):
        assert report["error"] is None and report["reordered"] > 0, report
        assert report["latency_us"]["p50"] >= 100000, report
        assert len(report["heard"]) == len(made) - 1, report
        for k, other in enumerate(reports):
            for heard in report["heard"]:
                if heard["sender"] == other["sender"]:
                    judge(heard, links_between(i, k), 200, machine)
    lab.say(f"lost {[r['lost'] for r in reports]}")
    assert all(report["lost"] > 0 for report in reports), "the lines are not bad"
    links_lasted(made)


def test_room_in_a_chain(lab):
    room(lab, "chain of three", lambda i, k: abs(i - k))


def test_room_in_a_triangle(lab):
    room(lab, "triangle", lambda i, k: 1)


def test_room_in_a_triangle_while_control_planes_are_replaced(lab):
    room(lab, "triangle", lambda i, k: 1, replace_control_planes)


# ---- calls ----

def call(lab, meanwhile=lambda made: None, seconds=3):
    made, machine = over_bad_lines(lab, *CHAIN_OF_FOUR)
    bob = lab.phone("bob", made[3], "--register", "--seconds", seconds)
    callee = bob.fingerprint()
    wait_for("Bob is known to the caller's relay", lambda: any(
        p["fingerprint"] == callee for p in made[0].ctl("presence")))
    alice = lab.phone("alice", made[0], "--call", callee, "--seconds", seconds)
    for phone in (alice, bob):
        phone.wait_log("talking")
    meanwhile(made)
    assert alice.process.running() and bob.process.running()
    reports = {"alice": alice.report(60), "bob": bob.report(60)}
    for report in reports.values():
        assert report["error"] is None and report["hangup"]["reason"] == "Normal", report
        assert report["participants"] == 2 and report["reordered"] > 0, report
        assert report["latency_us"]["p50"] >= 300000, report
        heard, = report["heard"]
        judge(heard, 3, 50 * seconds, machine)
        assert heard["lost"] > 0, "the lines are not bad"
    lab.say(f"ringing after {reports['alice']['ringing_ms']:.0f} ms, set up after "
            f"{reports['alice']['setup_ms']:.0f} ms, lost {[r['lost'] for r in reports.values()]}")
    assert reports["alice"]["hangup"]["by"] == "us" and reports["bob"]["hangup"]["by"] == "peer"
    for relay in made:
        relay.nothing_left()
    links_lasted(made)


def test_call_over_three_links(lab):
    call(lab)


def test_call_over_three_links_while_control_planes_are_replaced(lab):
    call(lab, replace_control_planes, seconds=6)


if __name__ == "__main__":
    main(globals(), at_once=5)
