#!/usr/bin/env python3
# parallel
# timeout: 200
"""The relay in the middle of a chain, which dials both others, is killed and started again at once.
Nothing tells its neighbours that their connections to it are dead, but the hello of its next life."""
import signal
import time
from datetime import datetime

from federation import enter, excuse, flowing, relays, roster, watch
from harness import main, wait_for

LINKS = [(1, 0), (1, 2)]
JSON = {"log": {"format": "json"}}
AFTER_LINK_UP = 0.5  # seconds until media is back
ROOM_FOR_CI = 1.0    # more, for machines that are slow; a silent link takes 2 s
FOR_EVER = 120       # seconds of talk; it ends when the test says so


def talk(lab):
    made = relays(lab, 3, LINKS, limits={"federation_hops": 4}, **JSON)
    machine = watch(made)
    ends = [made[0], made[2]]
    phones = enter(lab, ends, FOR_EVER)
    flowing(phones, ends)
    return made, machine, phones


def end(phones):
    for phone in phones:
        phone.end(signal.SIGUSR1)
    reports = [phone.report(60) for phone in phones]
    for report in reports:
        assert report["error"] is None and report["duplicated"] == 0, report
    return reports


def lost(relay):
    return [line["reason"] for line in relay.log_events("link_connection_lost")]


def clock(line):
    return datetime.fromisoformat(line["ts"].replace("Z", "+00:00")).timestamp()


def test_media_is_back_as_soon_as_the_links_are(lab):
    made, machine, phones = talk(lab)
    middle, ends = made[1], (made[0], made[2])
    ups = {relay: len(relay.log_events("link_connection_up")) for relay in ends}
    killed = time.time()
    middle.kill()
    middle.start()
    for relay in ends:
        wait_for(f"{relay.name} is linked with the next life",
                 lambda r=relay: len(r.log_events("link_connection_up")) > ups[r])
        relay.wait_event("link_connection_lost")
    flowing(phones, ends)
    up = max(clock(relay.log_events("link_connection_up")[-1]) for relay in ends) - killed
    reports = end(phones)
    gaps = [h["max_gap_ms"] / 1000 for report in reports for h in report["heard"]]
    lab.say(f"links up {up:.2f} s after the death, media {max(gaps) - up:.2f} s after that; each "
            f"end missed one run of {[h['lost'] for r in reports for h in r['heard']]} packets")
    try:
        assert len(gaps) == 2, reports
        assert all(len(h["missing"]) <= 1 for report in reports for h in report["heard"]), reports
        assert max(gaps) <= up + AFTER_LINK_UP + ROOM_FOR_CI, (gaps, up)
        # It was not by luck: both were linked twice for a moment, and did not wait for silence.
        for relay in ends:
            assert lost(relay) == ["the peer was restarted"], lost(relay)
    except AssertionError:
        excuse(machine)
        raise


def test_a_new_control_plane_is_no_new_life(lab):
    made, machine, phones = talk(lab)
    middle = made[1]
    for _ in range(3):
        middle.control.signal(signal.SIGKILL)
        middle.control.wait()
        middle.start_control()
        middle.ready()
    flowing(phones, (made[0], made[2]))
    assert [roster(phone) for phone in phones] == [["p0", "p1"]] * 2
    for relay in made:
        assert lost(relay) == [], relay.logs()
    for report in end(phones):
        if any(h["lost"] for h in report["heard"]):
            excuse(machine)
            raise AssertionError(report)


if __name__ == "__main__":
    main(globals(), at_once=2)
