#!/usr/bin/env python3
# parallel
# asan
# timeout: 240
"""The two processes as such: starting in either order, stopping, dying, coming back (defect 70)."""
import os
import signal
import subprocess

from harness import ALICE, BOB, begin_talk, lossless, main, program, wait_for


def run(name, *arguments):
    return subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60)


def call(lab, relay, *more):
    """A short call that works; `more` names the phones."""
    tag = "-".join(("x", *more))
    bob = lab.phone(f"bob-{tag}", relay, "--register", "--seconds", 1)
    alice = lab.phone(f"alice-{tag}", relay, "--call", bob.fingerprint(), "--seconds", 1)
    for phone in (alice, bob):
        lossless(phone.report())


# ---- starting ----

def test_either_may_start_first(lab):
    for first in ("data", "control"):
        relay = lab.relay(f"relay-{first}-first")
        start = {"data": relay.start_data, "control": relay.start_control}
        started = start.pop(first)()
        if first == "control":  # it waits without limit
            done = run("chappectl", "-c", relay.config_path, "ready", "--timeout", 1)
            assert done.returncode == 1 and "not ready" in done.stderr, done
        else:
            started.wait_log("data_started")
        start.popitem()[1]()
        relay.ready()
        call(lab, relay, first)
        assert relay.stop() == [0, 0]


def test_phones_wait_while_there_is_no_control_plane(lab):
    """They finish their handshake, and are served when somebody decides again."""
    relay = lab.relay("relay")
    relay.start_data().wait_log("data_started")
    puppet = lab.puppet()
    puppet.open("alice", relay, "_signal")
    puppet.command("register", "alice", ALICE)
    puppet.open("bob", relay, "kitchen")
    puppet.command("join", "bob", BOB)
    relay.start_control()
    puppet.wait_message("alice", "RegisterPresenceAck")
    puppet.wait_message("bob", "CallAnswer")


def test_a_second_instance_waits_for_the_lock_and_gives_up(lab):
    relay = lab.relay("relay").start()
    for start in (relay.start_data, relay.start_control):
        first = (relay.data, relay.control)
        second = start()
        assert second.wait() == 1, second.log()
        assert relay.runtime in second.log() or "lock" in second.log(), second.log()
        relay.data, relay.control = first
    call(lab, relay)


def test_a_second_instance_takes_over_when_the_first_one_ends_in_time(lab):
    relay = lab.relay("relay").start()
    old = relay.control
    fresh = relay.start_control()
    old.signal(signal.SIGTERM)
    assert old.wait() == 0
    fresh.wait_log("adopted")
    relay.ready()
    call(lab, relay)


# ---- stopping ----

def test_sigterm_ends_either_plane_in_any_state_with_0(lab):
    relay = lab.relay("relay")
    relay.start_control()
    wait_for("its window", lambda: run("chappectl", "-c", relay.config_path, "status").returncode == 0)
    relay.control.signal(signal.SIGTERM)
    assert relay.control.wait() == 0
    relay.start_data().wait_log("data_started")
    relay.data.signal(signal.SIGTERM)
    assert relay.data.wait() == 0
    relay.start()
    assert relay.stop() == [0, 0]


def test_defect_70_phones_and_peers_see_the_end_at_once(lab):
    a, b = lab.relay("relay-a"), lab.relay("relay-b")
    a.configure(peers=[a.peer(b)])
    b.configure(trusted=[b.trust(a)])
    b.start()
    a.start()
    a.linked("relay-b")
    puppet = lab.puppet()
    puppet.register("bob", b, BOB)
    puppet.join("bob-media", b, "kitchen", BOB)
    b.data.signal(signal.SIGTERM)
    for name in ("bob", "bob-media"):
        closed = puppet.wait_closed(name, limit=10)  # long before any timeout of its own
        assert closed["reason"], closed
    wait_for("relay-a to notice", lambda: a.ctl("peers")[0]["state"] != "linked", 10)
    assert b.data.wait() == 0


def test_the_control_plane_s_end_tells_phones_nothing(lab):
    relay = lab.relay("relay").start()
    puppet = lab.puppet()
    puppet.register("alice", relay, ALICE)
    puppet.join("bob", relay, "kitchen", BOB)
    relay.control.signal(signal.SIGTERM)
    assert relay.control.wait() == 0
    relay.start_control()
    relay.ready()
    puppet.ping("alice")
    assert not puppet.events("alice", "closed") and not puppet.events("bob", "closed")
    assert len(relay.ctl("sessions")) == 2 and len(relay.ctl("rooms")) == 1


