#!/usr/bin/env python3
# parallel
# asan
# timeout: 300
"""The link between two relays is lost at each step of a call, in each way: nobody rings or talks
into nothing for ever. And when it comes back, repeats do no harm and calls go on."""
import signal
import time

from harness import ALICE, BOB, answer, main, offer, wait_for

RING_S = 3
CALL = "l1"


class Scene:
    """Alice at relay a, Bob at relay b; a dials b through a path that can be cut."""

    def __init__(self, lab, ring_s=RING_S, both_dial=False):
        self.lab = lab
        self.a = lab.relay("relay-a", limits={"ring_timeout_s": ring_s})
        self.b = lab.relay("relay-b", limits={"ring_timeout_s": ring_s})
        self.path = lab.proxy(self.b.port)
        self.a.configure(peers=[self.a.peer(self.b, address=self.path.address)])
        self.b.configure(**({"peers": [self.b.peer(self.a)]} if both_dial
                            else {"trusted": [self.b.trust(self.a)]}))
        self.b.start()
        self.a.start()
        self.linked()
        self.puppet = lab.puppet()
        self.alice = self.puppet.register("alice", self.a, ALICE)
        self.bob = self.puppet.register("bob", self.b, BOB)
        self.lost = []  # the relays that are no more

    def relay_of(self, who):
        return self.a if who.startswith("alice") else self.b

    def linked(self, limit=60):
        self.a.linked("relay-b", limit)
        self.b.linked("relay-a", limit)

    def unlinked(self):
        for relay in (self.a, self.b):
            wait_for(f"{relay.name} has lost its link",
                     lambda r=relay: all(p["state"] != "linked" for p in r.ctl("peers")))

    def cut_until_lost(self):
        self.path.cut = True
        self.unlinked()

    def restore(self):
        self.path.cut = False
        self.linked()

    # ---- steps of a call ----

    def offer(self):
        self.puppet.send("alice", offer(self.alice, self.bob, CALL))

    def ring(self):
        self.offer()
        self.puppet.wait_message("bob", "DirectCallOffer")
        self.puppet.wait_message("alice", "CallRinging")

    def answer(self):
        self.puppet.send("bob", answer(CALL))
        self.puppet.wait_message("bob", "CallSetup")

    def set_up(self):
        self.ring()
        self.answer()
        self.puppet.wait_message("alice", "CallSetup")

    def join(self, who):
        self.puppet.join(f"{who}-media", self.relay_of(who), f"call-{CALL}",
                         ALICE if who == "alice" else BOB)

    def enter_room(self):
        self.set_up()
        for who in ("alice", "bob"):
            self.join(who)
        for who in ("alice-media", "bob-media"):
            wait_for(f"{who} sees both", lambda w=who: any(
                u["count"] == 2 for u in self.puppet.messages(w, "RoomUpdate")))

    def hang_up(self, who):
        self.puppet.send(who, {"Hangup": {"reason": "Normal", "call_id": CALL}})

    # ---- the end ----

    def hung_up(self, who, reasons, by_relay=None):
        """The one Hangup that this party got; by_relay None: whoever made it."""
        message = self.puppet.wait_message(who, "Hangup")
        assert len(self.puppet.messages(who, "Hangup")) == 1, self.puppet.messages(who)
        assert message["call_id"] == CALL and message["reason"] in reasons, message
        made_by_relay = message.get("chappe", {}).get("by") == "relay"
        assert by_relay in (None, made_by_relay), message

    def ends(self, reasons=("Timeout", "Error")):
        """Whoever is set up joins; then every party whose relay lives is told the end."""
        living = [who for who in ("alice", "bob") if self.relay_of(who) not in self.lost]
        for who in living:
            if self.puppet.messages(who, "CallSetup") and not self.puppet.events(f"{who}-media"):
                self.join(who)
        for who in living:
            if who == "bob" and not self.puppet.messages("bob", "DirectCallOffer"):
                self.b.nothing_left()  # the caller's relay was lost before he was offered anything
                continue
            wait_for(f"{who} is told", lambda w=who: self.puppet.messages(w, "Hangup"), 75)
            self.hung_up(who, reasons, by_relay=True)
            self.relay_of(who).nothing_left()
            if self.puppet.events(f"{who}-media"):
                self.puppet.wait_closed(f"{who}-media")


# ---- ways to lose the link ----

def kill_callee_relay(scene):
    scene.b.kill()
    scene.lost.append(scene.b)


