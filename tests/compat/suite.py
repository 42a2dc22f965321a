"""Run tests that others wrote, with this package and with pyOpenSSL, and compare the outcomes.

    python tests/compat/suite.py pyopenssl
    python tests/compat/suite.py urllib3 --ours PYTHON --reference PYTHON

The tests come from a source distribution, fetched once with pip and not modified. A test that
passes with pyOpenSSL has to pass with this package, unless `suites/<name>.txt` names it and says
why not. A test that is named there and passes is a failure, too. What fails with both does not
count.

What pyOpenSSL does is remembered until something in its environment changes. Tests that differ are
run once more on both sides, alone: some depend on time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from twins import HERE, OURS, REFERENCE, ROOT, on_each, read_list, start

CACHE = ROOT / ".cache" / "suites"
LISTS = HERE / "suites"
MINUTE = 60.0


@dataclass(frozen=True)
class Suite:
    """Whose tests, and which of them; with which of the plugins in `suites/`."""

    distribution: str
    version: str
    sha256: str
    tests: tuple[str, ...]
    plugins: tuple[str, ...] = ("outcomes",)


_URLLIB3 = (
    "urllib3",
    "2.8.0",
    "63bf2ead4c879426ebf22ef2a781eeb4aa3b4ae798a0435506f8687fd5bb9b63",
)

SUITES = {
    "pyopenssl": Suite(
        "pyopenssl",
        "26.4.0",
        "28dfcce0162b9211413e26dfbfdf1d24317fbeba18fc93c12400a1856b2a0bc7",
        ("tests",),
    ),
    # Those for its own use of pyOpenSSL.
    "urllib3": Suite(
        *_URLLIB3,
        ("test/contrib/test_pyopenssl.py", "test/contrib/test_pyopenssl_dependencies.py"),
    ),
    # Those that use TLS at all.
    "urllib3-injected": Suite(
        *_URLLIB3,
        (
            "test/with_dummyserver",
            "test/test_connection.py",
            "test/test_poolmanager.py",
            "test/test_ssl.py",
            "test/test_ssltransport.py",
            "test/test_util.py",
        ),
        ("outcomes", "inject"),
    ),
}


class Result(NamedTuple):
    """How a test ended: `passed`, `skipped`, `failed` or `absent`; and why, if it failed."""

    outcome: str
    reason: str


Results = dict[str, Result]
ABSENT = Result("absent", "the test did not run")


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the tests of others on both sides.")
    parser.add_argument("suites", nargs="+", choices=SUITES, metavar="SUITE")
    parser.add_argument("--ours", type=Path, default=OURS, help="interpreter with this package")
    parser.add_argument("--reference", type=Path, default=REFERENCE, help="one with pyOpenSSL")
    parser.add_argument("--fresh", action="store_true", help="forget what pyOpenSSL did before")
    options = parser.parse_args()
    # A link to an interpreter is not the same one: the environment is where the link is.
    ours, reference = options.ours.absolute(), options.reference.absolute()
    check(ours, reference)
    good = [compare(name, ours, reference, options.fresh) for name in options.suites]
    sys.exit(0 if all(good) else "the outcomes are not what they should be")


def compare(name: str, ours: Path, reference: Path, fresh: bool) -> bool:
    """Run a suite on both sides, print the counts, and say whether all is as it should be."""
    suite = SUITES[name]
    folder = fetch(suite)
    mine = run(ours, suite, suite.tests, folder)
    theirs = remembered(reference, suite, folder, fresh)
    reasons = dict(read_list(LISTS / f"{name}.txt"))
    again = tuple(test for test in differing(mine, theirs) if test in mine.keys() - reasons.keys())
    if again:
        for results, python in ((mine, ours), (theirs, reference)):
            results.update(run(python, suite, again, folder))
    return report(name, reasons, mine, theirs)


def check(ours: Path, reference: Path) -> None:
    """That each of the two interpreters has what it is said to have."""
    tell = "import importlib.util as util; print(util.find_spec('OpenSSL._rust') is not None)"
    outputs = on_each(lambda python: start(python, "-c", tell), ours, reference)
    for python, output, expected in zip((ours, reference), outputs, ("True", "False")):
        if output.stdout.strip() != expected:
            name = "this package" if python == ours else "pyOpenSSL"
            sys.exit(f"{python} does not have {name}: {output.stdout}{output.stderr}")


def fetch(suite: Suite) -> Path:
    """The folder with the unpacked source distribution."""
    folder = CACHE / f"{suite.distribution}-{suite.version}"
    if folder.exists():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
        requirement = Path(temporary) / "requirement.txt"
        requirement.write_text(
            f"{suite.distribution}=={suite.version} --hash=sha256:{suite.sha256}\n"
        )
        command = ["pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run(
            [sys.executable, "-m", *command, "--require-hashes", "-r", requirement.name],
            cwd=temporary,
            check=True,
        )
        (archive,) = Path(temporary).glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            if hasattr(tarfile, "data_filter"):
                tar.extractall(temporary, filter="data")
            else:
                tar.extractall(temporary)
        shutil.move(Path(temporary) / folder.name, folder)
    return folder


def run(python: Path, suite: Suite, tests: tuple[str, ...], folder: Path) -> Results:
    """Run the tests in an interpreter, and collect how each ended."""
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
        outcomes = Path(temporary) / "outcomes"
        outcomes.touch()
        done = start(
            python,
            *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=60"),
            *(f"-p{plugin}" for plugin in suite.plugins),
            *tests,
            folder=folder,
            path=LISTS,
            more={"OUTCOMES": str(outcomes)},
            timeout=20 * MINUTE,
        )
        lines = outcomes.read_text(encoding="utf-8").splitlines()
    if not lines or done.returncode not in (0, 1):
        # It crashed, or could not begin.
        print(f"pytest ended with {done.returncode} on {python}:", done.stdout[-3000:], done.stderr)
    found = (json.loads(line) for line in lines)
    return {each["test"]: Result(each["outcome"], each["reason"]) for each in found}


def remembered(python: Path, suite: Suite, folder: Path, fresh: bool) -> Results:
    """What the tests do in an interpreter, from the last time that it had the same environment."""
    tell = """
