"""What came out: lines while the tests run, logs, and the summary."""
import shutil
import threading
import time


class Report:
    """Counts cases and prints. Safe to use from several threads."""

    def __init__(self, log_dir, budget):
        self.log_dir = log_dir
        self.begin = time.monotonic()
        self.deadline = self.begin + budget
        self.passed = 0
        self.failures = []  # (name, reason)
        self.skips = []  # (name, reason)
        self.lock = threading.Lock()
        shutil.rmtree(log_dir, ignore_errors=True)
        log_dir.mkdir(parents=True)

    def log_path(self, name):
        path = self.log_dir / (name.replace(" ", "-") + ".log")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def time_left(self):
        return self.deadline - time.monotonic()

    def line(self, verdict, name, seconds, note=""):
        print(f"{verdict:<6} {name:<52} {seconds:7.2f} s  {note}".rstrip(), flush=True)

    def failed(self, name, reason, seconds=0.0):
        """A step that is not a test of its own: bootstrap, build, usage."""
        with self.lock:
            self.failures.append((name, reason))
            self.line("FAILED", name, seconds, reason)

    def add(self, test, result):
        """Takes one test's result and prints it, with its output if anything in it failed."""
        with self.lock:
            for case in result.cases:
                self._count(f"{test.name}: {case.name}" if case.name else test.name, case)
            self.line(result.verdict(), test.name, result.seconds, result.note())
            for case in result.cases:
                if case.name and (test.kind != "unit" or case.verdict != "ok"):
                    self.line(f"  {case.verdict}", f"  {case.name}", case.seconds, case.reason)
            if result.verdict() == "FAILED":
                self._show(result.log)

    def _count(self, name, case):
        if case.verdict == "ok":
            self.passed += 1
        elif case.verdict == "skip":
            self.skips.append((name, case.reason))
        else:
            self.failures.append((name, case.reason))

    def _show(self, log, limit=200):
        lines = log.read_text(errors="replace").splitlines()
        if len(lines) > limit:
            print(f"    | ({len(lines) - limit} lines more in {log})")
        for line in lines[-limit:]:
            print(f"    | {line}")

    def _list(self, title, entries):
        if entries:
            print(f"\n{title}:")
        for name, reason in entries:
            print(f"  {name}: {reason}" if reason else f"  {name}")

    def summary(self):
        """Prints the summary; returns the exit status."""
        self._list("Skipped", self.skips)
        self._list("Failed", self.failures)
        print(f"\n{time.monotonic() - self.begin:.0f} s; logs in {self.log_dir}")
        print(f"{self.passed} passed, {len(self.failures)} failed, {len(self.skips)} skipped",
              flush=True)
        return 1 if self.failures else 0