def kill_caller_relay(scene):
    scene.a.kill()
    scene.lost.append(scene.a)


def stop_callee_relay(scene):
    assert scene.b.stop() == [0, 0]
    scene.puppet.wait_closed("bob")
    scene.lost.append(scene.b)


def stop_caller_relay(scene):
    assert scene.a.stop() == [0, 0]
    scene.puppet.wait_closed("alice")
    scene.lost.append(scene.a)


def cut_path(scene):
    scene.path.cut = True


# ---- steps at which it is lost ----

def while_offered(scene, fault):
    """The callee's relay has the offer and has not looked at it."""
    control = scene.b.control
    control.signal(signal.SIGSTOP)
    scene.offer()
    wait_for("the call at relay-a", lambda: scene.a.ctl("calls"))
    if fault is stop_callee_relay:
        control.signal(signal.SIGCONT)  # else it could not end
    fault(scene)
    control.signal(signal.SIGCONT)
    if scene.b in scene.lost or not scene.puppet.messages("bob", "DirectCallOffer"):
        scene.puppet.ping("alice" if scene.b in scene.lost else "bob")
    return ("Timeout",)


def while_ringing(scene, fault):
    scene.ring()
    fault(scene)
    return ("Timeout",)


def when_answered(scene, fault):
    """The caller's relay has not heard the answer, or has not looked at it."""
    scene.ring()
    if fault is cut_path:
        fault(scene)
        scene.answer()
        return ("Timeout", "Error")  # for Alice, who waited, and for Bob, who joined
    scene.a.control.signal(signal.SIGSTOP)
    scene.answer()
    if fault is stop_caller_relay:
        scene.a.control.signal(signal.SIGCONT)
    fault(scene)
    scene.a.control.signal(signal.SIGCONT)
    if scene.a not in scene.lost:
        wait_for("Alice hears the answer, or that it never came",
                 lambda: scene.puppet.messages("alice", "CallSetup")
                 or scene.puppet.messages("alice", "Hangup"))
    return ("Timeout", "Error")


def when_set_up(scene, fault):
    scene.set_up()
    fault(scene)
    return ("Error",)


def in_the_room(scene, fault):
    scene.enter_room()
    fault(scene)
    return ("Error",)


FAULTS = (kill_callee_relay, kill_caller_relay, stop_callee_relay, stop_caller_relay, cut_path)
STEPS = (while_offered, while_ringing, when_answered, when_set_up, in_the_room)


def lose(fault, step):
    def test(lab):
        scene = Scene(lab)
        reasons = step(scene, fault)
        scene.ends(reasons)
    return test


for _step in reversed(STEPS):  # the longest first
    for _fault in FAULTS:
        globals()[f"test_{_fault.__name__}_{_step.__name__}"] = lose(_fault, _step)


# ---- the link comes back ----

def only_one_of_each(scene):
    for who, variant in (("bob", "DirectCallOffer"), ("alice", "CallRinging"),
                         ("alice", "DirectCallAnswer"), ("alice", "CallSetup"),
                         ("bob", "CallSetup")):
        assert len(scene.puppet.messages(who, variant)) <= 1, scene.puppet.messages(who)


def end_by_hang_up(scene, who="alice", other="bob"):
    scene.hang_up(who)
    scene.hung_up(other, ("Normal",), by_relay=False)
    scene.a.nothing_left()
    scene.b.nothing_left()
    only_one_of_each(scene)


def test_ringing_goes_on_when_the_link_comes_back(lab):
    scene = Scene(lab, ring_s=60)
    scene.ring()
    scene.cut_until_lost()
    scene.restore()
    scene.answer()
    scene.puppet.wait_message("alice", "CallSetup")
    end_by_hang_up(scene)


def test_an_offer_that_was_lost_is_repeated(lab):
    scene = Scene(lab, ring_s=60)
    scene.path.cut = True
    scene.offer()
    scene.unlinked()
    assert not scene.puppet.messages("bob", "DirectCallOffer")
    scene.restore()
    scene.puppet.wait_message("bob", "DirectCallOffer")
    scene.puppet.wait_message("alice", "CallRinging")
    scene.answer()
    scene.puppet.wait_message("alice", "CallSetup")
    end_by_hang_up(scene, "bob", "alice")


