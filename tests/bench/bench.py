"""What the measurements share: the machine, and a relay with its load."""
import contextlib
import os
import platform
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../integration"))
from harness import Lab, program  # noqa: E402, F401

PRIORITY = "-15"  # as of nice
UNLIMITED = {"limits": {"address_connections": 0, "participant_pps": 0},
             "relay": {"max_sessions": 1000000, "max_phones": 1000000},
             "log": {"level": "warn"}}


def cpus():
    return sorted(os.sched_getaffinity(0))


def pin(pid, cpu):
    """All threads of a process to one CPU; with one CPU there is nothing to choose. Root may also
    keep other work off that CPU, as far as the scheduler goes along."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w") as f:
        f.write(PRIORITY)
    if len(cpus()) < 2:
        return
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {cpu})


def machine():
    with open("/proc/cpuinfo") as f:
        names = [line.split(":", 1)[1].strip() for line in f if line.startswith("model name")]
    return {"cpu": names[0] if names else platform.machine(), "cpus": len(cpus()),
            "kernel": platform.release()}


class Bench:
    """One relay with its load; `config` is added to the relay's."""

    def __init__(self, lab, name, **config):
        self.relay = lab.relay(name, **UNLIMITED)
        self.relay.configure(**config)
        self.relay.start()
        pin(self.relay.data.pid, cpus()[-1])

    def load(self, *args):
        argv = [program("bench-load"), "--relay", self.relay.address, *map(str, args)]
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        pin(child.pid, cpus()[0])
        return child

    def memory(self):
        """KiB that both planes have for themselves."""
        total = 0
        for process in (self.relay.data, self.relay.control):
            with open(f"/proc/{process.pid}/smaps_rollup") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        return total


def stop(child):
    if child.poll() is None:
        child.terminate()
        child.wait(30)


def thousands(number):
    return f"{number:,}"
