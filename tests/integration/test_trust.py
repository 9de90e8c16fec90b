#!/usr/bin/env python3
# parallel
# asan
# timeout: 240
"""Which relays are linked and which are refused, and that the log tells an operator what to write
into the config if a refused one is wanted (defects 1 to 4, 20, 22 and 23)."""
import json
import re
import subprocess

from harness import ALICE, BOB, CAROL, main, program, wait_for

JSON = {"format": "json"}


def hello(fingerprint, **more):
    return {"FederationHello": {"tls_fingerprint": fingerprint, **more}}


def ours():
    """What marks a hello as one of Chappe's."""
    return {"chappe": {"v": 1, "hops": 2, "accepts_forwarded": False}}


def relay(lab, name="relay-b", **config):
    return lab.relay(name, log=JSON, **config)


def link(puppet, name, relay, seed, greeting):
    puppet.open(name, relay, "_federation", seed)
    puppet.send(name, greeting)


def refused(puppet, name, relay, why):
    """The connection is closed, nothing is linked; the log line that says so."""
    puppet.wait_closed(name)
    line = relay.wait_event("relay_refused", why=why)
    assert not any(p["state"] == "linked" for p in relay.ctl("peers"))
    return line


def follow(text, advice, path):
    """The config's text after an operator did what the log advises: an item is pasted as it is,
    below its list; keys are set in the entry of the line that is named."""
    lines = text.splitlines()
    for change in re.findall(r"at (\S+):(\d+) set ([^;]+)", advice):
        assert change[0] == path, advice
        at = int(change[1]) - 1
        entry = json.loads(lines[at].removeprefix("  - "))
        for key, value in re.findall(r"(\w+): ('[^']*'|true)", change[2]):
            entry[key] = True if value == "true" else value.strip("'")
        lines[at] = "  - " + json.dumps(entry)
    for name, item in re.findall(r"add to (\w+): (- \{[^}]*\})", advice):
        if f"{name}:" not in lines:
            lines.append(f"{name}:")
        lines.insert(lines.index(f"{name}:") + 1, "  " + item)
    assert lines != text.splitlines(), advice
    return "\n".join(lines) + "\n"


def restart_with(relay, line):
    """Does to the config what the log suggests."""
    relay.stop()
    with open(relay.config_path) as f:
        text = f.read()
    with open(relay.config_path, "w") as f:
        f.write(follow(text, line["if_wanted_configure"], relay.config_path))
    relay.start()


def linked(relay, fingerprint):
    wait_for(f"{relay.name} linked with {fingerprint}",
             lambda: any(p["fingerprint"] == fingerprint and p["state"] == "linked"
                         for p in relay.ctl("peers")))


# ---- relays that dial us ----

def test_unknown_relay_with_a_certificate(lab):
    a, b = relay(lab, "relay-a"), relay(lab).start()
    a.configure(peers=[a.peer(b)])
    a.start()
    line = b.wait_event("relay_refused", why="unknown relay")
    assert not b.ctl("peers")
    wait_for("the reason at the dialing relay",
             lambda: "unknown relay" in (a.ctl("peers")[0]["last_error"] or ""))
    restart_with(b, line)
    linked(b, a.fingerprint())
    a.linked("relay-b")


def test_defect_01_a_certificate_is_what_counts_not_the_hello(lab):
    """A trusted relay that names another trusted relay in its hello."""
    alice, bob = lab.tls_fingerprint(ALICE), lab.tls_fingerprint(BOB)
    b = relay(lab, trusted=[{"fingerprint": alice}, {"fingerprint": bob}]).start()
    puppet = lab.puppet()
    link(puppet, "liar", b, ALICE, hello(bob, **ours()))
    line = refused(puppet, "liar", b, "the hello names another relay than the certificate")
    assert line["if_wanted_configure"].startswith("nothing: "), line  # both are there already
    link(puppet, "alice", b, ALICE, hello(alice, **ours()))
    linked(b, alice)


def test_defect_01_no_certificate_proves_nothing(lab):
    alice = lab.tls_fingerprint(ALICE)
    b = relay(lab, trusted=[{"fingerprint": alice}]).start()
    puppet = lab.puppet()
    link(puppet, "claims", b, None, hello(alice))
    line = refused(puppet, "claims", b, "no certificate, and legacy is false")
    restart_with(b, line)
    link(puppet, "again", b, None, hello(alice))
    linked(b, alice)


def test_unknown_relay_without_a_certificate(lab):
    b = relay(lab).start()
    puppet = lab.puppet()
    carol = lab.tls_fingerprint(CAROL)
    link(puppet, "stranger", b, None, hello(carol))
    line = refused(puppet, "stranger", b, "unknown relay without a certificate")
    restart_with(b, line)
    link(puppet, "again", b, None, hello(carol))
    linked(b, carol)
    # once more, now that there is a list
    puppet.dial("alice", b, "_federation", ALICE)
    puppet.wait_closed("alice")
    restart_with(b, b.wait_event("relay_refused", why="unknown relay"))
    link(puppet, "alice-again", b, ALICE, hello(lab.tls_fingerprint(ALICE), **ours()))
    linked(b, lab.tls_fingerprint(ALICE))


def test_defect_02_an_address_alone_is_no_trust(lab):
    """The address of a peer that we dial does not admit whoever comes from there."""
    alice, carol = lab.tls_fingerprint(ALICE), lab.tls_fingerprint(CAROL)
    b = relay(lab)
    b.configure(peers=[{"address": "127.0.0.1:9", "fingerprint": alice}])
    b.start()
    puppet = lab.puppet()
    link(puppet, "neighbour", b, None, hello(carol))
    refused(puppet, "neighbour", b, "unknown relay without a certificate")
    link(puppet, "pretender", b, None, hello(alice))
    refused(puppet, "pretender", b, "no certificate, and legacy is false")


