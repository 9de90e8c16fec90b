#!/usr/bin/env python3
# parallel
"""/metrics, /healthz and /readyz: what they say before and after a call, and when a plane is gone."""
import contextlib
import datetime
import os
import re
import signal
import socket
import urllib.error
import urllib.request

from harness import ALICE, BOB, CAROL, DAVE, free_port, lossless, main, wait_for
from peer import MEDIA, Peer
from scrape import get, values
from shim import Shim


def parse_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def with_metrics(lab):
    relay = lab.relay("relay")
    relay.metrics = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    relay.configure(metrics={"listen": relay.metrics})
    return relay


def start(lab):
    return with_metrics(lab).start()


def answers(relay):
    with contextlib.suppress(OSError):
        return get(relay, "/healthz")[0] == 200


def test_metrics_count_a_call(lab):
    relay = start(lab)
    before = values(relay)
    assert before["wzp_relay_active_sessions"] == 0 and before["chappe_control_phones"] == 0
    bob = lab.phone("bob", relay, "--register", "--seconds", 1)
    callee = bob.fingerprint()
    assert values(relay)["chappe_control_phones"] == 1
    alice = lab.phone("alice", relay, "--call", callee, "--seconds", 1)
    lossless(alice.report())
    lossless(bob.report())
    wait_for("100 packets forwarded",
             lambda: values(relay)["wzp_relay_packets_forwarded_total"] == 100)
    after = values(relay)
    assert after["chappe_control_calls_accepted_total"] == 1, after
    assert after['chappe_drops_total{plane="data",reason="malformed"}'] == 0, after


def listens(process):
    """The TCP ports on which it listens: [(address in hex, port)]."""
    sockets = set()
    for fd in os.listdir(f"/proc/{process.pid}/fd"):
        with contextlib.suppress(OSError):
            sockets.add(os.readlink(f"/proc/{process.pid}/fd/{fd}"))
    lines = []
    for table in ("tcp", "tcp6"):
        with open(f"/proc/{process.pid}/net/{table}") as f:
            lines += [line.split() for line in f.readlines()[1:]]
    return [tuple(x[1].split(":")) for x in lines if x[3] == "0A" and f"socket:[{x[9]}]" in sockets]


def test_defect_17_nothing_is_served_but_where_the_config_says(lab):
    relay = lab.relay("plain").start()
    assert listens(relay.control) == listens(relay.data) == []
    other = start(lab)
    port = int(other.metrics.split(":")[1])
    assert listens(other.control) == [("0100007F", f"{port:04X}")] and listens(other.data) == []
    assert get(other, "/presence")[0] == get(other, "/peers")[0] == 404


