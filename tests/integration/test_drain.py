#!/usr/bin/env python3
# parallel
# asan
# timeout: 300
"""`chappectl drain`: nobody is cut off, nobody new gets in, and then both processes end."""
import signal
import subprocess

from harness import ALICE, BOB, answer, lossless, main, offer, program, wait_for


def drain(relay, *args):
    return relay.ctl("drain", *args)


def ends_by_itself(relay):
    """Both planes end with 0, told by nobody but the drain."""
    return [relay.data.wait(60), relay.control.wait(60)]


def pair(lab):
    a, b = lab.relay("relay-a"), lab.relay("relay-b")
    a.configure(peers=[a.peer(b)])
    b.configure(trusted=[b.trust(a)])
    a.start()
    b.start()
    a.linked("relay-b")
    b.linked("relay-a")
    return a, b


def call(lab, a, b, seconds):
    bob = lab.phone("bob", b, "--register", "--seconds", seconds)
    alice = lab.phone("alice", a, "--call", bob.fingerprint(), "--seconds", seconds)
    wait_for("an active call", lambda: [c for c in a.ctl("calls") if c["state"] == "active"])
    return alice, bob


def test_an_empty_relay_ends_at_once(lab):
    relay = lab.relay("relay").start()
    told = drain(relay)
    assert told["draining"] and told["deadline_s"] is None, told
    assert told["calls"] == told["sessions"] == told["connections"] == 0, told
    assert ends_by_itself(relay) == [0, 0]
    relay.start()  # and it is back when it is started
    assert not relay.ctl("status")["draining"]


def test_a_call_goes_on_and_the_rest_is_closed(lab):
    a, b = pair(lab)
    idle = lab.phone("idle", a, "--register")
    idle.fingerprint()
    alice, bob = call(lab, a, b, 4)
    told = drain(a)
    assert told["calls"] == 1, told
    idle.wait_log("signal connection lost")
    assert "draining" in idle.process.log()
    assert a.ctl("peers")[0]["state"] == "linked"  # the call needs it
    for phone in (alice, bob):
        report = phone.report()
        lossless(report)
        assert report["received"] == 200 and report["hangup"]["reason"] == "Normal", report
    assert ends_by_itself(a) == [0, 0]
    wait_for("relay-b lost the link", lambda: b.ctl("peers")[0]["state"] != "linked")
    b.ready()


def test_what_is_left_is_reported_and_nothing_new_gets_in(lab):
    relay = lab.relay("relay").start()
    puppet = lab.puppet()
    alice, bob = puppet.register("alice", relay, ALICE), puppet.register("bob", relay, BOB)
    puppet.send("alice", offer(alice, bob, "c1"))
    puppet.wait_message("bob", "DirectCallOffer")
    drain(relay)
    puppet.send("bob", answer("c1"))  # a call that rings may be answered and joined
    puppet.wait_message("alice", "CallSetup")
    puppet.join("media", relay, "call-c1", ALICE)
    status = relay.ctl("status")
    assert status["draining"] and status["calls"] == 1 and status["sessions"] == 1, status
    puppet.send("alice", offer(alice, bob, "c2"))
    assert puppet.wait_message("alice", "Hangup")["call_id"] == "c2"
    puppet.open("other", relay, "lobby")
    puppet.command("join", "other", BOB)
    assert "drain" in puppet.wait_closed("other")["reason"]
    puppet.ping("alice")
    puppet.send("bob", {"Hangup": {"reason": "Normal", "call_id": "c1"}})
    puppet.wait_message("alice", "Hangup", count=2)
    for name in ("alice", "bob", "media"):
        puppet.wait_closed(name)
    assert ends_by_itself(relay) == [0, 0]


def test_the_deadline_ends_a_call(lab):
    relay = lab.relay("relay").start()
    alice, bob = call(lab, relay, relay, 60)
    told = drain(relay, "--deadline", "2")
    assert told["deadline_s"] <= 2 and told["calls"] == 1, told
    assert ends_by_itself(relay) == [0, 0]
    alice.report()
    bob.process.signal(signal.SIGTERM)  # it would try to register for ever


def test_a_killed_control_plane_goes_on_draining(lab):
    relay = lab.relay("relay").start()
    alice, bob = call(lab, relay, relay, 4)
    drain(relay, "--deadline", "600")
    for _ in range(2):
        relay.control.signal(signal.SIGKILL)
        relay.control.wait()
        relay.start_control()
        relay.ready()
        status = relay.ctl("status")
        assert status["draining"] and 500 < status["deadline_s"] < 600, status
    for phone in (alice, bob):
        lossless(phone.report())
    assert ends_by_itself(relay) == [0, 0]


def test_undrain(lab):
    a, b = pair(lab)
    keeper = lab.phone("keeper", a, "--room", "lobby", "--seconds", 30)
    wait_for("the room", lambda: a.ctl("rooms"))
    idle = lab.phone("idle", a, "--register")
    idle.fingerprint()
    drain(a)
    idle.wait_log("signal connection lost")
    wait_for("the link is closed", lambda: a.ctl("peers")[0]["state"] != "linked")
    answer_ = a.ctl("undrain")
    assert not answer_["draining"] and answer_["sessions"] == 1, answer_
    a.linked("relay-b")
    wait_for("the phone is back", lambda: idle.process.log().count("registered ") == 2)
    assert not a.ctl("status")["draining"]
    alice, bob = call(lab, a, b, 1)
    lossless(alice.report())
    lossless(bob.report())
    keeper.end()


def test_without_a_data_plane_it_is_refused(lab):
    """It has nothing to act on, and would be forgotten: nothing changes."""
    relay = lab.relay("relay")
    relay.start_control()
    config = ("-c", relay.config_path)

    def refused():
        done = subprocess.run([program("chappectl"), *config, "drain"], capture_output=True,
                              text=True)
        return done.returncode == 1 and "does not answer" in done.stderr
    wait_for("a refusal", refused)
    relay.start_data()
    relay.ready()
    assert not relay.ctl("status")["draining"]
    relay.data.signal(signal.SIGKILL)
    relay.data.wait()
    relay.control.wait_log("data_plane_silent")
    assert refused()
    done = subprocess.run([program("chappectl"), *config, "ready", "--timeout", "0"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "does not answer" in done.stderr, done
    relay.start_data()
    relay.ready()
    assert not relay.ctl("status")["draining"]


def test_wrong_use(lab):
    relay = lab.relay("relay").start()
    done = subprocess.run([program("chappectl"), "-c", relay.config_path, "drain", "--deadline",
                           "soon"], capture_output=True, text=True)
    assert done.returncode == 2 and "--deadline" in done.stderr, done
    assert not relay.ctl("status")["draining"]


if __name__ == "__main__":
    main(globals(), at_once=2)
