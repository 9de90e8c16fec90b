"""The relays of the demo, two processes each, under a supervisord of their own."""
import collections
import json
import random
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from prepare import Failed, tail
from supervision import PAUSE, Supervisor

HOST = "127.0.0.1"
PORTS = range(20000, 32000)  # below those that the kernel hands out
PATIENCE = 30.0              # seconds for the relays to be ready and linked
PARENT_MAX = 40              # bytes of a temporary directory's name that leave room for sockets


class Relay:
    """One relay's files: config, identity, runtime directory. `more_config` are lines of its own
    config, `more_terms` of the entries by which others name it."""

    def __init__(self, name, programs, directory, run, more_config, more_terms):
        self.name = name
        self.more_config, self.more_terms = more_config, more_terms
        self.programs = programs
        self.config = directory / f"{name}.yaml"
        self.identity = directory / f"{name}.identity"
        self.runtime = run / name
        self.port, self._reservation = _reserve_port()
        self.write([], [])
        self.fingerprint = self._ask_fingerprint()

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    def write(self, dials, trusts):
        """The config: the relays that it dials, and those that may dial it."""
        lines = ["relay:",
                 f"  name: {self.name}",
                 f"  listen: {json.dumps(self.address)}",
                 f"  identity: {json.dumps(str(self.identity))}",
                 f"  runtime_dir: {json.dumps(str(self.runtime))}",
                 *self.more_config]
        for key, others in (("peers:                # we dial", dials),
                            ("trusted:              # may dial us", trusts)):
            lines += [key] if others else []
            for other in others:
                lines += other.entry(with_address=others is dials)
        self.config.write_text("\n".join(lines) + "\n")

    def entry(self, with_address):
        """How another relay's config names this one."""
        terms = [f"address: {json.dumps(self.address)}"] if with_address else []
        terms += [f"fingerprint: {json.dumps(self.fingerprint)}", f"label: {self.name}",
                  *self.more_terms]
        return [f"  - {terms[0]}", *(f"    {term}" for term in terms[1:])]

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

    def ready(self):
        return self.ask("ready", "--timeout", "1") is not None

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
    """Relays that run; in each pair of `links` (numbers) the first dials and the second trusts."""

    def __init__(self, names, links, programs, directory, more_config=(), more_terms=()):
        self.logs = directory / "logs"
        self.supervisor = Supervisor(directory, _runtime_directory())
        self.all = []
        try:
            for name in names:
                self.all.append(Relay(name, programs, directory, self.supervisor.run, more_config,
                                      more_terms))
            self.links = [(self.all[a], self.all[b]) for a, b in links]
            self._introduce()
            self.supervisor.write(self.all, programs)
        except BaseException:
            self.stop()
            raise

    def _introduce(self):
        for relay in self.all:
            relay.write([b for a, b in self.links if a is relay],
                        [a for a, b in self.links if b is relay])

    @property
    def first(self):
        return self.all[0]

    @property
    def second(self):
        return self.all[1]

    def start(self, keep):
        """Starts all processes; returns the seconds until the relays were linked."""
        begin = time.monotonic()
        self.supervisor.start(keep)
        self.wait()
        return time.monotonic() - begin

    def wait(self):
        """Until all relays are ready and all links are up."""
        end = time.monotonic() + PATIENCE
        looks = [(f"{relay.name} is not ready", lambda r=relay: r.ready()) for relay in self.all]
        looks += [(f"{relay.name} has no link", lambda r=relay, o=other: r.linked(o))
                  for a, b in self.links for relay, other in ((a, b), (b, a))]
        for what, look in looks:
            while not look():
                self.supervisor.check()
                if time.monotonic() > end:
                    raise Failed(f"{what}\n{self.log_tails()}")
                time.sleep(PAUSE)

    def log_tails(self):
        logs = sorted(self.logs.glob("*-data.log")) + sorted(self.logs.glob("*-control.log"))
        return "\n".join(f"{log.name}:\n{tail(log, 8)}" for log in logs)

    def restarts(self, kills=()):
        """Names of the processes that ended by themselves, once for each time; `kills` has the
        names of those that we killed, once for each time."""
        intended = collections.Counter(kills)
        found = []
        for name, killed in self.supervisor.exits():
            if killed and intended[name] > 0:
                intended[name] -= 1
            else:
                found.append(name)
        return found

    def stop(self):
        """Ends all processes; never fails, and may be called twice."""
        self.supervisor.stop()
