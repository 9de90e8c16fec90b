#!/usr/bin/env python3
# parallel
# asan
# timeout: 180
"""chappe-phone keeps to its manual (design page, "The phone"): options, report, exit status."""
import json
import os
import subprocess
import wave

from harness import PATIENCE, main, program, wait_for

KEYS = ["error", "fingerprint", "call_id", "room", "ringing_ms", "setup_ms", "peer_direct_addr",
        "hangup", "participants", "sent", "received", "lost", "duplicated", "reordered",
        "latency_us", "max_gap_ms", "sender", "heard"]
NOBODY = "1111:1111:1111:1111:1111:1111:1111:1111"


def judge_shape(report):
    assert list(report)[:len(KEYS)] == KEYS, report
    for key in ("participants", "sent", "received", "lost", "duplicated", "reordered"):
        assert type(report[key]) is int, (key, report)
    for key in ("ringing_ms", "setup_ms", "max_gap_ms"):
        assert report[key] is None or type(report[key]) in (int, float), (key, report)
    if report["latency_us"] is not None:
        assert sorted(report["latency_us"]) == ["max", "p50", "p99"], report
        assert all(type(value) is int for value in report["latency_us"].values()), report


def alone(relay, *arguments):
    """Runs a phone to its end: its exit status, its report, what it said."""
    done = subprocess.run([program("chappe-phone"), "--relay", relay, *map(str, arguments)],
                          capture_output=True, text=True, timeout=PATIENCE)
    lines = done.stdout.splitlines()
    assert len(lines) <= 1, lines
    report = json.loads(lines[0]) if lines else None
    if report:
        judge_shape(report)
    return done.returncode, report, done.stderr


