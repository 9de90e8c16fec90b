#!/usr/bin/env python3
# parallel
# asan
# timeout: 300
"""A running relay takes another config: what changes, what waits for a restart, and who notices.

Both ways, `chappectl reload` and SIGHUP to the control plane. Nobody who talks may notice.
"""
import signal
import subprocess

from harness import lossless, main, program, wait_for


def chappectl(relay, *args):
    return subprocess.run([program("chappectl"), "-c", relay.config_path, *args],
                          capture_output=True, text=True, timeout=60)


def changes(answer):
    return {c["key"]: (c["old"], c["new"], c["needs_restart"]) for c in answer["changes"]}


def json_relay(lab, name, **config):
    return lab.relay(name, log={"format": "json"}, **config)


def talk(lab, a, b, seconds):
    """Starts a call between the relays (or on one); returns (phones, reports when over)."""
    bob = lab.phone("bob", b, "--register", "--seconds", seconds)
    alice = lab.phone("alice", a, "--call", bob.fingerprint(), "--seconds", seconds)
    for relay in {a, b}:
        wait_for(f"the call is active at {relay.name}",
                 lambda relay=relay: [c for c in relay.ctl("calls") if c["state"] == "active"])
    wait_for("media", lambda: a.ctl("rooms") and b.ctl("rooms"))
    return alice, bob


def unchanged(before, relay):
    """Every connection that was there is there still."""
    ids = {s["id"] for s in relay.ctl("sessions")}
    assert {s["id"] for s in before} <= ids, (before, ids)


def test_everything_at_once_during_a_call(lab):
    a, b = json_relay(lab, "relay-a"), json_relay(lab, "relay-b")
    c = json_relay(lab, "relay-c")
    a.configure(peers=[a.peer(b)], trusted=[a.trust(c)])
    b.configure(trusted=[b.trust(a)])
    c.configure(trusted=[c.trust(a)])
    for relay in (a, b, c):
        relay.start()
    a.linked("relay-b")
    alice, bob = talk(lab, a, b, 4)
    before = a.ctl("sessions")
    # relay-b gets another label, relay-c is dialed now instead of only let in.
    a.configure(peers=[a.peer(b, label="the-other", delegate=True), a.peer(c)], trusted=None,
                global_rooms=["general"], log={"level": "debug"},
                limits={"participant_pps": 500, "federation_room_pps": 600,
                        "address_connections": 77, "ring_timeout_s": 5})
    answer = a.ctl("reload")
    told = changes(answer)
    assert told["limits.participant_pps"] == ("2000", "500", False), told
    assert told["global_rooms"] == (None, "[general]", False), told
    assert told["log.level"] == ("info", "debug", False), told
    key = next(k for k in told if k.endswith(".label"))
    assert key.startswith("peers[") and told[key] == ("relay-b", "the-other", False), told
    assert not answer["needs_restart"]
    a.linked("the-other")
    a.linked("relay-c")
    unchanged(before, a)
    for phone in (alice, bob):
        report = phone.report()
        lossless(report)
        assert report["received"] == 200, report
    a.wait_event("config_changed", key="limits.participant_pps", old="2000", new="500")
    assert a.ctl("reload") == {"changes": [], "needs_restart": False}


def test_an_invalid_file_changes_nothing(lab):
    relay = json_relay(lab, "relay").start()
    alice, bob = talk(lab, relay, relay, 2)
    peers = relay.ctl("peers")
    relay.configure(limits={"ring_timeout_s": 0}, peers=[{"address": "nowhere"}])
    done = chappectl(relay, "reload")
    assert done.returncode == 2, done
    assert f"{relay.config_path}:" in done.stderr and "limits.ring_timeout_s" in done.stderr
    relay.control.signal(signal.SIGHUP)
    def refused():
        return [e["why"] for e in relay.log_events("reload_refused")]
    wait_for("every error in the log", lambda: len(refused()) >= 3)
    for key in ("limits.ring_timeout_s", "peers[0].address", "peers[0].fingerprint"):
        assert any(w.startswith(relay.config_path + ":") and key in w for w in refused()), refused()
    relay.configure(limits=None, peers=None)
    assert relay.ctl("reload")["changes"] == [] and relay.ctl("peers") == peers
    for phone in (alice, bob):
        lossless(phone.report())


def test_ourselves_as_a_peer_is_refused(lab):
    relay = json_relay(lab, "relay").start()
    relay.configure(peers=[relay.peer(relay)])
    done = chappectl(relay, "reload", "--json")
    assert done.returncode == 1 and "peers[0].fingerprint" in done.stderr, done
    assert relay.ctl("peers") == []


