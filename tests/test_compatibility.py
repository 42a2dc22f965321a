"""The page "Compatibility" says what is so: `make compatibility` would write the same again."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from support.implementation import deviation
from support.surface import SURFACE

pytestmark = deviation


@pytest.fixture
def compatibility(monkeypatch: pytest.MonkeyPatch) -> Any:
    for folder in ("compat", "spec"):
        monkeypatch.syspath_prepend(str(Path(__file__).parent / folder))
    return importlib.import_module("compatibility")


def test_the_page_is_current(compatibility: Any) -> None:
    written = compatibility.PAGE.read_text(encoding="utf-8")
    assert written == compatibility.page(), "run `make compatibility`"


def test_every_deviation_is_on_it(compatibility: Any) -> None:
    labels = [row.label for row in compatibility.deviations()]
    text = compatibility.DIFFERENCES.read_text(encoding="utf-8")
    assert len(labels) == text.count("**pyOpenSSL:**")
    assert set(compatibility.CONCERNS) | set(compatibility.AT_LARGE) <= set(labels)


def test_deviations_concern_names_that_there_are(compatibility: Any) -> None:
    there = {
        f"{module.rpartition('.')[2]}.{name}{member}"
        for module in SURFACE
        for name, listed in SURFACE[module]["names"].items()
        for member in ["", *(f".{each}" for each in listed.get("members", {}))]
    }
    assert {name for names in compatibility.CONCERNS.values() for name in names} <= there


def test_a_name_that_is_missing_would_be_told(
    compatibility: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = SURFACE["OpenSSL.rand"]["names"]
    monkeypatch.setitem(names, "bytes", {"kind": "function", "parameters": "(num_bytes)"})
    monkeypatch.setitem(names, "add", {"kind": "function", "parameters": "(text)"})
    page = compatibility.page()
    assert "| `bytes` | function | missing |" in page
    assert "| `add` | function | parameters: '(buffer, entropy)', not '(text)' |" in page
    assert "| [`OpenSSL.rand`](#names-openssl-rand) | 3 | 1 | 0 |" in page
