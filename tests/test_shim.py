"""The distribution `pyOpenSSL` in `shim/` promises what the package keeps.

`make test-shim` installs it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from OpenSSL import version
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from support.implementation import deviation

pytestmark = deviation

ROOT = Path(__file__).resolve().parent.parent


def field(path: str, name: str) -> str:
    """A field of a TOML file, for Pythons without a parser of it."""
    found = re.search(rf"^{name} = (.+)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1].strip('"')


SHIM = Version(field("shim/pyproject.toml", "version"))


def test_its_version_is_that_of_the_interface() -> None:
    assert SHIM.public == version.__version__
    assert SHIM.local is not None


def test_it_is_newer_than_the_release_that_it_stands_for() -> None:
    # Or an installer would prefer that one.
    assert Version(version.__version__) < SHIM


@pytest.mark.parametrize(
    "specifiers",
    [">=0.14", ">=21.0.0", "<27,>=22.1", "~=26.4", "==26.4.*", "<=26.4.0", "==26.4.0", "!=22.0"],
)
def test_it_is_what_others_require(specifiers: str) -> None:
    assert SpecifierSet(specifiers).contains(SHIM)


def test_it_requires_a_release_with_that_interface() -> None:
    required = Requirement(re.findall(r'"(pyopenssl-rs.*?)"', dependencies())[0])
    # With extras, constraints of pip that give a URL would not reach it.
    assert not required.extras
    assert required.specifier.contains(field("pyproject.toml", "version"))
    assert not required.specifier.contains("26.3.0.1")


def test_it_requires_cryptography_as_our_extra_does() -> None:
    extra = re.search(r'^cryptography = \["(.+)"\]$', (ROOT / "pyproject.toml").read_text(), re.M)
    assert extra is not None
    assert f'"{extra[1]}"' in dependencies()


def dependencies() -> str:
    return field("shim/pyproject.toml", "dependencies")


def test_it_is_not_for_the_public_index() -> None:
    assert '"Private :: Do Not Upload"' in (ROOT / "shim/pyproject.toml").read_text()
