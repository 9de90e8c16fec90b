"""Five relays in a ring, a person on each, one room; one relay dies and comes back."""
import time

import story
from phones import END_PATIENCE, Phone, no_report
from stage import Stage

ROOM = "square"
PEOPLE = ("alice", "bob", "carol", "dave", "erin")  # the n-th at the n-th relay
VICTIM = 3               # the number of the relay that dies, and of who is there
PPS = 50
JOIN_PATIENCE = 30.0     # seconds for all to be there
ALIVE = 1.5              # seconds of talk until it does
GAP = 4.0                # seconds that a pair may be without each other then; 2 to 3 are usual
AROUND = 5               # packets that may be missing besides: those on their way


class Round:
    """Everybody but the person `without` (a number) joins, and talks for `seconds` once all are
    there. What `victim` hears and says does not count: his relay dies. `reports` are in the order
    of PEOPLE."""

    def __init__(self, number, title, seconds, without=None, victim=None):
        self.name = f"round-{number}"
        self.title = title
        self.seconds = seconds
        self.there = [i for i in range(len(PEOPLE)) if i != without]
        self.judged = [i for i in self.there if i != victim]
        self.reports = [no_report("this round did not happen") if i in self.there
                        else no_report("not in this round") for i in range(len(PEOPLE))]

    def play(self, relays, directory, meanwhile=None):
        phones = {}
        try:
            for i in self.there:
                phones[i] = Phone(PEOPLE[i], relays.all[i], directory, self.name, "--room", ROOM,
                                  "--others", len(self.there) - 1, "--pps", PPS,
                                  "--seconds", self.seconds)
            for phone in phones.values():
                phone.says("talking", JOIN_PATIENCE)
            if meanwhile is not None:
                meanwhile()
            for i in self.judged:
                phones[i].wait(self.seconds + END_PATIENCE)
        finally:
            for phone in phones.values():
                phone.end()
            for i, phone in phones.items():
                self.reports[i] = phone.report()

    def heard(self, listener, speaker):
        """What one person (a number) got of another: a dictionary; None: nothing."""
        sender = self.reports[speaker]["sender"]
        return next((heard for heard in self.reports[listener]["heard"] or ()
                     if heard["sender"] == sender), None)

    def gap(self):
        """The longest time in seconds that anybody did not hear somebody."""
        heard = [self.heard(a, b) for a in self.judged for b in self.judged if a != b]
        return max((h["max_gap_ms"] for h in heard if h is not None), default=0) / 1000

    def problems(self, gap=0.0):
        """Sentences. One may have missed another once, for up to `gap` seconds."""
        for listener in self.judged:
            name, error = PEOPLE[listener].capitalize(), self.reports[listener]["error"]
            if error is not None:
                yield f"{self.name}: {name}: {error}"
            for speaker in self.judged:
                if speaker != listener:
                    yield from self._problems_of(name, PEOPLE[speaker].capitalize(),
                                                 self.heard(listener, speaker), gap)

    def _problems_of(self, name, other, heard, gap):
        if heard is None:
            yield f"{self.name}: {name} did not hear {other}"
            return
        seconds = heard["max_gap_ms"] / 1000
        if heard["duplicated"] > 0:
            yield f"{self.name}: {name} heard {heard['duplicated']} packets of {other} twice"
        if heard["lost"] > (min(gap, seconds) * PPS + AROUND if gap else 0):
            yield f"{self.name}: {name} lost {heard['lost']} packets of {other}"
        if gap and seconds > gap:
            yield f"{self.name}: {name} did not hear {other} for {seconds:.1f} s"


class Mesh(Stage):
    title = "five relays in a ring, a person on each, one room"
    names = ("paris", "lille", "strasbourg", "lyon", "brest")  # where Chappe's lines led
    links = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 0))
    more_config = (f"global_rooms: [{ROOM}]", "limits: { federation_hops: 4 }")
    good = ("Everybody heard everybody, and nothing twice. Lost is only what was said before the "
            "others knew that the relay was dead.")
    more_terms = ("delegate: true        # it may pass on what it has from others",)

    def __init__(self, arguments, progress):
        super().__init__(arguments, progress)
        victim = self.names[VICTIM]
        self.rounds = [
            Round(1, "all five relays are there", 2),
            Round(2, f"{victim} is killed (kill -9, both processes) after {ALIVE} s", 7,
                  victim=VICTIM),
            Round(3, f"without {victim}, which is still dead", 2, without=VICTIM),
            Round(4, f"{victim} is back", 2)]

    def play(self):
        first, dies, dead, back = self.rounds
        self._talk(first)
        self._talk(dies, self._kill)
        self._talk(dead)
        self._stayed_dead()
        for program in self._victims():
            self.relays.supervisor.start_again(program)
        self.relays.wait()
        self._talk(back)

    def _talk(self, turn, meanwhile=None):
        self.progress.say(f"{len(turn.there)} people talk for {turn.seconds} s: {turn.title}")
        turn.play(self.relays, self.directory, meanwhile)

    def _victims(self):
        return [f"{self.names[VICTIM]}-{plane}" for plane in ("data", "control")]

    def _kill(self):
        time.sleep(ALIVE)
        for program in self._victims():
            self.relays.supervisor.kill_for_good(program)

    def _stayed_dead(self):
        self.problems += [f"{program} ran, though it was killed" for program in self._victims()
                          if self.relays.supervisor.pid(program) != 0]

    def judge(self):
        story.ring(self.progress, self.relays, PEOPLE)
        for turn in self.rounds:
            story.heard(self.progress, turn, PEOPLE)
        first, dies, dead, back = self.rounds
        self.progress.say(f"{self.names[VICTIM]} died in round 2: for {dies.gap():.1f} s at "
                          "most, somebody did not hear somebody else.\n")
        self.problems += [*first.problems(), *dead.problems(), *back.problems(),
                          *dies.problems(gap=GAP)]
        story.logs(self.progress, self.directory)

    def again(self):
        phone = str(self.relays.first.programs / "chappe-phone")
        return ["Talk again, two or more of them at once:",
                *(f"  {phone} --relay {relay.address} --room {ROOM}" for relay in self.relays.all)]

    def reports(self):
        return [report for turn in self.rounds for report in turn.reports]
