"""What every demo does: prepares, starts relays, plays, stops, tells."""
import json
import os
import time

import prepare
import story
from relays import Relays


class Stage:
    """One run, with the relays of a subclass, which plays on them. Its files are in `directory`,
    which stays."""

    title = ""
    good = "Every packet arrived."  # the verdict, if there is nothing to complain of
    names = ()
    links = ()           # pairs of numbers: the first dials the second
    more_config = ()     # lines of each relay's config
    more_terms = ()      # and of the entries by which they name each other

    def __init__(self, arguments, progress):
        self.arguments = arguments
        self.progress = progress
        self.relays = None
        self.finished = False
        self.problems = []
        self.kills = []  # names of the programs that we killed, once for each time
        stamp = time.strftime("%Y%m%d-%H%M%S")
        self.directory = prepare.ROOT / "build" / "demo" / f"{stamp}-{os.getpid()}"

    def run(self):
        story.hello(self.progress, self.title)
        (self.directory / "logs").mkdir(parents=True)
        programs = self._prepare()
        self._start_relays(programs)
        self.play()
        self.finished = True

    def _prepare(self):
        if self.arguments.bin:
            return prepare.check(self.arguments.bin.resolve())
        self.progress.say("preparing and building (minutes the first time, then seconds)")
        return prepare.check(prepare.build(self.progress, self.directory / "logs" / "build.log"))

    def _start_relays(self, programs):
        self.relays = Relays(self.names, self.links, programs, self.directory, self.more_config,
                             self.more_terms)
        count = len(self.names)
        self.progress.say(f"starting {count} relays, {2 * count} processes, under supervisord")
        seconds = self.relays.start(self.arguments.keep)
        self.progress.say(f"linked after {seconds:.1f} s: {', '.join(self.names)}")

    def play(self):
        """What is to be seen."""
        raise NotImplementedError

    def stop(self):
        """Ends what runs, unless it is to be kept."""
        if self.relays is None:
            return
        self.problems += [f"{name} ended by itself and was restarted"
                          for name in self.relays.restarts(self.kills)]
        if not (self.arguments.keep and self.finished):
            self.progress.say("stopping the relays")
            self.relays.stop()

    def tell(self):
        """The report of a run that got to its end."""
        self.judge()
        if self.arguments.keep:
            story.kept(self.progress, self.relays, self.again())
        story.verdict(self.progress, self.good, self.problems)

    def judge(self):
        """Says what was seen, and adds to `problems`."""
        raise NotImplementedError

    def again(self):
        """Lines that say what to try with relays that go on running."""
        raise NotImplementedError

    def reports(self):
        """Of all phones, in order."""
        raise NotImplementedError

    def print_reports(self):
        for report in self.reports():
            print(json.dumps(report))
