"""A short version of each stress program, with the same choices each time.

``make stress`` runs the long ones.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.implementation import deviation

from stress import calls, program, report
from stress.interpreter import Workshop
from stress.steps import FUNCTIONS, Given, Some, Step

SEED = 1
LIMIT = 80

RUNS = [
    pytest.param(name, counts, id=f"{name}, {label}" if label else name)
    for name in program.NAMES
    for label, counts in program.find(name).short.items()
]


@deviation
@pytest.mark.parametrize(("name", "counts"), RUNS)
def test_a_short_run_of(name: str, counts: dict[str, int]) -> None:
    assert program.run(name, SEED, counts, LIMIT)


@deviation
def test_a_failure_says_how_to_repeat_it() -> None:
    counts = {"size": "none", "attempts": 0, "pieces": 0}
    with pytest.raises(pytest.fail.Exception) as failure:
        program.run("sockets", 7, counts, LIMIT)
    repeat = "make stress ARGS='sockets --seed 7 --set size=none --set attempts=0 --set pieces=0'"
    assert repeat in str(failure.value)


@deviation
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forking, should there be threads
def test_a_crash_is_a_failure_that_shows_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FUNCTIONS, "crash", lambda _: os.kill(os.getpid(), signal.SIGKILL))
    steps = [
        Step("method", "get_version", Some("X509", 0), ()),
        Step("function", "crash", None, (Given("time"),)),
    ]
    with pytest.raises(AssertionError, match="SIGKILL") as failure:
        calls.run_in_a_fork(steps, Workshop(tmp_path))
    program_that_crashes = str(failure.value).split("\n", 1)[1]
    assert program_that_crashes == calls.program_of(steps)
    compile(program_that_crashes, "steps", "exec")


@deviation
def test_a_program_that_is_repeated_shows_what_came_of_its_steps() -> None:
    steps = [Step("method", "get_version", Some("X509", 0), ())]
    repeated = subprocess.run(
        [sys.executable, "-c", calls.program_of(steps)],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert "{'returned: X509.get_version': 1}" in repeated.stderr


@pytest.mark.parametrize("name", program.NAMES)
def test_the_page_says_what_the_last_full_run_has_counted(name: str) -> None:
    numbers = report.load(name)
    assert numbers["counts"] == program.find(name).full
    assert report.said(name) == report.markdown(numbers), f"{name}: the page was changed by hand"
