"""A supervisord of the demo's own, and what is asked of it while it runs."""
import http.client
import os
import shutil
import signal
import socket
import string
import subprocess
import time
import xmlrpc.client

import child
from prepare import ROOT, Failed, tail

TEMPLATES = ROOT / "deploy" / "supervisor"
PATIENCE = 30.0   # seconds for what it is asked to do
PAUSE = 0.02      # seconds between two looks
KILLED = "(terminated by SIGKILL; not expected)"


class _Transport(xmlrpc.client.Transport):
    """XML-RPC over a Unix socket."""

    def __init__(self, path):
        super().__init__()
        self._path = str(path)

    def make_connection(self, host):
        connection = http.client.HTTPConnection(host)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(PATIENCE)
        connection.sock.connect(self._path)
        return connection


class Supervisor:
    """`directory` keeps its files, `run` (a short path) has its sockets and goes when it stops."""

    def __init__(self, directory, run):
        self.config = directory / "supervisord.conf"
        self.run = run
        self._logs = directory / "logs"
        self._directory = directory
        self._process = None

    def write(self, relays, programs):
        for relay in relays:
            self._fill("relay.conf", f"{relay.name}.conf", name=relay.name, bin=programs,
                       config=relay.config, logs=self._logs)
        self._fill("supervisord.conf", self.config.name, dir=self._directory, run=self.run,
                   relays=" ".join(f"{relay.name}.conf" for relay in relays))

    def _fill(self, template, copy, **values):
        text = string.Template((TEMPLATES / template).read_text())
        filled = text.substitute({k: str(v).replace("%", "%%") for k, v in values.items()})
        (self._directory / copy).write_text(filled)

    def start(self, keep):
        """It lives on behind us only if it is to be kept."""
        with open(self._logs / "supervisord.out", "ab") as out:
            self._process = child.start(["supervisord", "-c", str(self.config)], out, out,
                                        None if keep else signal.SIGTERM)

    def check(self):
        if self._process.poll() is not None:
            raise Failed(f"supervisord ended\n{tail(self._logs / 'supervisord.out')}")

    def _ask(self, method, *arguments):
        transport = _Transport(self.run / "supervisor.sock")
        with xmlrpc.client.ServerProxy("http://localhost", transport) as server:
            return getattr(server.supervisor, method)(*arguments)

    def pid(self, program):
        """0: it does not run at this moment."""
        return self._ask("getProcessInfo", program)["pid"]

    def kill(self, program):
        """With -9; its id."""
        pid = self.pid(program)
        if pid == 0:
            raise Failed(f"{program} does not run")
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_for_good(self, program):
        """With -9, and it is not started again: told to stop while it stands still, it dies before
        it has read that, and supervisord takes the one for the other."""
        pid = self.pid(program)
        if pid == 0:
            raise Failed(f"{program} does not run")
        os.kill(pid, signal.SIGSTOP)
        self._ask("stopProcess", program, False)
        os.kill(pid, signal.SIGKILL)

    def start_again(self, program):
        """What was killed for good."""
        self._ask("startProcess", program)

    def started_again(self, program, killed):
        """Waits until it runs under another id. Supervisord looks after its programs once a second,
        and whenever it is asked something: so this takes milliseconds, not up to two seconds."""
        end = time.monotonic() + PATIENCE
        while self.pid(program) in (0, killed):
            if time.monotonic() > end:
                raise Failed(f"{program} does not start again")
            time.sleep(PAUSE)

    def exits(self):
        """(name of a program, whether by SIGKILL) for each time that one ended unasked."""
        try:
            with open(self._logs / "supervisord.log", errors="replace") as log:
                lines = [line.split("exited: ")[1] for line in log if "exited: " in line]
        except OSError:
            return []  # it never began
        return [(line.split()[0], KILLED in line) for line in lines]

    def stop(self):
        """Ends what it started, and itself; never fails, and may be called twice."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.run, ignore_errors=True)
