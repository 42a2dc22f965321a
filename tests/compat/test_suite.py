"""The tool for the tests of others says what is wrong, and only that."""

from __future__ import annotations

from pathlib import Path

import pytest
import suite
from suite import LISTS, SUITES, Result, differing, report
from twins import read_list

PASSED, FAILED = Result("passed", ""), Result("failed", "why")
SKIPPED = Result("skipped", "")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "CACHE", tmp_path)


def good(reasons: dict[str, str], ours: Result | None, reference: Result) -> bool:
    """Whether one test is as it should be."""
    return report("pyopenssl", reasons, {"test": ours} if ours else {}, {"test": reference})


def test_what_passes_there_has_to_pass_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert good({}, PASSED, PASSED)
    assert good({}, PASSED, FAILED)
    assert good({}, FAILED, FAILED)
    assert good({}, SKIPPED, SKIPPED)
    assert "FAILED" not in capsys.readouterr().out
    for outcome in (FAILED, SKIPPED, None):
        assert not good({}, outcome, PASSED)
    assert "FAILED here, passed with pyOpenSSL: test\nwhy" in capsys.readouterr().out


def test_what_is_expected_has_to_happen(capsys: pytest.CaptureFixture[str]) -> None:
    reasons = {"test": "replaces a function"}
    assert good(reasons, FAILED, PASSED)
    assert good(reasons, FAILED, FAILED)
    assert "and does not" not in capsys.readouterr().out
    for outcome in (PASSED, SKIPPED, None):
        assert not good(reasons, outcome, PASSED)
    assert "expected to fail, and does not: test" in capsys.readouterr().out


def test_what_differs_is_run_again() -> None:
    assert differing({"a": FAILED, "b": PASSED}, dict.fromkeys("abc", PASSED)) == ("a", "c")


@pytest.mark.parametrize("name", SUITES)
def test_the_only_reason_is_a_replaced_function(name: str) -> None:
    lines = read_list(LISTS / f"{name}.txt")
    assert all(reason.startswith("replaces ") for _, reason in lines)
    assert len(lines) <= 8