# ---- dying ----

def test_the_control_plane_dies_in_a_call(lab):
    """Media flows on without it, its successor adopts, and hanging up works."""
    relay = lab.relay("relay").start()
    alice, bob = begin_talk(lab, relay, 6)
    before = relay.ctl("status")
    relay.control.signal(signal.SIGKILL)
    relay.control.wait()
    relay.start_control()
    relay.ready()
    after = relay.ctl("status")
    assert after["data_epoch"] == before["data_epoch"], (before, after)
    assert after["control_epoch"] > before["control_epoch"], (before, after)
    assert [c["state"] for c in relay.ctl("calls")] == ["active"]
    for phone, by in ((alice, "us"), (bob, "peer")):
        report = phone.report()
        lossless(report)
        assert report["received"] == 300, report
        assert report["hangup"] == {"reason": "Normal", "by": by}, report
    relay.nothing_left()


def test_the_control_plane_dies_again_and_again(lab):
    relay = lab.relay("relay").start()
    alice, bob = begin_talk(lab, relay, 8)
    epochs = []
    for _ in range(5):
        relay.control.signal(signal.SIGKILL)
        relay.control.wait()
        relay.start_control()
        relay.ready()
        epochs.append(relay.ctl("status")["control_epoch"])
    assert epochs == sorted(set(epochs)), epochs
    for phone in (alice, bob):
        report = phone.report()
        lossless(report)
        assert report["received"] == 400, report
    relay.nothing_left()


def test_a_call_ends_while_there_is_no_control_plane(lab):
    relay = lab.relay("relay").start()
    alice, bob = begin_talk(lab, relay, 60)
    relay.control.signal(signal.SIGKILL)
    relay.control.wait()
    alice.end(signal.SIGTERM)  # it hangs up, parts, and nobody hears it now
    assert alice.report()["hangup"]["by"] == "us"
    relay.start_control()
    report = bob.report()
    assert report["hangup"]["reason"] == "Normal", report
    relay.nothing_left()


def test_the_data_plane_dies_and_phones_come_back(lab):
    relay = lab.relay("relay").start()
    alice, bob = begin_talk(lab, relay, 120, calls=0)
    before = relay.ctl("status")
    relay.data.signal(signal.SIGKILL)
    relay.data.wait()
    relay.start_data()
    relay.ready()
    bob.wait_log("registered ", count=2, limit=60)
    report = alice.report()  # its call is gone
    assert report["error"] and report["hangup"]["reason"] == "Error", report
    after = relay.ctl("status")
    assert after["data_epoch"] > before["data_epoch"], (before, after)
    relay.nothing_left()
    call_again = lab.phone("carol", relay, "--call", bob.fingerprint(), "--seconds", 1)
    assert call_again.report()["error"] is None
    bob.end(signal.SIGTERM)
    assert bob.report()["error"] is None


def test_both_die_and_come_back(lab):
    relay = lab.relay("relay").start()
    bob = lab.phone("bob", relay, "--register", "--calls", 0, "--seconds", 1)
    fingerprint = bob.fingerprint()
    relay.kill()
    relay.start()
    bob.wait_log("registered ", count=2, limit=60)
    alice = lab.phone("alice", relay, "--call", fingerprint, "--seconds", 1)
    assert alice.report()["error"] is None
    bob.end(signal.SIGTERM)
    assert bob.report()["error"] is None and bob.exit_code == 0


# ---- usage ----

def test_exit_codes_for_wrong_usage(lab):
    relay = lab.relay("relay")
    config = ("-c", relay.config_path)
    for arguments in ((), ("-c",), ("--config",), (*config, "more"), (*config, "--fly"), ("-x",)):
        for name in ("chappe-data", "chappe-control"):
            done = run(name, *arguments)
            assert done.returncode == 2 and done.stderr and not done.stdout, (name, done)
    for arguments in ((), config, (*config, "fly"), ("status",), (*config, "status", "more"),
                      (*config, "ready", "--timeout", "x"), (*config, "ready", "--timeout", "-1")):
        done = run("chappectl", *arguments)
        assert done.returncode == 2 and done.stderr and not done.stdout, (arguments, done)
    phone = ("--relay", relay.address)
    for arguments in ((), phone, ("--register",), (*phone, "--register", "--room", "x"),
                      (*phone, "--call", "nobody"), (*phone, "--register", "--answer", "maybe"),
                      (*phone, "--room", "x", "--pps", "0"), (*phone, "--room", "x", "--bytes", "9"),
                      (*phone, "--room", ""), ("--relay", "nowhere", "--register")):
        done = run("chappe-phone", *arguments)
        assert done.returncode == 2 and done.stderr and not done.stdout, (arguments, done)


