"""What does a real server gain? Twisted's, over HTTPS, with wrk at the other end.

    make bench-server
    make bench-server ARGS="--rounds 1 --seconds 2"

The server runs on this package and on pyOpenSSL; wrk asks them in turns. Counted are requests, how
long they take, and what of the processor the server takes for each. wrk is a Debian package.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from measuring import identities, report, served, sides
from measuring.child import Child
from measuring.served import CASES, Case, Samples
from measuring.sides import OURS, REFERENCE

SCRIPT = Path(__file__).resolve().parent / "measuring" / "summary.lua"


@dataclass(frozen=True)
class Site:
    """A server that runs."""

    child: Child

    @property
    def _processor(self) -> float:
        """The seconds of processor, user's and system's, that the server has taken so far."""
        stat = Path(f"/proc/{self.child.process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def load(self, case: Case, seconds: float) -> dict[str, float]:
        """Let wrk ask for a while."""
        address = f"https://127.0.0.1:{self.child.greeting['port']}/{case.size}"
        headers = [] if case.keep_alive else ["--header", "Connection: close"]
        many = ["--threads", "1", "--connections", str(case.connections)]
        command = ["wrk", *many, "--duration", f"{seconds:g}s", *headers]
        before = self._processor
        out = subprocess.run(
            [*command, "--script", str(SCRIPT), address],
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        ).stdout
        took = self._processor - before
        said = json.loads(out.strip().splitlines()[-1])
        if said["refused"] or not said["requests"] or said["failed"] > said["requests"] / 1000:
            raise SystemExit(f"wrk has met errors:\n{out}")
        return {
            "rate": said["requests"] / said["seconds"],
            "median": said["median"],
            "p99": said["p99"],
            "cpu": took / said["requests"],
        }


def measure(sites: dict[str, Site], rounds: int, seconds: float) -> dict[str, Samples]:
    results: dict[str, Samples] = {
        case.name: {side: defaultdict(list) for side in sites} for case in CASES
    }
    for site in sites.values():
        for case in CASES:
            site.load(case, 1)  # warms up
    order = list(sites)
    for number in range(1, rounds + 1):
        print(f"Round {number} of {rounds}", file=sys.stderr)
        for case in CASES:
            for side in order:
                for quantity, value in sites[side].load(case, seconds).items():
                    results[case.name][side][quantity].append(value)
        order.reverse()
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare a real server on pyOpenSSL and on this.")
    sides.add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=6, help="(%(default)s)")
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement (%(default)s)")
    parser.add_argument("--write", action="store_true", help="into docs")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not there (Debian: apt-get install wrk).")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        identities.make(folder)
        sites = {
            side.name: Site(stack.enter_context(Child(side.python, "site", str(folder))))
            for side in sides.both(options)
        }
        found = {side: site.child.greeting for side, site in sites.items()}
        if found[OURS]["library"] == found[REFERENCE]["library"]:
            raise SystemExit("Both servers have the same library: there is nothing to compare.")
        results = measure(sites, options.rounds, options.seconds)
    served.show(results)
    if options.write:
        how = {"rounds": options.rounds, "seconds": options.seconds}
        report.publish(served.NAME, served.numbers(results, found, how), served.render)
    return 0


if __name__ == "__main__":
    sys.exit(main())
