#!/usr/bin/env python3
# parallel
# asan
# timeout: 180
"""Tokens: phones of a relay with auth.url, against a service that is good, bad, slow, or not there
(defects 15 and 39)."""
import contextlib
import http.server
import json
import socket
import threading

from harness import (ALICE, BOB, free_port, lossless, main, user_fingerprint, wait_for)


class AuthService:
    """Answers as the token says: `ok NAME`, `slow NAME`, a status in digits, or else: refused."""

    def __init__(self, lab):
        service = self
        self.asked, self.release = [], threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.answer(self, json.loads(body)["token"])

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/auth/validate"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        lab.closers.append(self.close)

    def answer(self, request, token):
        self.asked.append(token)
        kind, _, name = token.partition(" ")
        if kind == "slow":
            self.release.wait(60)
        body = {"valid": False}
        if kind in ("ok", "slow"):
            body = {"valid": True, "fingerprint": name, "alias": None}
        with contextlib.suppress(OSError):  # who asked may be gone
            request.send_response(int(kind) if kind.isdigit() else 200)
            request.end_headers()
            request.wfile.write(json.dumps(body).encode())

    def close(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


def guarded(lab, url=None):
    service = AuthService(lab)
    relay = lab.relay("relay", auth={"url": url or service.url}, log={"format": "json"})
    return relay.start(), service


def show(puppet, name, token):
    puppet.send(name, {"AuthToken": {"token": token}})


def register(puppet, name, relay, seed, token):
    """Says everything at once, as the originals do; whether it was taken."""
    puppet.open(name, relay, "_signal")
    show(puppet, name, token)
    puppet.command("register", name, seed)


def registered(puppet, name):
    assert puppet.wait_message(name, "RegisterPresenceAck")["success"], puppet.messages(name)


def refused(puppet, relay, name, why):
    puppet.wait_closed(name)
    assert not any(ack["success"] for ack in puppet.messages(name, "RegisterPresenceAck"))
    assert not puppet.messages(name, "CallAnswer")
    wait_for(f"{why!r} in the log", lambda: any(
        why in line["why"] for line in relay.log_events("token_refused")))


def test_a_member_is_who_the_service_says(lab):
    relay, _ = guarded(lab)
    carol = lab.phone("carol", relay, "--room", "kitchen", "--seconds", 1, token="ok carol")
    wait_for("Carol in the room", lambda: relay.ctl("rooms"))
    assert relay.ctl("rooms")[0]["members"] == ["carol"]
    assert carol.report()["error"] is None


def test_a_token_that_names_the_phone_s_own_key(lab):
    relay, _ = guarded(lab)
    fingerprint = lab.phone_fingerprint("bob")
    bob = lab.phone("bob", relay, "--register", "--seconds", 1, token=f"ok {fingerprint}")
    assert bob.fingerprint() == fingerprint
    caller = f"ok {lab.phone_fingerprint('alice')}"
    alice = lab.phone("alice", relay, "--call", fingerprint, "--seconds", 1, token=caller)
    for phone in (alice, bob):
        lossless(phone.report())
    relay.nothing_left()


def test_defect_15_a_token_of_another_key(lab):
    relay, _ = guarded(lab)
    puppet = lab.puppet()
    alice = user_fingerprint(ALICE)
    register(puppet, "bob", relay, BOB, f"ok {alice}")
    puppet.wait_closed("bob")
    puppet.open("room", relay, "kitchen")
    show(puppet, "room", f"ok {alice}")
    puppet.command("join", "room", BOB)
    puppet.wait_closed("room")
    assert not puppet.messages("room", "CallAnswer")
    register(puppet, "alice", relay, ALICE, f"ok {alice}")
    registered(puppet, "alice")
    assert [s["fingerprint"] for s in relay.ctl("sessions")] == [alice]


def test_a_wrong_token_is_refused_with_its_reason(lab):
    relay, _ = guarded(lab)
    for mode, words in (("--register", "token refused"), ("--room", "token refused")):
        arguments = [mode] + (["kitchen"] if mode == "--room" else [])
        phone = lab.phone("phone" + mode, relay, *arguments, token="wrong")
        report = phone.report()
        assert phone.exit_code == 1 and words in report["error"], report
    puppet = lab.puppet()
    register(puppet, "alice", relay, ALICE, "wrong")
    refused(puppet, relay, "alice", "the auth service refused the token")
    register(puppet, "bob", relay, BOB, "500 x")
    refused(puppet, relay, "bob", "HTTP 500")
    assert relay.ctl("sessions") == []


def test_the_token_comes_first(lab):
    relay, service = guarded(lab)
    puppet = lab.puppet()
    puppet.open("alice", relay, "_signal")
    puppet.open("bob", relay, "kitchen")
    puppet.command("register", "alice", ALICE)
    puppet.command("join", "bob", BOB)
    puppet.wait_closed("alice")
    puppet.wait_closed("bob")
    assert not puppet.messages("alice", "RegisterPresenceAck") or \
        not puppet.messages("alice", "RegisterPresenceAck")[0]["success"]
    assert not puppet.messages("bob", "CallAnswer") and service.asked == []


def test_defect_39_who_says_nothing_is_closed(lab):
    relay, service = guarded(lab)
    puppet = lab.puppet()
    for name, sni in (("phone", "_signal"), ("member", "kitchen"), ("vouched", "_signal"),
                      ("vouched-member", "kitchen")):
        puppet.open(name, relay, sni)
    for name in ("vouched", "vouched-member"):
        show(puppet, name, "ok somebody")
    wait_for("both tokens asked for", lambda: len(service.asked) == 2)
    reasons = {name: puppet.wait_closed(name)["reason"]
               for name in ("phone", "member", "vouched", "vouched-member")}
    assert reasons["phone"] == reasons["member"] == "no token in time", reasons
    assert reasons["vouched"] == reasons["vouched-member"] == "no greeting in time", reasons


def test_a_slow_answer_holds_up_only_its_connection(lab):
    relay, service = guarded(lab)
    puppet = lab.puppet()
    register(puppet, "slow", relay, ALICE, f"slow {user_fingerprint(ALICE)}")
    wait_for("the slow question", lambda: service.asked)
    register(puppet, "quick", relay, BOB, f"ok {user_fingerprint(BOB)}")
    registered(puppet, "quick")
    puppet.ping("quick")
    assert not puppet.messages("slow")
    service.release.set()
    registered(puppet, "slow")
    puppet.ping("slow")


def test_an_answer_that_never_comes(lab):
    relay, service = guarded(lab)
    puppet = lab.puppet()
    register(puppet, "slow", relay, ALICE, "slow x")
    wait_for("the slow question", lambda: service.asked)
    refused(puppet, relay, "slow", "imeout")


def test_a_phone_that_leaves_while_its_token_is_checked(lab):
    relay, service = guarded(lab)
    puppet = lab.puppet()
    register(puppet, "slow", relay, ALICE, "slow x")
    wait_for("the slow question", lambda: service.asked)
    puppet.command("close", "slow")
    puppet.wait_closed("slow")
    wait_for("nobody there", lambda: relay.ctl("sessions") == [])
    service.release.set()
    register(puppet, "quick", relay, BOB, f"ok {user_fingerprint(BOB)}")
    registered(puppet, "quick")
    assert len(relay.ctl("sessions")) == 1


def test_the_service_is_not_there(lab):
    relay, _ = guarded(lab, url=f"http://127.0.0.1:{free_port(socket.SOCK_STREAM)}/")
    puppet = lab.puppet()
    register(puppet, "alice", relay, ALICE, "ok x")
    refused(puppet, relay, "alice", "onnect")


def test_the_control_plane_dies_while_it_asks(lab):
    """The message that asked is handled again by its successor."""
    relay, service = guarded(lab)
    puppet = lab.puppet()
    register(puppet, "slow", relay, ALICE, f"slow {user_fingerprint(ALICE)}")
    wait_for("the slow question", lambda: service.asked)
    relay.control.signal(9)
    relay.control.wait()
    service.release.set()
    relay.start_control()
    registered(puppet, "slow")


if __name__ == "__main__":
    main(globals(), at_once=4)
