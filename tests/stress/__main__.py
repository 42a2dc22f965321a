"""Runs stress programs, one after the other, and says what they have done.

Without programs, all of them. With --write, a program that has run with its full counts replaces
its file and its table in docs.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import time
from typing import Any

import pytest

from stress import program, report

DESCRIPTION = "Run programs that load, disturb and mislead the library."


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stress", description=DESCRIPTION)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=", ".join(program.NAMES))
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--short", action="store_true", help="the counts of the test suite")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", type=setting)
    parser.add_argument("--seconds", type=float, help="of each run that is measured in them")
    parser.add_argument("--write", action="store_true", help="full counts into docs")
    options = parser.parse_args()
    options.programs = options.programs or program.NAMES
    for name in options.programs:
        if name not in program.NAMES:
            parser.error(f"there is no program {name}; there are {', '.join(program.NAMES)}")
        unknown = dict(options.set).keys() - inspect.signature(program.find(name).run).parameters
        if unknown:
            parser.error(f"{name} has no {' or '.join(unknown)} to set")
    return options


def setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, float(value) if "." in value else int(value)


def runs_of(name: str, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The runs of a program, by what makes each different: its counts."""
    found = program.find(name)
    runs: dict[str, dict[str, Any]] = {}
    for label, counts in (found.short if options.short else found.full).items():
        changed = {**counts, **dict(options.set)}
        if "seconds" in counts and options.seconds and not options.short:
            changed["seconds"] = options.seconds
        if changed not in runs.values():
            runs[label] = changed
    return runs


def main() -> int:
    options = parse()
    done: dict[str, report.Results] = {}
    failed = []
    for name in options.programs:
        found = program.find(name)
        runs = runs_of(name, options)
        results: report.Results = {}
        for label, counts in runs.items():
            what = f"{name}: {label}" if label else name
            print(f"{what}, seed {options.seed}, {counts}", flush=True)
            try:
                results[label] = program.run(name, options.seed, counts, found.limit)
            except pytest.fail.Exception as failure:
                print(failure, flush=True)
                failed.append(what)
        if results:
            done[name] = results
        if options.write and runs == found.full and results.keys() == runs.keys():
            report.publish(name, options.seed, runs, results)
    for name, results in done.items():
        print(f"\n{name}\n{report.plain(results)}")
    print(f"\nFAILED: {'; '.join(failed)}" if failed else "\nAll ended as they must.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
