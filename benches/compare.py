"""How fast is it, beside pyOpenSSL and the standard library's `ssl`?

    make bench
    make bench ARGS="--quick"
    make bench ARGS="--only message --only bulk --turns 30"

measuring/turns.py says how it is measured. Only a whole run writes documentation.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from os import path
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent))

from measuring import identities
from measuring.rows import ROWS, Row
from measuring.turns import Result, Side, compare, describe

OURS, REFERENCE, STDLIB = "ours", "pyOpenSSL", "ssl"
WIDTHS = (27, 15, 15, 15, 9, 15, 7, 9, 16)
HEADER = ("", OURS, REFERENCE, STDLIB, "ratio", "middle half", "cpu", "to ssl", "aim")


def line(cells: tuple[str, ...]) -> str:
    first, *others = (f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS))
    return first.strip().ljust(WIDTHS[0]) + "".join(others)


def middle_half(values: list[float]) -> tuple[float, float]:
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return ordered[quarter], ordered[-1 - quarter]


def show(result: Result) -> str:
    row = result.row
    ratios = result.ratios(OURS, REFERENCE)
    ratio = median(ratios)
    low, high = middle_half(ratios)
    cpu = result.cpu_ratio(OURS, REFERENCE)
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
            f"{median(result.ratios(OURS, STDLIB)):.2f}x" if has_stdlib else "",
            f"{row.goal:g} ({row.floor:g}) {row.reached(ratio)}",
        )
    )


def selected(texts: list[str]) -> list[Row]:
    rows = [row for row in ROWS if not texts or any(text in row.name for text in texts)]
    if not rows:
        raise SystemExit("No row has that in its name. There are: " + "; ".join(r.name for r in ROWS))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare with pyOpenSSL and with ssl.")
    parser.add_argument("--ours", type=path.abspath, default=sys.executable, help="a Python that has this package")
    parser.add_argument("--reference", type=path.abspath, required=True, help="a Python that has pyOpenSSL itself")
    parser.add_argument("--no-ssl", action="store_true", help="leave the standard library out")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="rows with this in their names"
    )
    parser.add_argument("--passes", type=int, default=3, help="with new processes (%(default)s)")
    parser.add_argument("--turns", type=int, default=10, help="in each pass (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="one pass of five turns")
    options = parser.parse_args()
    passes, turns = (1, 5) if options.quick else (options.passes, options.turns)
    sides = [Side(OURS, options.ours, "OpenSSL"), Side(REFERENCE, options.reference, "OpenSSL")]
    if not options.no_ssl:
        sides.append(Side(STDLIB, options.ours, "ssl"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        identities.make(folder)
        for side, found in describe(sides, folder).items():
            print(f"{side:<12}{found['library']} {found['version']}, {found['openssl']}")
        print("\n" + line(HEADER))
        for result in compare(selected(options.only), sides, folder, passes, turns):
            print(show(result), flush=True)
    print("\nRatio: how many times the cost of pyOpenSSL is ours; for memory, ours to pyOpenSSL's.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
