"""The original's relay and its clients as protocol.md has them, on a QUIC stack that is not ours.

Needs aioquic; test_interop.py makes a virtual environment with it. Everything runs in one thread
with an asyncio loop; tests call it from theirs. What protocol.md does not have (a variant or one in
the wrong place, a field's type, a datagram with a tag that is not a room's, media that nobody said, a
stream of another kind) is noted in `faults`, and fails the test when the lab closes.
"""
import asyncio
import collections
import contextlib
import datetime
import hashlib
import itertools
import json
import os
import struct
import threading
import time

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic import events
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from variants import ON_A_LINK, TO_A_CLIENT, fault_of, once, variant_of

CREDIT = 100  # streams
MESSAGE_MAX = 1048576
SWEEP_S = 5
SWEEPS_MAX = 4  # 15 s is what it has, and the machine may be slow

GOOD = {"codec": "Opus24k", "fec_ratio": 0.2, "frame_duration_ms": 20, "frames_per_block": 5}


def room_tag(name):
    return hashlib.sha256(name.encode()).digest()[:8]


def room_hashed(name):
    return hashlib.sha256(b"featherchat-group:" + name.encode()).hexdigest()[:32]


def packet(name, sequence):
    """A media packet whose first payload bytes tell it from all others (defect 42 is theirs)."""
    key = hashlib.sha256(f"{name}{sequence}".encode()).digest()[:12]
    return struct.pack(">BBHIBBBB", 0, 0, sequence & 0xffff, sequence * 20, 0, 0, 0, 0) + key + \
        f"{name}:{sequence}".encode()


def talker_of(data):
    return data[24:].decode(errors="replace").split(":")[0]  # of a phone's packet: nobody's


class Wire(QuicConnectionProtocol):
    """One message a stream, both halves dropped when it is read; 100 streams; datagrams."""

    def __init__(self, quic, owner, **kw):
        super().__init__(quic, **kw)
        self.owner = owner
        self.deaf = False  # reads no stream: gives no credit back
        self.inbound, self.waiting = {}, []
        self.next_stream = None
        self.closed = False
        limit = quic._local_max_streams_bidi
        limit.value = limit.sent = CREDIT
        self.up = asyncio.get_running_loop().create_future()
        self.alive = asyncio.ensure_future(self._keep_alive())

    async def _keep_alive(self):
        while not self.closed:
            await asyncio.sleep(5)
            if not self.closed and self._connected:
                self._quic.send_ping(0)
                self.transmit()

    def say(self, message):
        text = json.dumps(message, separators=(",", ":")).encode()
        stream = self._quic.get_next_available_stream_id()
        self._quic.send_stream_data(stream, struct.pack(">I", len(text)) + text, end_stream=True)
        self._quic.stop_stream(stream, 0)
        self.transmit()

    def datagram(self, data):
        self._quic.send_datagram_frame(data)
        self.transmit()

    def quic_event_received(self, event):
        if isinstance(event, events.HandshakeCompleted):
            self.up.set_result(True)
            self.owner.wire_up(self)
        elif isinstance(event, events.DatagramFrameReceived):
            self.owner.datagram_received(self, event.data)
        elif isinstance(event, events.StreamDataReceived):
            if event.stream_id % 4 != self._quic.configuration.is_client:
                if event.data:  # else it is the end of the other half of one of ours
                    self.owner.fault(f"data on stream {event.stream_id}")
                return
            self.inbound.setdefault(event.stream_id, bytearray()).extend(event.data)
            self.read()
        elif isinstance(event, events.ConnectionTerminated):
            self.down(event)

    def datagram_received(self, data, address):
        """The original hears of a close when it comes, aioquic says so when all is over."""
        super().datagram_received(data, address)
        if self._quic._close_event is not None:
            self.down(self._quic._close_event)

    def down(self, why):
        if self.closed:
            return
        self.closed = True
        self.alive.cancel()
        if not self.up.done():
            self.up.set_exception(ConnectionError(why.reason_phrase))
            self.up.exception()
        self.owner.wire_down(self)

    def read(self):
        """In the order of the streams, as far as they are complete."""
        while not self.deaf:
            if self.next_stream is None:
                self.next_stream = 1 if self._quic.configuration.is_client else 0
            data = self.inbound.get(self.next_stream, b"")
            if len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
                return
            stream, self.next_stream = self.next_stream, self.next_stream + 4
            del self.inbound[stream]
            with contextlib.suppress(RuntimeError):  # the sender has stopped that half itself
                self._quic.send_stream_data(stream, b"", end_stream=True)
            self.transmit()
            size = struct.unpack(">I", data[:4])[0]
            if size > MESSAGE_MAX or len(data) > 4 + size:
                self.owner.fault(f"{len(data)} bytes in a message of {size}")
            try:
                message = json.loads(bytes(data[4:4 + size]), object_pairs_hook=once)
            except ValueError as why:
                self.owner.fault(f"{why}: {bytes(data[4:])[:200]}")
                return
            self.owner.message_received(self, message)

    @property
    def out_of_credit(self):
        """It is deaf, and the other side has used up all its streams."""
        return self.deaf and len(self.inbound) == CREDIT

    def listen_again(self):
        self.deaf = False
        self.read()

    def hang_up(self):
        self.close(0, "normal close")


