"""A plugin for pytest that writes the outcome of every test to the file that `OUTCOMES` names.

One line of JSON a test, as soon as it is over: what a crash cuts off is not lost.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

_SEVERITY = ("passed", "skipped", "failed")
_outcomes: dict[str, str] = {}
_reasons: dict[str, str] = {}


def _write(test: str, outcome: str, reason: str) -> None:
    with open(os.environ["OUTCOMES"], "a", encoding="utf-8") as file:
        file.write(json.dumps({"test": test, "outcome": outcome, "reason": reason}) + "\n")


def pytest_make_parametrize_id(val: object) -> str | None:
    """The same name on both sides for handles of cffi's and of ours."""
    return "cdata" if "CData" in type(val).__name__ else None


def pytest_runtest_logreport(report: Any) -> None:
    test = report.nodeid
    if report.when == "setup":
        _outcomes[test] = "passed"
    if report.outcome in _SEVERITY:
        _outcomes[test] = max(_outcomes[test], report.outcome, key=_SEVERITY.index)
    if report.failed:
        _reasons[test] = str(report.longrepr)
    if report.when == "teardown":
        _write(test, _outcomes.pop(test), _reasons.pop(test, ""))


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        _write(report.nodeid, "failed", str(report.longrepr))


def pytest_unconfigure() -> None:
    """End also if a test left a thread behind that does not."""
    if any(not each.daemon for each in threading.enumerate()[1:]):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
