"""Whether the machine itself stood still: how long processes had to wait for a core."""
import contextlib
import os
import threading
import time

from harness import Skip

WINDOW = 0.05  # seconds


def _waited(pid):
    """ns that the process could have run, but had no core."""
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[1])


class Starvation:
    """Watches processes, and how punctual it is itself, until stop(); `worst` is the longest wait in
    one window, in ms.

    What arrives meanwhile waits in the receiver's socket. Root has 4 MiB of it and stands any wait
    seen so far; others may have 200 KiB, which ten talkers with a packet a millisecond fill in 20 ms.
    What is lost beyond the limit is not the relay's doing.
    """
    LIMIT = 100 if os.geteuid() == 0 else 20  # ms
    STANDSTILL = 1500  # ms for which hardly anything ran: no time-out says anything then

    def __init__(self, pids):
        self.worst = 0.0
        self._last = {}
        for pid in pids:
            with contextlib.suppress(OSError):
                self._last[pid] = _waited(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            begin = time.monotonic()
            if self._stop.wait(WINDOW):
                return
            self.worst = max(self.worst, (time.monotonic() - begin - WINDOW) * 1000)
            for pid in list(self._last):
                try:
                    now = _waited(pid)
                except OSError:
                    del self._last[pid]  # it has ended
                    continue
                self.worst = max(self.worst, (now - self._last[pid]) / 1e6)
                self._last[pid] = now

    @contextlib.contextmanager
    def excuses(self):
        """A machine that stood still is a reason for anything: no failure then, but skipped."""
        try:
            yield
        except AssertionError as why:
            if self.worst <= self.STANDSTILL:
                raise
            raise Skip(f"the machine stood still for {self.worst:.0f} ms: {why}"[:300]) from None

    def stop(self):
        self._stop.set()
        self._thread.join()
        return self.worst