def test_legacy_relay_from_its_address_only(lab):
    alice, bob, carol = (lab.tls_fingerprint(seed) for seed in (ALICE, BOB, CAROL))
    b = relay(lab, trusted=[{"fingerprint": alice, "legacy": True, "address": "127.0.0.1"},
                            {"fingerprint": bob, "legacy": True, "address": "127.0.0.2"}]).start()
    puppet = lab.puppet()
    link(puppet, "carol", b, None, hello(carol))
    refused(puppet, "carol", b, "unknown relay without a certificate")
    link(puppet, "bob", b, None, hello(bob))  # right name, wrong place
    line = refused(puppet, "bob", b, "no certificate, and not the configured address")
    link(puppet, "alice", b, None, hello(alice))
    linked(b, alice)
    assert next(p for p in b.ctl("peers") if p["fingerprint"] == alice)["legacy"]
    restart_with(b, line)
    link(puppet, "bob-again", b, None, hello(bob))
    linked(b, bob)


def test_a_relay_with_a_certificate_from_its_address_only(lab):
    alice = lab.tls_fingerprint(ALICE)
    b = relay(lab, trusted=[{"fingerprint": alice, "address": "127.0.0.2"}]).start()
    puppet = lab.puppet()
    puppet.dial("alice", b, "_federation", ALICE)
    restart_with(b, refused(puppet, "alice", b, "not the address that the config gives this relay"))
    link(puppet, "again", b, ALICE, hello(alice, **ours()))
    linked(b, alice)


def test_defect_04_a_peer_that_we_dial_may_dial_us(lab):
    """From whatever address: its certificate says who it is."""
    alice = lab.tls_fingerprint(ALICE)
    b = relay(lab)
    b.configure(peers=[{"address": "127.0.0.1:9", "fingerprint": alice}])
    b.start()
    puppet = lab.puppet()
    link(puppet, "alice", b, ALICE, hello(alice, **ours()))
    linked(b, alice)


def test_defect_20_hellos_that_name_nobody(lab):
    alice = lab.tls_fingerprint(ALICE)
    b = relay(lab, trusted=[{"fingerprint": alice}]).start()
    puppet = lab.puppet()
    for i, name in enumerate(("", "aa", "zz" * 32, alice + ":00", alice[:-1], "\U0001f512" * 95)):
        link(puppet, f"p{i}", b, ALICE if i % 2 else None, hello(name))
        puppet.wait_closed(f"p{i}")
    b.wait_event("relay_refused", why="the hello names no fingerprint")
    link(puppet, "alice", b, ALICE, hello(alice.upper().replace(":", ""), **ours()))
    linked(b, alice)  # any case and grouping


def test_no_hello_at_all(lab):
    b = relay(lab).start()
    puppet = lab.puppet()
    puppet.open("mute", b, "_federation")
    puppet.wait_closed("mute")
    b.wait_event("connection_refused", kind="link", reason="no greeting in time")


# ---- relays that we dial ----

def test_defect_03_another_certificate_than_the_pinned_one(lab):
    a, b = relay(lab, "relay-a"), relay(lab)
    pin = lab.tls_fingerprint(CAROL)
    a.configure(peers=[{"address": b.address, "fingerprint": pin, "label": "relay-b"}])
    b.configure(trusted=[b.trust(a)])
    b.start()
    a.start()
    line = a.wait_event("peer_has_another_certificate", peer="relay-b")
    assert line["wanted"] == pin and line["presented"] == b.fingerprint(), line
    assert not b.log_events("link_connection_up")  # nothing of ours was sent
    assert a.ctl("peers")[0]["last_error"]
    restart_with(a, line)
    linked(a, b.fingerprint())
    b.linked("relay-a")


def test_a_refused_dialer_backs_off(lab):
    a, b = relay(lab, "relay-a"), relay(lab).start()
    a.configure(peers=[a.peer(b)])
    a.start()
    # Waits of 1, 2, 4, ... s, of which half may be left out: over 2 s is the third at the earliest.
    wait_for("a wait of more than two seconds",
             lambda: (a.ctl("peers")[0].get("next_dial_ms") or 0) > 2000)
    assert 1 <= len(b.log_events("relay_refused")) <= 5, b.log_events("relay_refused")


# ---- ourselves ----

def check(relay):
    """What every program that reads the config says of it: exit code and text."""
    done = subprocess.run([program("chappe-control"), "-c", relay.config_path, "--check"],
                          capture_output=True, text=True)
    return done.returncode, done.stderr


def test_defect_23_a_relay_is_not_its_own_peer(lab):
    a = relay(lab, "relay-a")
    for entry in ({"peers": [a.peer(a)], "trusted": []}, {"peers": [], "trusted": [a.trust(a)]}):
        a.configure(**entry)
        for child in (a.start_data(), a.start_control()):
            assert child.wait() == 2, child.log()
            assert a.config_path in child.log() and "fingerprint" in child.log(), child.log()


def test_defect_22_no_peer_twice(lab):
    a, b = relay(lab, "relay-a"), relay(lab)
    twice = [a.peer(b), a.peer(b, address="127.0.0.1:9", label="other")]
    a.configure(peers=twice)
    code, text = check(a)
    assert code == 2 and "fingerprint" in text and a.config_path in text, text
    assert [a.start_data().wait(), a.start_control().wait()] == [2, 2]
    a.configure(peers=twice[:1], trusted=[{"fingerprint": b.fingerprint()}])
    assert check(a)[0] == 0, check(a)  # in both lists is one peer


if __name__ == "__main__":
    main(globals(), at_once=6)