def test_help_and_version(lab):
    del lab
    for name in ("chappe-data", "chappe-control", "chappectl", "chappe-phone"):
        for argument in ("--help", "-h", "--version"):
            done = run(name, argument)
            assert done.returncode == 0 and done.stdout and not done.stderr, (name, done)


def test_check_says_whether_the_config_is_good(lab):
    relay = lab.relay("relay")
    done = run("chappe-control", "-c", relay.config_path, "--check")
    assert done.returncode == 0, done
    assert not os.path.exists(relay.runtime) and not os.path.exists(relay.identity)
    relay.configure(relay={"workers": "many"})
    done = run("chappe-control", "-c", relay.config_path, "--check")
    assert done.returncode == 2 and "relay.workers" in done.stderr, done
    relay.configure(relay={"workers": 1}, global_rooms=["0123456789abcdef" * 2])
    done = run("chappe-control", "-c", relay.config_path, "--check")
    assert done.returncode == 0 and "global_rooms[0]: warning" in done.stderr, done


def test_a_runtime_dir_that_is_too_long_is_a_config_error(lab):
    relay = lab.relay("relay")
    relay.configure(relay={"runtime_dir": lab.path("x" * 108)})
    for name in ("chappe-data", "chappe-control"):
        done = run(name, "-c", relay.config_path)
        assert done.returncode == 2 and "runtime_dir" in done.stderr, done


def test_a_runtime_dir_that_cannot_be_made(lab):
    relay = lab.relay("relay")
    relay.configure(relay={"runtime_dir": lab.path("no/such/parent")})
    for name in ("chappe-data", "chappe-control"):
        done = run(name, "-c", relay.config_path)
        assert done.returncode == 1 and lab.path("no/such/parent") in done.stderr, done


def test_a_port_that_is_taken(lab):
    first, second = lab.relay("first").start(), lab.relay("second")
    second.configure(relay={"listen": first.address})
    child = second.start_data()
    assert child.wait() == 1 and first.address in child.log(), child.log()
    call(lab, first)


def test_chappectl_without_a_relay(lab):
    relay = lab.relay("relay")
    for command in ("status", "peers", "sessions", "rooms", "calls"):
        done = run("chappectl", "-c", relay.config_path, command, "--json")
        assert done.returncode == 1 and done.stderr and not done.stdout, done
    done = run("chappectl", "-c", relay.config_path, "ready", "--timeout", "0")
    assert done.returncode == 1, done
    done = run("chappectl", "-c", relay.config_path, "fingerprint")
    words = done.stdout.split()
    assert done.returncode == 0 and [len(w) for w in words if ":" in w] == [95, 39], done


def test_chappectl_prints_for_people_too(lab):
    relay = lab.relay("relay").start()
    for command in ("peers", "sessions", "rooms", "calls"):
        assert relay.ctl(command) == []
        done = run("chappectl", "-c", relay.config_path, command)
        assert done.returncode == 0 and done.stdout.count("\n") == 1, done
    puppet = lab.puppet()
    fingerprint = puppet.register("alice", relay, ALICE)
    sessions = relay.ctl("sessions")
    assert len(sessions) == 1 and sessions[0]["kind"] == "phone", sessions
    assert sessions[0]["fingerprint"] == fingerprint and sessions[0]["proven"] == "proven"
    for command, shown in (("sessions", fingerprint), ("status", "relay"), ("ready", "ready")):
        done = run("chappectl", "-c", relay.config_path, command)
        assert done.returncode == 0 and shown in done.stdout, done
    status = relay.ctl("status")
    for key in ("name", "version", "data_epoch", "control_epoch", "uptime_s", "aes"):
        assert status[key] not in (None, ""), status


if __name__ == "__main__":
    main(globals(), at_once=4)