def table(path, name):
    """The names in a table of counters of the sources."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(root, path)) as f:
        text = re.search(rf"#define {name}\(X\)((?:.*\\\n)*.*)", f.read())[1]
    names = re.findall(r"X\((\w+),", text)
    assert names, (path, name)
    return names


def test_what_either_plane_counts_is_on_the_page(lab):
    relay = start(lab)
    page = wait_for("the data plane's numbers", lambda: (
        lambda found: "chappe_data_media_from_members_total" in found and found)(values(relay)))
    quic = ["quic_" + name for name in table("dataplane/quic/quic.h", "QUIC_COUNTER_TABLE")]
    events = table("common/event_file.h", "EVENT_FILE_COUNTERS")
    data = (table("dataplane/counters.h", "COUNTERS_TABLE") + quic
            + ["ipc_" + name for name in table("ipc/data_side.h", "IPC_DATA_COUNTERS")]
            + ["event_log_" + name for name in events])
    for name in data:
        if name.startswith(("drop_", "quic_drop_")):
            reason = name[5:] if name.startswith("drop_") else name
            series = f'chappe_drops_total{{plane="data",reason="{reason}"}}'
        else:
            series = f"chappe_data_{name}_total"
        assert series in page, series
    for reason in table("control/core/counters.h", "CORE_DROPS"):
        assert f'chappe_drops_total{{plane="control",reason="{reason}"}}' in page, reason
    for name in (table("control/core/counters.h", "CORE_EVENTS")
                 + ["ipc_" + name for name in table("ipc/control_side.h", "IPC_CONTROL_COUNTERS")]
                 + ["event_log_" + name for name in events]):
        assert f"chappe_control_{name}_total" in page, name


def is_ready(relay, status):
    """Waits until /readyz says so; whatever that is, the process is healthy."""
    wait_for(f"/readyz says {status}", lambda: get(relay, "/readyz")[0] == status)
    assert get(relay, "/readyz")[1] == ("ready\n" if status == 200 else "not ready\n")
    assert get(relay, "/healthz") == (200, "ok\n")


def test_readiness_is_of_both_planes(lab):
    """503: without a data plane, while it starts anew, and while it is there and does nothing."""
    relay = with_metrics(lab)
    relay.start_control()
    wait_for("the page", lambda: answers(relay))
    is_ready(relay, 503)
    relay.start_data()
    is_ready(relay, 200)
    relay.data.signal(signal.SIGKILL)
    relay.data.wait()
    is_ready(relay, 503)
    relay.start_data()
    is_ready(relay, 200)
    relay.data.signal(signal.SIGSTOP)
    is_ready(relay, 503)
    relay.data.signal(signal.SIGCONT)
    is_ready(relay, 200)
    relay.data.signal(signal.SIGTERM)
    relay.data.wait()
    is_ready(relay, 503)


def test_readiness_waits_for_what_was_not_committed(lab):
    relay = with_metrics(lab)
    shim = Shim(lab, relay)
    relay.start()
    is_ready(relay, 200)
    shim.ask("count")
    shim.ask("hold", "commands", 1)
    phone = lab.phone("phone", relay, "--register")
    assert shim.hear().startswith("held")
    is_ready(relay, 503)
    assert values(relay)["chappe_control_uncommitted"] > 0
    shim.ask("release")
    is_ready(relay, 200)
    phone.fingerprint()


def test_pages_and_methods(lab):
    relay = start(lab)
    assert get(relay, "/nonsense")[0] == 404
    request = urllib.request.Request(f"http://{relay.metrics}/metrics", data=b"x" * 100000)
    try:
        urllib.request.urlopen(request, timeout=5)
        raise AssertionError("a POST was answered with success")
    except urllib.error.HTTPError as error:
        assert error.code == 405, error.code


def test_defect_48_peers_have_their_labels_only(lab):
    relay, other = lab.relay("relay"), lab.relay("other")
    relay.metrics = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    relay.configure(metrics={"listen": relay.metrics}, peers=[relay.peer(other, label='b "x" \\')])
    other.configure(trusted=[other.trust(relay)])
    relay.start()
    series = 'wzp_federation_peer_status{peer="b \\"x\\" \\\\"}'
    assert values(relay)[series] in (0, 1)
    other.start()
    wait_for("linked", lambda: values(relay)[series] == 1)
    relay.data.signal(signal.SIGSTOP)  # whoever holds the links stands still
    wait_for("no sign of life", lambda: values(relay)["chappe_data_answering"] == 0)
    assert values(relay)[series] == 0
    relay.data.signal(signal.SIGCONT)
    wait_for("linked again", lambda: values(relay)[series] == 1)
    assert values(relay)["chappe_data_answering"] == 1
    for child in (other.control, other.data):
        child.signal(signal.SIGTERM)
        child.wait()
    wait_for("link lost", lambda: values(relay)[series] == 0)


LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\.)*)"')


def labels(relay):
    """All (label, value) of the page."""
    return {label for series in values(relay) for label in LABEL.findall(series)}


def peers_in(relay, marks):
    """The peers of the series with all these marks."""
    return {value for series in values(relay) if all(mark in series for mark in marks)
            for label, value in LABEL.findall(series) if label == "peer"}


def test_defect_48_nobody_makes_labels(lab):
    """Neither a peer, whatever names it says, nor who is none."""
    relay = with_metrics(lab)
    peers = [Peer(lab, relay, seed) for seed in (BOB, CAROL)]
    stranger = Peer(lab, relay, DAVE)
    relay.configure(metrics={"listen": relay.metrics}, global_rooms=["general"],
                    trusted=[peer.trust() for peer in peers])
    relay.start()
    for peer in peers:
        peer.link()
    before = labels(relay)
    assert len(before) < 300, before
    stranger.puppet.dial("s", relay, "_federation", DAVE)
    stranger.puppet.wait_closed("s")
    one = peers[0]
    for i in range(50):
        person = {"fingerprint": f"person-{i}", "alias": f"alias-{i}", "relay_label": f"label-{i}"}
        one.puppet.send(one.name, {"GlobalRoomActive": {"room": f"room-{i}",
                                                        "participants": [person]}})
        one.puppet.send(one.name, {"GlobalRoomActive": {"room": "general",
                                                        "participants": [person]}})
        one.puppet.send(one.name, {f"Variant{i}": {}})
        one.forward({f"Inner{i}": {"call_id": f"call-{i}"}}, origin=f"{i:02x}" * 32)
    series = 'chappe_signals_total{kind="GlobalRoomActive"}'
    wait_for("all is read", lambda: values(relay)[series] >= 100)
    grown = labels(relay) - before
    assert not grown, grown
    names = {peer.label for peer in peers}
    ways = [peers_in(relay, ("wzp_federation_packets_forwarded_total", f'direction="{way}"'))
            for way in ("in", "out")]
    assert ways == [names, names] and peers_in(relay, ("wzp_federation_peer_status",)) == names, ways


def test_defect_50_what_is_too_long_for_a_link_is_counted_as_that(lab):
    """A phone's longest packet does not fit a link of the same path, which puts a tag before it."""
    relay, phones = with_metrics(lab), lab.puppet("phones")
    peer = Peer(lab, relay, CAROL)
    relay.configure(metrics={"listen": relay.metrics}, global_rooms=["general"],
                    trusted=[peer.trust()])
    relay.start()
    peer.link()
    for name, seed in (("alice", ALICE), ("bob", BOB)):
        phones.join(name, relay, "general", seed)
    peer.puppet.send(peer.name, {"GlobalRoomActive": {
        "room": "general", "participants": [], "chappe": {"want": [
            {"origin": relay.fingerprint()}]}}})
    reasons = [f'chappe_drops_total{{plane="data",reason="{r}"}}' for r in ("too_large", "send")]

    def limit():
        return relay.ctl("peers")[0]["max_packet"] or 0

    def say(size):
        phones.command("datagram", "alice", (MEDIA + "aa" * size)[:2 * size])

    def heard(puppet, name, size):
        return any(len(e["hex"]) == 2 * size for e in puppet.events(name, "datagram"))

    def carried(size):
        say(size)
        return heard(peer.puppet, peer.name, size + 8)
    wait_for("media at the peer", lambda: carried(100))
    path = wait_for("the path was probed", lambda: limit() > 1300 and limit())
    wait_for("the longest packet at the peer", lambda: carried(limit()))
    before = [values(relay)[reason] for reason in reasons]

    def dropped_there():
        """And heard here. The path may turn out to take more meanwhile."""
        size = limit() + 1
        say(size)
        return heard(phones, "bob", size) and values(relay)[reasons[0]] > before[0]
    wait_for("one that is too long", dropped_there)
    assert values(relay)[reasons[1]] == before[1] == 0
    lab.say(f"{path} bytes at first, {limit()} now")


