"""What the integration tests share: real relays (two processes each), real phones, a faulty UDP path.

Nothing here sleeps for a guessed time: it waits for conditions, each with a generous limit. All
traffic stays on loopback. Only processes started here are ended, by their ids.

A test script is a Python file with functions named test_*; it ends with `main(globals())`, which
runs them and prints `ok NAME`, `not ok NAME` or `skip NAME: reason` for tests/run to count.
"""
import concurrent.futures
import contextlib
import io
import json
import os
import random
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BIN = os.environ.get("CHAPPE_BIN") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "../../build/release/bin")
VIEWS = ("status", "peers", "sessions", "rooms", "calls", "presence")
PATIENCE = float(os.environ.get("CHAPPE_TEST_PATIENCE", "30"))  # seconds for any one condition


class Skip(Exception):
    """The test cannot run here; the text says why."""


def program(name):
    return os.path.join(BIN, name)


_ports = threading.Lock()
_next_port = 0


def free_port(kind=socket.SOCK_DGRAM, host="127.0.0.1"):
    """A port that nobody else will take before its user binds it: below those that the system
    hands out, from a block that belongs to this process."""
    global _next_port
    base = 10000 + os.getpid() % 200 * 100
    with _ports:
        for _ in range(100):
            port = base + _next_port % 100
            _next_port += 1
            with socket.socket(socket.AF_INET, kind) as s, contextlib.suppress(OSError):
                s.bind((host, port))
                return port
    raise AssertionError("no free port")


def wait_for(what, condition, limit=None):
    """Polls until condition() is truthy and returns that; fails with `what` when the limit passes.

    Ever more slowly, down to ten times a second: many conditions ask chappectl."""
    end, pause = time.monotonic() + (limit or PATIENCE), 0.01
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for: {what}")
        time.sleep(pause)
        pause = min(pause * 1.3, 0.1)


