"""Processes that are measured, and talked to in lines of JSON."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

BENCHES = Path(__file__).resolve().parent.parent


def environment() -> dict[str, str]:
    """Ours, without what would have all children load the same package."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


class Child:
    """A module of this package that runs in a process of its own; it speaks first."""

    def __init__(self, python: str, module: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [python, "-m", f"measuring.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=BENCHES,
            env=environment(),
        )
        self._module = module
        self.greeting = self.hear()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def tell(self, **request: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"measuring.{self._module} has ended; what it said is above.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, **request: Any) -> dict[str, Any]:
        self.tell(**request)
        return self.hear()
