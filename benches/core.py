"""Which share of the time is ours: the core beside libssl, called straight.

    make bench-core
    make bench-core ARGS="--rounds 3 --only message"

benches/core has the loops, which criterion runs. Here it is run shortly and several times over, so
that what else the machine does falls on both alike. Only a whole run changes the documentation.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from statistics import median

from measuring import report, straight
from measuring.straight import CORE, STRAIGHT, Times

HOME = report.ROOT / "target" / "criterion"
SHORT = [
    *("--warm-up-time", "0.2"),
    *("--measurement-time", "0.6"),
    *("--sample-size", "20"),
    *("--nresamples", "1000"),
    "--noplot",
    "--quiet",
]


def cargo(*arguments: str) -> None:
    command = [os.environ.get("CARGO", "cargo"), "bench", "--locked", "--features", "testing"]
    # It prints much of each row, but what matters is in its files.
    done = subprocess.run(
        [*command, "--bench", "core", *arguments],
        cwd=report.ROOT,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "CRITERION_HOME": str(HOME)},
    )
    if done.returncode != 0:
        raise SystemExit(done.stdout)


def read(since: float) -> dict[tuple[str, str], float]:
    """By row and side, as they were measured since then: the median of criterion's samples."""
    written = [(path.stat().st_mtime, path) for path in HOME.glob("*/*/new/sample.json")]
    found = {}
    for _, path in sorted(pair for pair in written if pair[0] >= since):
        sample = json.loads(path.read_text())
        about = json.loads(path.with_name("benchmark.json").read_text())
        times = [time / count for time, count in zip(sample["times"], sample["iters"])]
        found[about["group_id"], about["function_id"]] = median(times)
    return found


def measure(rounds: int, only: str) -> Times:
    cargo("--no-run")
    times: Times = defaultdict(lambda: {CORE: [], STRAIGHT: []})
    mark = HOME / "since"
    for number in range(1, rounds + 1):
        print(f"Round {number} of {rounds}", file=sys.stderr)
        HOME.mkdir(parents=True, exist_ok=True)
        mark.touch()
        cargo("--", *SHORT, *([only] if only else []))
        for (row, side), nanoseconds in read(mark.stat().st_mtime).items():
            times[row][side].append(nanoseconds)
    return times


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the core with libssl.")
    parser.add_argument("--rounds", type=int, default=6, help="(%(default)s)")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows with this in their names")
    parser.add_argument("--write", action="store_true", help="into docs")
    options = parser.parse_args()
    times = measure(options.rounds, options.only)
    if not times:
        raise SystemExit("No row has that in its name.")
    numbers = straight.numbers(times)
    straight.show(numbers)
    if options.write and not options.only:
        report.publish(straight.NAME, numbers, straight.render)
    return 0


if __name__ == "__main__":
    sys.exit(main())
