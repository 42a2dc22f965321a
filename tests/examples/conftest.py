"""Which package OpenSSL the programs run on, and certificates made by one of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support import programs


@pytest.fixture(params=["ours", "reference"])
def python(request: pytest.FixtureRequest) -> str:
    """An interpreter: the programs are pyOpenSSL's as much as ours."""
    if request.param == "ours":
        return sys.executable
    if not programs.REFERENCE_PYTHON.exists():
        pytest.skip("there is no interpreter with pyOpenSSL: run `make reference`")
    return str(programs.REFERENCE_PYTHON)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an authority and certificates of localhost and alice."""
    directory = tmp_path_factory.mktemp("examples") / "pki"
    done = programs.run("private_ca.py", directory, "localhost", "alice")
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture(scope="session")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, of another authority."""
    directory = tmp_path_factory.mktemp("examples") / "strangers"
    assert programs.run("private_ca.py", directory, "localhost", "alice").returncode == 0
    return directory
