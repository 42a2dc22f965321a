"""The comparison's numbers, tables and picture."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from measuring import report
from measuring.rows import BY_NAME
from measuring.sides import OURS, REFERENCE, STDLIB
from measuring.turns import Result, middle_half

NAME = "compare"


def numbers(results: list[Result], found: dict[str, Any], how: dict[str, int]) -> dict[str, Any]:
    """Everything. Costs are of one repetition."""
    return {
        "machine": report.machine(),
        "libraries": found,
        "how": how,
        "rows": {result.row.name: row(result) for result in results},
    }


def row(result: Result) -> dict[str, Any]:
    ratios = {side: result.ratios(side) for side in result.samples}
    return {
        "cost in": "bytes" if result.row.is_memory else "seconds",
        "cost": {side: result.cost(side) for side in result.samples},
        "ratio": {side: median(values) for side, values in ratios.items()},
        "ratio, middle half": {side: middle_half(values) for side, values in ratios.items()},
        "ratio of processor time": {side: result.cpu_ratio(side) for side in result.samples},
    }


def times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}"


def full_table(rows: dict[str, Any]) -> str:
    header = ["", "here", "pyOpenSSL", "ratio", "middle half", "processor", "`ssl`"]
    lines = []
    for name, measured in rows.items():
        shown = {side: BY_NAME[name].unit.show(cost) for side, cost in measured["cost"].items()}
        low, high = measured["ratio, middle half"][OURS]
        lines.append(
            [
                name,
                shown[OURS],
                shown[REFERENCE],
                times(measured["ratio"][OURS]),
                f"{times(low)} to {times(high)}",
                times(measured["ratio of processor time"][OURS]),
                shown[STDLIB],
            ]
        )
    return report.markdown(header, lines)


def short_table(rows: dict[str, Any]) -> str:
    lines = []
    for name, measured in rows.items():
        shown = {side: BY_NAME[name].unit.show(cost) for side, cost in measured["cost"].items()}
        ratio = times(measured["ratio"][OURS])
        lines.append([name, shown[OURS], shown[REFERENCE], ratio, shown[STDLIB]])
    return report.markdown(["", "here", "pyOpenSSL", "ratio", "`ssl`"], lines)


def caption(numbers: dict[str, Any]) -> str:
    found = numbers["libraries"]

    def version(side: str) -> str:
        return " ".join(found[side]["openssl"].split()[:2])

    ours, theirs, stdlib = version(OURS), version(REFERENCE), version(STDLIB)
    reference = f"pyOpenSSL {found[REFERENCE]['version']}"
    same = f"{ours} here{'' if ours == theirs else f', {theirs}'} and in {reference}"
    where = report.on_what(numbers["machine"])
    return f"Python {found[OURS]['python']}; {same}, {stdlib} in `ssl`. {where}."


def render(numbers: dict[str, Any]) -> dict[Path, str]:
    """What stands in the pages."""
    said = caption(numbers)
    return {
        report.PAGE: f"{full_table(numbers['rows'])}\n\n{said}",
        report.README: f"{short_table(numbers['rows'])}\n\n{said}",
    }


def picture(numbers: dict[str, Any]) -> None:
    from measuring import plot

    rows = numbers["rows"]
    plot.ratios(
        report.FOLDER / f"{NAME}.png",
        "Times as fast as pyOpenSSL, and times as small",
        list(rows),
        {
            label: [measured["ratio"][side] for measured in rows.values()]
            for label, side in (("here", OURS), ("ssl", STDLIB))
        },
    )
