"""How fast is it, beside pyOpenSSL and the standard library's `ssl`?

    make bench
    make bench ARGS="--quick"
    make bench ARGS="--only message --only bulk --turns 30"

measuring/turns.py says how it is measured. Only a whole run changes the documentation.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

from measuring import compared, identities, report, sides
from measuring.rows import ROWS, Row
from measuring.sides import OURS, REFERENCE, STDLIB, Side
from measuring.turns import Result, compare, describe, middle_half

HEADER = ("", OURS, REFERENCE, STDLIB, "ratio", "middle half", "cpu", "to ssl", "aim")
WIDTHS = (27, 15, 15, 15, 9, 15, 7, 9, 20)


def line(cells: tuple[str, ...]) -> str:
    first, *others = (f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS))
    return first.strip().ljust(WIDTHS[0]) + "".join(others)


def show(result: Result) -> str:
    row = result.row
    ratios = result.ratios(OURS)
    ratio = median(ratios)
    low, high = middle_half(ratios)
    cpu = result.cpu_ratio(OURS)
    has_stdlib = STDLIB in result.samples
    return line(
        (
            row.name,
            row.unit.show(result.cost(OURS)),
            row.unit.show(result.cost(REFERENCE)),
            row.unit.show(result.cost(STDLIB)) if has_stdlib else "",
            f"{ratio:.2f}x",
            f"{low:.2f} to {high:.2f}",
            f"{cpu:.2f}" if cpu else "",
            f"{ratio / median(result.ratios(STDLIB)):.2f}x" if has_stdlib else "",
            f"{row.goal:.3g} ({row.floor:.3g}) {row.reached(ratio)}",
        )
    )


def selected(texts: list[str]) -> list[Row]:
    rows = [row for row in ROWS if not texts or any(text in row.name for text in texts)]
    if not rows:
        raise SystemExit("There is no such row. There are: " + "; ".join(row.name for row in ROWS))
    return rows


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare with pyOpenSSL and with ssl.")
    sides.add_arguments(parser)
    parser.add_argument("--no-ssl", action="store_true", help="leave the standard library out")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="rows with this in their names"
    )
    parser.add_argument("--passes", type=int, default=4, help="with new processes (%(default)s)")
    parser.add_argument("--turns", type=int, default=12, help="in each pass (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="one pass of five turns")
    parser.add_argument("--check", action="store_true", help="fail if a row is below its floor")
    parser.add_argument("--write", action="store_true", help="into README.md and docs")
    options = parser.parse_args()
    if options.quick:
        options.passes, options.turns = 1, 5
    if options.quick or options.only or options.no_ssl:
        options.write = False
    return options


def main() -> int:
    options = arguments()
    subjects = sides.both(options)
    if not options.no_ssl:
        subjects.append(Side(STDLIB, options.ours, "ssl"))
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        identities.make(folder)
        found = describe(subjects, folder)
        for side, described in found.items():
            print(
                f"{side:<12}{described['library']} {described['version']}, {described['openssl']}"
            )
        print("\n" + line(HEADER))
        for result in compare(
            selected(options.only), subjects, folder, options.passes, options.turns
        ):
            results.append(result)
            print(show(result), flush=True)
    print("\nRatio: how many times our cost pyOpenSSL's is; cpu: the same for processor time.")
    if options.write:
        how = {"passes": options.passes, "turns": options.turns}
        numbers = compared.numbers(results, found, how)
        compared.picture(report.publish(compared.NAME, numbers, compared.render))
    below = [
        result for result in results if result.row.reached(median(result.ratios(OURS))) == "below"
    ]
    return 1 if options.check and below else 0


if __name__ == "__main__":
    sys.exit(main())