import importlib.metadata, sys
there = importlib.metadata.distributions()
print(sys.version, sorted((each.metadata["Name"], each.version) for each in there))
"""
    surroundings = start(python, "-c", tell).stdout
    plugins = [(LISTS / f"{plugin}.py").read_text(encoding="utf-8") for plugin in suite.plugins]
    key = hashlib.sha256(f"{python} {suite} {surroundings} {plugins}".encode())
    file = CACHE / f"{folder.name}.{key.hexdigest()[:16]}.json"
    if fresh or not file.exists():
        file.write_text(json.dumps(run(python, suite, suite.tests, folder)), encoding="utf-8")
    found = json.loads(file.read_text(encoding="utf-8"))
    return {test: Result(*result) for test, result in found.items()}


def differing(ours: Results, reference: Results) -> tuple[str, ...]:
    """The tests that pass with pyOpenSSL only."""
    return tuple(
        test
        for test, result in reference.items()
        if result.outcome == "passed" and ours.get(test, ABSENT).outcome != "passed"
    )


def report(name: str, reasons: dict[str, str], ours: Results, reference: Results) -> bool:
    """Print the counts and what is wrong; whether nothing is."""
    new = [test for test in differing(ours, reference) if test not in reasons]
    idle = [test for test in reasons if ours.get(test, ABSENT).outcome != "failed"]
    both = [
        test
        for test, result in ours.items()
        if result.outcome == reference.get(test, ABSENT).outcome == "failed"
    ]
    counts = {"reference": count(reference), "ours": count(ours)}
    print(f"{name}: {SUITES[name].version}, {len(reference)} tests")
    for side, label in (("reference", "with pyOpenSSL"), ("ours", "with this package")):
        told = ", ".join(f"{number} {outcome}" for outcome, number in counts[side].items())
        print(f"  {label + ':':<18} {told}")
    print(f"  expected to fail:  {len(reasons)}, as {LISTS.name}/{name}.txt says")
    print(f"  fail with both:    {len(both)}")
    for test in new:
        result = ours.get(test, ABSENT)
        print(f"\n{result.outcome.upper()} here, passed with pyOpenSSL: {test}\n{result.reason}")
    for test in idle:
        print(f"\nexpected to fail, and does not: {test}\n  ({reasons[test]})")
    summary = {**counts, "expected": len(reasons), "both": both, "new": new}
    (CACHE / f"{name}.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return not new and not idle


def count(results: Results) -> dict[str, int]:
    """How many tests ended in which way."""
    counted = Counter(result.outcome for result in results.values())
    return {outcome: counted[outcome] for outcome in ("passed", "failed", "skipped")}


if __name__ == "__main__":
    main()
