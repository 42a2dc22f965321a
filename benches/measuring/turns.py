"""Taking turns: each subject in a process of its own, one at a time, round after round.

So whatever else the machine does falls on all of them alike. Processes are started anew for each
pass, because where a process's memory happens to lie makes it faster or slower for all its life.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from measuring.rows import IMPORT, MEMORY, Row

BENCHES = Path(__file__).resolve().parent.parent
SAMPLE = 0.05  # seconds that one measurement takes at least
PAIRS = 300  # of connections, whose memory is measured

IMPORTING = """\
import time
wall, cpu = time.perf_counter(), time.process_time()
import {module}
print([time.perf_counter() - wall, time.process_time() - cpu])
"""


def environment() -> dict[str, str]:
    """Ours, without what would have all children load the same package."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@dataclass(frozen=True)
class Side:
    """One of those compared: a library, and the interpreter that has it."""

    name: str
    python: str
    kind: str

    @property
    def module(self) -> str:
        return "OpenSSL.SSL" if self.kind == "OpenSSL" else self.kind


@dataclass(frozen=True)
class Measurement:
    """The cost of one repetition."""

    cost: float  # seconds of time, or bytes of memory
    cpu: float | None  # seconds of processor, of user and system together


class Worker:
    """A child process with one library in it."""

    def __init__(self, side: Side, identities: Path) -> None:
        self._process = subprocess.Popen(
            [side.python, "-m", "measuring.worker", side.kind, str(identities)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=BENCHES,
            env=environment(),
        )
        self.description: dict[str, str] = self._read()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _read(self) -> dict[str, str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("A worker has ended; what it said is above.")
        answer: dict[str, str] = json.loads(line)
        return answer

    def run(self, row: Row, number: int) -> Measurement:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"row": row.name, "number": number}) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        cpu = float(answer["cpu"]) / number if "cpu" in answer else None
        return Measurement(float(answer["cost"]) / number, cpu)


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
        with Worker(self._side, self._identities) as worker:
            return worker.run(MEMORY, PAIRS)


Samples = dict[str, list[Measurement]]


@dataclass
class Result:
    """All measurements of a row: for each side as many, those of one turn at the same place."""

    row: Row
    samples: Samples = field(default_factory=dict)

    def cost(self, side: str) -> float:
        return median(sample.cost for sample in self.samples[side])

    def ratios(self, ours: str, theirs: str) -> list[float]:
        """How many times as much the other costs, in each turn; for memory, the other way round."""
        turns = zip(self.samples[ours], self.samples[theirs])
        if self.row.is_memory:
            return [mine.cost / other.cost for mine, other in turns]
        return [other.cost / mine.cost for mine, other in turns]

    def cpu_ratio(self, ours: str, theirs: str) -> float | None:
        """The same for the time of the processor, in the middle."""
        ratios = [
            other.cpu / mine.cpu
            for mine, other in zip(self.samples[ours], self.samples[theirs])
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
                worker = stack.enter_context(Worker(side, identities))
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
            found[side.name] = worker.description
    return found
