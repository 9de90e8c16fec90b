"""The phones of the demo: chappe-phone, registering, calling, and giving their reports."""
import json
import signal
import subprocess
import time

import child
from prepare import Failed, tail

FIELDS = ("error", "fingerprint", "call_id", "room", "ringing_ms", "setup_ms", "peer_direct_addr",
          "hangup", "participants", "sent", "received", "lost", "duplicated", "reordered",
          "latency_us", "max_gap_ms", "sender", "heard")
REGISTER_PATIENCE = 20.0  # seconds for a phone to register
CALL_PATIENCE = 30.0      # seconds that a call may take beyond its media
END_PATIENCE = 5.0        # seconds for a phone to end when told to
PAUSE = 0.02


def no_report(why):
    """The report of a phone that could not give one itself."""
    return {field: None for field in FIELDS} | {"error": why}


class Phone:
    """One run of chappe-phone."""

    def __init__(self, name, relay, directory, call, *arguments):
        self.name = name
        self.report_path = directory / "logs" / f"{call}-{name}.json"
        self.log_path = directory / "logs" / f"{call}-{name}.log"
        command = [str(relay.programs / "chappe-phone"), "--relay", relay.address,
                   "--alias", name, "--identity", str(directory / f"{name}.identity"),
                   *map(str, arguments)]
        with open(self.report_path, "wb") as out, open(self.log_path, "wb") as log:
            self.process = child.start(command, out, log, signal.SIGKILL)

    def says(self, word, seconds):
        """Waits until a line of its log begins with that word; the line."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.log_path.read_text(errors="replace").splitlines():
                if line.startswith(word):
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(PAUSE)
        raise Failed(f"{self.name}'s phone never said \"{word}\"\n{tail(self.log_path)}")

    def registered(self):
        """Waits for it; the phone's fingerprint."""
        return self.says("registered ", REGISTER_PATIENCE).split()[1]

    def wait(self, seconds):
        """False if it still runs after that time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self):
        """Never fails; the phone writes its report before it goes."""
        if self.process.poll() is None:
            self.process.terminate()
        if not self.wait(END_PATIENCE):
            self.process.kill()
            self.process.wait()

    def report(self):
        """After its end: what it printed, with its exit status where that is news."""
        try:
            report = no_report(None) | json.loads(self.report_path.read_text())
        except (ValueError, TypeError):
            return no_report(f"{self.name}'s phone left no report (exit {self.process.returncode})")
        if self.process.returncode != 0 and report["error"] is None:
            report["error"] = f"exit {self.process.returncode}"
        return report


class Call:
    """A call from the first relay to the second; `reports` holds the caller's and the callee's."""

    def __init__(self, title, seconds, caller_arguments, callee_arguments):
        self.title = title
        self.seconds = seconds
        self.arguments = {"alice": caller_arguments, "bob": callee_arguments}
        self.reports = [no_report("this call was not placed") for _ in self.arguments]

    def place(self, relays, directory):
        phones = []
        try:
            bob = Phone("bob", relays.second, directory, self.title, "--register", "--calls", 1,
                        *self.arguments["bob"])
            phones = [bob]
            fingerprint = bob.registered()
            alice = Phone("alice", relays.first, directory, self.title, "--call", fingerprint,
                          *self.arguments["alice"])
            phones = [alice, bob]
            alice.wait(self.seconds + CALL_PATIENCE)
            bob.wait(END_PATIENCE)
        finally:
            self._gather(phones)

    def _gather(self, phones):
        for phone in phones:
            phone.end()
        for phone in phones:
            self.reports[0 if phone.name == "alice" else 1] = phone.report()

    def problems(self):
        """What keeps this call from being perfect: a list of sentences."""
        alice, bob = self.reports
        found = [f"{name}: {report['error']}" for name, report in (("Alice", alice), ("Bob", bob))
                 if report["error"] is not None]
        return found or [*_arrived("Alice", alice, "Bob", bob),
                         *_arrived("Bob", bob, "Alice", alice)]


def _arrived(speaker, sender, listener, receiver):
    sent = sender["sent"] or 0
    distinct = (receiver["received"] or 0) - (receiver["duplicated"] or 0)
    if distinct != sent or receiver["lost"]:
        yield f"{listener} got {distinct} of the {sent} packets that {speaker} sent"
