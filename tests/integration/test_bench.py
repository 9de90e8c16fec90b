#!/usr/bin/env python3
"""The bench runs to its end, in small, and counts right; how fast it was is not looked at."""
import json
import os
import subprocess

from harness import PATIENCE, main

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench")


def bench(program, *args):
    done = subprocess.run([os.path.join(BENCH, program), "--json", *map(str, args)],
                          capture_output=True, text=True, timeout=4 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_voice_loses_nothing(lab):
    voice = bench("forward", "voice", "--rooms", 5, "--intervals", 1, "--seconds", 1)["voice"]
    assert voice["phones"] == 40, voice
    assert voice["sent"] >= 5 * 50 and voice["expected"] == 7 * voice["sent"], voice
    assert voice["received"] == voice["expected"], voice


def test_flat_out_and_idle_run(lab):
    result = bench("forward", "flat", "idle", "--intervals", 1, "--seconds", 1, "--phones", 20)
    assert result["flat"]["received"] > 0, result
    assert result["idle"][0]["phones"] == 20, result


def test_adoptions_are_timed(lab):
    result = bench("adopt", "--kills", 2, "--phones", 0, 20, "--rooms", 5, "--federated", 3)
    for kind, counts in (("phones", [0, 20]), ("rooms", [5]), ("federated", [3])):
        assert [step["count"] for step in result[kind]] == counts, result
        assert all(len(step["ms_each"]) == 2 and min(step["ms_each"]) > 0
                   for step in result[kind]), result


if __name__ == "__main__":
    main(globals())
