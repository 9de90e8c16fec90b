"""Five relays in a ring, a person on each, one room; one relay dies and comes back."""
import time

import story
from phones import END_PATIENCE, Phone, no_report
from stage import Stage

ROOM = "square"
PEOPLE = ("alice", "bob", "carol", "dave", "erin")  # the n-th at the n-th relay
VICTIM = 3               # the number of the relay that dies
PPS = 50
JOIN_PATIENCE = 30.0     # seconds for all to be there
ALIVE = 1.5              # seconds of talk until it does
OUTAGE = 4.0             # seconds of talk that a pair may lose when the relay between them dies


class Round:
    """Everybody joins, and talks for `seconds` once all are there. `reports` are in the order of
    PEOPLE."""

    def __init__(self, number, title, seconds):
        self.name = f"round-{number}"
        self.title = title
        self.seconds = seconds
        self.reports = [no_report("this round did not happen") for _ in PEOPLE]

    def play(self, relays, directory, meanwhile=None):
        phones = []
        try:
            for who, relay in zip(PEOPLE, relays.all):
                phones.append(Phone(who, relay, directory, self.name, "--room", ROOM,
                                    "--others", len(PEOPLE) - 1, "--pps", PPS,
                                    "--seconds", self.seconds))
            for phone in phones:
                phone.says("talking", JOIN_PATIENCE)
            if meanwhile is not None:
                meanwhile()
            for phone in phones:
                phone.wait(self.seconds + END_PATIENCE)
        finally:
            for phone in phones:
                phone.end()
            self.reports = [phone.report() for phone in phones] or self.reports

    def heard(self, listener, speaker):
        """What one person (a number) got of another: a dictionary; None: nothing."""
        sender = self.reports[speaker]["sender"]
        return next((heard for heard in self.reports[listener]["heard"] or ()
                     if heard["sender"] == sender), None)

    def problems(self, without=None, may_lose=0):
        """Sentences; the person `without` and what he hears or says does not count."""
        there = [i for i in range(len(PEOPLE)) if i != without]
        for listener in there:
            name, error = PEOPLE[listener].capitalize(), self.reports[listener]["error"]
            if error is not None:
                yield f"{self.name}: {name}: {error}"
            for speaker in there:
                heard = self.heard(listener, speaker)
                if speaker == listener:
                    continue
                other = PEOPLE[speaker].capitalize()
                if heard is None:
                    yield f"{self.name}: {name} did not hear {other}"
                elif heard["duplicated"] > 0:
                    yield f"{self.name}: {name} heard {heard['duplicated']} packets of {other} twice"
                elif heard["lost"] > may_lose:
                    yield f"{self.name}: {name} lost {heard['lost']} packets of {other}"


class Mesh(Stage):
    title = "five relays in a ring, a person on each, one room"
    names = ("paris", "lille", "strasbourg", "lyon", "brest")  # where Chappe's lines led
    links = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 0))
    more_config = (f"global_rooms: [{ROOM}]", "limits: { federation_hops: 4 }")
    good = ("Everybody heard everybody, and nothing twice. Lost is only what was on its way through "
            "the relay that died.")
    more_terms = ("delegate: true        # it may pass on what it has from others",)

    def __init__(self, arguments, progress):
        super().__init__(arguments, progress)
        victim = self.names[VICTIM]
        self.rounds = [Round(1, "all five relays are there", 2),
                       Round(2, f"{victim} is killed (kill -9, both processes) and comes back", 7),
                       Round(3, f"{victim} is back", 2)]

    def play(self):
        for turn in self.rounds:
            self.progress.say(f"everybody talks for {turn.seconds} s: {turn.title}")
            turn.play(self.relays, self.directory,
                      self._kill if turn is self.rounds[1] else None)
            self.relays.wait()

    def _kill(self):
        """Supervisord starts it again after a second or two."""
        time.sleep(ALIVE)
        for plane in ("data", "control"):
            self.kills.append(f"{self.names[VICTIM]}-{plane}")
            self.relays.supervisor.kill(self.kills[-1])

    def judge(self):
        story.ring(self.progress, self.relays, PEOPLE)
        for turn in self.rounds:
            story.heard(self.progress, turn, PEOPLE)
        first, outage, last = self.rounds
        self.problems += [*first.problems(), *last.problems(),
                          *outage.problems(without=VICTIM, may_lose=round(OUTAGE * PPS))]
        story.logs(self.progress, self.directory)

    def again(self):
        phone = str(self.relays.first.programs / "chappe-phone")
        return ["Talk again, two or more of them at once:",
                *(f"  {phone} --relay {relay.address} --room {ROOM}" for relay in self.relays.all)]

    def reports(self):
        return [report for turn in self.rounds for report in turn.reports]
