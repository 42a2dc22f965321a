"""Taking turns: each subject in a process of its own, one at a time, round after round.

So whatever else the machine does falls on all of them alike. Processes are started anew for each
pass, because where a process's memory happens to lie makes it faster or slower for all its life.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from measuring.child import Child, environment
from measuring.rows import IMPORT, MEMORY, Row
from measuring.sides import OURS, REFERENCE, Side

SAMPLE = 0.05  # seconds that one measurement takes at least
PAIRS = 300  # of connections, whose memory is measured


IMPORTING = """\
import time
wall, cpu = time.perf_counter(), time.process_time()
import {module}
print([time.perf_counter() - wall, time.process_time() - cpu])
"""


@dataclass(frozen=True)
class Measurement:
    """The cost of one repetition."""

    cost: float  # seconds of time, or bytes of memory
    cpu: float | None  # seconds of processor, of user and system together


class Worker(Child):
    """A child process with one library in it."""

    def __init__(self, side: Side, identities: Path) -> None:
        super().__init__(side.python, "worker", side.kind, str(identities))

    def run(self, row: Row, number: int) -> Measurement:
        answer = self.ask(row=row.name, number=number)
        cpu = answer["cpu"] / number if "cpu" in answer else None
        return Measurement(answer["cost"] / number, cpu)


class Repeated:
    """A row that a worker repeats as often as makes one measurement."""

    def __init__(self, row: Row, worker: Worker) -> None:
        self._row = row
        self._worker = worker
        self._number = 1
        while (seconds := worker.run(row, self._number).cost * self._number) < SAMPLE:
            enough = int(self._number * 1.1 * SAMPLE / max(seconds, 1e-9))
            self._number = min(max(2 * self._number, enough), 100 * self._number)

    def measure(self) -> Measurement:
        return self._worker.run(self._row, self._number)


class Import:
    """A fresh interpreter for each measurement, which imports a module."""

    def __init__(self, side: Side) -> None:
        self._command = [side.python, "-c", IMPORTING.format(module=side.module)]

    def measure(self) -> Measurement:
        out = subprocess.run(
            self._command, check=True, text=True, stdout=subprocess.PIPE, env=environment()
        ).stdout
        cost, cpu = json.loads(out)
        return Measurement(cost, cpu)


class Memory:
    """A fresh process for each measurement, which makes pairs of connections."""

    def __init__(self, side: Side, identities: Path) -> None:
        self._side = side
        self._identities = identities

    def measure(self) -> Measurement:
        worker = Worker(self._side, self._identities)
        with worker:
            return worker.run(MEMORY, PAIRS)


def middle_half(values: list[float]) -> tuple[float, float]:
    """The first and the third quartile."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return ordered[quarter], ordered[-1 - quarter]


Samples = dict[str, list[Measurement]]


@dataclass
class Result:
    """All measurements of a row: for each side as many, those of one turn at the same place."""

    row: Row
    samples: Samples = field(default_factory=dict)

    def cost(self, side: str) -> float:
        return median(sample.cost for sample in self.samples[side])

    def ratios(self, side: str) -> list[float]:
        """How many times as much the reference costs, in each turn."""
        turns = zip(self.samples[side], self.samples[REFERENCE])
        return [other.cost / mine.cost for mine, other in turns]

    def cpu_ratio(self, side: str) -> float | None:
        """The same for the time of the processor, in the middle."""
        ratios = [
            other.cpu / mine.cpu
            for mine, other in zip(self.samples[side], self.samples[REFERENCE])
            if mine.cpu and other.cpu
        ]
        return median(ratios) if ratios else None


def take_turns(row: Row, sides: list[Side], identities: Path, turns: int) -> Samples:
    """Measure a row with each side in each turn; who begins changes, too."""
    samples: Samples = {side.name: [] for side in sides}
    with ExitStack() as stack:
        subjects: dict[str, Repeated | Import | Memory] = {}
        for side in sides:
            if row is IMPORT:
                subjects[side.name] = Import(side)
            elif row is MEMORY:
                subjects[side.name] = Memory(side, identities)
            else:
                worker = Worker(side, identities)
                stack.enter_context(worker)
                subjects[side.name] = Repeated(row, worker)
        if row is IMPORT:
            for subject in subjects.values():
                subject.measure()  # into the file system's cache
        if row is MEMORY:
            turns = max(1, turns // 5)  # it hardly varies
        names = list(subjects)
        for turn in range(turns):
            shift = turn % len(names)
            for name in names[shift:] + names[:shift]:
                samples[name].append(subjects[name].measure())
    return samples


def compare(
    rows: list[Row], sides: list[Side], identities: Path, passes: int, turns: int
) -> Iterator[Result]:
    """Measure all rows in each pass; a row's result comes out in the last pass."""
    results = {row.name: Result(row, {side.name: [] for side in sides}) for row in rows}
    for number in range(1, passes + 1):
        if passes > 1:
            print(f"Pass {number} of {passes}", file=sys.stderr)
        for row in rows:
            for name, samples in take_turns(row, sides, identities, turns).items():
                results[row.name].samples[name] += samples
            if number == passes:
                yield results[row.name]


def describe(sides: list[Side], identities: Path) -> dict[str, dict[str, str]]:
    """What each side's library says of itself."""
    found = {}
    for side in sides:
        with Worker(side, identities) as worker:
            found[side.name] = worker.greeting
    kinds = {name: described["library"] for name, described in found.items()}
    if kinds[OURS] == kinds[REFERENCE]:
        raise SystemExit(f"Both interpreters have {kinds[OURS]}: there is nothing to compare.")
    return found
