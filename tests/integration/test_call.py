#!/usr/bin/env python3
# quick
# asan
# timeout: 240
"""Two phones hear each other: on one relay, and on two with either or both of them dialing."""
from harness import lossless, main

MEDIA = ("--seconds", 2)


def call(lab, a, b):
    """Alice at relay a calls Bob at relay b; returns both reports, judged."""
    bob = lab.phone("bob", b, "--register", *MEDIA)
    callee = bob.fingerprint()
    alice = lab.phone("alice", a, "--call", callee, *MEDIA)
    reports = alice.report(), bob.report()
    for phone, report in zip((alice, bob), reports):
        lossless(report)
        assert report["received"] == 100 and report["participants"] == 2, report
        assert phone.exit_code == 0, report
    caller, answerer = reports
    assert caller["call_id"] and caller["call_id"] == answerer["call_id"], reports
    assert caller["ringing_ms"] is not None and caller["setup_ms"] is not None, caller
    assert caller["hangup"] == {"reason": "Normal", "by": "us"}, caller
    assert answerer["hangup"] == {"reason": "Normal", "by": "peer"}, answerer
    for relay in {a, b}:
        relay.nothing_left()
    return reports


def pair(lab, a_dials, b_dials):
    a, b = lab.relay("relay-a"), lab.relay("relay-b")
    a.configure(**({"peers": [a.peer(b)]} if a_dials else {"trusted": [a.trust(b)]}))
    b.configure(**({"peers": [b.peer(a)]} if b_dials else {"trusted": [b.trust(a)]}))
    a.start()
    b.start()
    a.linked("relay-b")
    b.linked("relay-a")
    return a, b


def test_call_on_one_relay(lab):
    relay = lab.relay("relay").start()
    call(lab, relay, relay)


def test_call_across_a_dials(lab):
    call(lab, *pair(lab, True, False))


def test_call_across_b_dials(lab):
    call(lab, *pair(lab, False, True))


def test_call_across_both_dial(lab):
    a, b = pair(lab, True, True)
    call(lab, a, b)
    assert len(a.ctl("peers")) == 1 and len(b.ctl("peers")) == 1  # one logical link


def test_room_of_three_on_one_relay(lab):
    relay = lab.relay("relay").start()
    phones = [lab.phone(f"p{i}", relay, "--room", "kitchen", "--seconds", 3) for i in range(3)]
    for phone in phones:
        report = phone.report()
        assert report["error"] is None and report["duplicated"] == 0, report
        # Who comes last misses what was said before: that is no loss of the relay's.
        assert report["participants"] == 3 and report["sent"] == 150, report
        assert report["received"] + report["lost"] == 300 and report["received"] > 150, report
    relay.nothing_left()


if __name__ == "__main__":
    main(globals())
