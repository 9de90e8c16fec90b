#!/usr/bin/env python3
# parallel
# timeout: 240
"""More than half a minute without a control plane: longer than any time-out of phones and peers.

A call with a relay of the original kind goes on: the link is up, its Pings come (an original forgets
whoever is silent for 15 s), media flows. Phones that come meanwhile finish their handshake and wait;
what they say is kept, in order, as far as there is room for it, and dealt with at adoption; so are
deadlines that passed. Who is beyond a limit is refused and counted.
"""
import signal
import socket
import time

from harness import (ALICE, BOB, CAROL, DAVE, answer, decided, free_port, main, offer,
                     user_fingerprint, wait_for)
from peer import MEDIA, Peer, ring_bob, tagged
from scrape import values

HEADLESS_S = 32
RING_S = 20
PURGED_AFTER_S = 15  # protocol.md, defect 25
PINGS = 200          # of one connection; the data plane takes 100 before one is acknowledged
CONNECTIONS = 8      # of one address: the original, Bob and his media, and five that come later


class Scene:
    """Bob in a call with the original, and then nobody decides."""

    def __init__(self, lab):
        self.relay = relay = lab.relay("relay", limits={"address_connections": CONNECTIONS,
                                                                 "ring_timeout_s": RING_S})
        relay.metrics = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
        self.original = Peer(lab, relay, CAROL, legacy=True)
        relay.configure(trusted=[self.original.trust()], metrics={"listen": relay.metrics})
        relay.start()
        self.original.link()
        self.phones = lab.puppet("phones")
        ring_bob(relay, self.phones, self.original, "h1")
        self.phones.send("bob", answer("h1"))
        self.phones.wait_message("bob", "CallSetup")
        self.phones.join("media", relay, "call-h1", BOB)
        self.spoken = 0
        self.speak()
        self.before = self.state()
        ring_bob(relay, self.phones, self.original, "h3")  # nobody answers

    def state(self):
        return {what: [decided(entry) for entry in self.relay.ctl(what)]
                for what in ("calls", "rooms", "sessions")}

    def heard(self):
        """By the original, and by Bob."""
        return self.original.datagrams(), [
            e["hex"] for e in self.phones.events("media", "datagram")]

    def speak(self):
        """A packet each way."""
        self.spoken += 1
        here, there = f"aa{self.spoken:04x}", f"bb{self.spoken:04x}"  # copies would be dropped
        self.phones.command("datagram", "media", MEDIA + here)
        self.original.puppet.command("datagram", self.original.name, tagged("call-h1", there))
        wait_for("both to be heard",
                 lambda: all(len(packets) == self.spoken for packets in self.heard()))

    def pings(self):
        return len(self.original.puppet.messages(self.original.name, "Ping"))


def newcomers(scene):
    """A phone that has much to say, a member of a room, phones; and one too many."""
    relay, phones = scene.relay, scene.phones
    phones.open("alice", relay, "_signal")
    phones.command("register", "alice", ALICE)
    for number in range(PINGS):
        phones.send("alice", {"Ping": {"timestamp_ms": number}})
    phones.send("alice", offer(user_fingerprint(ALICE), user_fingerprint(BOB), "h2"))
    phones.open("kitchen", relay, "kitchen")
    phones.command("join", "kitchen", DAVE)
    for number in range(CONNECTIONS - 5):
        phones.open(f"more{number}", relay, "_signal")
    phones.command("open", "beyond", relay.address, "_signal")
    phones.wait_closed("beyond")
    assert not phones.events("beyond", "open")
    phones.command("close", "more0")
    phones.wait_closed("more0")


def talk_on(scene, since):
    """Until it was long enough. Everybody is still there then, and nobody has been answered."""
    phones, original = scene.phones, scene.original
    heard, last = scene.pings(), time.monotonic()
    while time.monotonic() - since < HEADLESS_S:
        scene.speak()
        if scene.pings() > heard:
            heard, last = scene.pings(), time.monotonic()
        assert time.monotonic() - last < PURGED_AFTER_S, "the original has forgotten us"
        time.sleep(0.25)
    assert heard >= HEADLESS_S // 5 - 1, heard
    assert not phones.messages("alice") and not phones.messages("kitchen")
    for name in ("alice", "kitchen", "more1", "bob", "media"):
        assert not phones.events(name, "closed"), name
    assert not original.puppet.events(original.name, "closed")


def all_is_dealt_with(scene):
    """What was said meanwhile, what was due, who was refused; and what was there is as it was."""
    relay, phones = scene.relay, scene.phones
    assert phones.wait_message("alice", "RegisterPresenceAck")["success"]
    wait_for("all Pongs", lambda: len(phones.messages("alice", "Pong")) >= PINGS)
    assert [p["timestamp_ms"] for p in phones.messages("alice", "Pong")] == list(range(PINGS))
    wait_for("Bob rings again", lambda: any(
        o["call_id"] == "h2" for o in phones.messages("bob", "DirectCallOffer")))
    phones.wait_message("kitchen", "CallAnswer")
    for told in (lambda: phones.messages("bob", "Hangup"),
                 lambda: scene.original.forwarded("Hangup")):
        wait_for("the end of the call that rang for too long", lambda t=told: [
            h for h in t() if h["call_id"] == "h3" and h["reason"] == "Timeout"])
    wait_for("the one that was refused to be counted", lambda: values(relay).get(
        "chappe_data_quic_refused_address_limit_total") == 1)
    for what, entries in scene.before.items():
        now = scene.state()[what]
        assert all(entry in now for entry in entries), (what, entries, now)


def test_half_a_minute(lab):
    scene = Scene(lab)
    scene.relay.control.signal(signal.SIGKILL)
    scene.relay.control.wait()
    since = time.monotonic()
    newcomers(scene)
    talk_on(scene, since)
    scene.relay.start_control()
    scene.relay.ready()
    all_is_dealt_with(scene)
    scene.speak()
    scene.original.forward({"Hangup": {"reason": "Normal", "call_id": "h1"}})
    wait_for("Bob's call to end", lambda: any(
        h["call_id"] == "h1" for h in scene.phones.messages("bob", "Hangup")))


if __name__ == "__main__":
    main(globals())
