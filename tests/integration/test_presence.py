#!/usr/bin/env python3
# parallel
# timeout: 240
"""Whose phones are where: presence across relays of ours, routes over hops, probes."""
import json
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from harness import (ALICE, BOB, CAROL, DAVE, PATIENCE, free_port, main, program, user_fingerprint,
                     wait_for)

NOBODY = "0123:4567:89ab:cdef:0123:4567:89ab:cdef"


def chain(lab, count, **config):
    """Relays in a row, each dials the next one."""
    made = [lab.relay(f"relay-{i}") for i in range(count)]
    for i, relay in enumerate(made):
        relay.configure(
            relay={"advertise": relay.address},
            peers=[relay.peer(made[i + 1], delegate=True)] if i + 1 < count else [],
            trusted=[relay.trust(made[i - 1], delegate=True)] if i > 0 else [], **config)
    for relay in made:
        relay.start()
    for a, b in zip(made, made[1:]):
        a.linked(b.name)
        b.linked(a.name)
    return made


def places(relay, phone):
    """(name of the relay that has it, hops) of each place that this relay knows."""
    return sorted((row["label"], row["hops"]) for row in relay.ctl("presence")
                  if row["fingerprint"] == phone)


def knows(relay, phone, *expected, limit=None):
    """Waits for it; the seconds that it took."""
    began = time.monotonic()
    wait_for(f"{phone} at {expected} for {relay.name}",
             lambda: places(relay, phone) == sorted(expected), limit)
    return time.monotonic() - began


def lab_seed(relay):
    with open(relay.identity) as f:
        return f.read().strip()


def view(relay):
    return sorted(json.dumps(row, sort_keys=True) for row in relay.ctl("presence"))


def kill_control(relay):
    """Another control plane, and the same view."""
    before = view(relay)
    relay.control.signal(signal.SIGKILL)
    relay.control.wait()
    relay.start_control()
    relay.ready()
    assert view(relay) == before, (before, view(relay))


def test_come_and_go(lab):
    a, b, c = chain(lab, 3)
    puppet = lab.puppet()
    alice = puppet.register("alice", a, ALICE)
    knows(a, alice, ("relay-0", 0))
    knows(b, alice, ("relay-0", 1))
    # The relay between them is not in the config of the third one: it has no name there.
    knows(c, alice, (None, 2))
    bob = puppet.register("bob", b, BOB)
    # Seen within a second: what the test needs to look is in it.
    took = knows(c, bob, ("relay-1", 1))
    print(f"# seen after {took:.2f} s")
    rows = [row for row in c.ctl("presence") if row["fingerprint"] == alice]
    assert rows[0]["relay"] == a.fingerprint() and rows[0]["via"] == "relay-1", rows
    for relay in (a, b, c):
        kill_control(relay)
    puppet.command("close", "alice")
    for relay in (a, b, c):
        knows(relay, alice)
        knows(relay, bob, *places(relay, bob)[:1])
    # Who dies with both planes takes its phones along; who comes back brings them.
    b.kill()
    knows(a, bob)
    knows(c, bob)
    b.start()
    carol = puppet.register("carol", b, CAROL)
    knows(a, carol, ("relay-1", 1))
    knows(c, carol, ("relay-1", 1))


def test_control_plane_dies_meanwhile(lab):
    """Phones come and go while it is away: its successor tells."""
    a, b = chain(lab, 2)
    puppet = lab.puppet()
    alice = puppet.register("alice", a, ALICE)
    knows(b, alice, ("relay-0", 1))
    a.control.signal(signal.SIGKILL)
    a.control.wait()
    puppet.command("close", "alice")
    puppet.open("bob", a, "_signal")
    puppet.command("register", "bob", BOB)
    bob = user_fingerprint(BOB)
    assert places(b, alice) == [("relay-0", 1)]
    a.start_control()
    knows(b, alice)
    knows(b, bob, ("relay-0", 1))


def chappectl(relay, *words):
    return subprocess.run([program("chappectl"), "-c", relay.config_path, *words],
                          capture_output=True, text=True, timeout=PATIENCE)


def route(relay, phone):
    found = relay.ctl("route", phone)
    return found["route"], found["hops"], found["relay_chain"]


