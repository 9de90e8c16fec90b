#!/usr/bin/env python3
# parallel
# asan
# timeout: 240
"""Garbage on every input: an error or a log line, never a crash, and the service goes on
(defects 19, 37, 38, 51 and 72)."""
import json
import os
import socket
import stat
import subprocess

from harness import (ALICE, BOB, CAROL, DAVE, Thrower, lossless, main, program, to_yaml, wait_for)


def noise(lab, low, high):
    return lab.random.randbytes(lab.random.randint(low, high))


def mutated(lab, message):
    """A message with some bits turned, cut, or made longer."""
    raw = bytearray(message)
    for _ in range(lab.random.randint(1, 4)):
        if raw:
            raw[lab.random.randrange(len(raw))] ^= 1 << lab.random.randrange(8)
    choice = lab.random.random()
    if choice < 0.2:
        del raw[lab.random.randint(0, len(raw)):]
    elif choice < 0.3:
        raw += noise(lab, 1, 64)
    return bytes(raw)


def still_works(lab, *relays):
    """Both processes of each live, and a call through them is what it should be."""
    for relay in relays:
        assert relay.data.running() and relay.control.running(), relay.logs()[-3000:]
        relay.ready()
    bob = lab.phone("still-bob", relays[-1], "--register", "--seconds", 1)
    alice = lab.phone("still-alice", relays[0], "--call", bob.fingerprint(), "--seconds", 1)
    for phone in (alice, bob):
        lossless(phone.report())


# ---- config and identity ----

def run(name, *arguments):
    return subprocess.run([program(name), *arguments], capture_output=True, text=True, timeout=30,
                          errors="replace")


def refuse_config(path, *mentioned):
    """Each program that reads the config says what is wrong with it and exits 2."""
    for name, more in (("chappe-control", ["--check"]), ("chappe-control", []),
                       ("chappe-data", []), ("chappectl", ["status"])):
        done = run(name, "-c", path, *more)
        assert done.returncode == 2, (name, done.returncode, done.stderr[-500:])
        for text in (path, *mentioned):
            assert text in done.stderr, (text, done.stderr[-500:])


WRONG = (  # text, and what the message names: line and key
    ("relay: {\n  nane: x\n}\n", ":2", "nane"),
    ("rellay: {}\n", ":1", "rellay"),
    ("relay:\n  listen: nowhere\n", ":2", "listen"),
    ("relay:\n  listen: \"127.0.0.1:99999\"\n", ":2", "listen"),
    ("relay:\n\n  max_phones: many\n", ":3", "max_phones"),
    ("relay:\n  max_phones: -1\n", ":2", "max_phones"),
    ("log: loud\n", ":1", "log"),
    ("log:\n  level: loud\n", ":2", "level"),
    ("peers:\n  - address: \"a:1\"\n", ":2", "fingerprint"),
    ("peers:\n  - address: \"a:1\"\n    fingerprint: \"aa:bb\"\n", ":3", "fingerprint"),
    ("trusted: 7\n", ":1", "trusted"),
    ("auth:\n  url: \"ftp://x\"\n", ":2", "url"),
    ("relay: {}\nrelay: {}\n", ":2", "relay"),
    ("relay: [\n", ":2"),
    ("\tx\n", ":1"),
)


def test_config_garbage(lab):
    path = lab.path("relay.yaml")
    for text, *mentioned in WRONG:
        with open(path, "w") as f:
            f.write(text)
        refuse_config(path, *mentioned)


def test_defect_72_keys_without_effect_are_errors(lab):
    path = lab.path("relay.yaml")
    for key in ("log_level: info", "jitter_target: 10", "listen_addr: \"0.0.0.0:4433\""):
        with open(path, "w") as f:
            f.write(key + "\n")
        refuse_config(path, key.split(":")[0], ":1")


