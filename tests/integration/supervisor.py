"""A relay under supervisord, from the templates of deploy/supervisor, and who kills its planes."""
import os
import random
import signal
import string
import time

from harness import program, wait_for

TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/supervisor")


def _fill(template, path, **values):
    with open(os.path.join(TEMPLATES, template)) as source:
        text = string.Template(source.read())
    with open(path, "w") as f:
        f.write(text.substitute({key: value.replace("%", "%%") for key, value in values.items()}))


class Supervisor:
    """Starts the relay's two planes and starts each again when it ends."""

    def __init__(self, lab, relay):
        self.lab, self.relay = lab, relay
        self.logs = lab.path(f"{relay.name}.logs")
        os.mkdir(self.logs)
        self.config = self._configure()
        self.process = lab.start(f"{relay.name}-supervisord", ["supervisord", "-c", self.config],
                                 relay.env)

    def _configure(self):
        """Fills the templates for many relays in one supervisord; the path of the config."""
        run = self.lab.path(f"{self.relay.name}.supervisor")
        os.mkdir(run)
        os.mkdir(os.path.join(run, "logs"))
        relay_conf = os.path.join(run, "relay.conf")
        conf = os.path.join(run, "supervisord.conf")
        _fill("relay.conf", relay_conf, name=self.relay.name, config=self.relay.config_path,
              logs=self.logs, bin=os.path.abspath(os.path.dirname(program("chappe-data"))))
        _fill("supervisord.conf", conf, dir=run, run=run, relays=relay_conf)
        return conf

    def pid(self, plane):
        """None: it does not run at this moment."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        try:
            with open(path) as f:
                children = f.read().split()
            for child in children:
                with open(f"/proc/{child}/cmdline", "rb") as f:
                    command = f.read().split(b"\0")
                if os.path.basename(command[0]) == f"chappe-{plane}".encode():
                    return int(child)
        except OSError:
            pass
        return None

    def wait_pid(self, plane, other_than=None):
        def look():
            pid = self.pid(plane)
            return pid if pid != other_than else None
        return wait_for(f"chappe-{plane} of {self.relay.name} started again", look)

    def kill(self, plane):
        pid = self.wait_pid(plane)
        os.kill(pid, signal.SIGKILL)
        return pid

    def log_path(self, plane):
        return os.path.join(self.logs, f"{self.relay.name}-{plane}.log")

    def log(self, plane):
        with open(self.log_path(plane), errors="replace") as f:
            return f.read()


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


class Killer:
    """Kills the relay's control plane with -9 again and again."""

    def __init__(self, supervisor, seed=1):
        self.supervisor = supervisor
        self.random = random.Random(seed)
        self.kills = 0

    def after_ready(self, seconds, pause):
        """Each one `pause` seconds after it was ready. Blocks."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.supervisor.relay.ready()
            time.sleep(pause)
            self._kill()

    def at_start(self, seconds, within):
        """Each one at most `within` seconds after it began to run. Blocks."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.supervisor.wait_pid("control")
            time.sleep(self.random.random() * within)
            self._kill()

    def _kill(self):
        pid = self.supervisor.kill("control")
        self.kills += 1
        self.supervisor.wait_pid("control", other_than=pid)
