#!/usr/bin/env python3
# timeout: 300
"""Originals as clients, as relays that dial us and as relays that we dial, on aioquic.

The first run makes a virtual environment with aioquic from PyPI under the cache directory; where
that is out of reach, every case is skipped and says why."""
import contextlib
import fcntl
import os
import subprocess
import sys
import time

from harness import Skip, free_port, main, wait_for

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


if os.environ.get("CHAPPE_INTEROP") is None and __name__ == "__main__":
    WHY_NOT = make_venv()
    if WHY_NOT is None:
        os.environ["CHAPPE_INTEROP"] = "1"
        PYTHON = os.path.join(VENV, "bin/python")
        os.execv(PYTHON, [PYTHON, *sys.argv])
else:
    WHY_NOT = None
    from original import Client, Original, Stage, room_hashed

OLGA, OTTO = ("0a0a:" * 8)[:-1], ("0b0b:" * 8)[:-1]
ROOM = {"global_rooms": ["general"]}


def stage(lab):
    if WHY_NOT:
        raise Skip(WHY_NOT)
    lab.stage = Stage(lab)
    return lab.stage


def original(s, lab, name="original", **kw):
    return Original(s, lab, name, free_port(), **kw)


def linked(relay, label):
    relay.linked(label)


def both_see(a, b):
    wait_for(f"{a.name} and {b.name} see each other",
             lambda: b.fingerprint in a.roster() and a.fingerprint in b.roster())


def hear(listeners, *talkers, count=50):
    """All talk at once; each listener hears everybody but himself, each packet once. What was lost
    is said again, twice at most: the machine may have stood still. Nothing may come double."""
    for turn in range(3):
        said = {t: f"{t.name}{turn}" for t in talkers}
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


def steady(test):
    """A failure on a machine that stood still says nothing: links are lost after two seconds."""
    def run(lab):
        try:
            test(lab)
        except (AssertionError, TimeoutError, ConnectionError) as error:
            if lab.stage.steady:
                raise
            raise Skip(f"the machine stood still for {lab.stage.stall:.1f} s") from error
    return run


# ---- clients ----

def test_clients_in_a_room(lab):
    s = stage(lab)
    relay = lab.relay("relay", **ROOM).start()
    a = Client(s, "a", relay).join("general")
    b = Client(s, "b", relay).join(room_hashed("general"))
    both_see(a, b)
    phone = lab.phone("phone", relay, "--room", "general", "--seconds", 1)
    wait_for("a sees the phone", lambda: len(a.roster()) == 3)
    hear([a, b], a, b)
    report = phone.report()
    assert report["error"] is None and report["participants"] == 3, report
    a.leave()
    b.leave()
    relay.nothing_left()


def test_client_calls_a_phone(lab):
    s = stage(lab)
    relay = lab.relay("relay").start()
    phone = lab.phone("phone", relay, "--register", "--seconds", 2)
    a = Client(s, "a", relay).register()
    wait_for("a is registered", lambda: a.all("RegisterPresenceAck"))
    a.say({"DirectCallOffer": {
        "caller_fingerprint": a.fingerprint, "caller_alias": "a", "call_id": "18a5b2c3d4e5f607",
        "target_fingerprint": phone.fingerprint(), "identity_pub": list(a.public),
        "ephemeral_pub": [0] * 32, "signature": [], "supported_profiles": []}})
    setup = wait_for("the call is set up", lambda: a.all("CallSetup"))[0]
    assert a.all("CallRinging") and a.all("DirectCallAnswer")
    media = Client(s, "a", relay).join(setup["room"])
    wait_for("a hears the phone", lambda: len(media.heard) >= 50)
    a.say({"Hangup": {"reason": "Normal"}})  # the seed's, without a call id
    report = phone.report()
    assert report["error"] is None and report["hangup"]["by"] == "peer", report
    wait_for("the media connection is closed", lambda: media.closed)


