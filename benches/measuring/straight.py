"""What was measured of the core beside libssl: numbers and table."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from measuring import report

NAME = "core"
CORE, STRAIGHT = "core", "straight"

# For each row and side, the nanoseconds of one repetition in each round.
Times = dict[str, dict[str, list[float]]]


def numbers(times: Times) -> dict[str, Any]:
    rows = {}
    for name in times:
        core, straight = times[name][CORE], times[name][STRAIGHT]
        rows[name] = {
            "nanoseconds": {CORE: median(core), STRAIGHT: median(straight)},
            "ratio": median(mine / bare for mine, bare in zip(core, straight)),
            "rounds": len(core),
        }
    return {"machine": report.machine(), "rows": rows}


def duration(nanoseconds: float) -> str:
    for unit, scale in (("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= scale:
            return f"{nanoseconds / scale:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"


def cells(row: dict[str, Any]) -> list[str]:
    core, straight = (duration(row["nanoseconds"][side]) for side in (CORE, STRAIGHT))
    share = 1 - 1 / row["ratio"]
    return [core, straight, f"{row['ratio']:.3f}", f"{share:.1%}"]


def show(numbers: dict[str, Any]) -> None:
    print(f"{'':<28}{'core':>12}{'libssl':>12}{'ratio':>12}{'ours':>12}")
    for name, row in numbers["rows"].items():
        print(f"{name:<28}" + "".join(f"{cell:>12}" for cell in cells(row)))


def render(numbers: dict[str, Any]) -> dict[Path, str]:
    """What stands in the page."""
    header = ["", "core", "libssl", "core / libssl", "share that is ours"]
    table = report.markdown(header, [[name, *cells(row)] for name, row in numbers["rows"].items()])
    return {report.PAGE: f"{table}\n\n{report.on_what(numbers['machine'])}."}
