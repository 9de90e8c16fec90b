#!/usr/bin/env python3
# quick
# parallel
# asan
# timeout: 120
"""What chappectl prints (design page, "chappectl"), and what each program says of a wrong config."""
import json
import os
import re
import signal
import subprocess

from harness import PATIENCE, main, program, wait_for

TLS = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){31}")  # 95 characters
USER = re.compile(r"[0-9a-f]{4}(:[0-9a-f]{4}){7}")  # 39 characters
VIEWS = ("status", "peers", "sessions", "rooms", "calls")


def run(name, *arguments):
    return subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True,
                          timeout=PATIENCE)


def test_fingerprint_works_offline(lab):
    relay = lab.relay("relay")
    done = run("chappectl", "-c", relay.config_path, "fingerprint")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.returncode == 0 and [line[0] for line in lines] == ["TLS", "user"], done
    assert TLS.fullmatch(lines[0][1]) and USER.fullmatch(lines[1][1]), lines
    assert os.stat(relay.identity).st_mode & 0o777 == 0o600
    again = json.loads(run("chappectl", "-c", relay.config_path, "fingerprint", "--json").stdout)
    assert again == {"tls": lines[0][1], "user": lines[1][1]}, again
    assert not os.path.exists(relay.runtime)


def test_a_wrong_config_is_2_with_file_line_and_key(lab):
    relay = lab.relay("relay")
    assert run("chappe-control", "-c", relay.config_path, "--check").returncode == 0
    relay.configure("limits:\n  ring_timeout_s: 60\n  ring_tone: loud\n")
    for command in (["chappe-control", "--check"], ["chappe-control"], ["chappe-data"],
                    ["chappectl", "status"]):
        done = run(command[0], "-c", relay.config_path, *command[1:])
        assert done.returncode == 2, (command, done)
        assert f"{relay.config_path}:4: limits.ring_tone" in done.stderr, (command, done.stderr)


def test_status(lab):
    relay = lab.relay("relay").start()
    status = relay.ctl("status")
    assert {"name", "version", "data_epoch", "control_epoch", "uptime_s", "aes"} <= set(status)
    assert status["name"] == "relay" and status["version"] and status["aes"], status
    assert status["data_epoch"] > 0 and status["uptime_s"] >= 0, status
    relay.control.signal(signal.SIGTERM)
    assert relay.control.wait() == 0
    relay.start_control()
    relay.ready()
    after = relay.ctl("status")
    assert after["data_epoch"] == status["data_epoch"], (status, after)
    assert after["control_epoch"] > status["control_epoch"], (status, after)


def test_views_say_that_the_data_plane_is_gone(lab):
    a, b = lab.relay("relay-a"), lab.relay("relay-b")
    a.configure(peers=[a.peer(b)])
    b.configure(trusted=[b.trust(a)])
    b.start()
    a.start().linked("relay-b")
    assert a.ctl("status")["data_plane"] == "answering"
    done = run("chappectl", "-c", a.config_path, "peers")
    assert done.returncode == 0 and not done.stderr, done
    a.data.signal(signal.SIGKILL)
    a.data.wait()
    state = wait_for("that it is silent", lambda: (
        lambda text: text.startswith("silent since 20") and text)(a.ctl("status")["data_plane"]))
    for command in VIEWS:
        done = run("chappectl", "-c", a.config_path, command, "--json")
        assert f"warning: the data plane is {state}: " in done.stderr, done
        json.loads(done.stdout)
    a.start_data()
    a.ready()
    assert a.ctl("status")["data_plane"] == "answering"


def test_what_a_command_does_not_take_is_wrong_usage(lab):
    relay = lab.relay("relay")
    for words in (["status", "x"], ["peers", "--timeout", "1"], ["ready", "--deadline", "1"],
                  ["ready", "--timeout", "-1"], ["ready", "--timeout", "1s"], ["route"],
                  ["drain", "--deadline", "31536001"], ["fingerprint", "--timeout", "1"]):
        done = run("chappectl", "-c", relay.config_path, *words)
        assert done.returncode == 2 and done.stderr and not done.stdout, (words, done)


def test_views_of_a_call(lab):
    a, b = lab.relay("relay-a"), lab.relay("relay-b")
    a.configure(peers=[a.peer(b)])
    b.configure(trusted=[b.trust(a)])
    a.start()
    b.start()
    a.linked("relay-b")
    bob = lab.phone("bob", b, "--register", "--seconds", 60)
    alice = lab.phone("alice", a, "--call", bob.fingerprint(), "--seconds", 60)
    for phone in (alice, bob):
        phone.wait_log("talking")
    caller = next(line.split()[1] for line in alice.process.log().splitlines()
                  if line.startswith("registered "))

    peer, = a.ctl("peers")
    assert peer["label"] == "relay-b" and peer["fingerprint"] == b.fingerprint(), peer
    assert peer["state"] == "linked" and peer["connections"] == 1, peer
    assert peer["last_error"] is None or isinstance(peer["last_error"], str), peer

    sessions = {session["kind"]: session for session in a.ctl("sessions")}
    assert set(sessions) == {"phone", "room", "link"}, sessions
    for session in sessions.values():
        assert {"id", "kind", "fingerprint", "addr", "proven"} <= set(session), session
        assert re.fullmatch(r"127\.0\.0\.1:\d+", session["addr"]), session
    assert sessions["phone"]["fingerprint"] == sessions["room"]["fingerprint"] == caller
    assert sessions["phone"]["proven"] == sessions["link"]["proven"] == "proven", sessions
    assert sessions["room"]["proven"] == "signed", sessions
    assert sessions["link"]["fingerprint"] == b.fingerprint(), sessions

    room, = a.ctl("rooms")
    assert room["name"].startswith("call-") and room["members"] == [caller], room
    assert room["links"] == ["relay-b"], room

    for relay, other in ((a, "relay-b"), (b, "relay-a")):
        call, = relay.ctl("calls")
        assert call["caller"] == caller and call["callee"] == bob.fingerprint(), call
        assert "call-" + call["call_id"] == room["name"], (call, room)
        assert call["state"] == "active" and call["peer"] == other, call
    for command in VIEWS:
        done = run("chappectl", "-c", a.config_path, command)
        assert done.returncode == 0 and done.stdout and not done.stdout.startswith("["), done


if __name__ == "__main__":
    main(globals(), at_once=4)
