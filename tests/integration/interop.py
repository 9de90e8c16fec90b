"""For scripts with originals on aioquic: importing this runs them on a Python that has it.

The first run makes a virtual environment with aioquic from PyPI under the cache directory; where
that is out of reach, every case is skipped and says why."""
import contextlib
import fcntl
import functools
import os
import subprocess
import sys
import time

from harness import Skip, free_port, wait_for

AIOQUIC = "aioquic==1.7.2"
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
VENV = os.path.join(CACHE, "chappe", f"interop-{sys.version_info[0]}.{sys.version_info[1]}-{AIOQUIC}")
MARK = os.path.join(VENV, "complete")


def make_venv():
    """Why it cannot be made; None: it is there."""
    os.makedirs(os.path.dirname(VENV), exist_ok=True)
    with open(VENV + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(MARK):
            return None
        for argv in ([sys.executable, "-m", "venv", "--clear", VENV],
                     [os.path.join(VENV, "bin/python"), "-m", "pip", "install", "--quiet",
                      "--timeout", "10", "--retries", "1", AIOQUIC]):
            done = subprocess.run(argv, capture_output=True, text=True)
            if done.returncode != 0:
                said = (done.stderr or done.stdout).strip().splitlines() or ["failed"]
                return f"no aioquic: {said[-1]}"
        open(MARK, "w").close()
    return None


def run_on_aioquic():
    """Why it cannot; if it can and has not yet, it does not return."""
    if os.environ.get("CHAPPE_INTEROP") is not None:
        return None
    why_not = make_venv()
    if why_not is None:
        os.environ["CHAPPE_INTEROP"] = "1"
        python = os.path.join(VENV, "bin/python")
        os.execv(python, [python, *sys.argv])
    return why_not


WHY_NOT = run_on_aioquic()
if WHY_NOT is None:
    from original import Original, Stage

OLGA, OTTO = ("0a0a:" * 8)[:-1], ("0b0b:" * 8)[:-1]
ROOM = {"global_rooms": ["general"]}


def stage(lab):
    if WHY_NOT:
        raise Skip(WHY_NOT)
    lab.stage = Stage(lab)
    return lab.stage


def steady(test):
    """A failure on a machine that stood still says nothing: links are lost after two seconds."""
    @functools.wraps(test)
    def run(lab):
        try:
            test(lab)
        except (AssertionError, TimeoutError, ConnectionError) as error:
            if lab.stage.steady:
                raise
            raise Skip(f"the machine stood still for {lab.stage.stall:.1f} s") from error
    return run


def tests_of(names):
    """A script's names, for main(): its tests are excused on such a machine."""
    return {name: steady(value) if name.startswith("test_") else value
            for name, value in names.items()}


def original(s, lab, name="original", **kw):
    return Original(s, lab, name, free_port(), **kw)


def one_of_each(lab, s, we_dial, delegate=False, **config):
    """A relay of ours and an original, linked."""
    relay = lab.relay("relay", **{**ROOM, **config})
    o = original(s, lab, rooms=relay.config["global_rooms"])
    if we_dial:
        relay.configure(peers=[o.as_peer(delegate=delegate)])
    else:
        relay.configure(trusted=[o.as_trusted(delegate=delegate)])
    relay.start()
    if not we_dial:
        o.dial(relay)
    relay.linked("original")
    return relay, o


def hear(listeners, *talkers, count=50):
    """All talk at once; each listener hears everybody but himself, each packet once. What was lost
    is said again, twice at most: the machine may have stood still. Nothing may come double."""
    for _ in range(3):
        said = {t: t.next_name() for t in talkers}
        for talker, name in said.items():
            talker.talk(name, count)
        wanted = [(who, name) for who in listeners for t, name in said.items() if t is not who]

        def missing():
            return [(who.name, name, who.heard_of(name)) for who, name in wanted
                    if who.heard_of(name) != {1: count}]
        with contextlib.suppress(AssertionError):
            wait_for("everybody hears everybody", lambda: not missing(), 15)
        double = [m for m in missing() if set(m[2]) - {1}]
        assert not double, double
        if not missing():
            return
    raise AssertionError(f"not heard: {missing()}")


def quiet(*originals):
    """Nothing is announced any more, for longer than any pace of ours."""
    since, before = time.monotonic(), None

    def look():
        nonlocal since, before
        now = [o.said() for o in originals]
        if now != before:
            since, before = time.monotonic(), now
        return time.monotonic() - since > 2.5
    wait_for("no announcement goes round", look)
