"""The relays of the demo: two, that is four processes, under a supervisord of their own."""
import json
import os
import random
import shutil
import signal
import socket
import string
import subprocess
import tempfile
import time
from pathlib import Path

import child
from prepare import ROOT, Failed, tail

TEMPLATES = ROOT / "deploy" / "supervisor"
HOST = "127.0.0.1"
PORTS = range(20000, 32000)  # below those that the kernel hands out
PATIENCE = 30.0              # seconds for the relays to be ready, and for them to stop
PAUSE = 0.02                 # seconds between two looks
PARENT_MAX = 40              # bytes of a temporary directory's name that leave room for sockets


class Relay:
    """One relay's files: config, identity, runtime directory."""

    def __init__(self, name, programs, directory, run):
        self.name = name
        self.programs = programs
        self.config = directory / f"{name}.yaml"
        self.identity = directory / f"{name}.identity"
        self.runtime = run / name
        self.port, self._reservation = _reserve_port()
        self._write([])
        self.fingerprint = self._ask_fingerprint()

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    def dial(self, other):
        self._write(["peers:                # we dial it",
                     f"  - address: {json.dumps(other.address)}",
                     f"    fingerprint: {json.dumps(other.fingerprint)}",
                     f"    label: {other.name}"])

    def trust(self, other):
        self._write(["trusted:              # it may dial us",
                     f"  - fingerprint: {json.dumps(other.fingerprint)}",
                     f"    label: {other.name}"])

    def _write(self, peering):
        lines = ["relay:",
                 f"  name: {self.name}",
                 f"  listen: {json.dumps(self.address)}",
                 f"  identity: {json.dumps(str(self.identity))}",
                 f"  runtime_dir: {json.dumps(str(self.runtime))}",
                 *peering]
        self.config.write_text("\n".join(lines) + "\n")

    def chappectl(self, *arguments):
        return [str(self.programs / "chappectl"), "-c", str(self.config), *arguments]

    def ask(self, *arguments):
        """What chappectl prints; None if it failed."""
        done = subprocess.run(self.chappectl(*arguments), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=PATIENCE)
        return done.stdout if done.returncode == 0 else None

    def _ask_fingerprint(self):
        words = (self.ask("fingerprint") or "").split()
        found = [word for word in words if len(word) == 95]
        if not found:
            raise Failed(f"{' '.join(self.chappectl('fingerprint'))} gives no TLS fingerprint")
        return found[0]

    def linked(self, other):
        peers = json.loads(self.ask("peers", "--json") or "[]")
        return any(p.get("label") == other.name and p.get("state") == "linked" for p in peers)


def _reserve_port():
    """A UDP port that is free, and the socket that keeps other demos from taking it too.

    The data plane binds with SO_REUSEPORT, so two relays could share a port without an error: each
    demo holds an abstract Unix socket named after each port that it uses.
    """
    for port in random.sample(PORTS, 200):
        reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            reservation.bind(f"\0chappe-demo-{port}")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((HOST, port))
            return port, reservation
        except OSError:
            reservation.close()
    raise Failed("no free UDP port found")


def _runtime_directory():
    """A new one with a short path: the names of Unix sockets end after some 100 bytes."""
    parent = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="chappe-demo-",
                                 dir=parent if len(parent) <= PARENT_MAX else "/tmp"))


class Relays:
    """Both relays, running: `first` dials, `second` trusts."""

    def __init__(self, names, programs, directory, keep):
        self.directory = directory
        self.logs = directory / "logs"
        self.config = directory / "supervisord.conf"
        self.run = _runtime_directory()
        self.keep = keep
        self.supervisord = None
        try:
            self.first, self.second = (Relay(name, programs, directory, self.run)
                                       for name in names)
            self.first.dial(self.second)
            self.second.trust(self.first)
            self._write_supervisor(programs)
        except BaseException:
            self.stop()
            raise

    def _write_supervisor(self, programs):
        for relay in (self.first, self.second):
            _fill("relay.conf", self.directory / f"{relay.name}.conf", name=relay.name,
                  bin=programs, config=relay.config, logs=self.logs)
        _fill("supervisord.conf", self.config, dir=self.directory, run=self.run,
              relays=f"{self.first.name}.conf {self.second.name}.conf")

    def start(self):
        """Starts all four processes; returns the seconds until the two relays were linked."""
        begin = time.monotonic()
        with open(self.logs / "supervisord.out", "ab") as out:
            self.supervisord = child.start(["supervisord", "-c", str(self.config)], out, out,
                                           None if self.keep else signal.SIGTERM)
        self._wait(begin + PATIENCE)
        return time.monotonic() - begin

    def _wait(self, end):
        def ready(relay):
            return relay.ask("ready", "--timeout", "1") is not None

        for what, look in (
                (f"{self.first.name} is not ready", lambda: ready(self.first)),
                (f"{self.second.name} is not ready", lambda: ready(self.second)),
                (f"{self.first.name} has no link", lambda: self.first.linked(self.second)),
                (f"{self.second.name} has no link", lambda: self.second.linked(self.first))):
            while not look():
                if self.supervisord.poll() is not None:
                    raise Failed(f"supervisord ended\n{tail(self.logs / 'supervisord.out')}")
                if time.monotonic() > end:
                    raise Failed(f"{what}\n{self.log_tails()}")
                time.sleep(PAUSE)

    def log_tails(self):
        logs = sorted(self.logs.glob("*-data.log")) + sorted(self.logs.glob("*-control.log"))
        return "\n".join(f"{log.name}:\n{tail(log, 8)}" for log in logs)

    def restarts(self):
        """Names of the processes that ended by themselves, once for each time."""
        try:
            with open(self.logs / "supervisord.log", errors="replace") as log:
                return [line.split("exited: ")[1].split()[0] for line in log if "exited: " in line]
        except OSError:
            return []  # it never began

    def stop(self):
        """Ends all four processes and supervisord; never fails, and may be called twice."""
        if self.supervisord is not None and self.supervisord.poll() is None:
            self.supervisord.terminate()
            try:
                self.supervisord.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.supervisord.kill()
                self.supervisord.wait()
        shutil.rmtree(self.run, ignore_errors=True)


def _fill(template, path, **values):
    text = string.Template((TEMPLATES / template).read_text())
    path.write_text(text.substitute({k: str(v).replace("%", "%%") for k, v in values.items()}))