def receive(stream, size):
    data = b""
    while len(data) < size:
        more = stream.recv(size - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


def request(path, question):
    """Asks once over nng's req protocol, as it is on a Unix socket; both ends speak JSON."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(5)
        stream.connect(path)
        stream.sendall(b"\0SP\0" + struct.pack(">HH", 48, 0))
        receive(stream, 8)
        body = struct.pack(">I", 1 << 31) + json.dumps(question).encode()
        stream.sendall(b"\1" + struct.pack(">Q", len(body)) + body)
        _, size = struct.unpack(">BQ", receive(stream, 9))
        return json.loads(receive(stream, size)[4:])


def to_yaml(config):
    """One line a key, one line an entry of `peers` and `trusted`: JSON is YAML enough for our
    config, and a test can change and add lines."""
    lines = []
    for key, value in config.items():
        if value and key in ("peers", "trusted"):
            lines += [f"{key}:", *("  - " + json.dumps(entry) for entry in value)]
        else:
            lines.append(f"{key}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


MEASURED = ("rtt_ms", "loss_pct", "max_packet", "packets_in", "packets_out", "packets_lost", "since")


def decided(entry):
    """An entry of chappectl's lists without what is measured, and its own lists in a fixed order:
    what a control plane that adopts must know again."""
    return {key: sorted(value) if isinstance(value, list) else value
            for key, value in entry.items() if key not in MEASURED}


class Process:
    """A child with its output in files, so that nothing blocks and everything can be read later."""

    def __init__(self, name, argv, directory, env=None):
        self.name = name
        self.out_path = os.path.join(directory, name + ".out")
        self.log_path = os.path.join(directory, name + ".log")
        self._out = open(self.out_path, "ab")
        self._log = open(self.log_path, "ab")
        self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self._out,
                                      stderr=self._log, env={**os.environ, **(env or {})})

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def out(self):
        with open(self.out_path, errors="replace") as f:
            return f.read()

    def wait_log(self, text, count=1, limit=None):
        wait_for(f"{text!r} in the log of {self.name}", lambda: self.log().count(text) >= count, limit)

    def signal(self, number):
        if self.running():
            self.popen.send_signal(number)

    def wait(self, limit=None):
        try:
            return self.popen.wait(limit or PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end") from None
        finally:
            if self.popen.poll() is not None:
                self._out.close()
                self._log.close()

    def end(self):
        """SIGTERM, then SIGKILL; never fails."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.running():
                self.popen.send_signal(number)
            try:
                self.popen.wait(10)
                break
            except subprocess.TimeoutExpired:
                continue
        self._out.close()
        self._log.close()


class Lab:
    """One test's world: a directory, its relays, phones and proxies; all ended at the end."""

    def __init__(self, name):
        self.random = random.Random(name)  # the same in each run of this test
        self.directory = tempfile.mkdtemp(prefix="chappe-", dir="/tmp")
        self.children = []
        self.puppets = []
        self.closers = []
        self.transcript = io.StringIO()

    def say(self, text):
        """For whoever reads why a test failed."""
        self.transcript.write(text.rstrip("\n") + "\n")

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, name, argv, env=None):
        child = Process(name, argv, self.directory, env)
        self.children.append(child)
        return child

    def relay(self, name, **kw):
        return Relay(self, name, **kw)

    def phone_fingerprint(self, name):
        """Of the phone of that name, whether it runs yet or not."""
        only = Relay(self, f"only-{name}")
        only.configure(relay={"identity": self.path(name + ".phone")})
        return only.fingerprint(39)

    def phone(self, name, relay, *args, **kw):
        return Phone(self, name, relay, *args, **kw)

    def tls_fingerprint(self, seed):
        """Of the relay whose identity has this seed."""
        return Relay(self, f"only-{seed[:8]}", seed=seed).fingerprint()

    def puppet(self, name="puppet"):
        self.puppets.append(Puppet(self, name))
        return self.puppets[-1]

    def proxy(self, target_port, **kw):
        proxy = UdpProxy(target_port, **kw)
        self.closers.append(proxy.close)
        return proxy

    def close(self, failed):
        for child in self.children:
            child.signal(signal.SIGCONT)
            child.signal(signal.SIGTERM)
        for child in reversed(self.children):
            child.end()
        for closer in self.closers:
            closer()
        if failed:
            for child in self.children:
                self.say(f"--- {child.name}: exit {child.popen.returncode}\n"
                         + child.log()[-6000:] + child.out()[-2000:])
            for puppet in self.puppets:
                self.say(f"--- {puppet.name}: {puppet.tail()}")
        else:
            self.check_sanitizers()
            shutil.rmtree(self.directory, ignore_errors=True)

    def check_sanitizers(self):
        for child in self.children:
            log = child.log()
            for mark in ("AddressSanitizer", "runtime error:", "LeakSanitizer", "Assertion"):
                assert mark not in log, f"{child.name}: {log[-4000:]}"