def test_defect_35_clients_that_never_read(lab):
    """One runs out of stream credit, and nobody else notices."""
    s = stage(lab)
    relay = lab.relay("relay", **ROOM).start()
    deaf = Client(s, "deaf", relay).join("general", deaf=True)
    a = Client(s, "a", relay).join("general")
    wait_for("a sees the deaf one", lambda: deaf.fingerprint in a.roster())
    for i in range(110):
        b = Client(s, f"b{i}", relay).join("general")
        wait_for(f"a sees b{i}", lambda b=b: b.fingerprint in a.roster())
        b.leave()
    wait_for("all are gone again", lambda: len(a.roster()) == 2)
    hear([deaf], a)
    assert not deaf.closed and not deaf.messages
    s.run(deaf.wire.listen_again)
    wait_for("it reads the newest list in the end", lambda: deaf.roster() == a.roster())


# ---- one relay of ours, one original ----

def one_of_each(lab, s, we_dial, delegate=False, **config):
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


def meet(lab, we_dial):
    s = stage(lab)
    relay, o = one_of_each(lab, s, we_dial)
    a = Client(s, "a", relay).join(room_hashed("general"))
    wait_for("the original sees a", lambda: o.sees() == {a.fingerprint})
    o.join("general", OLGA)
    wait_for("a sees Olga", lambda: a.roster().get(OLGA) == "original")
    hear([a, o], a, o)
    b = Client(s, "b", relay).join("general")
    wait_for("the original sees b too", lambda: o.sees() == {a.fingerprint, b.fingerprint})
    o.leave("general")
    wait_for("Olga is gone", lambda: OLGA not in a.roster())
    o.join(room_hashed("general"), OTTO)  # its clients on the web hash the name
    wait_for("a sees Otto", lambda: OTTO in a.roster())
    a.leave()
    b.leave()
    wait_for("the original sees nobody", lambda: o.sees() == set())
    quiet(o)
    return s, relay, o


def test_original_dials_us(lab):
    meet(lab, we_dial=False)


def test_we_dial_an_original(lab):
    meet(lab, we_dial=True)


def test_original_calls_a_phone(lab):
    s = stage(lab)
    relay, o = one_of_each(lab, s, we_dial=True)
    phone = lab.phone("phone", relay, "--register", "--seconds", 1)
    offer = {"caller_fingerprint": OLGA, "caller_alias": None, "call_id": "18a5b2c3d4e5f608",
             "target_fingerprint": phone.fingerprint(), "identity_pub": [0] * 32,
             "ephemeral_pub": [0] * 32, "signature": [], "supported_profiles": []}
    o.forward({"DirectCallOffer": offer})

    def answers():
        return [m["FederatedSignalForward"] for m in o.messages if "FederatedSignalForward" in m
                and "DirectCallAnswer" in m["FederatedSignalForward"]["inner"]]
    answer = wait_for("the original hears the answer", answers)[0]
    assert answer["origin_relay_fp"] == relay.fingerprint()
    o.forward({"Hangup": {"reason": "Normal"}})
    report = phone.report()
    assert report["call_id"] == offer["call_id"], report


def test_its_control_plane_dies(lab):
    """Originals announce at link-up only: a new control plane must know what was said before."""
    s = stage(lab)
    relay, o = one_of_each(lab, s, we_dial=True)
    o.join("general", OLGA)
    a = Client(s, "a", relay).join("general")
    wait_for("a sees Olga", lambda: OLGA in a.roster())
    wait_for("the original sees a", lambda: o.sees() == {a.fingerprint})
    before = o.said()
    relay.control.signal(9)
    relay.control.wait()
    hear([a], o)
    relay.start_control()
    relay.ready()
    b = Client(s, "b", relay).join("general")
    wait_for("b sees Olga", lambda: OLGA in b.roster())
    wait_for("the original sees both", lambda: o.sees() == {a.fingerprint, b.fingerprint})
    assert o.said() == before + 1, o.messages
    hear([o], b)


