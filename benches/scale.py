"""Does what a connection costs stay the same, however many there are?

    make bench-scale
    make bench-scale ARGS="--most 1000"

One process holds 1, 10, 100, 1 000 and 10 000 connections; measured are its memory, and the time of
a message over each in turn. This package and pyOpenSSL do it side by side, each in its own process.
Only a run with all of them changes the documentation.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from measuring import identities, report, scaled, sides
from measuring.child import Child
from measuring.scaled import KINDS, Point
from measuring.sides import Side
from measuring.turns import describe

SIZES = (1, 10, 100, 1000, 10_000)
TURNS = 7
MESSAGES = 200  # at least, in one turn
SPARE = 100  # descriptors, beside one for each connection


class Crowd:
    """A process with connections, and, where they are servers, another with their clients."""

    def __init__(self, side: Side, kind: str, folder: Path) -> None:
        address = str(folder / f"{side.name}-{kind}")
        self.points: list[Point] = []
        self._stack = ExitStack()
        self._child = Child(side.python, "crowd", kind, str(folder), address)
        self._stack.enter_context(self._child)
        self._clients = None
        self.most = SIZES[-1]
        if kind == "sockets":
            # The same for all sides, so that only the servers differ.
            self._clients = Child(sys.executable, "crowd_clients", address)
            self._stack.enter_context(self._clients)
            self.most = min(self._child.greeting["descriptors"], SIZES[-1] + SPARE) - SPARE

    def close(self) -> None:
        self._stack.close()

    def grow(self, size: int) -> float:
        """Returns the seconds that it took."""
        if self._clients:
            self._clients.tell(grow=size)
        answer = self._child.ask(grow=size)
        if self._clients:
            self._clients.hear()
        return float(answer["cost"])

    def memory(self) -> float:
        """The bytes that all connections take."""
        return float(self._child.ask(memory=True)["memory"])

    def message(self, size: int) -> tuple[float, float]:
        """The seconds of time and of processor for one message."""
        cycles = -(-MESSAGES // size)
        if not self._clients:
            answer = self._child.ask(message=cycles)
            return answer["cost"] / cycles / size, answer["cpu"] / cycles / size
        cost = cpu = 0.0
        for _ in range(cycles):
            # One for each: of several, some might be received together.
            self._clients.ask(send=True)
            answer = self._child.ask(message=1)
            self._clients.ask(receive=True)
            cost += answer["cost"]
            cpu += answer["cpu"]
        return cost / cycles / size, cpu / cycles / size


def measure(crowds: list[Crowd], size: int) -> None:
    """Grow all crowds to a size, and measure them in turns."""
    grown = [crowd.grow(size) for crowd in crowds]
    samples: list[list[tuple[float, float]]] = [[] for _ in crowds]
    for turn in range(TURNS + 1):
        for number in range(len(crowds)):
            which = (number + turn) % len(crowds)
            sample = crowds[which].message(size)
            if turn > 0:  # the first one warms up
                samples[which].append(sample)
    for crowd, seconds, taken in zip(crowds, grown, samples):
        memory = crowd.memory()
        last = crowd.points[-1] if crowd.points else Point(0, 0, 0, 0, 0, 0)
        more = size - last.size
        cost, cpu = (median(values) for values in zip(*taken))
        crowd.points.append(
            Point(size, memory, (memory - last.memory) / more, seconds / more, cost, cpu)
        )


def run(kind: str, subjects: list[Side], sizes: list[int], folder: Path) -> dict[str, list[Point]]:
    print(f"\n{KINDS[kind]}\n")
    print(f"{'':>12}" + "".join(f"{side.name:>42}" for side in subjects))
    head = f"{'each added':>14}{'message':>12}{'cpu':>10}{'':>6}"
    print(f"{'connections':>12}" + head * len(subjects))
    crowds = []
    try:
        crowds += [Crowd(side, kind, folder) for side in subjects]
        for size in sizes:
            if any(size > crowd.most for crowd in crowds):
                print(f"{size:>12,}  needs more descriptors than this process may have")
                continue
            measure(crowds, size)
            cells = ""
            for point in (crowd.points[-1] for crowd in crowds):
                cells += f"{point.added / 1024:>10.1f} KiB{point.message * 1e6:>9.2f} µs"
                cells += f"{point.cpu * 1e6:>7.2f} µs{'':>6}"
            print(f"{size:>12,}{cells}", flush=True)
    finally:
        for crowd in crowds:
            crowd.close()
    return {side.name: crowd.points for side, crowd in zip(subjects, crowds)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure many connections.")
    sides.add_arguments(parser)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="connections (%(default)s)")
    parser.add_argument("--only", choices=list(KINDS), help="one kind of connection")
    parser.add_argument("--write", action="store_true", help="into docs")
    options = parser.parse_args()
    subjects = sides.both(options)
    sizes = [size for size in SIZES if size <= options.most]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        identities.make(folder)
        found = describe(subjects, folder)
        kinds = [options.only] if options.only else list(KINDS)
        results = {kind: run(kind, subjects, sizes, folder) for kind in kinds}
    if options.write and sizes == list(SIZES) and not options.only:
        numbers = scaled.numbers(results, found)
        scaled.picture(report.publish(scaled.NAME, numbers, scaled.render))
    return 0


if __name__ == "__main__":
    sys.exit(main())
