#!/usr/bin/env python3
# parallel
# asan
# timeout: 240
"""Media over bad paths, phones whose address changes, and which addresses phones are told
(defects 60 and 65)."""
import contextlib
import socket

from harness import (ALICE, BOB, Skip, answer, main, offer, user_fingerprint, wait_for)


def pair(lab, path=None, **b_config):
    """Two linked relays; a dials b, through a proxy with these faults if there are any."""
    a, b = lab.relay("relay-a"), lab.relay("relay-b", **b_config)
    proxy = lab.proxy(b.port, **path) if path is not None else None
    a.configure(peers=[a.peer(b, address=proxy.address if proxy else None)])
    b.configure(trusted=[b.trust(a)])
    b.start()
    a.start()
    a.linked("relay-b")
    b.linked("relay-a")
    return a, b, proxy


def talk(lab, a, b, seconds=5, during=lambda: None):
    """A call between phones at these addresses; both reports, complete and without duplicates."""
    bob = lab.phone("bob", b, "--register", "--seconds", seconds)
    alice = lab.phone("alice", a, "--call", bob.fingerprint(), "--seconds", seconds)
    alice.wait_log("talking")
    bob.wait_log("talking")
    during()
    reports = alice.report(60), bob.report()
    for report in reports:
        assert report["error"] is None and report["hangup"]["reason"] == "Normal", report
        assert report["duplicated"] == 0 and report["participants"] == 2, report
        assert report["received"] + report["lost"] == 50 * seconds, report
    return reports


def behind(lab, **path):
    """A relay that its phones reach through a proxy: it advertises that one's address."""
    relay = lab.relay("relay")
    proxy = lab.proxy(relay.port, **path)
    relay.configure(relay={"advertise": proxy.address})
    return relay.start(), proxy


# ---- faults of the path ----

def test_loss_between_phone_and_relay(lab):
    relay, bad = behind(lab, loss=0.1)
    alice, bob = talk(lab, bad.address, relay)
    assert bad.dropped > 0
    assert 0 < alice["lost"] < 125 and 0 < bob["lost"] < 125, (alice, bob)
    relay.nothing_left()


def test_duplicates_and_disorder_between_phone_and_relay(lab):
    relay, bad = behind(lab, duplicate=0.3, delay=0.01, jitter=0.03)
    alice, bob = talk(lab, bad.address, relay)
    assert alice["lost"] == 0 and bob["lost"] == 0, (alice, bob)
    assert alice["reordered"] > 0, alice
    relay.nothing_left()


def test_loss_between_relays(lab):
    a, b, path = pair(lab, path={"loss": 0.05})
    alice, bob = talk(lab, a, b)
    assert path.dropped > 0
    assert alice["lost"] < 100 and bob["lost"] < 100, (alice, bob)
    a.nothing_left()
    b.nothing_left()


def test_duplicates_and_disorder_between_relays(lab):
    a, b, _ = pair(lab, path={"duplicate": 0.3, "delay": 0.02, "jitter": 0.03})
    alice, bob = talk(lab, a, b)
    assert alice["lost"] == 0 and bob["lost"] == 0, (alice, bob)
    a.nothing_left()
    b.nothing_left()


def test_a_long_way(lab):
    """150 ms in each direction, which is Europe to Australia."""
    a, b, _ = pair(lab, path={"delay": 0.15})
    alice, bob = talk(lab, a, b)
    for report in (alice, bob):
        assert report["lost"] == 0 and report["latency_us"]["p50"] >= 150000, report
    assert alice["ringing_ms"] >= 300 and alice["setup_ms"] >= 300, alice


# ---- addresses that change ----

def test_a_phone_keeps_its_call_when_its_address_changes(lab):
    relay, nat = behind(lab)
    alice, bob = talk(lab, nat.address, relay, 6, during=nat.rebind)
    for report in (alice, bob):
        assert report["lost"] < 50, report
    relay.nothing_left()


def test_a_link_survives_a_change_of_address(lab):
    a, b, path = pair(lab, path={})
    alice, bob = talk(lab, a, b, 6, during=path.rebind)
    for report in (alice, bob):
        assert report["lost"] < 100, report
    for relay in (a, b):
        assert "link_connection_lost" not in relay.logs()


def reflect(puppet, name):
    seen = len(puppet.messages(name, "ReflectResponse"))
    puppet.send(name, '"Reflect"')
    return puppet.wait_message(name, "ReflectResponse", seen + 1)["observed_addr"]


def test_defect_65_reflect_gives_the_current_address(lab):
    relay = lab.relay("relay").start()
    nat = lab.proxy(relay.port)
    puppet = lab.puppet()
    puppet.register("alice", nat.address, ALICE)
    before = reflect(puppet, "alice")
    assert before in nat.outside(), before
    nat.rebind()
    wait_for("the new address", lambda: reflect(puppet, "alice") in nat.outside())
    assert reflect(puppet, "alice") != before


