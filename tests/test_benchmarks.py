"""The pages say what the measured numbers say."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHES = Path(__file__).resolve().parent.parent / "benches"


@pytest.fixture(params=["compared", "scaled", "served", "straight"])
def measured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHES))
    return importlib.import_module(f"measuring.{request.param}")


def test_the_tables_are_made_of_the_numbers(measured: ModuleType) -> None:
    report = sys.modules["measuring.report"]
    pages = measured.render(report.load(measured.NAME))
    assert pages
    for page, text in pages.items():
        assert report.said(page, measured.NAME) == text, f"{page.name} was changed by hand"
