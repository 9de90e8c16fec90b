#!/usr/bin/env python3
# asan
# timeout: 240
"""Two of a kind, and two of different releases: nobody who talks may notice either.

That a second plane gives up, and that one takes over from another that stops, is in
test_processes.py; here the first one dies by kill -9, and calls go on.
"""
import signal

from harness import begin_talk, lossless, main, wait_for
from shim import Shim


def whole(phones, packets):
    for phone in phones:
        report = phone.report()
        lossless(report)
        assert report["received"] == packets and report["hangup"]["reason"] == "Normal", report


def test_second_planes_take_nothing_from_a_call(lab):
    relay = lab.relay("relay").start()
    phones = begin_talk(lab, relay, 8)
    first = relay.data, relay.control
    seconds = [relay.start_data(), relay.start_control()]
    relay.data, relay.control = first
    for second in seconds:
        assert second.wait() == 1, second.log()
        assert "lock" in second.log() and f"held_by_pid={first[seconds.index(second)].pid}" in \
            second.log(), second.log()
    whole(phones, 400)
    relay.nothing_left()
    assert relay.stop() == [0, 0]


def test_a_control_plane_started_right_after_kill_9(lab):
    """Nobody waits for the dead one to be reaped: the next is started in the same moment."""
    relay = lab.relay("relay").start()
    phones = begin_talk(lab, relay, 6)
    for _ in range(4):
        old = relay.control
        old.signal(signal.SIGKILL)
        relay.start_control().wait_log("adopted")
        relay.ready()
        old.wait()
    whole(phones, 300)
    relay.nothing_left()


def test_a_control_plane_that_waits_takes_over_from_a_killed_one(lab):
    relay = lab.relay("relay").start()
    phones = begin_talk(lab, relay, 4)
    old = relay.control
    fresh = relay.start_control()  # waits for the lock
    old.signal(signal.SIGKILL)
    fresh.wait_log("adopted")
    old.wait()
    whole(phones, 200)
    relay.nothing_left()


def test_a_data_plane_started_right_after_kill_9(lab):
    relay = lab.relay("relay").start()
    phone = lab.phone("phone", relay, "--register")
    phone.fingerprint()
    for turn in range(3):
        old, epoch = relay.data, relay.ctl("status")["data_epoch"]
        old.signal(signal.SIGKILL)
        relay.start_data().wait_log("data_started")  # the same port
        old.wait()
        wait_for("its adoption", lambda epoch=epoch: relay.ctl("status")["data_epoch"] > epoch)
        wait_for("the phone is back",
                 lambda turn=turn: phone.process.log().count("registered ") == turn + 2)


def test_planes_of_two_releases_during_a_call(lab):
    """The wrong control plane names both versions and exits 1, again and again; media flows on; the
    right one finds everything as it was."""
    relay = lab.relay("relay")
    shim = Shim(lab, relay)
    relay.start()
    phones = begin_talk(lab, relay, 8)
    calls = relay.ctl("calls")
    relay.control.signal(signal.SIGKILL)
    relay.control.wait()
    shim.close()
    shim = Shim(lab, relay, claim=77)
    for _ in range(2):
        wrong = relay.start_control()
        assert wrong.wait() == 1
        assert "contract_versions_differ" in wrong.log() and "theirs=77" in wrong.log(), wrong.log()
    relay.data.wait_log("contract_version")
    assert "theirs=77" in relay.data.log()
    shim.close()
    Shim(lab, relay)
    relay.start_control()
    relay.ready()
    assert relay.ctl("calls") == calls
    whole(phones, 400)
    relay.nothing_left()


if __name__ == "__main__":
    main(globals(), at_once=2)