def write_wav(path, seconds):
    with wave.open(path, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(48000)
        sound.writeframes(bytes(2 * 48000 * seconds))


def test_what_fails_is_1_with_a_report(lab):
    relay = lab.relay("relay").start().address
    with open(lab.path("broken"), "w") as broken:
        broken.write("no identity")
    for arguments in (["--room", "x", "--play", lab.path("no.wav")], ["--call", NOBODY],
                      ["--room", "x", "--seconds", 0, "--record", lab.path("no/such.wav")],
                      ["--room", "x", "--identity", lab.path("broken")],
                      ["--room", "a room that no server name can be"]):
        code, report, _ = alone(relay, *arguments)
        assert code == 1 and report["error"], (arguments, code, report)
    code, report, _ = alone(relay, "--call", NOBODY)
    assert report["hangup"] == {"reason": "Normal", "by": "relay"}, report
    assert report["call_id"] and report["room"] is None and report["setup_ms"] is None, report


def test_room_alone(lab):
    """The first packet leaves 2 s after the CallAnswer, for nobody else is there."""
    relay = lab.relay("relay").start()
    code, report, said = alone(relay.address, "--room", "kitchen", "--seconds", 1, "--pps", 20)
    assert code == 0 and report["sent"] == 20 and report["room"] == "kitchen", report
    assert report["participants"] == 1 and report["latency_us"] is None, report
    assert said.index("joined kitchen") < said.index("talking")
    relay.nothing_left()


def test_nothing_to_say(lab):
    """0 seconds: joins, waits, leaves."""
    relay = lab.relay("relay").start()
    code, report, _ = alone(relay.address, "--room", "kitchen", "--seconds", 0)
    assert code == 0 and report["sent"] == 0, report
    bob = lab.phone("bob", relay, "--register", "--seconds", 1)
    code, report, _ = alone(relay.address, "--call", bob.fingerprint(), "--seconds", 0)
    assert code == 0 and report["sent"] == 0, report
    assert bob.report()["hangup"] == {"reason": "Normal", "by": "peer"}
    assert bob.exit_code == 0


def test_everybody_waits_for_everybody(lab):
    """And says whom it heard."""
    relay = lab.relay("relay").start()
    phones = [lab.phone(f"p{i}", relay, "--room", "kitchen", "--others", 3, "--seconds", 1)
              for i in range(3)]
    wait_for("three in the room", lambda: len(relay.ctl("sessions")) == 3)
    assert not any("talking" in phone.process.log() for phone in phones)
    phones.append(lab.phone("p3", relay, "--room", "kitchen", "--others", 3, "--seconds", 1))
    reports = [phone.report() for phone in phones]
    for report in reports:
        others = sorted(r["sender"] for r in reports if r is not report)
        assert sorted(heard["sender"] for heard in report["heard"]) == others, reports
        for heard in report["heard"]:
            assert heard["received"] == 50 and heard["lost"] == heard["duplicated"] == 0, report
            assert heard["max_gap_ms"] <= report["max_gap_ms"], report


def test_an_identity_is_made_once_and_kept(lab):
    relay = lab.relay("relay").start()
    names = {alone(relay.address, "--room", "x", "--seconds", 0, "--identity", path)[1][
        "fingerprint"] for path in [lab.path("alice")] * 2}
    assert len(names) == 1, names
    assert os.stat(lab.path("alice")).st_mode & 0o777 == 0o600


def test_sigterm_ends_it_with_its_report(lab):
    relay = lab.relay("relay").start()
    endless, one = (lab.phone(name, relay, "--register", "--calls", calls)
                    for name, calls in (("endless", 0), ("one", 1)))
    for phone in (endless, one):
        phone.fingerprint()
        phone.end()
        judge_shape(phone.report())
    assert endless.exit_code == 0 and endless.report()["error"] is None
    assert one.exit_code == 1 and one.report()["error"]  # its call did not come
    bob = lab.phone("bob", relay, "--register", "--calls", 0)
    alice = lab.phone("alice", relay, "--call", bob.fingerprint(), "--seconds", 60)
    alice.wait_log("talking")
    alice.end()
    assert alice.report()["hangup"]["by"] == "us" and alice.exit_code == 1
    bob.wait_log("hangup Normal by peer")


def test_as_many_calls_as_asked_for(lab):
    relay = lab.relay("relay").start()
    bob = lab.phone("bob", relay, "--register", "--calls", 2, "--seconds", 1)
    for _ in range(2):
        code, report, _ = alone(relay.address, "--call", bob.fingerprint(), "--seconds", 1)
        assert code == 0 and report["sent"] == 50 and report["lost"] == 0, report
    told = bob.report()
    judge_shape(told)
    assert bob.exit_code == 0 and told["sent"] == 100 and told["received"] == 100, told
    assert told["lost"] == 0 and told["call_id"] == report["call_id"], told


def test_voice(lab):
    """What is played is heard and recorded; a voice carries no stamps."""
    relay = lab.relay("relay").start()
    write_wav(lab.path("said.wav"), 2)
    bob = lab.phone("bob", relay, "--register", "--record", lab.path("heard.wav"), "--seconds", 0)
    code, report, _ = alone(relay.address, "--call", bob.fingerprint(), "--play",
                            lab.path("said.wav"))
    told = bob.report()
    assert code == 0 and report["sent"] == told["received"] == 100, (report, told)
    assert told["latency_us"] is None and told["lost"] == 0, told
    with wave.open(lab.path("heard.wav")) as heard:
        assert heard.getnchannels() == 1 and heard.getsampwidth() == 2
        assert 1.9 < heard.getnframes() / heard.getframerate() < 2.5, heard.getparams()


def test_a_phone_that_cannot_join_its_call_says_so(lab):
    """One media connection is allowed, and taken."""
    relay = lab.relay("relay", relay={"max_sessions": 1}).start()
    lab.phone("guest", relay, "--room", "kitchen", "--seconds", 60).wait_log("talking")
    bob = lab.phone("bob", relay, "--register")
    alice = lab.phone("alice", relay, "--call", bob.fingerprint())
    for phone in (alice, bob):
        assert phone.report()["error"] and phone.exit_code == 1, phone.report()


def test_it_registers_again_when_its_relay_goes_away(lab):
    relay = lab.relay("relay").start()
    bob = lab.phone("bob", relay, "--register", "--calls", 0)
    bob.fingerprint()
    relay.stop()
    bob.wait_log("signal connection lost")
    relay.start()
    wait_for("bob to register again", lambda: bob.process.log().count("registered ") == 2)


if __name__ == "__main__":
    main(globals(), at_once=5)