def test_defect_33_an_original_that_stops_reading(lab):
    """Its stream credit runs out while everything changes; then it learns how things are now."""
    s = stage(lab)
    rooms = [f"room{i}" for i in range(16)]
    relay, o = one_of_each(lab, s, we_dial=True, global_rooms=rooms)
    stay = Client(s, "stay", relay).join("room0")
    wait_for("the original sees one", lambda: o.sees("room0") == {stay.fingerprint})
    said = o.said()
    o.set_deaf(True)
    for turn in range(4):
        there = [Client(s, f"c{turn}-{room}", relay).join(room) for room in rooms]
        wait_for("all are there", lambda: len(relay.ctl("rooms")) == len(rooms))
        time.sleep(1.1)
        if turn < 3:
            for client in there:
                client.leave()
            wait_for("one is left", lambda: len(relay.ctl("rooms")) == 1)
            time.sleep(1.1)
    wait_for("the other phone sees all in time", lambda: len(stay.roster()) == 2)
    assert o.said() == said
    o.set_deaf(False)
    for client, room in zip(there, rooms):
        wait_for(f"the original sees {room}", lambda c=client, r=room: c.fingerprint in o.sees(r))
    assert o.said() - said <= 100 + len(rooms), o.said() - said
    quiet(o)
    peer, = relay.ctl("peers")
    assert peer["state"] == "linked" and peer["connections"] == 1, peer


# ---- more relays ----

def triangle(lab, s, delegate):
    """Two of ours, linked, and an original that the first dials and that dials the second."""
    one, two = lab.relay("one"), lab.relay("two")
    o = original(s, lab)
    one.configure(peers=[one.peer(two, delegate=delegate), o.as_peer(delegate=delegate)], **ROOM)
    two.configure(trusted=[two.trust(one, delegate=delegate), o.as_trusted(delegate=delegate)],
                  **ROOM)
    for relay in (one, two):
        relay.start()
    o.dial(two)
    one.linked("two")
    for relay in (one, two):
        relay.linked("original")
    return one, two, o


def test_triangle(lab):
    """Each hears each other once, the original gets no packet twice, and nothing goes round."""
    s = stage(lab)
    one, two, o = triangle(lab, s, delegate=True)
    o.join("general", OLGA)
    a = Client(s, "a", one).join("general")
    b = Client(s, "b", two).join("general")
    both_see(a, b)
    for client in (a, b):
        wait_for("Olga is seen", lambda c=client: c.roster().get(OLGA) == "original")
    wait_for("the original sees both", lambda: o.sees() == {a.fingerprint, b.fingerprint})
    quiet(o)
    hear([a, b, o], a, b, o, count=100)
    assert set(o.copies.values()) == {1}, "somebody spoke for another"
    b.leave()
    wait_for("b is gone", lambda: set(a.roster()) == {a.fingerprint, OLGA})
    wait_for("and at the original", lambda: o.sees() == {a.fingerprint})
    quiet(o)


def test_chain_over_an_original(lab):
    """Ours - original - ours: they hear each other through it, also when it has nobody."""
    s = stage(lab)
    one, two, o = lab.relay("one", **ROOM), lab.relay("two", **ROOM), original(s, lab)
    for relay in (one, two):
        relay.configure(peers=[o.as_peer(delegate=True)])
        relay.start()
        relay.linked("original")
    o.join("general", OLGA)
    a = Client(s, "a", one).join("general")
    b = Client(s, "b", two).join("general")
    both_see(a, b)
    o.leave("general")
    wait_for("Olga is gone", lambda: OLGA not in a.roster() and OLGA not in b.roster())
    both_see(a, b)
    hear([b], a)
    quiet(o)
    b.leave()
    wait_for("b is gone", lambda: set(a.roster()) == {a.fingerprint})


def test_two_originals_that_repeat_each_other(lab):
    """They send on whatever they hear, us among them; it comes to rest. (Linked with each other as
    well as with us, an original hears its own media again through the other, and says it again:
    that is theirs.)"""
    s = stage(lab)
    relay, o, p = lab.relay("relay", **ROOM), original(s, lab, "o"), original(s, lab, "p")
    relay.configure(peers=[o.as_peer(delegate=True), p.as_peer(delegate=True)])
    relay.start()
    relay.linked("o")
    relay.linked("p")
    o.dial(p)
    a = Client(s, "a", relay).join("general")
    o.join("general", OLGA)
    p.join("general", OTTO)
    wait_for("a sees both", lambda: set(a.roster()) == {a.fingerprint, OLGA, OTTO})
    quiet(o, p)
    hear([a, o, p], a)
    assert not any(a.heard_of(f"a{turn}") for turn in range(3)), "its own echo"
    o.talk("olga", 50)
    wait_for("a hears Olga", lambda: sum(a.heard_of("olga").values()) >= 40)


if __name__ == "__main__":
    main({name: steady(value) if name.startswith("test_") else value
          for name, value in globals().items()}, at_once=4)
