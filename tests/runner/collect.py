"""Which tests there are.

A unit test is what CMake registered under a preset. Every other test is an executable file
test_* in tests/checks/ (about the sources; needs no build) or in tests/integration/. Such a file
says about itself, in comments within its first ten lines:

    # quick          part of tests/run --quick
    # parallel       may run beside another test
    # asan           runs against the asan build too
    # timeout: N     seconds, default 120
"""
import fnmatch
import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_TIMEOUT = 120
ASAN_SLOWNESS = 2
HEAD_LINES = 10


@dataclass
class Test:
    name: str  # as printed and matched: PRESET/..., or checks/... for what needs no build
    kind: str  # unit, integration or checks
    command: list
    timeout: float = DEFAULT_TIMEOUT
    parallel: bool = True
    env: dict = field(default_factory=dict)

    def matches(self, patterns):
        return not patterns or any(p in self.name or fnmatch.fnmatch(self.name, p)
                                   for p in patterns)


def _environment(root, preset):
    """What each test finds in its environment; execute adds what differs from test to test."""
    return {"CHAPPE_BIN": str(root / "build" / preset / "bin"), "CHAPPE_PRESET": preset,
            "CMOCKA_MESSAGE_OUTPUT": "TAP", "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1"}


def _timeout(preset, seconds):
    return seconds * (ASAN_SLOWNESS if preset == "asan" else 1)


def _unit_tests(root, preset):
    listing = subprocess.run(["ctest", "--test-dir", root / "build" / preset,
                              "--show-only=json-v1"], stdout=subprocess.PIPE, check=True)
    for test in json.loads(listing.stdout)["tests"]:
        if "command" in test:
            yield Test(f"{preset}/{test['name']}", "unit", test["command"],
                       _timeout(preset, DEFAULT_TIMEOUT), True, _environment(root, preset))


def _marks(path):
    """The marks in a script's head: {"quick": True, "timeout": 300.0, ...}."""
    marks = {}
    with open(path, errors="replace") as script:
        head = [line for line, _ in zip(script, range(HEAD_LINES))]
    for line in head:
        match = re.fullmatch(r"\s*#\s*(quick|parallel|asan|timeout:\s*(\d+))\s*", line)
        if match and match[2]:
            marks["timeout"] = float(match[2])
        elif match:
            marks[match[1]] = True
    return marks


def _scripts(folder):
    return sorted(path for path in Path(folder).glob("test_*")
                  if path.is_file() and os.access(path, os.X_OK))


def _script_tests(root, kind, preset, quick):
    prefix = "" if kind == "checks" else f"{preset}/"
    for path in _scripts(root / "tests" / kind):
        marks = _marks(path)
        if (not quick or marks.get("quick")) and (preset != "asan" or marks.get("asan")):
            yield Test(f"{prefix}{kind}/{path.stem}", kind, [str(path)],
                       _timeout(preset, marks.get("timeout", DEFAULT_TIMEOUT)),
                       marks.get("parallel", False), _environment(root, preset))


def collect(root, presets, quick):
    """All tests for the presets, in the order in which they are best run."""
    tests = []
    for preset in presets:
        tests += _unit_tests(root, preset)
    for preset in presets:
        tests += _script_tests(root, "integration", preset, quick)
    return tests + list(_script_tests(root, "checks", "release", quick))
