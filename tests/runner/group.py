"""A command in a process group of its own, so that nothing of it outlives its test."""
import os
import signal
import subprocess
import time
from pathlib import Path

GRACE = 2.0  # seconds between SIGTERM and SIGKILL, and for a command's last children to go


class Group:
    running = set()

    def __init__(self, command, env=None, cwd=None, output=subprocess.PIPE):
        self.process = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                                        stdout=output, stderr=subprocess.STDOUT,
                                        start_new_session=True)
        self.output = self.process.stdout
        Group.running.add(self)

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def wait(self, seconds):
        """The exit status, or None if the command had to be ended."""
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()
        return None

    def end(self):
        """After wait: ends what is left; True if there was something that did not go by itself."""
        deadline = time.monotonic() + GRACE
        left = self._alive()
        while left and time.monotonic() < deadline:
            time.sleep(0.02)
            left = self._alive()
        self.signal(signal.SIGKILL)
        Group.running.discard(self)
        return left

    def _alive(self):
        """Does the group have a process? Zombies that nobody reaps do not count."""
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            except (OSError, ValueError):
                continue  # it has just ended
            if int(group) == self.process.pid and state not in "ZX":
                return True
        return False

    @classmethod
    def kill_all(cls):
        for group in list(cls.running):
            group.signal(signal.SIGKILL)
