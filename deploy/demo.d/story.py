"""What happened, told so that a person enjoys reading it."""
import contextlib
import shlex
import textwrap

import sound

WIDTH = 96


class Progress:
    """Lines for a person, as things happen."""

    def __init__(self, stream):
        self.stream = stream

    def say(self, text=""):
        with contextlib.suppress(OSError):  # who reads may have gone; cleaning up must go on
            print(text, file=self.stream, flush=True)

    def paragraph(self, text):
        self.say(textwrap.fill(text, WIDTH))


def hello(progress, title):
    progress.say(f"Chappe: {title}\n")


def parties(progress, relays, reports):
    """Who is where."""
    alice, bob = reports
    first, second = relays.first, relays.second
    progress.say(f"""
  Alice ------- relay {first.name} ================ relay {second.name} ------- Bob

  Alice   {alice["fingerprint"] or "?":<39}  at {first.name}, {first.address}
  Bob     {bob["fingerprint"] or "?":<39}  at {second.name}, {second.address}
  The link: {first.name} dialed {second.name}; each proved its certificate to the other.
""")


def milliseconds(value):
    return "?" if value is None else f"{value:.1f} ms"


def _setup(reports):
    alice, bob = reports
    hangup = alice["hangup"] or {}
    who = {"us": "Alice hung up", "peer": "Bob hung up", "relay": "a relay hung up"}
    return (f"Bob's phone rang {milliseconds(alice['ringing_ms'])} after Alice dialed; her line "
            f"stood after {milliseconds(alice['setup_ms'])}, his "
            f"{milliseconds(bob['setup_ms'])} after the first ring. "
            f"At the end {who.get(hangup.get('by'), 'nobody hung up')}.")


def _took(report):
    """The three columns of latency."""
    latency = report["latency_us"]
    if latency is None:
        return "-" if not report["received"] else "a voice carries no stamps"
    return "{:9.2f} {:8.2f} {:8.2f}".format(*(latency[key] / 1000
                                              for key in ("p50", "p99", "max")))


def _way(speaker, sender, listener, receiver):
    sent, received = sender["sent"] or 0, receiver["received"] or 0
    lost, twice, late = (receiver[key] or 0 for key in ("lost", "duplicated", "reordered"))
    return (f"  {speaker + ' > ' + listener:<13} {sent:>5} {received:>9} {lost:>5} {twice:>6} "
            f"{late:>6} {_took(receiver):>27} {milliseconds(receiver['max_gap_ms']):>10}")


def call(progress, number, title, reports):
    """One call: how it was set up, and what arrived each way."""
    alice, bob = reports
    progress.say(f"Call {number}: {title}\n")
    progress.paragraph(_setup(reports))
    progress.say(f"""
                 sent   arrived  lost  twice   late   half in    99 % in  slowest    longest
                                                    (milliseconds on the way)       silence
{_way("Alice", alice, "Bob", bob)}
{_way("Bob", bob, "Alice", alice)}
""")


def sentence(progress, sent, heard, value):
    """The second call's sound."""
    progress.say(f"  spoken  |{sound.draw(sent)}|")
    progress.say(f"  heard   |{sound.draw(heard)}|\n")
    progress.paragraph(
        f"The heard sound is {max(value, 0) * 100:.0f} % like the spoken one: "
        f"{sound.in_words(value)}. (100 % is the same sound, another sentence reaches 10 to 20; "
        "compared is how loud each of twelve bands of pitch is, a hundred times a second.)")
    progress.say()


def killed(progress, killer):
    """What the control planes went through meanwhile."""
    progress.paragraph(
        f"While they dialed and talked, both control planes were killed with -9, "
        f"{len(killer.headless)} times each. Their successors took over what the data planes "
        f"remember: half of the times both were ready again after "
        f"{milliseconds(1000 * killer.usual())}, at the latest after "
        f"{milliseconds(1000 * max(killer.headless, default=0))}.")
    progress.say()


def files(progress, directory):
    progress.say(f"""Listen, and look:
  {directory}/sentence.wav   what Alice said
  {directory}/heard.wav      what Bob heard
  {directory}/logs           of the relays and the phones
""")


def logs(progress, directory):
    progress.say(f"Logs of the relays and the phones: {directory}/logs\n")


def ring(progress, relays, people):
    """Who is where, when the last relay is linked with the first."""
    progress.say()
    for person, relay in zip(people, relays.all):
        progress.say(f"  {person.capitalize():<7} at {relay.name + ',':<12} {relay.address}")
    progress.say(f"  Links: {' - '.join(relay.name for relay in relays.all)} - "
                 f"{relays.first.name}\n")


def heard(progress, turn, people):
    """Who heard whom in one round: how many packets of how many."""
    numbers = range(len(people))
    progress.say(f"{turn.name.capitalize().replace('-', ' ')}, {turn.title}; packets heard\n")
    progress.say(f"  {'':<10}" + "".join(f"{person.capitalize():>13}" for person in people))
    for listener in numbers:
        cells = ["-" if listener == speaker else _cell(turn, listener, speaker)
                 for speaker in numbers]
        progress.say(f"  by {people[listener].capitalize():<7}"
                     + "".join(f"{cell:>13}" for cell in cells))
    progress.say()


def _cell(turn, listener, speaker):
    got = turn.heard(listener, speaker)
    if got is None:
        return "nothing"
    distinct = got["received"] - got["duplicated"]
    text = f"{distinct} of {distinct + got['lost']}"
    return f"{text} +{got['duplicated']}" if got["duplicated"] else text


def kept(progress, relays, again):
    """How to look at relays that go on running, what else to try, and how to stop them."""
    supervisorctl = f"supervisorctl -c {shlex.quote(str(relays.supervisor.config))}"
    progress.say("The relays go on running. Look at them:")
    for relay in relays.all:
        for command in ("status", "peers", "sessions"):
            progress.say(f"  {shlex.join(relay.chappectl(command))}")
    progress.say(f"  {supervisorctl} status")
    for line in again:
        progress.say(line)
    progress.say(f"""Stop them:
  {supervisorctl} shutdown; rm -rf {relays.supervisor.run}
""")


def verdict(progress, good, problems):
    if not problems:
        progress.say(good)
    for problem in problems:
        progress.say(f"NOT GOOD: {problem}")
