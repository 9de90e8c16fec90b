"""Runs tests, each in a process group of its own, and reads their results from what they print.

One line a case, in TAP or shorter: `ok NAME`, `not ok NAME`, `skip NAME: reason`. A test that
prints none of these is one case, by its exit status: 0 passed, 77 skipped (its last line is the
reason), anything else failed.
"""
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from runner.group import Group

SKIPPED = 77
WORKERS = min(2, os.cpu_count() or 1)
READER_GRACE = 2.0  # seconds for the last of a test's output to be read

CASE = re.compile(r"(ok|not ok|skip)\s+(?:\d+\s+(?=[-#]))?(?:-\s+)?(.+)")
TAP_PLAN = re.compile(r"1\.\.(\d+)")
TAP_SKIP = re.compile(r"(.*)#\s*SKIP\s*(.*)", re.IGNORECASE)


@dataclass
class Case:
    verdict: str  # ok, failed or skip
    name: str = ""  # empty: the test as a whole
    reason: str = ""
    seconds: float = 0.0


@dataclass
class Result:
    log: Path
    seconds: float = 0.0
    cases: list = field(default_factory=list)

    def count(self, verdict):
        return sum(case.verdict == verdict for case in self.cases)

    def verdict(self):
        if self.count("failed"):
            return "FAILED"
        return "ok" if self.count("ok") else "skip"

    def note(self):
        if len(self.cases) == 1 and not self.cases[0].name:
            return self.cases[0].reason
        parts = [f"{self.count(verdict)} {verdict}" for verdict in ("ok", "failed", "skip")
                 if self.count(verdict)]
        return ", ".join(parts)


class Output:
    """Reads a test's output line by line into its log and picks the cases out of it."""

    def __init__(self, log):
        self.log = log
        self.cases = []
        self.planned = 0
        self.last_line = ""
        self.since = time.monotonic()

    def read(self, pipe):
        with open(self.log, "w") as log:
            for raw in pipe:
                line = raw.decode(errors="replace")
                log.write(line)
                log.flush()
                self._take(line.strip())

    def _take(self, line):
        if not line:
            return
        plan = TAP_PLAN.fullmatch(line)
        match = CASE.fullmatch(line)
        if plan:
            self.planned += int(plan[1])
        elif match:
            self._add(match[1], match[2])
        else:
            self.last_line = line

    def _add(self, word, rest):
        skip = TAP_SKIP.fullmatch(rest)
        case = Case({"ok": "ok", "not ok": "failed", "skip": "skip"}[word], rest)
        if skip:  # cmocka: "not ok 3 # SKIP name", its reason printed before; TAP: the reason
            name, text = skip[1].strip(), skip[2].strip()
            case = Case("skip", name or text, text if name else self.last_line)
        elif word == "skip":
            case.name, _, case.reason = (part.strip() for part in rest.partition(": "))
        now = time.monotonic()
        case.seconds, self.since = now - self.since, now
        self.last_line = ""
        self.cases.append(case)


def _environment(test, artifacts):
    """A sanitizer's finding in any process of the test goes to a file that we look for."""
    findings = f"log_path={artifacts}/sanitizer"
    return {**os.environ, **test.env, "CHAPPE_LOG_DIR": str(artifacts),
            "ASAN_OPTIONS": f"detect_leaks=1:handle_segv=2:handle_abort=1:{findings}",
            "LSAN_OPTIONS": "print_suppressions=0",  # what is suppressed is no finding
            "UBSAN_OPTIONS": f"print_stacktrace=1:{findings}"}


def _findings(artifacts, log):
    """Moves sanitizer reports to the end of the log; how many there were."""
    reports = sorted(artifacts.glob("sanitizer.*"))
    with open(log, "a") as out:
        for report in reports:
            out.write(report.read_text(errors="replace"))
            report.unlink()
    return len(reports)


def _judge(test, output, code, leftovers, findings):
    """The cases of a test that has ended."""
    cases = list(output.cases)
    if code is None:
        cases.append(Case("failed", "", f"killed after {test.timeout:g} s"))
    elif code == SKIPPED:
        cases.append(Case("skip", "", output.last_line or "no reason given"))
    elif code != 0 and not any(case.verdict == "failed" for case in cases):
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        cases.append(Case("failed", "", how))
    elif len(output.cases) < output.planned:
        cases.append(Case("failed", "", f"ended after {len(output.cases)} of its "
                          f"{output.planned} cases"))
    if leftovers:
        cases.append(Case("failed", "", "left processes behind"))
    if findings:
        cases.append(Case("failed", "", f"{findings} sanitizer report(s)"))
    return cases or [Case("ok")]


def run(test, report):
    """Runs one test to its end."""
    log = report.log_path(test.name)
    artifacts = log.with_suffix("")
    artifacts.mkdir(parents=True, exist_ok=True)
    seconds = min(test.timeout, report.time_left())
    if seconds <= 0:
        log.write_text("")
        return Result(log, 0.0, [Case("failed", "", "not run: the run's time is over")])
    output, begin = Output(log), time.monotonic()
    group = Group(test.command, env=_environment(test, artifacts))
    reader = threading.Thread(target=output.read, args=(group.output,), daemon=True)
    reader.start()
    code = group.wait(seconds)
    leftovers = group.end()
    reader.join(READER_GRACE)
    cases = _judge(test, output, code, leftovers, _findings(artifacts, log))
    if not any(artifacts.iterdir()):
        artifacts.rmdir()
    return Result(log, time.monotonic() - begin, cases)


def _stages(tests):
    """(how many at a time, which ones): unit tests compute, scripts mostly wait."""
    beside = [test for test in tests if test.parallel]
    scripts = [test for test in beside if test.kind != "unit"]
    yield WORKERS, [test for test in beside if test.kind == "unit"]
    yield 2 * WORKERS, sorted(scripts, key=lambda test: -test.timeout)  # the longest first
    yield 1, [test for test in tests if not test.parallel]


def run_all(tests, report):
    """First what may run side by side, then the rest one by one."""
    def one(test):
        report.add(test, run(test, report))

    pools = []
    try:
        for workers, stage in _stages(tests):
            pools.append(ThreadPoolExecutor(workers))
            for future in [pools[-1].submit(one, test) for test in stage]:
                future.result()
    finally:
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        Group.kill_all()
