#!/usr/bin/env python3
# parallel
"""The event log: media events of the data plane, lifecycle events of the control plane, one file."""
import json
import os
import re
import signal

from harness import main, wait_for

# protocol.md 5.19
ORDER = ("ts", "event", "room", "src", "seq", "codec", "fec_block", "fec_sym", "repair", "len",
         "to_count", "peer", "reason", "action", "participants")
MEDIA = {
    "federation_ingress": {"seq", "codec", "fec_block", "fec_sym", "repair", "len", "peer"},
    "local_deliver": {"room", "seq", "to_count"},
    "room_not_found": {"seq", "peer"},
    "first_media": {"room", "peer", "action"},
}


def read(path):
    """All events; every line must be whole."""
    if not os.path.exists(path):
        return []
    with open(path) as f:
        lines = f.read().splitlines(keepends=True)
    events = []
    for line in lines:
        assert line.endswith("\n"), line
        event = json.loads(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event["ts"]), line
        assert list(event)[:2] == ["ts", "event"], line
        if event["event"] in MEDIA:
            assert set(event) == MEDIA[event["event"]] | {"ts", "event"}, line
            assert [key for key in ORDER if key in event] == list(event), line
        events.append(event)
    return events


def named(events, name, **fields):
    return [e for e in events if e["event"] == name
            and all(e.get(key) == value for key, value in fields.items())]


def pair(lab, **config):
    """Two linked relays; the first writes an event log."""
    relay, other = lab.relay("relay"), lab.relay("other")
    relay.events = lab.path("events.jsonl")
    relay.configure(event_log=relay.events, peers=[relay.peer(other)], **config)
    other.configure(trusted=[other.trust(relay)], **config)
    other.start()
    relay.start().linked("other")
    return relay, other


def call(lab, relay, other, n):
    callee = lab.phone(f"callee{n}", other, "--register", "--seconds", 1)
    caller = lab.phone(f"caller{n}", relay, "--call", callee.fingerprint(), "--seconds", 1)
    reports = caller.report(), callee.report()
    assert all(report["error"] is None for report in reports), reports
    return reports[0]["room"]


def delivered(relay, *paths):
    """Waits until each packet that came over the link was delivered, as the log has it."""
    def look():
        events = [event for path in paths for event in read(path)]
        came = [e["seq"] for e in named(events, "federation_ingress")]
        went = [e["seq"] for e in named(events, "local_deliver")]
        return came and came == went and named(events, "call_ended") and events
    events = wait_for("all packets in the log", look)
    came = [e["seq"] for e in named(events, "federation_ingress")]
    assert len(set(came)) == len(came), came
    assert relay.ctl("peers")[0]["packets_in"] >= len(came)
    return events


def test_a_call_over_a_link(lab):
    relay, other = pair(lab)
    room = call(lab, relay, other, 1)
    events = delivered(relay, relay.events)
    ingress = named(events, "federation_ingress", peer="other")
    assert all(e["codec"] == "Opus24k" and e["repair"] is False for e in ingress), ingress[0]
    assert all(e["len"] == 120 - 12 for e in ingress), ingress[0]
    assert len(named(events, "local_deliver", room=room, to_count=1)) == len(ingress) > 10
    for action in ("in", "out"):
        assert len(named(events, "first_media", room=room, peer="other", action=action)) == 1
    for name in ("link_connection_up", "phone_registered", "call_offered", "call_accepted",
                 "call_ended", "joined", "left"):
        assert len(named(events, name)) == 1, (name, named(events, name))
    assert named(events, "joined")[0]["room"] == room
    assert not named(events, "events_lost")


def test_a_killed_control_plane_and_a_rotated_file(lab):
    relay, other = pair(lab)
    callee = lab.phone("callee", other, "--register", "--seconds", 4)
    caller = lab.phone("caller", relay, "--call", callee.fingerprint(), "--seconds", 4)
    wait_for("media", lambda: named(read(relay.events), "local_deliver"))
    relay.control.signal(signal.SIGKILL)
    relay.control.wait()
    headless = len(named(read(relay.events), "local_deliver"))
    wait_for("media without a control plane",
             lambda: len(named(read(relay.events), "local_deliver")) > headless)
    old = relay.events + ".1"
    os.rename(relay.events, old)
    relay.data.signal(signal.SIGHUP)
    relay.start_control()
    relay.ready()
    for phone in (caller, callee):
        assert phone.report()["error"] is None
    events = delivered(relay, old, relay.events)
    assert named(read(relay.events), "local_deliver"), "nothing in the new file"
    # what was told before the kill is told once
    for name in ("phone_registered", "call_offered", "call_accepted", "joined", "call_ended"):
        assert len(named(events, name)) == 1, (name, named(events, name))
    assert len(named(events, "first_media")) == 2
    assert len(named(events, "adopted")) == 2 and not named(events, "events_lost")


def test_a_reload_turns_it_on_and_elsewhere(lab):
    relay = lab.relay("relay").start()
    first, second = lab.path("first.jsonl"), lab.path("second.jsonl")
    lab.phone("quiet", relay, "--register").fingerprint()
    relay.configure(event_log=first)
    relay.ctl("reload")
    lab.phone("one", relay, "--register").fingerprint()
    wait_for("the registration", lambda: len(named(read(first), "phone_registered")) == 1)
    relay.configure(event_log=second)
    relay.ctl("reload")
    lab.phone("two", relay, "--register").fingerprint()
    wait_for("the other file", lambda: len(named(read(second), "phone_registered")) == 1)
    relay.configure(event_log="/nowhere/events.jsonl")
    relay.ctl("reload")
    phone = lab.phone("three", relay, "--register")
    phone.fingerprint()  # a log that cannot be written harms nobody
    relay.control.wait_log("event_log_failed")
    relay.configure(event_log=None)
    relay.ctl("reload")
    lab.phone("four", relay, "--register").fingerprint()
    assert len(named(read(first), "phone_registered")) == 1
    assert len(named(read(second), "phone_registered")) == 1


if __name__ == "__main__":
    main(globals())
