"""Every case in `cases/` observes the same with pyOpenSSL and with this package.

Differences that are meant stand in `expected.txt`, one line each; one that does not occur is a
failure too.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from twins import HERE, OURS, REFERENCE, REFERENCE_VERSION, matches, on_each, read_list, start

MODULES = sorted((HERE / "cases").glob("*.py"))

#: The labels of a case that did not come to its end.
ENDS = ("crash", "hang")

Observation = dict[str, Any]


class Run(NamedTuple):
    """What one interpreter printed for one module."""

    implementation: dict[str, str]
    cases: dict[str, dict[str, Any]]


class Difference(NamedTuple):
    """One label with two answers; None where a side has no such observation."""

    label: str
    reference: Observation | None
    ours: Observation | None

    def __str__(self) -> str:
        theirs, ours = _shown(self.reference), _shown(self.ours)
        return f"{self.label}\n  pyOpenSSL: {theirs}\n  here:      {ours}"


def _shown(seen: Observation | None) -> str:
    if seen is None:
        return "nothing"
    told = "".join(f"\n             with {text}" for text in seen.get("warnings", ()))
    return f"{seen['value']}{seen.get('args', '')} {seen.get('signal', '')}".rstrip() + told


def _start(python: Path, *arguments: str) -> list[dict[str, Any]]:
    done = start(python, str(HERE / "runner.py"), *arguments)
    if done.returncode:
        pytest.fail(f"the runner failed with {python}:\n{done.stderr}", pytrace=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


@functools.cache
def _names() -> list[tuple[Path, str]]:
    lines = _start(OURS, "--list", *map(str, MODULES))[1:]
    paths = {path.stem: path for path in MODULES}
    return [(paths[line["module"]], line["case"]) for line in lines]


@functools.cache
def _runs(path: Path) -> tuple[Run, Run]:
    """The module's cases run by the reference and by us, at the same time."""
    if not REFERENCE.exists():
        pytest.fail(
            f"no interpreter with pyOpenSSL at {REFERENCE}: run `make reference`",
            pytrace=False,
        )
    outputs = on_each(lambda python: _start(python, str(path)), REFERENCE, OURS)
    reference, ours = (
        Run(lines[0], {line["case"]: line for line in lines[1:]}) for lines in outputs
    )
    return reference, ours


class Expected(NamedTuple):
    """A line of `expected.txt`: in these cases these labels differ, as that row says."""

    cases: str
    labels: str
    row: str

    def is_about(self, path: Path, case: str) -> bool:
        return matches(self.cases, f"{path.stem}.{case}")

    def covers(self, difference: Difference) -> bool:
        return matches(self.labels, difference.label)


@functools.cache
def _expected() -> list[Expected]:
    return [Expected(*parts) for parts in read_list(HERE / "expected.txt")]


def differences(reference: list[Observation], ours: list[Observation]) -> list[Difference]:
    """Compare by label, then the order of the labels both sides have.

    A side that crashed or hangs has no more to say; what only the other has does not count.
    """
    theirs, mine = ({seen["label"]: seen for seen in side} for side in (reference, ours))
    found = []
    for label in [*theirs, *(label for label in mine if label not in theirs)]:
        difference = Difference(label, theirs.get(label), mine.get(label))
        cut_short = (label not in theirs and ended(reference)) or (
            label not in mine and ended(ours)
        )
        if not _equal(*difference[1:]) and (label in ENDS or not cut_short):
            found.append(difference)
    order, other = (
        [seen for seen in side if seen in theirs and seen in mine] for side in (theirs, mine)
    )
    if order != other:
        shown = ({"value": " ".join(labels)} for labels in (order, other))
        found.append(Difference("order", *shown))
    return found


def ended(side: list[Observation]) -> bool:
    """Whether a case crashed or hangs."""
    return bool(side) and side[-1]["label"] in ENDS


def _equal(reference: Observation | None, ours: Observation | None) -> bool:
    """Whether two observations agree; of a glue failure only the type counts."""
    if reference is None or ours is None:
        return False
    keys = ("value", "warnings") if reference.get("loose") else ("value", "warnings", "args")
    return all(reference.get(key) == ours.get(key) for key in keys)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        names = _names()
        metafunc.parametrize(
            "path, case", names, ids=[f"{path.stem}-{case}" for path, case in names]
        )


@pytest.fixture
def same_library() -> None:
    """Another OpenSSL has other texts and ciphers: the comparison would say nothing."""
    theirs, ours = (run.implementation["library"] for run in _runs(MODULES[0]))
    if theirs.split()[1] != ours.split()[1]:
        pytest.skip(f"linked with {ours}, the reference with {theirs}")


def test_reference_is_pyopenssl() -> None:
    reference, ours = _runs(MODULES[0])
    assert reference.implementation["version"] == REFERENCE_VERSION
    assert reference.implementation["package"] != ours.implementation["package"]


@pytest.mark.usefixtures("same_library")
def test_same(path: Path, case: str) -> None:
    reference, ours = (run.cases[case] for run in _runs(path))
    for side, result in (("pyOpenSSL", reference), ("this package", ours)):
        assert "error" not in result, f"the case itself failed with {side}:\n{result['error']}"
    found = differences(reference["observations"], ours["observations"])
    expected = [line for line in _expected() if line.is_about(path, case)]
    report = [
        str(difference)
        for difference in found
        if not any(line.covers(difference) for line in expected)
    ]
    report += [
        f"{line.labels}\n  was expected to differ ({line.row}), and does not"
        for line in expected
        if not any(line.covers(difference) for difference in found)
    ]
    if report:
        report += [ours["stderr"]] if "stderr" in ours else []
        pytest.fail("\n".join(report), pytrace=False)


def test_every_method_has_cases() -> None:
    surface = json.loads((HERE.parent / "spec" / "surface.json").read_text(encoding="utf-8"))
    names = {case for _, case in _names()}
    for owner in ("Context", "Connection"):
        methods = surface["OpenSSL.SSL"]["names"][owner]["members"]
        assert not {f"case_{owner.lower()}[{method}]" for method in methods} - names


def test_expected_differences_are_on_the_page() -> None:
    page = (HERE.parent.parent / "docs" / "differences.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\((.+)\)=$", page, re.MULTILINE))
    assert not {line.row for line in _expected()} - rows


def test_expected_differences_have_cases() -> None:
    unused = [line for line in _expected() if not any(line.is_about(*place) for place in _names())]
    assert not unused
