"""Two relays, two phones and two calls: figures first, then a sentence."""
import contextlib
import shlex

import sound
import story
from killer import Killer
from phones import Call
from stage import Stage

STAMPED = ("--pps", 50, "--bytes", 120)
STAMPED_SECONDS = 5


class Calls(Stage):
    """With `--kill` both control planes die again and again meanwhile."""

    title = "two relays, two phones, two calls"
    names = ("paris", "lille")  # the ends of Chappe's first line
    links = ((0, 1),)

    def __init__(self, arguments, progress):
        super().__init__(arguments, progress)
        self.killer = None
        self.spoken = self.directory / "sentence.wav"
        self.heard = self.directory / "heard.wav"
        figures = (*STAMPED, "--seconds", STAMPED_SECONDS)
        self.calls = [Call("call-1", STAMPED_SECONDS, figures, figures),
                      Call("call-2", 0, (), ())]

    def play(self):
        if self.arguments.kill:
            self.killer = Killer(self.relays, self.kills)
            self.progress.say("from now on both control planes are killed with -9, once a second")
        with self.killer or contextlib.nullcontext():
            self._place_calls()

    def _place_calls(self):
        figures, sentence = self.calls
        self.progress.say(f"Alice calls Bob; both send 50 packets a second for {STAMPED_SECONDS} s")
        figures.place(self.relays, self.directory)
        seconds = sound.speak(self.spoken)
        self.progress.say(f'Alice calls Bob again and says: "{sound.SENTENCE}"')
        sentence.seconds = seconds
        sentence.arguments = {  # Bob's packets end before Alice's, who hangs up after hers
            "alice": ("--play", self.spoken),
            "bob": ("--record", self.heard, *STAMPED, "--seconds", int(seconds))}
        sentence.place(self.relays, self.directory)

    def judge(self):
        self.problems += [problem for call in self.calls for problem in call.problems()]
        figures, sentence = self.calls
        story.parties(self.progress, self.relays, figures.reports)
        story.call(self.progress, "one", "the figures", figures.reports)
        story.call(self.progress, "two", f'"{sound.SENTENCE}"', sentence.reports)
        if self.killer:
            self.problems += [self.killer.problem] if self.killer.problem else []
            story.killed(self.progress, self.killer)
        self._judge_sound()
        story.files(self.progress, self.directory)

    def _judge_sound(self):
        try:
            spoken, heard = sound.read(self.spoken), sound.read(self.heard)
        except (OSError, ValueError, EOFError, sound.wave.Error) as error:
            self.problems.append(f"the recording cannot be read: {error}")
            return
        value = sound.likeness(spoken, heard)
        story.sentence(self.progress, spoken, heard, value)
        if value < sound.ALIKE:
            self.problems.append("Bob did not hear what Alice said")

    def again(self):
        wait, dial = (shlex.join([str(relay.programs / "chappe-phone"), "--relay", relay.address])
                      for relay in (self.relays.second, self.relays.first))
        return ["Call again: first Bob (who waits for a call and prints his fingerprint), then Alice:",
                f"  {wait} --register",
                f"  {dial} --call FINGERPRINT"]

    def reports(self):
        return [report for call in self.calls for report in call.reports]
