"""What was measured of a server: cases, numbers, tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from measuring import report
from measuring.sides import OURS, REFERENCE


@dataclass(frozen=True)
class Case:
    """What the clients do."""

    name: str
    size: int  # bytes of the page
    keep_alive: bool
    connections: int = 16


CASES = [
    Case("keep-alive, 1 KiB", 1024, True),
    Case("keep-alive, 64 KiB", 65536, True),
    Case("a connection for each request, 1 KiB", 1024, False),
]


# What is measured, and in what:
#   rate    requests in a second
#   median  seconds that a request takes
#   p99     seconds; one request of a hundred takes longer
#   cpu     seconds of the server's processor for a request
# For each side and quantity, the values of all rounds.
Samples = dict[str, dict[str, list[float]]]
NAME = "server"


HEADER = ["", "here", "pyOpenSSL", "ratio"]


def rows(samples: Samples) -> list[list[str]]:
    """For each quantity ours, theirs, and how many times ours is the better one."""
    ours, theirs = samples[OURS], samples[REFERENCE]
    shown = []
    for name, quantity, scale, unit in (
        ("requests", "rate", 1, "/s"),
        ("median", "median", 1e3, "ms"),
        ("p99", "p99", 1e3, "ms"),
        ("processor", "cpu", 1e6, "µs"),
    ):
        digits = 2 if unit == "ms" else 0
        costs = [f"{median(side[quantity]) * scale:.{digits}f} {unit}" for side in (ours, theirs)]
        rounds = zip(ours[quantity], theirs[quantity])
        better = [us / them if quantity == "rate" else them / us for us, them in rounds]
        shown.append([name, *costs, f"{median(better):.2f}"])
    return shown


def show(results: dict[str, Samples]) -> None:
    for case, samples in results.items():
        print(f"\n{case}")
        for name, *costs in rows(samples):
            print(f"  {name:<12}" + "".join(f"{cost:>12}" for cost in costs))


def numbers(results: dict[str, Samples], found: dict[str, Any], how: Any) -> dict[str, Any]:
    return {"machine": report.machine(), "libraries": found, "how": how, "cases": results}


def render(numbers: dict[str, Any]) -> dict[Path, str]:
    """What stands in the page."""
    lines = []
    for case, samples in numbers["cases"].items():
        lines.append([f"**{case}**", "", "", ""])
        lines += rows(samples)
    twisted = numbers["libraries"][OURS]["twisted"]
    where = f"Twisted {twisted}. {report.on_what(numbers['machine'])}."
    return {report.PAGE: f"{report.markdown(HEADER, lines)}\n\n{where}"}
