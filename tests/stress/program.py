"""What a stress program is, and how one is run: in a process of its own, with limits."""

from __future__ import annotations

import faulthandler
import importlib
import resource
import shlex
import time
from dataclasses import dataclass, field
from typing import Any, Callable

import pytest
from support import child
from support.memory import MEBIBYTE, SANITIZED

# Programs by the name of their module, in the order in which they run.
NAMES = (
    "threads",
    "endurance",
    "relay",
    "floods",
    "sockets",
    "calls",
    "interrupts",
    "endings",
)

# The processes that a program starts end long before it does, so that a hang is the program's own.
GRACE = 30


@dataclass(frozen=True)
class Program:
    """A function that raises when something is wrong, and else says what it has done.

    ``run(seed, **counts)`` returns figures: numbers by name, and details, which are groups of such.
    The same seed makes the same choices; what threads make of them differs from run to run.
    """

    run: Callable[..., dict[str, Any]]
    # Runs of the program in this order: each has the name of what it adds, and its counts.
    full: dict[str, dict[str, Any]]
    short: dict[str, dict[str, Any]]
    # Seconds that a full run may take; a short one has a minute.
    limit: int
    # Mebibytes of data that the process may allocate.
    memory: int = 1024
    environment: dict[str, str] = field(default_factory=dict)


def find(name: str) -> Program:
    program = importlib.import_module(f"stress.{name}").PROGRAM
    assert isinstance(program, Program)
    return program


def command(name: str, seed: int, counts: dict[str, Any]) -> str:
    """What a user types to repeat a run."""
    settings = " ".join(f"--set {key}={value}" for key, value in counts.items())
    return f"make stress ARGS={shlex.quote(f'{name} --seed {seed} {settings}'.strip())}"


def execute(name: str, seed: int, counts: dict[str, Any], limit: int) -> dict[str, Any]:
    """Run a program here, in this process, which is a child's."""
    program = find(name)
    faulthandler.dump_traceback_later(limit, exit=True)
    if not SANITIZED:
        most = program.memory * MEBIBYTE
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    began = time.monotonic()
    figures = program.run(seed, **counts)
    faulthandler.cancel_dump_traceback_later()
    figures["seconds"] = round(time.monotonic() - began, 1)
    return figures


def run(name: str, seed: int, counts: dict[str, Any], limit: int) -> dict[str, Any]:
    """Run a program in a child process, and return its figures; its failure fails the test."""
    try:
        figures: dict[str, Any] = child.run(
            execute,
            name,
            seed,
            counts,
            limit,
            timeout=limit + GRACE,
            environment=find(name).environment,
        )
    except pytest.fail.Exception as failure:
        pytest.fail(f"{failure}\nTo repeat: {command(name, seed, counts)}")
    return figures