def test_what_goes_over_a_link_is_counted_and_survives_the_control_plane(lab):
    relay, other = lab.relay("relay"), lab.relay("other").start()
    relay.metrics = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    other.configure(trusted=[other.trust(relay)])
    relay.configure(metrics={"listen": relay.metrics}, peers=[relay.peer(other)],
                    log={"format": "json"})
    other.ctl("reload")
    relay.start().linked("other")
    peer, = relay.ctl("peers")
    since = peer["since"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", since), peer
    assert peer["rooms"] == [] and peer["packets_in"] == peer["packets_out"] == 0, peer
    bob = lab.phone("bob", other, "--register", "--seconds", 1)
    alice = lab.phone("alice", relay, "--call", bob.fingerprint(), "--seconds", 1)
    room = wait_for("the call's room", lambda: relay.ctl("peers")[0]["rooms"])
    lossless(alice.report())
    lossless(bob.report())
    assert len(room) == 1 and room[0].startswith("call-"), room
    series = 'wzp_federation_packets_forwarded_total{{peer="other",direction="{}"}}'
    wait_for("50 packets each way",
             lambda: all(values(relay)[series.format(way)] == 50 for way in ("in", "out")))
    after = values(relay)
    assert after['chappe_peer_packets_lost_total{peer="other"}'] == 0, after
    assert after['wzp_federation_peer_rtt_ms{peer="other"}'] > 0, after
    assert after["wzp_relay_handshake_duration_seconds_count"] == 1, after
    assert after['chappe_signals_total{kind="DirectCallOffer"}'] == 1, after
    for direction in ("in", "out"):
        relay.wait_event("first_media", peer="other", direction=direction, room=room[0])
    assert len(relay.log_events("first_media")) == 2, relay.log_events("first_media")

    relay.control.signal(signal.SIGKILL)
    relay.control.wait()
    relay.start_control()
    relay.ready()
    wait_for("the data plane has said it again",
             lambda: values(relay)[series.format("in")] == 50)
    peer, = relay.ctl("peers")
    assert abs(parse_time(peer["since"]) - parse_time(since)) < 0.1, (peer, since)
    assert peer["packets_in"] == peer["packets_out"] == 50 and peer["rtt_ms"] > 0, peer
    assert peer["packets_lost"] == 0 and peer["last_error"] is None, peer
    after = values(relay)
    assert after["chappe_data_ipc_snapshots_total"] == 2, after
    assert after["chappe_control_ipc_adoptions_total"] == 1, after
    assert after["chappe_control_adoption_seconds"] > 0, after
    other.kill()
    wait_for("the link is lost", lambda: relay.ctl("peers")[0]["state"] != "linked")
    peer, = relay.ctl("peers")
    assert parse_time(peer["since"]) > parse_time(since) and peer["last_error"], peer
    assert peer["rtt_ms"] is None and peer["packets_in"] == 50, peer


if __name__ == "__main__":
    main(globals(), at_once=3)
