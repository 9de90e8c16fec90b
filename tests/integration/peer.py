"""Peer relays that are puppets."""
import hashlib
import json

from harness import ALICE, BOB, offer, user_fingerprint, wait_for

MEDIA = "0000" + "0001" + "00000000" + "00000000"  # header of an Opus packet
CHAPPE = {"v": 1, "hops": 2, "accepts_forwarded": False}


def tagged(room, payload):
    """A federation datagram: the room's tag and a packet."""
    return hashlib.sha256(room.encode()).hexdigest()[:16] + MEDIA + payload


class Peer:
    """A relay on strings, linked with a real one. A legacy one presents no certificate."""

    def __init__(self, lab, relay, seed, legacy=False):
        self.fingerprint = lab.tls_fingerprint(seed)
        self.puppet = lab.puppet(f"peer-{seed[:2]}")
        self.relay, self.seed, self.legacy = relay, seed, legacy
        self.connections = 0

    def trust(self):
        entry = {"fingerprint": self.fingerprint, "label": self.label}
        return {**entry, "legacy": True, "address": "127.0.0.1"} if self.legacy else entry

    @property
    def label(self):
        return f"peer-{self.seed[:2]}"

    def link(self):
        """One more connection; the newest is the one that speaks below."""
        self.connections += 1
        self.name = f"c{self.connections}"
        self.puppet.open(self.name, self.relay, "_federation", None if self.legacy else self.seed)
        self.puppet.send(self.name, {"FederationHello": {
            "tls_fingerprint": self.fingerprint, **({} if self.legacy else {"chappe": CHAPPE})}})
        wait_for(f"{self.name} of {self.label} linked", lambda: any(
            p["fingerprint"] == self.fingerprint and p["connections"] >= self.living()
            for p in self.relay.ctl("peers")))
        return self

    def living(self):
        return sum(not self.puppet.events(f"c{i + 1}", "closed") for i in range(self.connections))

    def forward(self, inner, origin=None):
        self.puppet.send(self.name, {"FederatedSignalForward": {
            "inner": inner, "origin_relay_fp": origin or self.fingerprint}})

    def forwarded(self, variant):
        """The bodies of this variant that the relay forwarded to us, over any connection."""
        bodies = [json.loads(e["body"]) for e in self.puppet.events(kind="message")]
        inner = [b["FederatedSignalForward"]["inner"] for b in bodies
                 if isinstance(b, dict) and "FederatedSignalForward" in b]
        return [i[variant] for i in inner if isinstance(i, dict) and variant in i]

    def wait_forwarded(self, variant):
        return wait_for(f"{variant} forwarded to {self.label}",
                        lambda: self.forwarded(variant))[-1]

    def datagrams(self):
        return [e["hex"] for e in self.puppet.events(kind="datagram")]


def ring_bob(relay, phones, peer, call_id, caller=ALICE):
    """The peer offers a call to Bob, who is here."""
    if not phones.events("bob", "open"):
        phones.register("bob", relay, BOB)
    peer.forward(offer(user_fingerprint(caller), user_fingerprint(BOB), call_id))
    wait_for(f"Bob rings for {call_id}", lambda: any(
        o["call_id"] == call_id for o in phones.messages("bob", "DirectCallOffer")))
