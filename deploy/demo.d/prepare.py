"""From a clone to programs that run: bootstrap and build."""
import contextlib
import fcntl
import os
import signal
from pathlib import Path

import child

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = ("chappe-data", "chappe-control", "chappectl", "chappe-phone")


class Failed(Exception):
    """The demo cannot go on; the text says why."""


def build(progress, log):
    """Brings machine and programs up to date; returns the directory of the programs."""
    with _lock(ROOT / "build" / ".demo.lock", progress):
        with open(log, "wb") as out:
            _step([ROOT / "deploy" / "bootstrap"], progress.stream, log)
            _step(["cmake", "-S", ROOT, "--preset", "release"], out, log)
            _step(["cmake", "--build", ROOT / "build" / "release"], out, log)
    return ROOT / "build" / "release" / "bin"


def check(programs):
    missing = [name for name in PROGRAMS if not os.access(programs / name, os.X_OK)]
    if missing:
        raise Failed(f"not in {programs}: {', '.join(missing)}")
    return programs


@contextlib.contextmanager
def _lock(path, progress):
    """Of two demos in one tree, the second waits while the first builds."""
    with open(path, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("waiting for another demo, which is building")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _step(command, out, log):
    """Runs one command; if it or we must stop, all that it started stops too."""
    step = child.start(command, out, out, signal.SIGTERM)
    try:
        code = step.wait()
    except BaseException:
        os.killpg(step.pid, signal.SIGTERM)
        step.wait()
        raise
    if code != 0:
        raise Failed(f"{' '.join(map(str, command))} failed ({code})\n{tail(log)}".rstrip())


def tail(path, lines=25):
    """The end of a file, indented."""
    try:
        text = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    | {line}" for line in text[-lines:])