def test_an_answer_that_was_lost_is_repeated(lab):
    scene = Scene(lab, ring_s=60)
    scene.ring()
    scene.path.cut = True
    scene.answer()
    scene.unlinked()
    assert not scene.puppet.messages("alice", "CallSetup")
    scene.restore()
    scene.puppet.wait_message("alice", "CallSetup")
    end_by_hang_up(scene)


def lose_hang_up(lab, who, other, step):
    scene = Scene(lab, ring_s=60)
    step(scene)
    scene.cut_until_lost()
    scene.hang_up(who)
    scene.relay_of(who).nothing_left()
    assert not scene.puppet.messages(other, "Hangup")
    scene.restore()
    scene.hung_up(other, ("Normal",))  # in the relay's words by now
    scene.relay_of(other).nothing_left()
    only_one_of_each(scene)


def test_a_hang_up_that_was_lost_while_ringing_is_repeated(lab):
    lose_hang_up(lab, "alice", "bob", Scene.ring)


def test_a_hang_up_that_was_lost_in_the_call_is_repeated(lab):
    lose_hang_up(lab, "bob", "alice", Scene.set_up)


def test_an_offer_overtaken_by_its_hang_up_does_not_ring(lab):
    scene = Scene(lab, ring_s=60)
    scene.path.cut = True
    scene.offer()
    wait_for("the call at relay-a", lambda: scene.a.ctl("calls"))
    scene.hang_up("alice")
    scene.a.nothing_left()
    scene.unlinked()
    scene.restore()
    scene.puppet.ping("alice")
    scene.puppet.ping("bob")
    assert not scene.puppet.messages("bob", "DirectCallOffer")
    assert not scene.b.ctl("calls")


def test_no_link_no_ringing(lab):
    """An offer while no relay is linked: the caller is told at once."""
    scene = Scene(lab, ring_s=60)
    scene.cut_until_lost()
    scene.offer()
    scene.hung_up("alice", ("Normal",), by_relay=True)
    scene.a.nothing_left()


def test_a_restarted_relay_does_not_know_the_call(lab):
    scene = Scene(lab, ring_s=60)
    scene.enter_room()
    scene.b.kill()
    scene.b.start()
    scene.linked()
    scene.hung_up("alice", ("Normal", "Error"), by_relay=True)
    scene.puppet.wait_closed("alice-media")
    scene.a.nothing_left()
    scene.b.nothing_left()


def test_one_of_two_connections_is_enough(lab):
    """Both dial; the connection that one of them made is cut."""
    scene = Scene(lab, ring_s=60, both_dial=True)
    wait_for("two connections", lambda: scene.a.ctl("peers")[0]["connections"] == 2)
    scene.set_up()
    scene.path.cut = True
    wait_for("one connection", lambda: scene.a.ctl("peers")[0]["connections"] == 1
             and scene.b.ctl("peers")[0]["connections"] == 1)
    assert scene.a.ctl("peers")[0]["state"] == scene.b.ctl("peers")[0]["state"] == "linked"
    end_by_hang_up(scene)


# ---- media over a link that was away ----

def talk(scene, seconds, interrupt):
    """Two phones talk; their reports."""
    bob = scene.lab.phone("bob", scene.b, "--register", "--seconds", seconds)
    alice = scene.lab.phone("alice", scene.a, "--call", bob.fingerprint(), "--seconds", seconds)
    alice.wait_log("talking")
    bob.wait_log("talking")
    interrupt()
    reports = alice.report(60), bob.report()
    for report in reports:
        assert report["error"] is None and report["duplicated"] == 0, report
        assert report["hangup"]["reason"] == "Normal", report
        assert report["received"] + report["lost"] == 50 * seconds, report
    scene.a.nothing_left()
    scene.b.nothing_left()
    return reports


def test_a_cut_of_a_second_costs_a_second(lab):
    scene = Scene(lab)

    def interrupt():
        scene.path.cut = True
        time.sleep(1)  # what is measured, not what is waited for
        scene.path.cut = False
    for report in talk(scene, 6, interrupt):
        assert report["received"] >= 150, report
    assert all(relay.logs().count("link_connection_lost") == 0 for relay in (scene.a, scene.b))


def test_a_call_goes_on_when_the_link_comes_back(lab):
    scene = Scene(lab)

    def interrupt():
        scene.cut_until_lost()
        scene.restore()
    for report in talk(scene, 20, interrupt):
        assert report["lost"] > 50 and report["received"] > 200, report


if __name__ == "__main__":
    main(globals(), at_once=10)
