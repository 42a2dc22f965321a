"""Functions in a process of their own: a crash there is a failed test and not a lost run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Callable

import pytest

PATIENCE = 60

_PROGRAM = """
import importlib, json, sys
module, name, arguments = sys.argv[1:]
answer = getattr(importlib.import_module(module), name)(*json.loads(arguments))
print(json.dumps(answer))
"""


def start(
    function: Callable[..., Any], *args: Any, environment: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a module's ``function`` in a new interpreter, with ``args`` that JSON can carry, and
    with more in its ``environment`` than there is in ours."""
    environment = dict(
        os.environ,
        PYTHONPATH=os.pathsep.join(filter(None, sys.path)),
        PYTHONUNBUFFERED="1",
        **(environment or {}),
    )
    return subprocess.Popen(
        [
            sys.executable,
            *("-X", "faulthandler"),
            *("-c", _PROGRAM),
            function.__module__,
            function.__name__,
            json.dumps(args, default=str),
        ],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = PATIENCE) -> Any:
    """What the function in ``process`` returned; anything but a regular end fails the test."""
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        _, errors = process.communicate()
        pytest.fail(f"the child process did not end\n{errors}")
    if process.returncode != 0:
        pytest.fail(f"the child process ended with status {process.returncode}\n{errors}")
    return json.loads(output.splitlines()[-1])


def run(
    function: Callable[..., Any],
    *args: Any,
    timeout: float = PATIENCE,
    environment: dict[str, str] | None = None,
) -> Any:
    """Run ``function`` in a process of its own and return what it returned."""
    return finish(start(function, *args, environment=environment), timeout)
