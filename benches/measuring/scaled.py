"""The numbers, tables and picture of what many connections cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from measuring import report
from measuring.sides import OURS, REFERENCE

KINDS = {
    "memory": "Pairs in memory: a message to the server and its answer",
    "sockets": "Servers on sockets: a message received and answered",
}

NAME = "scale"


@dataclass(frozen=True)
class Point:
    """What was measured with so many connections."""

    size: int
    memory: float  # bytes, of all connections
    added: float  # bytes, for each connection more than at the point before
    handshake: float  # seconds
    message: float  # seconds
    cpu: float  # seconds of processor for a message


Points = dict[str, list[Point]]


def numbers(results: dict[str, Points], found: dict[str, Any]) -> dict[str, Any]:
    """Everything, in bytes and seconds."""
    kinds = {
        kind: {side: [asdict(point) for point in of_side] for side, of_side in points.items()}
        for kind, points in results.items()
    }
    return {"machine": report.machine(), "libraries": found, "kinds": kinds}


def table(points: dict[str, Any]) -> str:
    header = ["connections"]
    for what in ("memory of each more", "message", "processor", "handshake"):
        header += [f"{what}, here", "pyOpenSSL"]
    rows = []
    for pair in zip(points[OURS], points[REFERENCE]):
        cells = [f"{pair[0]['size']:,}".replace(",", " ")]
        cells += [f"{point['added'] / 1024:,.1f} KiB" for point in pair]
        cells += [f"{point['message'] * 1e6:.1f} µs" for point in pair]
        cells += [f"{point['cpu'] * 1e6:.1f} µs" for point in pair]
        cells += [f"{point['handshake'] * 1e3:.2f} ms" for point in pair]
        rows.append(cells)
    return report.markdown(header, rows)


def render(numbers: dict[str, Any]) -> dict[Path, str]:
    """What stands in the page."""
    parts = [f"{KINDS[kind]}:\n\n{table(points)}" for kind, points in numbers["kinds"].items()]
    return {report.PAGE: "\n\n".join([*parts, report.on_what(numbers["machine"]) + "."])}


def picture(numbers: dict[str, Any]) -> None:
    from measuring import plot

    panels = []
    for kind, points in numbers["kinds"].items():
        where = "in memory" if kind == "memory" else "on sockets"
        sides = {"here": points[OURS], "pyOpenSSL": points[REFERENCE]}
        memory = {
            label: [(point["size"], point["added"] / 1024) for point in of_side]
            for label, of_side in sides.items()
        }
        processor = {
            label: [(point["size"], point["cpu"] * 1e6) for point in of_side]
            for label, of_side in sides.items()
        }
        panels += [(f"KiB of each, {where}", memory), (f"µs a message, {where}", processor)]
    plot.lines(report.FOLDER / f"{NAME}.png", panels, "connections")
