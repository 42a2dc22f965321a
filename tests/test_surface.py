"""Every public name of pyOpenSSL is here, of the same kind, with the same value and parameters.

`spec/surface.json` lists the names of pyOpenSSL 26.4.0; `spec/trim.py` made it.
"""

from __future__ import annotations

import importlib
import types

import pytest
from OpenSSL import SSL
from support.surface import (
    CLASSES,
    KEPT,
    MEMBERS,
    NAMES,
    SURFACE,
    look_up,
    member_differs,
    name_differs,
)


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_name(module: str, name: str) -> None:
    assert not name_differs(module, name)


@pytest.mark.parametrize(("module", "owner", "name"), MEMBERS)
def test_member(module: str, owner: str, name: str) -> None:
    assert not member_differs(module, owner, name)


@pytest.mark.parametrize("module", list(SURFACE))
def test_all(module: str) -> None:
    listed = SURFACE[module]["__all__"]
    found = getattr(importlib.import_module(module), "__all__", None)
    if listed is None:
        assert found is None
    else:
        assert found is not None
        assert sorted(found) == sorted(listed)


@pytest.mark.parametrize("module", list(SURFACE))
def test_no_other_names(module: str) -> None:
    """What is public here and not in pyOpenSSL has a reason to be."""
    imported = importlib.import_module(module)
    others = {
        name
        for name, value in vars(imported).items()
        if not name.startswith("_")
        and name not in SURFACE[module]["names"]
        and not isinstance(value, types.ModuleType)
        and getattr(value, "__module__", module).partition(".")[0] == "OpenSSL"
    }
    assert others == {name for place, name in KEPT if place == module}


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_no_other_members(module: str, name: str) -> None:
    members = vars(look_up(module, name))
    others = {member for member in members if not member.startswith("_")}
    assert others == set(SURFACE[module]["names"][name]["members"])


@pytest.mark.parametrize(("module", "name"), KEPT)
def test_kept_names_are_not_exported(module: str, name: str) -> None:
    assert name not in importlib.import_module(module).__all__


def test_kept_names() -> None:
    assert (SSL.SSLv2_METHOD, SSL.SSLv3_METHOD) == (1, 2)
    assert (SSL.ContextType, SSL.ConnectionType) == (SSL.Context, SSL.Connection)
    assert look_up("OpenSSL.crypto", "FILETYPE_ASN1") == SSL.FILETYPE_ASN1
    for method in (SSL.SSLv2_METHOD, SSL.SSLv3_METHOD):
        with pytest.raises(ValueError, match="No such protocol"):
            SSL.Context(method)
