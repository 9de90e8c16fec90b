#!/usr/bin/env python3
# parallel
"""/metrics, /healthz and /readyz: what they say before and after a call, and when a plane is gone."""
import signal
import socket
import urllib.error
import urllib.request

from harness import free_port, lossless, main, wait_for


def get(relay, path):
    try:
        with urllib.request.urlopen(f"http://{relay.metrics}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def values(relay):
    """Series -> value; every line must be of the text format."""
    status, page = get(relay, "/metrics")
    assert status == 200, page
    found = {}
    for line in page.splitlines():
        if not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            assert series not in found, f"{series} twice"
            found[series] = float(value)
    return found


def start(lab):
    relay = lab.relay("relay")
    relay.metrics = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    relay.configure(metrics={"listen": relay.metrics})
    return relay.start()


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
    assert after['chappe_drops_total{reason="malformed"}'] == 0, after


def test_health_and_readiness(lab):
    relay = start(lab)
    assert get(relay, "/healthz")[0] == 200
    wait_for("ready", lambda: get(relay, "/readyz")[0] == 200)
    assert get(relay, "/nonsense")[0] == 404
    request = urllib.request.Request(f"http://{relay.metrics}/metrics", data=b"x" * 100000)
    try:
        urllib.request.urlopen(request, timeout=5)
        raise AssertionError("a POST was answered with success")
    except urllib.error.HTTPError as error:
        assert error.code == 405, error.code


def test_peers_have_their_labels_only(lab):
    relay, other = lab.relay("relay"), lab.relay("other")
    relay.metrics = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    relay.configure(metrics={"listen": relay.metrics}, peers=[relay.peer(other, label='b "x" \\')])
    other.configure(trusted=[other.trust(relay)])
    relay.start()
    series = 'wzp_federation_peer_status{peer="b \\"x\\" \\\\"}'
    assert values(relay)[series] in (0, 1)
    other.start()
    wait_for("linked", lambda: values(relay)[series] == 1)
    for child in (other.control, other.data):
        child.signal(signal.SIGTERM)
        child.wait()
    wait_for("link lost", lambda: values(relay)[series] == 0)


if __name__ == "__main__":
    main(globals())