def test_config_noise(lab):
    """Random bytes, bits turned in a good file, files that are none."""
    path = lab.path("relay.yaml")
    good = to_yaml(lab.relay("good").config).encode()
    for i in range(40):
        with open(path, "wb") as f:
            f.write(noise(lab, 1, 2000) if i % 2 else mutated(lab, good))
        done = run("chappe-control", "-c", path, "--check")
        assert done.returncode in (0, 2), (i, done.returncode, done.stderr[-500:])
        assert (done.returncode == 2) == (path in done.stderr), done.stderr[-500:]
    with open(path, "w") as f:
        f.write("- " * 100000)
    refuse_config(path)
    refuse_config(lab.path("absent.yaml"))
    refuse_config(lab.directory)


CORRUPT = (b"", b"\n", b"zz" * 32, b"ab" * 31 + b"a", b"ab" * 33, b"ab" * 16 + b" " + b"ab" * 16,
           b"\0" * 32, bytes(range(256)) * 64)


def test_defect_19_a_corrupt_identity_is_an_error_and_stays(lab):
    relay = lab.relay("relay")
    for content in CORRUPT:
        with open(relay.identity, "wb") as f:
            f.write(content)
        for child in (relay.start_data(), relay.start_control()):
            assert child.wait() == 1 and relay.identity in child.log(), child.log()
        done = run("chappectl", "-c", relay.config_path, "fingerprint")
        assert done.returncode == 1 and relay.identity in done.stderr, done
        done = run("chappe-phone", "--relay", relay.address, "--identity", relay.identity,
                   "--register")
        assert done.returncode in (1, 2) and relay.identity in done.stderr, done
        with open(relay.identity, "rb") as f:
            assert f.read() == content


def test_defect_19_a_new_identity_is_for_its_owner_only(lab):
    relay = lab.relay("relay").start()
    assert stat.S_IMODE(os.stat(relay.identity).st_mode) == 0o600
    with open(relay.identity) as f:
        before = f.read()
    assert len(before.strip()) == 64
    relay.stop()
    relay.start()
    with open(relay.identity) as f:
        assert f.read() == before


def test_an_identity_that_cannot_be_a_file(lab):
    relay = lab.relay("relay")
    os.mkdir(relay.identity)
    assert [relay.start_data().wait(), relay.start_control().wait()] == [1, 1]
    assert relay.identity in relay.logs()


# ---- UDP ----

def packets(lab):
    """UDP payloads: noise, and the beginnings of QUIC packets with noise behind them."""
    yield b""
    yield b"\x00" * 1200
    for _ in range(400):
        yield noise(lab, 1, 1472)
    for version in (0, 1, 0x6b3343cf, 0x0a1a2a3a, 0xffffffff):
        for first in (0xc0, 0xd0, 0xe0, 0xf0, 0xff, 0x80):
            for sizes in ((8, 8), (20, 20), (21, 0), (255, 255), (0, 0)):
                head = bytes([first]) + version.to_bytes(4, "big")
                for size in sizes:
                    head += bytes([size]) + noise(lab, size, size)
                yield head + noise(lab, 0, 1400 - len(head) if len(head) < 1400 else 0)
                yield (head + bytes(1200))[:1200]
    yield bytes.fromhex("c0000000010000" "04746f6b6e" "4480") + bytes(1186)  # no id, a token
    yield bytes.fromhex("c0000000010000" "04746f6b6e" "4480") + bytes(1186)
    for _ in range(200):  # short headers: connections that are not ours
        yield bytes([0x40 | lab.random.randrange(64)]) + noise(lab, 20, 100)