class Relay:
    """chappe-data and chappe-control with a config of their own; not started until start(). `prefix`
    comes before all commands, those of its phones too."""

    def __init__(self, lab, name, seed=None, env=None, host="127.0.0.1", prefix=(), **config):
        self.lab, self.name, self.env = lab, name, env or {}
        self.host, self.prefix = host, list(prefix)
        self.port = free_port()
        self.identity = lab.path(name + ".identity")
        if seed:
            with open(os.open(self.identity, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
                f.write(seed)
        self.config_path = lab.path(name + ".yaml")
        self.runtime = lab.path(name + ".run")
        self.config = {"relay": {"name": name, "listen": self.address,
                                 "identity": self.identity, "runtime_dir": self.runtime}}
        self.generation = 0
        self.processes = []
        self.data = self.control = None
        self.configure(**config)

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def configure(self, more_lines="", **config):
        for key, value in config.items():
            if isinstance(value, dict):
                self.config.setdefault(key, {}).update(value)
            elif value is None:
                self.config.pop(key, None)
            else:
                self.config[key] = value
        with open(self.config_path + ".new", "w") as f:
            f.write(to_yaml(self.config) + more_lines)
        os.replace(f.name, self.config_path)  # a plane that starts now reads the one or the other

    def peer(self, other, address=None, **more):
        """The entry of `peers:` by which we dial the other relay."""
        return {"address": address or other.address, "fingerprint": other.fingerprint(),
                "label": other.name, **more}

    def trust(self, other, **more):
        return {"fingerprint": other.fingerprint(), "label": other.name, **more}

    def _start(self, plane):
        self.generation += 1
        self.processes.append(self.lab.start(f"{self.name}-{plane}-{self.generation}",
                                             [*self.prefix, program(f"chappe-{plane}"), "-c",
                                              self.config_path], self.env))
        return self.processes[-1]

    def start_data(self):
        self.data = self._start("data")
        return self.data

    def start_control(self):
        self.control = self._start("control")
        return self.control

    def start(self):
        self.start_data()
        self.start_control()
        self.ready()
        return self

    def ready(self, limit=None):
        seconds = str(int(limit or PATIENCE))
        done = subprocess.run([program("chappectl"), "-c", self.config_path, "ready", "--timeout",
                               seconds], capture_output=True, text=True)
        assert done.returncode == 0, f"{self.name} is not ready: {done.stdout}{done.stderr}"

    def stop(self, number=signal.SIGTERM):
        """Ends both planes; their exit codes."""
        children = [child for child in (self.control, self.data) if child]
        for child in children:
            child.signal(number)
        return [child.wait() for child in children]

    def kill(self):
        self.stop(signal.SIGKILL)

    def ctl(self, *args, check=True):
        """What `chappectl ARGS --json` prints. Views are looked at often, so the control plane is
        asked for them without a process; with chappectl only if that comes to nothing."""
        if len(args) == 1 and args[0] in VIEWS:
            with contextlib.suppress(OSError, ValueError, KeyError, struct.error):
                return request(os.path.join(self.runtime, "ctl"), {"command": args[0]})["result"]
        done = subprocess.run([program("chappectl"), "-c", self.config_path, *args, "--json"],
                              capture_output=True, text=True, timeout=PATIENCE)
        assert not check or done.returncode == 0, f"chappectl {args}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout) if done.returncode == 0 else None

    def fingerprint(self, size=95):
        """The TLS fingerprint, or of 39 characters the user's; works offline, makes the identity."""
        done = subprocess.run([program("chappectl"), "-c", self.config_path, "fingerprint"],
                              capture_output=True, text=True, check=True)
        return next(word for word in done.stdout.split() if len(word) == size)

    def logs(self):
        """Of all lives of both processes."""
        return "".join(child.log() for child in self.processes)

    def log_events(self, event):
        """The log lines of one event, as objects; needs log: {format: json}."""
        found = []
        for line in self.logs().splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return [line for line in found if line["event"] == event]

    def wait_event(self, event, **fields):
        """Waits for a log line with these fields; gives it as an object."""
        def look():
            return [line for line in self.log_events(event)
                    if all(line.get(key) == value for key, value in fields.items())]
        return wait_for(f"{event} {fields} in the log of {self.name}", look)[-1]

    def linked(self, label, limit=None):
        def look():
            return any(p["label"] == label and p["state"] == "linked" for p in self.ctl("peers"))
        wait_for(f"{self.name} linked with {label}", look, limit)

    def registered(self, fingerprint):
        def look():
            return any(s["fingerprint"] == fingerprint and s["kind"] == "phone"
                       for s in self.ctl("sessions"))
        wait_for(f"{fingerprint} registered at {self.name}", look)

    def nothing_left(self):
        """No call, no room, and (with no phone on it) no session of media."""
        def look():
            return not self.ctl("calls") and not self.ctl("rooms")
        wait_for(f"no call and no room left at {self.name}", look)


class Phone:
    """chappe-phone; report() waits for its end and gives its JSON."""

    def __init__(self, lab, name, relay, *args, token=None):
        self.name = name
        address, prefix = (relay, []) if isinstance(relay, str) else (relay.address, relay.prefix)
        argv = [*prefix, program("chappe-phone"), "--relay", address, "--alias", name,
                "--identity", lab.path(name + ".phone")]
        if token:
            argv += ["--token", token]
        lab.phones = getattr(lab, "phones", 0) + 1
        self.process = lab.start(f"phone-{name}-{lab.phones}", argv + [str(a) for a in args])
        self._fingerprint = None

    def fingerprint(self):
        """Waits until it is registered."""
        def look():
            for line in self.process.log().splitlines():
                if line.startswith("registered "):
                    return line.split()[1]
            return None
        return wait_for(f"{self.name} registered", look)

    def wait_log(self, text, count=1, limit=None):
        self.process.wait_log(text, count, limit)

    def end(self, number=signal.SIGTERM):
        self.process.signal(number)

    def report(self, limit=None):
        self.process.wait(limit or PATIENCE)
        out = self.process.out().strip()
        assert out, f"{self.name} printed no report: {self.process.log()[-2000:]}"
        return json.loads(out.splitlines()[-1])

    @property
    def exit_code(self):
        return self.process.popen.returncode


class Puppet:
    """test-puppet: says what no honest phone or relay says. See tests/integration/puppet.c."""

    def __init__(self, lab, name="puppet"):
        self.name = name
        self.events_path = lab.path(name + ".events")
        with open(self.events_path, "wb") as out, open(lab.path(name + ".err"), "wb") as err:
            self.popen = subprocess.Popen([program("test-puppet")], stdin=subprocess.PIPE,
                                          stdout=out, stderr=err)
        lab.closers.append(self.close)

    def command(self, *words):
        self.popen.stdin.write((" ".join(str(w) for w in words) + "\n").encode())
        self.popen.stdin.flush()

    def deaf(self, name):
        """From now on it takes messages and returns no credit for them."""
        self.command("deaf", name)

    def events(self, name=None, kind=None):
        with open(self.events_path, errors="replace") as f:
            lines = [line for line in f.read().split("\n")[:-1]]
        return [e for e in map(json.loads, lines)
                if (name is None or e["name"] == name) and (kind is None or e["event"] == kind)]

    def tail(self):
        with open(self.events_path, errors="replace") as f:
            return "".join(line[:400] + "\n" for line in f.read().split("\n")[-40:])

    def dial(self, name, relay, sni, seed=None):
        """Whether it is let in or not."""
        address = relay if isinstance(relay, str) else relay.address
        self.command("open", name, address, sni, *([seed] if seed else []))

    def open(self, name, relay, sni, seed=None):
        self.dial(name, relay, sni, seed)
        return wait_for(f"{name} open", lambda: self.events(name, "open"))[0]

    def send(self, name, message):
        text = message if isinstance(message, str) else json.dumps(message)
        self.command("send", name, text)

    def messages(self, name, variant=None):
        """The bodies received, as Python values; of one variant: its fields."""
        bodies = [json.loads(e["body"]) for e in self.events(name, "message")]
        if variant is None:
            return bodies
        return [b[variant] for b in bodies if isinstance(b, dict) and variant in b]

    def wait_message(self, name, variant, count=1):
        return wait_for(f"{variant} at {name}",
                        lambda: len(self.messages(name, variant)) >= count
                        and self.messages(name, variant))[-1]

    def wait_closed(self, name, limit=None):
        return wait_for(f"{name} closed", lambda: self.events(name, "closed"), limit)[0]

    def wait_sent(self):
        """The commands given so far are done, and what they sent has left."""
        self.marks = getattr(self, "marks", 0) + 1
        self.command("mark", f"mark-{self.marks}")
        wait_for("the puppet", lambda: self.events(f"mark-{self.marks}", "mark"))

    def ping(self, name):
        """Proves that the connection lives and that everything sent before was dealt with."""
        number = random.Random().randrange(2 ** 53, 2 ** 64)
        self.send(name, {"Ping": {"timestamp_ms": number}})
        wait_for(f"Pong at {name}", lambda: any(p["timestamp_ms"] == number
                                                for p in self.messages(name, "Pong")))

    def register(self, name, relay, seed, alias=None):
        """A registered phone under our strings; returns its fingerprint."""
        self.open(name, relay, "_signal")
        self.command("register", name, seed, *([alias] if alias else []))
        assert self.wait_message(name, "RegisterPresenceAck")["success"]
        return user_fingerprint(seed)

    def set_up(self, a, b, call_id):
        """Alice, at relay `a`, and Bob, at `b`, are in a call, without media yet; who they are."""
        bob = self.register("bob", b, BOB)
        alice = self.register("alice", a, ALICE)
        self.send("alice", offer(alice, bob, call_id))
        self.wait_message("bob", "DirectCallOffer")
        self.send("bob", answer(call_id))
        self.wait_message("alice", "CallSetup")
        return alice, bob

    def join(self, name, relay, room, seed):
        """A room member under our strings."""
        self.open(name, relay, room)
        self.command("join", name, seed)
        self.wait_message(name, "CallAnswer")

    def close(self):
        with contextlib.suppress(OSError):
            self.popen.stdin.close()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


class Thrower:
    """test-throw: bytes at an nng socket of a plane. See tests/integration/throw.c."""

    def __init__(self, lab, kind, path):
        lab.throwers = getattr(lab, "throwers", 0) + 1
        self.out_path = lab.path(f"throw-{lab.throwers}.out")
        with open(self.out_path, "wb") as out:
            self.popen = subprocess.Popen([program("test-throw"), kind, path],
                                          stdin=subprocess.PIPE, stdout=out)
        lab.closers.append(self.close)

    def throw(self, *messages):
        """Returns at once; what is thrown waits for its turn."""
        def write():
            with contextlib.suppress(OSError):
                for message in messages:
                    self.popen.stdin.write(message.hex().encode() + b"\n")
                self.popen.stdin.flush()
        threading.Thread(target=write, daemon=True).start()

    def lines(self):
        with open(self.out_path) as f:
            return f.read().split("\n")[:-1]

    def heard(self):
        return [bytes.fromhex(line) for line in self.lines() if line not in ("subscribed", "none")]

    def wait_lines(self, count=1):
        return wait_for(f"{count} lines of test-throw",
                        lambda: len(self.lines()) >= count and self.lines())

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()


def begin_talk(lab, relay, seconds, calls=1):
    """Alice calls Bob, at one relay, and both talk; Bob stays for so many calls."""
    bob = lab.phone("bob", relay, "--register", "--seconds", seconds, "--calls", calls)
    alice = lab.phone("alice", relay, "--call", bob.fingerprint(), "--seconds", seconds)
    alice.wait_log("talking")
    bob.wait_log("talking")
    return alice, bob


# Fingerprints of the test scripts' seeds (protocol.md 4.1).
USER_FINGERPRINTS = {
    "aa" * 32: "0258:ab5d:7c27:9b61:3b75:a4e3:7ce7:1bf9",
    "bb" * 32: "5daf:cd48:13fb:bc41:a1e9:9a27:2ebe:6d66",
    "cc" * 32: "22cc:3fae:3780:409d:079f:1f02:78a9:03ec",
    "dd" * 32: "6634:c0ca:00f8:b4b1:0efd:8654:333f:3c89",
}
ALICE, BOB, CAROL, DAVE = USER_FINGERPRINTS


def user_fingerprint(seed):
    return USER_FINGERPRINTS[seed]


def offer(caller, target, call_id, **more):
    """A DirectCallOffer as the original desktop client makes it."""
    good = {"codec": "Opus24k", "fec_ratio": 0.2, "frame_duration_ms": 20, "frames_per_block": 5}
    return {"DirectCallOffer": {
        "caller_fingerprint": caller, "caller_alias": None, "target_fingerprint": target,
        "call_id": call_id, "identity_pub": [0] * 32, "ephemeral_pub": [0] * 32, "signature": [],
        "supported_profiles": [good], **more}}


def answer(call_id, mode="AcceptTrusted", **more):
    return {"DirectCallAnswer": {"call_id": call_id, "accept_mode": mode, **more}}


class UdpProxy:
    """A UDP path with faults: loss, delay, reordering, duplication; or cut altogether.

    Clients send to .port; each client address gets a socket of its own towards the target.
    """

    def __init__(self, target_port, loss=0.0, delay=0.0, jitter=0.0, duplicate=0.0, seed=1):
        self.target = ("127.0.0.1", target_port)
        self.loss, self.delay, self.jitter, self.duplicate = loss, delay, jitter, duplicate
        self.cut = False
        self.forwarded = self.dropped = 0
        self._random = random.Random(seed)
        self._listen = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._listen.bind(("127.0.0.1", 0))
        self.port = self._listen.getsockname()[1]
        self._upstream = {}   # client address -> socket
        self._due = []        # (time, socket, data, address)
        self._stop = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listen, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _run(self):
        while not self._stop.is_set():
            pause = 0.05
            if self._due:
                pause = max(0.0, min(pause, min(d[0] for d in self._due) - time.monotonic()))
            for key, _ in self._selector.select(pause):
                self._receive(key.fileobj, key.data)
            now = time.monotonic()
            ready = sorted((d for d in self._due if d[0] <= now), key=lambda d: d[0])
            self._due = [d for d in self._due if d[0] > now]
            for _, out, data, address in ready:
                with contextlib.suppress(OSError):
                    out.sendto(data, address)

    def _receive(self, sock, client):
        with contextlib.suppress(OSError):
            data, source = sock.recvfrom(65536)
            if client is None:
                self._pass(self._towards(source), data, self.target)
            else:
                self._pass(self._listen, data, client)

    def _towards(self, client):
        if client not in self._upstream:
            out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            out.bind(("127.0.0.1", 0))
            self._upstream[client] = out
            self._selector.register(out, selectors.EVENT_READ, client)
        return self._upstream[client]

    def _pass(self, out, data, address):
        if self.cut or self._random.random() < self.loss:
            self.dropped += 1
            return
        copies = 2 if self._random.random() < self.duplicate else 1
        for _ in range(copies):
            due = time.monotonic() + self.delay + self._random.random() * self.jitter
            self._due.append((due, out, data, address))
        self.forwarded += 1

    def outside(self):
        """The addresses that the target sees."""
        return ["%s:%d" % out.getsockname() for out in self._upstream.values()]

    def rebind(self):
        """As a NAT that forgot: the next packets come from other ports."""
        for client, out in list(self._upstream.items()):
            fresh = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            fresh.bind(("127.0.0.1", 0))
            self._selector.unregister(out)
            out.close()
            self._upstream[client] = fresh
            self._selector.register(fresh, selectors.EVENT_READ, client)

    def close(self):
        self._stop.set()
        self._thread.join()
        for out in [self._listen, *self._upstream.values()]:
            out.close()


def lossless(report):
    """The report of a phone that heard everything, once each."""
    assert report["error"] is None, report
    assert report["lost"] == 0 and report["duplicated"] == 0, report
    assert report["received"] > 0, report


def run_one(name, function):
    """Runs one test in a lab of its own. The line for tests/run, and what to say before it."""
    lab = Lab(name)
    line = f"not ok {name}"
    started = time.monotonic()
    try:
        function(lab)
        line = f"ok {name}"
    except Skip as why:
        line = f"skip {name}: {why}"
    except Exception:
        lab.say(traceback.format_exc())
    try:
        lab.close(failed=line.startswith("not ok"))
    except AssertionError as why:
        lab.say(str(why))
        line = f"not ok {name}"
    return f"{lab.transcript.getvalue()}{line}\n# {time.monotonic() - started:.1f} s"


def main(names, at_once=1):
    """Runs the test_* functions of a script, or those whose name contains an argument; several at
    once where their time is spent waiting."""
    wanted = sys.argv[1:]
    tests = {name[5:]: function for name, function in names.items()
             if name.startswith("test_") and (not wanted or any(w in name for w in wanted))}
    failed = False
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for done in concurrent.futures.as_completed(
                [pool.submit(run_one, name, function) for name, function in tests.items()]):
            failed |= "\nnot ok " in "\n" + done.result()
            print(done.result(), flush=True)
    sys.exit(1 if failed else 0)
