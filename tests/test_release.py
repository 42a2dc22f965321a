"""What accompanies a release agrees with what is in it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from OpenSSL import SSL
from support.implementation import deviation

pytestmark = deviation

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def sbom() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "release/openssl_sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_bill_of_materials_names_the_openssl_that_is_compiled_in(sbom: ModuleType) -> None:
    from OpenSSL import _rust

    (component,) = sbom.bill((ROOT / "Cargo.lock").read_text())["components"]
    version = SSL.OpenSSL_version(SSL.OPENSSL_VERSION).split()[1].decode()
    if _rust._compiled_in():
        assert component["version"] == version
    assert f":openssl:{component['version']}:" in component["cpe"]


def test_a_lock_file_without_openssl_is_refused(sbom: ModuleType) -> None:
    with pytest.raises(ValueError, match="openssl-src"):
        sbom.bill('name = "openssl-src"\nversion = "300.99.0"\n')


def test_versions_of_the_two_manifests_agree() -> None:
    # Cargo has no fourth number: 26.4.0-1 there is 26.4.0.1 here.
    of = {
        file: re.search(r'^version = "(.+)"$', (ROOT / file).read_text(), re.MULTILINE)
        for file in ("Cargo.toml", "pyproject.toml")
    }
    assert of["Cargo.toml"] is not None
    assert of["pyproject.toml"] is not None
    assert of["Cargo.toml"][1].replace("-", ".") == of["pyproject.toml"][1]


def test_formats_are_checked_by_one_ruff() -> None:
    pins = [
        set(re.findall(r"ruff~=[\d.]+", (ROOT / name).read_text(encoding="utf-8")))
        for name in ("pyproject.toml", ".pre-commit-config.yaml")
    ]
    assert len(pins[0]) == 1
    assert pins[0] == pins[1]
