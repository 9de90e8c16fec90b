#!/usr/bin/env python3
# asan
# timeout: 120
"""Phones at a relay that asks for tokens (protocol.md 4.5); the service is this test's own."""
import contextlib
import http.server
import json
import threading

from harness import lossless, main, wait_for

GOOD = "good-"  # and a phone's fingerprint


class Service(http.server.BaseHTTPRequestHandler):
    """Knows the tokens that begin with GOOD; the rest of it is who bears it."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        token = asked["token"]
        answer = {"valid": token.startswith(GOOD), "fingerprint": token.removeprefix(GOOD)}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def service():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/auth/validate"
    finally:
        server.shutdown()
        server.server_close()


def identity(lab, name, relay):
    """The fingerprint of the phone of this name, whose identity is made here."""
    phone = lab.phone(name, relay, "--room", "x", "--seconds", 0)
    return phone.report()["fingerprint"]


def refused(relay, phone):
    report = phone.report()
    assert phone.exit_code == 1 and report["error"], report
    wait_for("the refusal in the log", lambda: "token" in relay.logs())
    relay.nothing_left()


def test_wrong_token(lab):
    with service() as url:
        relay = lab.relay("relay", auth={"url": url}).start()
        nobody = "1111" + ":1111" * 7
        for name, mode in (("caller", ("--call", nobody)), ("guest", ("--room", "x"))):
            refused(relay, lab.phone(name, relay, *mode, token="wrong"))
        wait_for("no session left", lambda: not relay.ctl("sessions"))


def test_no_token(lab):
    with service() as url:
        relay = lab.relay("relay", auth={"url": url}).start()
        refused(relay, lab.phone("guest", relay, "--room", "x"))


def test_nobody_answers_for_tokens(lab):
    relay = lab.relay("relay", auth={"url": "http://127.0.0.1:9/"}).start()
    refused(relay, lab.phone("guest", relay, "--room", "x", token=GOOD))


def test_good_tokens(lab):
    free = lab.relay("free").start()
    names = {name: identity(lab, name, free) for name in ("alice", "bob")}
    with service() as url:
        relay = lab.relay("relay", auth={"url": url}).start()
        bob = lab.phone("bob", relay, "--register", "--seconds", 1, token=GOOD + names["bob"])
        alice = lab.phone("alice", relay, "--call", bob.fingerprint(), "--seconds", 1,
                          token=GOOD + names["alice"])
        for phone in (alice, bob):
            lossless(phone.report())
            assert phone.exit_code == 0 and phone.report()["received"] == 50


def test_the_token_of_another(lab):
    """A good token, but of another phone's key (defect 15)."""
    free = lab.relay("free").start()
    alice = identity(lab, "alice", free)
    with service() as url:
        relay = lab.relay("relay", auth={"url": url}).start()
        refused(relay, lab.phone("bob", relay, "--room", "x", token=GOOD + alice))


if __name__ == "__main__":
    main(globals())
