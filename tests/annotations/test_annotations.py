"""A program that type-checks with pyOpenSSL type-checks here, and mistakes are found on both."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import protocols
import pytest
from support.programs import REFERENCE_PYTHON, ROOT

pytest.importorskip("mypy")

PROGRAMS = Path(__file__).parent / "programs"
PATIENCE = 110

Findings = dict[int, set[str]]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


@pytest.fixture(params=["ours", "reference"])
def python(request: pytest.FixtureRequest) -> str:
    """The interpreter whose package OpenSSL a program is checked against."""
    if request.param == "ours":
        return sys.executable
    return reference_python()


def reference_python() -> str:
    if not REFERENCE_PYTHON.exists():
        pytest.skip("there is no interpreter with pyOpenSSL: run `make reference`")
    return str(REFERENCE_PYTHON)


def check(program: Path, python: str, cache: Path) -> str:
    """What mypy says of a program, with the packages of an interpreter."""
    config = cache / "mypy.ini"
    config.write_text(
        "[mypy]\nstrict = true\nwarn_unused_ignores = false\nwarn_redundant_casts = false\n"
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", str(config)),
            *("--python-executable", python, "--cache-dir", str(cache)),
            *("--no-error-summary", "--hide-error-context", str(program)),
        ],
        cwd=cache,
        env={"PATH": "", "MYPYPATH": str(ROOT / "python") if python == sys.executable else ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stderr == ""
    return done.stdout


def findings(output: str) -> Findings:
    """The errors by their lines."""
    found: Findings = {}
    for line, code in re.findall(r":(\d+): error: .*\[([a-z-]+)\]$", output, re.MULTILINE):
        found.setdefault(int(line), set()).add(code)
    return found


def test_programs_are_accepted(python: str, cache: Path) -> None:
    assert check(PROGRAMS / "accepted.py", python, cache) == ""


def test_mistakes_are_refused(python: str, cache: Path) -> None:
    program = PROGRAMS / "refused.py"
    expected = {
        number: set(marked[1].split(", "))
        for number, line in enumerate(program.read_text().splitlines(), 1)
        if (marked := re.search(r"# error: \[(.*)\]$", line))
    }
    assert len(expected) > 30
    assert findings(check(program, python, cache)) == expected


def test_every_signature_stands_for_the_one_of_pyopenssl(tmp_path: Path, cache: Path) -> None:
    """Each class, constructor and function, assigned to a protocol of the reference's."""
    found = subprocess.run(
        [reference_python(), "-I", "-c", "import OpenSSL; print(OpenSSL.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    text = protocols.program(Path(found.stdout.strip()))
    assert text.count(" def ") > 150, "that is not all of it"
    program = tmp_path / "signatures.py"
    program.write_text(text)
    output = check(program, sys.executable, cache)
    assert output == "", output