def configuration(**kw):
    return QuicConfiguration(alpn_protocols=["wzp"], idle_timeout=30, max_data=262144,
                             max_stream_data=65536, max_datagram_frame_size=65535, verify_mode=0,
                             **kw)


class Stage:
    """The thread in which all of them live."""

    def __init__(self, lab):
        self.loop = asyncio.new_event_loop()
        self.faults = []
        self.spoken = set()  # media packets of all who are here
        self.purged = []  # who was silent for too long: no fault if the machine stood still
        self.wires = []
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.stall = 0.0  # the longest time for which nothing ran here, in seconds
        self.begin(self._watch())
        lab.closers.append(self.close)

    async def _watch(self):
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.05)
            self.stall = max(self.stall, time.monotonic() - before)

    @property
    def steady(self):
        """False: the machine stood still for so long that links may have been lost."""
        return self.stall < 1.5

    def was_said(self, media):
        """By somebody here, or by a phone, which stamps its packets."""
        return media in self.spoken or media[12:16] == b"CHPS"

    def run(self, function, *args):
        """Calls it in the loop; what it returns, or what the coroutine that it returns does."""
        async def call():
            result = function(*args)
            return await result if asyncio.iscoroutine(result) else result
        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(30)

    def begin(self, coroutine):
        """Goes on by itself."""
        asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    async def dial(self, address, sni, owner):
        host, port = address.rsplit(":", 1)
        quic = QuicConnection(configuration=configuration(is_client=True, server_name=sni))
        _, wire = await self.loop.create_datagram_endpoint(
            lambda: Wire(quic, owner), local_addr=("127.0.0.1", 0))
        self.wires.append(wire)
        wire.connect((host, int(port)))
        await asyncio.wait_for(wire.up, 30)
        return wire

    def close(self):
        async def end():
            for wire in self.wires:
                wire.hang_up()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        self.run(end)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        assert not self.faults, self.faults[:5]
        assert not self.purged or not self.steady, self.purged[:5]