def listen_on_both_families(lab):
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.bind(("::1", 0))
        relay = lab.relay("relay")
        relay.configure(relay={"listen": f"[::]:{relay.port}"})
        return relay.start()
    raise Skip("no IPv6 on this machine")


def test_defect_65_ipv4_is_written_as_ipv4(lab):
    relay = listen_on_both_families(lab)
    puppet = lab.puppet()
    puppet.register("alice", relay, ALICE)
    host, _, port = reflect(puppet, "alice").rpartition(":")
    assert host == "127.0.0.1" and port.isdigit(), host
    assert all(s["addr"].startswith("127.0.0.1:") for s in relay.ctl("sessions"))


# ---- addresses that phones are told ----

def set_up(lab, alice_at, bob_at, alice_more=None, mode="AcceptTrusted", bob_more=None):
    """The CallSetups of Alice and of Bob."""
    puppet = lab.puppet()
    puppet.register("alice", alice_at, ALICE)
    bob = puppet.register("bob", bob_at, BOB)
    puppet.send("alice", offer(user_fingerprint(ALICE), bob, "s1", **(alice_more or {})))
    puppet.wait_message("bob", "DirectCallOffer")
    puppet.send("bob", answer("s1", mode, **(bob_more or {})))
    setups = [puppet.wait_message(who, "CallSetup") for who in ("alice", "bob")]
    assert all(s["call_id"] == "s1" and s["room"] == "call-s1" for s in setups), setups
    return setups


def test_defect_60_each_party_is_sent_to_where_it_reached_its_relay(lab):
    relay = lab.relay("relay")
    relay.configure(relay={"listen": f"0.0.0.0:{relay.port}"})
    relay.start()
    other_way = f"127.0.0.2:{relay.port}"
    alice, bob = set_up(lab, relay, other_way)
    assert alice["relay_addr"] == relay.address and bob["relay_addr"] == other_way, (alice, bob)


def test_defect_60_across_each_party_is_sent_to_its_own_relay(lab):
    a, b, _ = pair(lab)
    alice, bob = set_up(lab, a, b)
    assert alice["relay_addr"] == a.address and bob["relay_addr"] == b.address, (alice, bob)


def test_defect_60_the_advertised_address_counts_if_there_is_one(lab):
    relay = lab.relay("relay")
    relay.configure(relay={"advertise": "[2001:db8::5]:4433"})
    relay.start()
    alice, bob = set_up(lab, relay, relay)
    assert alice["relay_addr"] == bob["relay_addr"] == "[2001:db8::5]:4433", (alice, bob)


def test_defect_60_ipv6_has_its_brackets(lab):
    relay = listen_on_both_families(lab)
    bob = lab.phone("bob", f"[::1]:{relay.port}", "--register", "--seconds", 1)
    alice = lab.phone("alice", relay, "--call", bob.fingerprint(), "--seconds", 1)
    for phone in (alice, bob):
        assert phone.report()["error"] is None
    bob.wait_log(f"at [::1]:{relay.port}")
    alice.wait_log(f"at 127.0.0.1:{relay.port}")


HERE = {"caller_reflexive_addr": "192.0.2.1:1111"}
THERE = {"callee_reflexive_addr": "192.0.2.2:2222"}


def test_each_party_is_told_the_other_ones_address(lab):
    for number, relays in enumerate((pair(lab)[:2], [lab.relay("alone").start()] * 2)):
        alice, bob = set_up(lab, *relays, alice_more=HERE, bob_more=THERE)
        assert alice["peer_direct_addr"] == "192.0.2.2:2222", (number, alice)
        assert bob["peer_direct_addr"] == "192.0.2.1:1111", (number, bob)


def test_who_gives_no_address_is_told_none_of(lab):
    """A caller that hides is hidden; so is a callee."""
    a, b, _ = pair(lab)
    alice, bob = set_up(lab, a, b)
    assert "peer_direct_addr" not in alice and "peer_direct_addr" not in bob, (alice, bob)


def test_answering_with_or_without_privacy(lab):
    relay = lab.relay("relay").start()
    for how in ("accept", "privacy"):
        bob = lab.phone(f"bob-{how}", relay, "--register", "--answer", how, "--seconds", 1)
        alice = lab.phone(f"alice-{how}", relay, "--call", bob.fingerprint(), "--seconds", 1)
        told, _ = alice.report(), bob.report()
        assert told["error"] is None, told
        assert (told["peer_direct_addr"] is not None) == (how == "accept"), told


if __name__ == "__main__":
    main(globals(), at_once=5)