def test_udp_noise(lab):
    relay = lab.relay("relay").start()
    puppet = lab.puppet()
    puppet.register("alice", relay, ALICE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        for packet in packets(lab):
            s.sendto(packet, ("127.0.0.1", relay.port))
    puppet.ping("alice")
    still_works(lab, relay)


# ---- signal messages ----

def bodies():
    """What is no signal message, or none that makes sense, under the limit of 1 MiB."""
    yield from ("", "null", "true", "0", "-1e999", "[]", "{}", '""', '"', "{", "}", "[[", "\0",
                '"Ping"', '{"Ping":{}}', '{"Ping":[1,2,3]}', '{"Ping":{"timestamp_ms":1.0}}',
                '{"Ping":{"timestamp_ms":18446744073709551616}}', '{"Reflect":{}}',
                '{"Reflect":null} x', '{"Hangup":{"reason":"Bored"}}', '{"A":1,"B":2}',
                '{"Hangup":{"reason":"Normal","reason":"Normal"}}', '{"Mute":null}', '"Unhold"',
                '{"DirectCallOffer":[]}', '{"FederatedSignalForward":{}}', '{"é":"\\ud800"}',
                '{"RoomUpdate":{"count":1,"participants":[{"fingerprint":1}]}}',
                '{"CallSetup":{"call_id":"x","room":"call-x","relay_addr":"x"}}')
    forward = '{"FederatedSignalForward":{"origin_relay_fp":"x","inner":'
    yield forward * 60 + '"Reflect"' + "}}" * 60
    yield "[" * 200000
    yield '{"Ping":' * 100000
    yield '{"Ping":{"timestamp_ms":1,"x":' + "[" * 400000 + "]" * 400000 + "}}"
    yield json.dumps({"Hangup": {"reason": "Normal", "call_id": "x" * 1000000}})
    yield json.dumps({"RegisterPresence": {"identity_pub": [0] * 200000, "signature": []}})
    yield '"' + "a" * (1024 * 1024 - 2) + '"'
    yield "9" * (1024 * 1024)


def raw_bodies(lab):
    yield b"\xff\xfe\xfd"
    yield b'"\xc3\x28"'
    yield b'{"Hangup":{"reason":"Normal","call_id":"\xed\xa0\x80"}}'
    yield b"\x00" * 1000
    for _ in range(30):
        yield noise(lab, 1, 2000)
    good = json.dumps({"Hangup": {"reason": "Normal", "call_id": "0123456789abcdef"}}).encode()
    for _ in range(60):
        yield mutated(lab, good)


def throw_bodies(lab, puppet, name):
    for body in bodies():
        puppet.command("sendhex", name, body.encode().hex())
    for body in raw_bodies(lab):
        puppet.command("sendhex", name, body.hex() or "-")


def test_defect_37_messages_on_a_registered_connection(lab):
    relay = lab.relay("relay").start()
    puppet = lab.puppet()
    puppet.register("alice", relay, ALICE)
    throw_bodies(lab, puppet, "alice")
    puppet.ping("alice")
    assert "signal_skipped" in relay.logs()
    still_works(lab, relay)


def test_defect_37_messages_on_a_link(lab):
    relay = lab.relay("relay")
    peer = lab.tls_fingerprint(CAROL)
    relay.configure(trusted=[{"fingerprint": peer, "label": "peer"}])
    relay.start()
    puppet = lab.puppet()
    puppet.open("link", relay, "_federation", CAROL)
    puppet.send("link", {"FederationHello": {
        "tls_fingerprint": peer, "chappe": {"v": 1, "hops": 2, "accepts_forwarded": False}}})
    relay.linked("peer")
    throw_bodies(lab, puppet, "link")
    for _ in range(300):
        puppet.command("datagram", "link", noise(lab, 0, 1100).hex() or "-")
    puppet.register("alice", relay, ALICE)
    puppet.ping("alice")
    assert relay.ctl("peers")[0]["state"] == "linked"
    assert not puppet.events("link", "closed")
    still_works(lab, relay)


def test_messages_before_any_greeting(lab):
    """To each service, as the first thing said: skipped or closed, and nobody else is touched."""
    relay = lab.relay("relay").start()
    puppet = lab.puppet()
    puppet.register("alice", relay, ALICE)
    for sni in ("_signal", "_federation", "_probe", "kitchen", "call-x", "_other", "-"):
        name = f"to{sni}"
        puppet.command("open", name, relay.address, sni)
        # A service that does not exist may be refused before the client's handshake is confirmed.
        wait_for(f"{name} open or closed",
                 lambda: puppet.events(name, "open") or puppet.events(name, "closed"))
        throw_bodies(lab, puppet, name)
    puppet.ping("alice")
    puppet.ping("to_probe")
    still_works(lab, relay)


def test_a_message_over_the_limit_closes_only_its_connection(lab):
    relay = lab.relay("relay", limits={"signal_bytes": 65536}).start()
    puppet = lab.puppet()
    puppet.register("alice", relay, ALICE)
    puppet.register("bob", relay, BOB)
    puppet.send("alice", '"' + "a" * 65535 + '"')
    puppet.wait_closed("alice")
    puppet.send("bob", '"' + "a" * 65534 + '"')
    puppet.ping("bob")
    still_works(lab, relay)


def test_defect_38_an_unfinished_message_has_a_deadline(lab):
    """Its connection is closed, long before it would be for silence; others do not notice."""
    relay = lab.relay("relay").start()
    slow = lab.proxy(relay.port, delay=0.2)
    puppet, other = lab.puppet(), lab.puppet("other")
    puppet.register("alice", slow.address, ALICE)
    other.register("bob", relay, BOB)
    before = slow.forwarded
    puppet.send("alice", '"' + "a" * 1000000 + '"')
    wait_for("the first part of the message", lambda: slow.forwarded > before + 10)
    slow.cut = True
    other.ping("bob")
    wait_for("the connection's end", lambda: len(relay.ctl("sessions")) == 1, 20)
    other.ping("bob")


# ---- datagrams ----

MEDIA = "0000" + "0001" + "00000000" + "00000000"  # header of an Opus packet


def test_defect_51_a_run_of_malformed_datagrams(lab):
    relay = lab.relay("relay").start()
    puppet = lab.puppet()
    puppet.join("alice", relay, "kitchen", ALICE)
    puppet.join("bob", relay, "kitchen", BOB)
    short = [noise(lab, 1, 11).hex() for _ in range(50)]
    bad_codec = [("3c00" + MEDIA[4:] + noise(lab, 0, 50).hex()) for _ in range(20)]
    no_report = ["0200" + MEDIA[4:] + "aa"]
    for i in range(20000):
        puppet.command("datagram", "alice", lab.random.choice(short + bad_codec + no_report))
        if i % 200 == 199:
            puppet.wait_sent()
    def heard():
        puppet.command("datagram", "alice", MEDIA + "cafe")
        return puppet.events("bob", "datagram")
    wait_for("media after all that", heard)
    assert {e["hex"] for e in puppet.events("bob", "datagram")} == {MEDIA + "cafe"}
    assert not puppet.events("alice", "closed")
    still_works(lab, relay)


def test_datagrams_where_there_is_no_room(lab):
    relay = lab.relay("relay").start()
    puppet = lab.puppet()
    puppet.register("alice", relay, ALICE)
    puppet.open("probe", relay, "_probe")
    puppet.open("early", relay, "kitchen")
    for name in ("alice", "probe", "early"):
        for _ in range(300):
            puppet.command("datagram", name, noise(lab, 1, 1000).hex())
            puppet.command("datagram", name, MEDIA)
    puppet.ping("alice")
    puppet.ping("probe")
    still_works(lab, relay)


# ---- between the planes ----

def throw_at_stream_socket(lab, path):
    for content in (b"", b"\0", b"\0SP\0", b"\0SP\0\0\x20\0\0", noise(lab, 100, 5000),
                    b"\0SP\0\0\x21\0\0" + b"\1" + b"\xff" * 8):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.connect(path)
            s.sendall(content)


def capture(lab, relay, plane_socket):
    """What a plane publishes while phones come and go."""
    ear = Thrower(lab, "sub", os.path.join(relay.runtime, plane_socket))
    puppet = lab.puppet(f"for-{plane_socket}")
    for i in range(3):
        puppet.register(f"c{i}", relay, CAROL)
        puppet.join(f"d{i}", relay, "kitchen", DAVE)
    puppet.ping("c2")
    ear.wait_lines(20)
    return ear.heard()


HEAD = 6  # bytes of a message between the planes: magic and version


def garbage_from(lab, captured, spare=0):
    """Noise and mutated messages; the first `spare` bytes of these stay as they are."""
    yield b""
    for _ in range(100):
        yield noise(lab, 1, 300)
    for _ in range(1500):
        message = lab.random.choice(captured)
        yield message[:spare] + mutated(lab, message[spare:])


def test_nng_garbage_for_the_data_plane(lab):
    """Commands and snapshot requests that no control plane of ours would send."""
    relay = lab.relay("relay").start()
    commands = capture(lab, relay, "commands")
    relay.control.signal(9)
    relay.control.wait()
    thrower = Thrower(lab, "pub", os.path.join(relay.runtime, "commands"))
    thrower.wait_lines()
    thrower.throw(*garbage_from(lab, commands))
    asker = Thrower(lab, "req", os.path.join(relay.runtime, "snapshot"))
    requests = [b"", *(noise(lab, 1, 200) for _ in range(20)), *(mutated(lab, c) for c in commands[:10])]
    for count, request in enumerate(requests):
        asker.throw(request)
        asker.wait_lines(count + 1)
    assert relay.data.running(), relay.data.log()[-3000:]
    thrower.close()
    relay.start_control()
    still_works(lab, relay)


def test_nng_garbage_for_the_control_plane(lab):
    """Events and snapshots that no data plane of ours would send. Their version stays: at another
    one it would end, as it should."""
    relay = lab.relay("relay").start()
    events = capture(lab, relay, "events")
    ear = Thrower(lab, "req", os.path.join(relay.runtime, "snapshot"))
    relay.data.signal(9)
    relay.data.wait()
    ear.close()
    answers = Thrower(lab, "rep", os.path.join(relay.runtime, "snapshot"))
    answers.throw(*garbage_from(lab, events, spare=HEAD))
    thrower = Thrower(lab, "pub", os.path.join(relay.runtime, "events"))
    thrower.wait_lines()
    thrower.throw(*garbage_from(lab, events, spare=HEAD))
    for _ in range(5):
        relay.ctl("status")
    assert relay.control.running(), relay.control.log()[-3000:]
    thrower.close()
    answers.close()
    relay.start_data()
    still_works(lab, relay)


def test_ctl_garbage(lab):
    relay = lab.relay("relay").start()
    asker = Thrower(lab, "req", os.path.join(relay.runtime, "ctl"))
    asked = [b"", b"{", b"[]", b'{"command":7}', b'{"command":"fly"}', b"[" * 4000,
             b'{"command":"status"}' + b" " * 5000, *(noise(lab, 1, 5000) for _ in range(50))]
    for count, request in enumerate(asked):
        asker.throw(request)
        asker.wait_lines(count + 1)
    for reply in asker.heard():
        assert json.loads(reply)["ok"] is False, reply
    assert len(asker.heard()) == len(asked)
    still_works(lab, relay)


def test_bytes_that_are_not_even_nng_s(lab):
    """At the sockets themselves. What nng makes of it is its own affair; phones notice nothing."""
    relay = lab.relay("relay").start()
    puppet = lab.puppet()
    puppet.join("alice", relay, "kitchen", ALICE)
    puppet.join("bob", relay, "kitchen", BOB)
    for name in ("events", "snapshot", "commands", "ctl"):
        throw_at_stream_socket(lab, os.path.join(relay.runtime, name))
    puppet.command("datagram", "alice", MEDIA + "cafe")
    wait_for("media after all that", lambda: puppet.events("bob", "datagram"))
    assert relay.data.running() and relay.control.running(), relay.logs()[-3000:]
    assert relay.stop() == [0, 0]
    relay.start()
    still_works(lab, relay)


if __name__ == "__main__":
    main(globals(), at_once=4)
