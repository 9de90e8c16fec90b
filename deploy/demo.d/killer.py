"""Kills the control planes of the relays with -9, once a second, while people talk."""
import statistics
import threading
import time

from prepare import Failed

EVERY = 1.0  # seconds


def control(relay):
    """The program's name under supervisord."""
    return f"{relay.name}-control"


class Killer:
    """Rages between `with` and its end. Adds to `kills` the name of each program that it killed,
    once for each time; `headless` has the seconds until all were ready again, `problem` what went
    wrong."""

    def __init__(self, relays, kills):
        self.relays = relays
        self.kills = kills
        self.headless = []
        self.problem = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        due = time.monotonic()
        try:
            while not self._stop.is_set():
                self._kill_all()
                due = max(due + EVERY, time.monotonic())
                self._stop.wait(due - time.monotonic())
        except Exception as why:  # else the calls would look as if they had survived it
            self.problem = f"the killing of control planes came to an end: {why!r}"

    def _kill_all(self):
        begin = time.monotonic()
        supervisor = self.relays.supervisor
        killed = {}
        for relay in self.relays.all:
            killed[relay] = supervisor.kill(control(relay))
            self.kills.append(control(relay))
        for relay in self.relays.all:
            supervisor.started_again(control(relay), killed[relay])
        for relay in self.relays.all:
            if relay.ask("ready") is None:
                raise Failed(f"{relay.name} is not ready again")
        self.headless.append(time.monotonic() - begin)

    def usual(self):
        """Median of `headless`."""
        return statistics.median(self.headless) if self.headless else 0.0