def test_routes(lab):
    """Within the hop limit presence knows; beyond it the relays on the way are asked."""
    relays = chain(lab, 4, limits={"federation_hops": 1})
    puppet = lab.puppet()
    alice = puppet.register("alice", relays[0], ALICE)
    knows(relays[1], alice, ("relay-0", 1))
    addresses = [relay.address for relay in relays]
    assert route(relays[0], alice) == ("local", 0, addresses[:1])
    assert route(relays[1], alice) == ("direct_peer", 1, addresses[1::-1])
    assert not places(relays[3], alice)
    assert route(relays[3], alice) == ("chain", 3, addresses[::-1])
    # as people write it; what no phone can have is asked of nobody
    for text in (alice.replace(":", ""), alice.upper(), alice.replace(":", "-")):
        done = chappectl(relays[3], "route", text, "--json")
        found = json.loads(done.stdout)
        assert done.returncode == 0 and found["fingerprint"] == alice, done
        assert found["route"] == "chain", done
    done = chappectl(relays[3], "route", NOBODY)
    assert done.returncode == 1 and re.search(r"route +not_found", done.stdout), done
    for text in ("zzz", "1234", alice + ":0000", ""):
        done = chappectl(relays[3], "route", text)
        assert done.returncode == 2 and "32 hex digits" in done.stderr and not done.stdout, done
    # The same for a relay that asks on `_probe`, and is in the config; not for a stranger.
    puppet.open("prober", relays[2], "_probe", lab_seed(relays[3]))
    puppet.send("prober", {"RouteQuery": {"fingerprint": alice, "ttl": 3}})
    answer = puppet.wait_message("prober", "RouteResponse")
    assert answer == {"fingerprint": alice, "found": True, "relay_chain": addresses[2::-1]}, answer


def test_defect_16_strangers_learn_nothing(lab):
    a, b = chain(lab, 2)
    puppet = lab.puppet()
    alice = puppet.register("alice", a, ALICE)
    for name, seed in (("nobody", None), ("stranger", DAVE)):
        puppet.open(name, a, "_probe", seed)
        puppet.send(name, {"PresenceUpdate": {"fingerprints": [NOBODY], "relay_addr": "x"}})
        puppet.send(name, {"RouteQuery": {"fingerprint": alice, "ttl": 3}})
        puppet.ping(name)
        assert [list(m) for m in puppet.messages(name)] == [["Pong"]], puppet.messages(name)
    assert not places(a, NOBODY)
    # The same with a certificate that the config names.
    puppet.open("peer", a, "_probe", lab_seed(b))
    puppet.send("peer", {"PresenceUpdate": {"fingerprints": [], "relay_addr": "x"}})
    assert puppet.wait_message("peer", "PresenceUpdate") == {
        "fingerprints": [alice], "relay_addr": a.address}


def page(port, path):
    return urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=30).read().decode()


def test_defect_17_not_over_http(lab):
    """Presence, peers and routes are for operators of this machine."""
    port = free_port(socket.SOCK_STREAM)
    a = lab.relay("relay-a", metrics={"listen": f"127.0.0.1:{port}"}).start()
    alice = lab.puppet().register("alice", a, ALICE)
    for path in ("presence", f"presence/{alice}", "peers", f"route/{alice}", "mesh"):
        try:
            raise AssertionError(f"{path}: {page(port, path)}")
        except urllib.error.HTTPError as error:
            assert error.code == 404, (path, error.code)


def test_probe_targets(lab):
    port = free_port(socket.SOCK_STREAM)
    b = lab.relay("relay-b")
    a = lab.relay("relay-a", probe_targets=[b.address], metrics={"listen": f"127.0.0.1:{port}"})
    b.configure(trusted=[b.trust(a)])
    a.configure(trusted=[a.trust(b)])
    a.start()

    def probe():
        return a.ctl("probes")[0]

    wait_for("why it is down", lambda: probe()["last_error"])
    assert probe()["state"] == "down" and probe()["target"] == b.address, probe()
    b.start()
    wait_for("a round-trip time", lambda: probe()["rtt_ms"])
    assert probe()["state"] == "up" and probe()["label"] == "relay-b", probe()
    assert f'wzp_probe_up{{target="{b.address}"}} 1\n' in page(port, "metrics")
    assert f'wzp_probe_rtt_ms{{target="{b.address}"}} ' in page(port, "metrics")
    assert 0 < probe()["rtt_ms"] < 5000 and probe()["loss_pct"] <= 100, probe()
    a.control.signal(signal.SIGKILL)
    a.control.wait()
    a.start_control()
    a.ready()
    assert probe()["state"] == "up", probe()
    wait_for("a round-trip time again", lambda: probe()["rtt_ms"])
    # The other side sees one connection, that of the first life.
    kinds = [s["kind"] for s in b.ctl("sessions")]
    assert kinds.count("probe") == 1, kinds
    b.stop()
    wait_for("the target is down", lambda: probe()["state"] == "down")


if __name__ == "__main__":
    main(globals(), 2)
