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


def cells(samples: Samples) -> list[str]:
    """For each quantity ours and theirs; then the ratios of the rates and of processor time."""
    pair = (samples[OURS], samples[REFERENCE])
    shown = [f"{median(side['rate']):.0f} /s" for side in pair]
    shown += [f"{median(side['median']) * 1e3:.2f} ms" for side in pair]
    shown += [f"{median(side['p99']) * 1e3:.2f} ms" for side in pair]
    shown += [f"{median(side['cpu']) * 1e6:.0f} µs" for side in pair]
    ours, theirs = pair
    shown.append(f"{median(us / them for us, them in zip(ours['rate'], theirs['rate'])):.2f}")
    shown.append(f"{median(them / us for us, them in zip(ours['cpu'], theirs['cpu'])):.2f}")
    return shown


HEADER = [
    "",
    "requests, here",
    "pyOpenSSL",
    "median, here",
    "pyOpenSSL",
    "p99, here",
    "pyOpenSSL",
    "processor, here",
    "pyOpenSSL",
    "requests, ratio",
    "processor, ratio",
]


def show(results: dict[str, Samples]) -> None:
    for case, samples in results.items():
        print(f"\n{case}")
        for title, cell in zip(HEADER[1:], cells(samples)):
            print(f"  {title:<20}{cell:>12}")


def numbers(results: dict[str, Samples], found: dict[str, Any], how: Any) -> dict[str, Any]:
    return {"machine": report.machine(), "libraries": found, "how": how, "cases": results}


def render(numbers: dict[str, Any]) -> dict[Path, str]:
    """What stands in the page."""
    lines = [[case, *cells(samples)] for case, samples in numbers["cases"].items()]
    twisted = numbers["libraries"][OURS]["twisted"]
    where = f"Twisted {twisted}. {report.on_what(numbers['machine'])}."
    return {report.PAGE: f"{report.markdown(HEADER, lines)}\n\n{where}"}
