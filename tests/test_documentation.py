"""The pages agree with each other and with the tests that name them, and their code runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from OpenSSL import SSL
from support.pages import DIRECTIVES, LANGUAGES, MARKS, PROBES, REASONS, Run, blocks
from support.programs import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "examples/README.md"])
PAGES = [page for page in PAGES if "_build" not in page.parts]

# Paths that pages name and that come to be when something is built.
MADE = {"docs/_build/html"}

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def without_code(page: Path) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


@pages
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", without_code(page))
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing


@pages
def test_code_is_of_a_kind_that_is_run_or_says_why_not(page: Path) -> None:
    for block in blocks(page):
        directive = re.match(r"\{([a-z-]+)\} ?(.*)", block.language)
        if directive:
            assert directive[1] in DIRECTIVES
            assert directive[1] != "code-block" or directive[2] in ("text", "toml")
        else:
            assert block.language in LANGUAGES, f"line {block.line}: {block.language!r}"
        for mark, detail in block.marks.items():
            known = {"not run": REASONS, "needs": PROBES}.get(mark, {"": None})
            assert mark in MARKS, f"line {block.line}: {mark!r}"
            assert detail in known, f"line {block.line}: {detail!r}"


@pages
def test_code_is_fenced(page: Path) -> None:
    """What is only indented would be neither run nor coloured."""
    assert not re.search(r"\n\n(?:    )+\S(?<![-*+\d])", without_code(page))
    assert without_code(page).count("```") == 0


@pages
def test_shown_files_have_tests(page: Path) -> None:
    for block in blocks(page):
        shown = re.match(r"\{literalinclude\} (\S+)", block.language)
        if shown:
            assert (page.parent / shown[1]).resolve().parent == ROOT / "examples"


def has_code(page: Path) -> bool:
    return any(block.language in ("console", "python") for block in blocks(page))


@pytest.mark.parametrize(
    "page", list(filter(has_code, PAGES)), ids=lambda page: str(page.relative_to(ROOT))
)
@pytest.mark.filterwarnings("default")
def test_code_does_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not SSL.OpenSSL_version(SSL.OPENSSL_VERSION).startswith(b"OpenSSL 4."):
        pytest.skip("pages show what the OpenSSL that is compiled in says")
    pytest.importorskip("cryptography")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "examples"))
    before = set(sys.modules)
    run = Run(page, tmp_path)
    try:
        run.run()
    finally:
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(tmp_path):
                del sys.modules[name]
    if run.missing:
        pytest.skip(f"run without what needs {', '.join(sorted(run.missing))}")


def test_the_list_of_examples_is_complete() -> None:
    listed = re.findall(r"`(\w+\.py)`", (ROOT / "examples/README.md").read_text())
    assert sorted(listed) == sorted(path.name for path in (ROOT / "examples").glob("*.py"))


def test_expected_differences_have_their_rows() -> None:
    rows = set(re.findall(r"^\(([a-z0-9-]+)\)=$", (ROOT / "docs/differences.md").read_text(), re.M))
    lines = (ROOT / "tests/compat/expected.txt").read_text().splitlines()
    named = {line.rpartition("|")[2].strip() for line in lines if "|" in line and line[0] != "#"}
    assert named <= rows


@pages
def test_paths_that_pages_name_exist(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        pytest.skip("it tells what there was")
    folders = "|".join(re.escape(each.name) for each in ROOT.iterdir() if each.is_dir())
    named = re.findall(rf"`((?:{folders})/[\w./*-]+)`", without_code(page))
    missing = [path for path in named if path not in MADE and not list(ROOT.glob(path.rstrip("/")))]
    assert not missing


def test_targets_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in PAGES:
        named = re.findall(r"(?:`|^\$ )make ([a-z-]+)", page.read_text(), re.M)
        assert set(named) <= targets, page
