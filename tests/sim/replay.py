#!/usr/bin/env python3
"""Does the same seed play the same again, and another seed something else?

Usage: replay.py SIM. Each run is a process of its own, with other addresses, other content in
fresh memory, another environment and another order in hash tables; its last line has the digest of every message, datagram, end
of a connection and fault, in order and with its time.
"""
import os
import re
import subprocess
import sys

SHAPES = ("star", "tree", "ring", "chain", "random", "cliques")
MIXED = ["--relays", "7", "--originals", "2", "--hops", "8", "--trusting", "--hours", "1"]
OURS = ["--relays", "9", "--hours", "1"]


def begin(sim, arguments, again):
    """Starts one run; the second has its memory elsewhere."""
    env = dict(os.environ, MALLOC_PERTURB_="90" if again else "165", MALLOC_ARENA_TEST="1")
    if again:
        env.update(MALLOC_TOP_PAD_="999999", MALLOC_MMAP_THRESHOLD_="2000", PADDING="x" * 4321)
        arguments = [*arguments, "--table-key", "77"]
    return subprocess.Popen([sim, *arguments], env=env, text=True, stdout=subprocess.PIPE)


def trace(process):
    out, _ = process.communicate(timeout=250)
    found = re.findall(r"trace ([0-9a-f]{16})", out)
    if process.returncode != 0 or len(found) != 1:
        sys.exit(f"{process.args}: exit status {process.returncode}\n{out[-2000:]}")
    return found[0]


def main():
    sim, = sys.argv[1:]
    seen = {}
    for shape in SHAPES:
        for mix in (OURS, MIXED):
            for seed in ("3", "4"):
                arguments = ["--shape", shape, *mix, "--seed", seed]
                first, second = (trace(p) for p in [begin(sim, arguments, again)
                                                    for again in (False, True)])
                if first != second:
                    sys.exit(f"not the same again: {' '.join(arguments)}\n"
                             "compare what --verbose says in both runs")
                if first in seen:
                    sys.exit(f"the same, and should differ: {arguments} and {seen[first]}")
                seen[first] = arguments
    print(f"{len(seen)} runs, each the same twice, no two alike")


if __name__ == "__main__":
    main()