def test_what_needs_a_restart_says_so_and_waits(lab):
    relay = json_relay(lab, "relay").start()
    old_port, other = relay.port, lab.relay("other").port
    relay.configure(relay={"listen": f"127.0.0.1:{other}", "workers": 2, "name": "renamed"})
    for _ in range(2):  # it is said again until it is done
        answer = relay.ctl("reload")
        told = changes(answer)
        assert told["relay.listen"] == (f"127.0.0.1:{old_port}", f"127.0.0.1:{other}", True), told
        assert told["relay.workers"][2] and answer["needs_restart"], told
    assert relay.ctl("status")["name"] == "renamed"
    done = chappectl(relay, "reload")
    assert "relay.listen" in done.stdout and "restart" in done.stdout, done
    relay.wait_event("config_needs_restart", key="relay.listen")
    phone = lab.phone("old", relay, "--register")  # at the old address
    phone.fingerprint()
    relay.stop()
    relay.port = other
    relay.start()
    assert relay.ctl("reload")["changes"] == []
    lab.phone("new", relay, "--register").fingerprint()


def test_a_peer_comes_and_goes(lab):
    a, b = json_relay(lab, "relay-a").start(), json_relay(lab, "relay-b")
    b.configure(trusted=[b.trust(a)])
    b.start()
    a.configure(peers=[a.peer(b)])
    a.control.signal(signal.SIGHUP)
    a.linked("relay-b")
    b.linked("relay-a")
    alice, bob = talk(lab, a, b, 30)
    carol = lab.phone("carol", a, "--register", "--seconds", 2)
    dave = lab.phone("dave", a, "--call", carol.fingerprint(), "--seconds", 2)
    a.configure(peers=None)
    gone = changes(a.ctl("reload"))
    assert len(gone) == 1 and next(iter(gone.values()))[1] is None, gone
    assert a.ctl("peers") == []
    for phone in (alice, bob):  # their call is over, told to both
        assert phone.report()["hangup"]["reason"] == "Error"
    for phone in (carol, dave):  # theirs is not
        lossless(phone.report())
    wait_for("relay-b lost the link", lambda: b.ctl("peers")[0]["state"] != "linked")
    a.configure(peers=[a.peer(b)])
    a.ctl("reload")
    a.linked("relay-b")


def test_limits_reach_the_data_plane_and_outlive_the_control_plane(lab):
    relay = json_relay(lab, "relay").start()
    puppet = lab.puppet()
    puppet.open("one", relay, "_probe")
    puppet.open("two", relay, "_probe")
    relay.configure(limits={"address_connections": 2, "signal_bytes": 2048})
    relay.ctl("reload")

    def third_is_refused(name):
        puppet.command("open", name, relay.address, "_probe")
        return wait_for(f"{name} refused", lambda: puppet.events(name, "closed")
                        or puppet.events(name, "open"))[0]["event"] == "closed"

    wait_for("the limit is there", lambda: third_is_refused(f"t{len(puppet.events())}"))
    puppet.ping("one")  # those that were there are there
    relay.control.signal(signal.SIGKILL)
    relay.control.wait()
    relay.data.signal(signal.SIGHUP)  # not its business: it goes on
    relay.start_control()
    relay.ready()
    assert third_is_refused("again")
    relay.wait_event("signal_ignored", signal="SIGHUP")
    puppet.send("two", {"Ping": {"timestamp_ms": 1, "more": "x" * 4000}})
    puppet.wait_closed("two")  # too long now
    puppet.ping("one")


def test_a_token_is_asked_for_from_now_on(lab):
    relay = json_relay(lab, "relay").start()
    early = lab.phone("early", relay, "--register")
    early.fingerprint()
    relay.configure(auth={"url": "http://127.0.0.1:1/validate"})
    relay.ctl("reload")
    late = lab.phone("late", relay, "--register", token="t")
    assert "token refused" in late.report()["error"]
    assert len(relay.ctl("sessions")) == 1  # who was there stays
    relay.configure(auth=None)
    relay.ctl("reload")
    lab.phone("later", relay, "--register").fingerprint()


def test_a_changed_config_is_taken_at_adoption_too(lab):
    a, b = json_relay(lab, "relay-a"), json_relay(lab, "relay-b")
    a.configure(peers=[a.peer(b)])
    b.configure(trusted=[b.trust(a)])
    a.start()
    b.start()
    a.linked("relay-b")
    alice, _ = talk(lab, a, b, 30)
    a.control.signal(signal.SIGKILL)
    a.control.wait()
    a.configure(peers=None)
    a.start_control()
    a.ready()
    assert a.ctl("peers") == []
    assert alice.report()["hangup"]["reason"] == "Error"
    wait_for("relay-b lost the link", lambda: b.ctl("peers")[0]["state"] != "linked")


if __name__ == "__main__":
    main(globals(), at_once=2)