class Client:
    """An original's client: a phone (SNI _signal) or somebody in a room."""

    def __init__(self, stage, name, relay):
        self.stage, self.name, self.relay = stage, name, relay
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        self.public = self.key.public_key().public_bytes_raw()
        digits = hashlib.sha256(self.public).hexdigest()[:32]
        self.fingerprint = ":".join(digits[i:i + 4] for i in range(0, 32, 4))
        self.messages, self.heard = [], collections.Counter()
        self.wire, self.closed = None, False
        self.deaf, self.room = False, None
        self.talks = itertools.count()

    # ---- the wire's ----
    def wire_up(self, wire):
        wire.deaf = self.deaf

    def wire_down(self, _):
        self.closed = True

    def fault(self, why):
        self.stage.faults.append(f"{self.name}: {why}")

    def message_received(self, _, message):
        why = fault_of(message, TO_A_CLIENT)
        if why:
            self.fault(f"{why}: {message}")
            return
        self.messages.append(message)

    def datagram_received(self, _, data):
        """A media packet as it was said, without anything before it."""
        if self.room is None or not self.stage.was_said(bytes(data)):
            self.fault(f"a datagram {bytes(data[:24]).hex()}")
        self.heard[bytes(data)] += 1

    # ---- the test's ----
    def say(self, message):
        self.stage.run(self.wire.say, message)

    def all(self, variant):
        return [m[variant] for m in list(self.messages) if variant_of(m) == variant]

    def register(self):
        self.wire = self.stage.run(self.stage.dial, self.relay.address, "_signal", self)
        self.say({"RegisterPresence": {"identity_pub": list(self.public), "signature": [],
                                       "alias": self.name}})
        return self

    def join(self, room, deaf=False):
        """Deaf: reads neither CallAnswer nor anything after it (the CLI's tone mode)."""
        self.deaf, self.room = deaf, room
        self.wire = self.stage.run(self.stage.dial, self.relay.address, room, self)
        ephemeral = os.urandom(32)
        signature = self.key.sign(ephemeral + b"call-offer")
        self.say({"CallOffer": {"identity_pub": list(self.public), "signature": list(signature),
                                "ephemeral_pub": list(ephemeral), "supported_profiles": [GOOD],
                                "alias": self.name}})
        return self

    def roster(self):
        """{fingerprint: label} as last told."""
        updates = self.all("RoomUpdate")
        return {p["fingerprint"]: p.get("relay_label") for p in
                (updates[-1]["participants"] if updates else [])}

    def next_name(self):
        """Under which it has not talked yet."""
        return f"{self.name}{next(self.talks)}"

    def talk(self, name, count):
        """Begins to, in packets of this name."""
        self.stage.begin(self._talk(name, count))

    async def _talk(self, name, count):
        for i in range(count):
            self.stage.spoken.add(packet(name, i))
            self.wire.datagram(packet(name, i))
            await asyncio.sleep(0.02)

    def heard_of(self, name):
        """Copies of each of this talker's packets: {1: how many came once, 2: twice, ...}"""
        return dict(collections.Counter(n for data, n in list(self.heard.items())
                                        if talker_of(data) == name))

    def leave(self):
        self.stage.run(self.wire.hang_up)


class Link:
    def __init__(self, wire, key):
        self.wire, self.key, self.label = wire, key, key[:8]
        self.remote = {}  # room: participants
        self.sweeps = 0  # since it was heard


