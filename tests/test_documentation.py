"""The pages agree with each other, and with the tests that name them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@pages
def test_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#]+)", text)
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing


@pages
def test_python_in_pages_is_python(page: Path) -> None:
    for source in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        compile(source, str(page), "exec")


def test_expected_differences_have_their_rows() -> None:
    rows = set(re.findall(r"^\(([a-z0-9-]+)\)=$", (ROOT / "docs/differences.md").read_text(), re.M))
    lines = (ROOT / "tests/compat/expected.txt").read_text().splitlines()
    named = {line.rpartition("|")[2].strip() for line in lines if "|" in line and line[0] != "#"}
    assert named <= rows


def test_targets_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        assert set(re.findall(r"\bmake ([a-z-]+)$", page.read_text(), re.M)) <= targets
        assert set(re.findall(r"`make ([a-z-]+)", page.read_text())) <= targets
