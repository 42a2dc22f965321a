"""The two sides of every comparison: an interpreter with pyOpenSSL, and one with this package.

`make reference` makes the interpreter with pyOpenSSL; `OPENSSL_REFERENCE_PYTHON` names another one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
OURS = Path(sys.executable)
REFERENCE = Path(
    os.environ.get("OPENSSL_REFERENCE_PYTHON") or ROOT / ".venv-reference" / "bin" / "python"
)
REFERENCE_VERSION = "26.4.0"

_Outcome = TypeVar("_Outcome")


def start(
    python: Path,
    *arguments: str,
    folder: Path | None = None,
    path: Path | None = None,
    more: dict[str, str] | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run an interpreter to its end, and keep what it prints.

    It runs in `folder`, finds modules in its own environment and in `path`, and has `more`
    variables. Only the interpreter of this very process finds modules wherever this process does.
    """
    environment = {**os.environ, "PYTHONHASHSEED": "0", **(more or {})}
    if python != OURS or path is not None:
        environment.pop("PYTHONPATH", None)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    return subprocess.run(
        [str(python), *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def on_each(run: Callable[[Path], _Outcome], *pythons: Path) -> list[_Outcome]:
    """What a function returns for each interpreter, called for all of them at the same time."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(run, pythons))


def read_list(file: Path) -> list[list[str]]:
    """The lines of a list of differences that are meant, each in its parts between `|`."""
    lines = file.read_text(encoding="utf-8").splitlines()
    written = [line for line in lines if line.strip() and not line.startswith("#")]
    return [[part.strip() for part in line.split(" | ")] for line in written]


def matches(pattern: str, text: str) -> bool:
    """Whether a text is the pattern, in which `*` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
