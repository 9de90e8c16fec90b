"""Relays in a federation with one room, for the scripts that try such rooms."""
import socket

from harness import Skip, free_port, wait_for
from scrape import values
from starvation import Starvation

ROOM = "general"
HASHED = "a47b63f7d5b511ba5bc4089a74446906"  # the same room
STALL = 150                                  # ms that a machine may stand still and lose nothing

# Relays, and who dials whom.
SHAPES = {
    "pair": (2, [(0, 1)]),
    "chain of three": (3, [(0, 1), (1, 2)]),
    "triangle": (3, [(0, 1), (0, 2), (1, 2)]),
    "ring of four": (4, [(0, 1), (1, 2), (2, 3), (0, 3)]),
    "star of five": (5, [(1, 0), (2, 0), (3, 0), (4, 0)]),
}


def relays(lab, count, links, rooms=(ROOM,), paths=None, hosts=None, **config):
    """Relays that all have the rooms, linked: in each pair of `links` the first dials the second.
    For some pairs `paths` has the faults of a UdpProxy between them, which it becomes; `hosts` has
    the keyword arguments of some relays."""
    made = [lab.relay(f"relay-{i}", **(hosts or {}).get(i, {})) for i in range(count)]
    paths = {} if paths is None else paths
    for (a, b), faults in list(paths.items()):
        paths[a, b] = lab.proxy(made[b].port, **faults)
    for i, relay in enumerate(made):
        relay.metrics = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
        relay.configure(
            global_rooms=list(rooms), metrics={"listen": relay.metrics},
            peers=[relay.peer(made[b], delegate=True,
                              address=paths[a, b].address if (a, b) in paths else None)
                   for a, b in links if a == i],
            trusted=[relay.trust(made[a], delegate=True) for a, b in links if b == i],
            **config)
    for relay in reversed(made):
        relay.start_data()
        relay.start_control()
    for relay in made:
        relay.ready()
    linked(made, links)
    return made


def linked(made, links):
    for a, b in links:
        made[a].linked(made[b].name)
        made[b].linked(made[a].name)


def reachable(count, links, but=()):
    """{relay: the relays that it reaches, itself among them}, without the relays or links `but`."""
    left = [i for i in range(count) if i not in but]
    groups = {i: {i} for i in left}
    for a, b in links:
        if a in groups and b in groups and (a, b) not in but:
            union = groups[a] | groups[b]
            for i in union:
                groups[i] = union
    return groups


def announced(relay, count):
    """Waits until the relay's neighbours have announced so many origins, all together."""
    wait_for(f"{count} origins at {relay.name}",
             lambda: sum(p["announced"] or 0 for p in relay.ctl("peers")) == count)


# ---- phones ----

def enter(lab, places, seconds, *arguments, room=ROOM):
    """A phone at each place (a relay, or an address), all in the room; they talk once all are there,
    and leave when nobody talks any more."""
    return [lab.phone(f"p{i}", place, "--room", room, "--others", len(places) - 1, "--seconds",
                      seconds, *arguments) for i, place in enumerate(places)]


def all_heard(reports, packets, machine):
    """Everybody got each packet of everybody else exactly once."""
    for report in reports:
        assert report["error"] is None and report["duplicated"] == 0, report
        assert report["participants"] == len(reports) and report["sent"] == packets, report
    try:
        for report in reports:
            others = sorted(r["sender"] for r in reports if r is not report)
            assert sorted(h["sender"] for h in report["heard"]) == others, report
            assert all(h["received"] == packets and h["lost"] == 0
                       for h in report["heard"]), report
    except AssertionError:
        excuse(machine)
        raise


def excuse(machine, stall=STALL):
    """Called when packets are missing: skips if the machine stood still for too long to tell why."""
    if machine.stop() > stall:
        raise Skip(f"packets are missing, but the machine stood still for {machine.worst:.0f} ms")


def watch(made):
    """Whether the machine, or a relay's data plane, stands still."""
    return Starvation([relay.data.pid for relay in made])


def rosters(phone):
    """The aliases in each list that it was told."""
    return [sorted(line.split()[2:]) for line in phone.process.log().splitlines()
            if line.startswith("participants ")]


def roster(phone):
    """Whom its last list had."""
    return (rosters(phone) or [[]])[-1]


def seen(phone):
    """How many people its last list had."""
    return len(roster(phone))


def flowing(phones, made, packets=25):
    """Waits until they all talk, and that many packets of each more have come to the relays."""
    for phone in phones:
        phone.wait_log("talking")

    def come(relay):
        return sum(p["packets_in"] for p in relay.ctl("peers"))
    before = {relay: come(relay) for relay in made}
    for relay in made:
        wait_for(f"media at {relay.name}", lambda r=relay:
                 come(r) >= before[r] + packets * (len(phones) - 1))


# ---- what relays say to each other ----

def told(made):
    """Room messages that these relays have read from each other so far."""
    return sum(values(relay)[f'chappe_signals_total{{kind="{kind}"}}'] for relay in made
               for kind in ("GlobalRoomActive", "GlobalRoomInactive"))


def media_to(relay, label):
    """Media datagrams that the relay has sent to a peer."""
    return next(p["packets_out"] for p in relay.ctl("peers") if p["label"] == label)