class Original:
    """The relay: protocol.md 5.10 to 5.12, with its defects. Its members are names in lists."""

    def __init__(self, stage, lab, name, port, rooms=("general",)):
        self.stage, self.lab, self.name, self.port = stage, lab, name, port
        self.rooms = list(rooms)
        self.canonical = {}
        for room in rooms:
            self.canonical[room] = self.canonical[room_hashed(room)] = room
        self.links = {}  # the key (a fingerprint): Link; a second one replaces the first
        self.of_wire = {}
        self.local = {}  # room: participants
        self.heard = collections.Counter()  # by its members, whoever of them
        self.updates = 0  # RoomUpdates that its members got
        self.messages = []  # of all links
        self.recent = {}
        self.copies = collections.Counter()  # of each media packet, before its dedup
        self.echo = True
        self.talks = itertools.count()
        self.told = []  # (the key of the link, message): what it said of rooms
        self.key = Ed25519PrivateKey.generate()
        self.certificate = self._certificate()
        digest = hashlib.sha256(self.certificate.public_bytes(
            serialization.Encoding.DER)).hexdigest()
        self.fingerprint = ":".join(digest[i:i + 2] for i in range(0, 64, 2))
        stage.run(self._serve)

    def _certificate(self):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rcgen self signed cert")])
        return (x509.CertificateBuilder().subject_name(name).issuer_name(name)
                .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(datetime.datetime(1975, 1, 1))
                .not_valid_after(datetime.datetime(2096, 1, 1))
                .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
                .sign(self.key, None))

    async def _serve(self):
        config = configuration(is_client=False, certificate=self.certificate, private_key=self.key)

        def make(quic, stream_handler=None):
            wire = Wire(quic, self)
            self.stage.wires.append(wire)
            return wire
        await serve("127.0.0.1", self.port, configuration=config, create_protocol=make)
        self.stage.begin(self._sweep())

    async def _sweep(self):
        while True:
            await asyncio.sleep(SWEEP_S)
            for link in list(self.links.values()):
                link.sweeps += not link.wire.deaf
                if link.sweeps > SWEEPS_MAX:
                    self.stage.purged.append(f"{self.name} purges {link.label}: it was silent")

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    # ---- config of ours ----
    def as_peer(self, **more):
        return {"address": self.address, "fingerprint": self.fingerprint, "label": self.name,
                "legacy": True, **more}

    def as_trusted(self, **more):
        return {"fingerprint": self.fingerprint, "label": self.name, "legacy": True,
                "address": "127.0.0.1", **more}

    # ---- links ----
    async def _dial(self, address, key):
        wire = await self.stage.dial(address, "_federation", self)
        wire.say({"FederationHello": {"tls_fingerprint": self.fingerprint}})
        self._link(wire, key)

    def dial(self, other):
        """A relay of ours, or another original."""
        key = other.fingerprint if isinstance(other, Original) else other.fingerprint()
        self.stage.run(self._dial, other.address, key)

    def wire_up(self, wire):
        pass  # a dialer's hello comes, or we say ours

    def _link(self, wire, key):
        link = Link(wire, key)
        self.links[key] = link
        self.of_wire[wire] = link
        for room, participants in self.local.items():
            self._say(link, room, participants)
        for other in list(self.links.values()):
            for room, participants in other.remote.items() if other is not link else ():
                self._say(link, room, participants)

    def wire_down(self, wire):
        link = self.of_wire.pop(wire, None)
        if link:  # also if it is another's entry by now
            self.links.pop(link.key, None)

    def _tell(self, link, message):
        self.told.append((link.key, message))
        link.wire.say(message)

    def _say(self, link, room, participants):
        self._tell(link, {"GlobalRoomActive": {"room": room, "participants": participants}})

    def _say_inactive(self, link, room):
        self._tell(link, {"GlobalRoomInactive": {"room": room}})

    # ---- messages ----
    def fault(self, why):
        self.stage.faults.append(f"{self.name}: {why}")

    def message_received(self, wire, message):
        why = fault_of(message, ON_A_LINK)
        if why:
            self.fault(f"{why}: {message}")
            return
        name = variant_of(message)
        link = self.of_wire.get(wire)
        if link is None:
            if name != "FederationHello":
                self.fault(f"no hello: {message}")
                return
            self._link(wire, message[name]["tls_fingerprint"])
            return
        link.sweeps = 0
        if name != "Ping":
            self.messages.append(message)
        if name == "GlobalRoomActive":
            self._active(link, message[name])
        elif name == "GlobalRoomInactive":
            self._inactive(link, message[name]["room"])

    def _active(self, link, body):
        room = body["room"]
        if room not in self.canonical:
            return
        if "chappe" in body:
            self.fault(f"for relays of theirs only: {body}")
        listed = [{"fingerprint": p["fingerprint"], "alias": p.get("alias"),
                   "relay_label": p.get("relay_label") or link.label}
                  for p in body.get("participants", [])]
        link.remote[room] = listed
        if self.echo:
            for other in list(self.links.values()):
                if other is not link:
                    self._say(other, room, listed)
        self.updates += 1

    def _inactive(self, link, room):
        link.remote.pop(room, None)
        link.remote.pop(self.canonical.get(room), None)
        left = [p for other in self.links.values() for p in other.remote.get(room, [])] + \
            self.local.get(room, [])
        for other in list(self.links.values()):
            if other is link:
                continue
            if left:
                self._say(other, room, left)
            else:
                self._say_inactive(other, room)
        self.updates += 1

    # ---- media ----
    def datagram_received(self, wire, data):
        link = self.of_wire.get(wire)
        tags = {room_tag(room): room for room in self.rooms}
        room = tags.get(bytes(data[:8]))
        if link is None or room is None or not self.stage.was_said(bytes(data[8:])):
            self.fault(f"a datagram {bytes(data[:24]).hex()}")
            return
        link.sweeps = 0
        media = bytes(data[8:])
        first, second = struct.unpack("<QQ", media[:16].ljust(16, b"\0"))
        key = int.from_bytes(data[:8], "big") ^ struct.unpack(">H", media[2:4])[0] ^ first ^ second
        now = time.monotonic()
        self.copies[media] += 1
        if now - self.recent.get(key, -9) < 2:
            return
        self.recent[key] = now
        if self.local:
            self.heard[media] += 1
        for other in list(self.links.values()):
            if other is not link:
                other.wire.datagram(data)

    # ---- the test's ----
    def join(self, room, *names):
        """Its first member joins, or another one, of which nobody is told."""
        def enter():
            first = room not in self.local
            entries = [{"fingerprint": n, "alias": n[:4], "relay_label": None} for n in names]
            self.local.setdefault(room, []).extend(entries)
            for link in list(self.links.values()) if first else ():
                self._say(link, room, self.local[room])
        self.stage.run(enter)

    def leave(self, room):
        """The last one leaves."""
        def go():
            del self.local[room]
            for link in list(self.links.values()):
                self._say_inactive(link, room)
        self.stage.run(go)

    async def _talk(self, name, count):
        for i in range(count):
            self.stage.spoken.add(packet(name, i))
            for link in list(self.links.values()):
                link.wire.datagram(room_tag(self.rooms[0]) + packet(name, i))
            await asyncio.sleep(0.02)

    def next_name(self):
        return f"{self.name}{next(self.talks)}"

    def talk(self, name, count):
        """One of its members begins to, in its first room."""
        self.stage.begin(self._talk(name, count))

    def sees(self, room="general"):
        """Whom it would show: of all links, under both names of the room."""
        names = [room, room_hashed(room)]
        return {p["fingerprint"] for link in list(self.links.values()) for name in names
                for p in link.remote.get(name, [])}

    def heard_of(self, name):
        return dict(collections.Counter(n for data, n in list(self.heard.items())
                                        if talker_of(data) == name))

    def echoed(self, fingerprint):
        """The links on which it named somebody of another link, with that one's label."""
        return {key for key, message in list(self.told) for p in
                message.get("GlobalRoomActive", {}).get("participants", [])
                if p["fingerprint"] == fingerprint and p["relay_label"] is not None}

    def said(self):
        """Announcements that it got so far."""
        return sum(variant_of(m).startswith("GlobalRoom") for m in list(self.messages))

    def set_deaf(self, deaf):
        def change():
            for link in list(self.links.values()):
                link.wire.deaf = deaf
                link.wire.read()
        self.stage.run(change)

    def forward(self, inner):
        """To all links, as the original broadcasts what its phones say."""
        def go():
            for link in list(self.links.values()):
                link.wire.say({"FederatedSignalForward": {"inner": inner,
                                                          "origin_relay_fp": self.fingerprint}})
        self.stage.run(go)
