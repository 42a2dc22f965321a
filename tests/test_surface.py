"""Every public name of pyOpenSSL is here, of the same kind, with the same value and parameters.

`spec/surface.json` lists the names of pyOpenSSL 26.4.0; `spec/trim.py` made it.
"""

from __future__ import annotations

import importlib
import inspect
import json
import types
import warnings
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

SURFACE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "spec" / "surface.json").read_text(encoding="utf-8")
)
LIBRARY = SURFACE.pop("library")
SAME_LIBRARY = SSL.OpenSSL_version(SSL.OPENSSL_VERSION).split()[1].decode() == LIBRARY

#: Public names that pyOpenSSL 26.4.0 does not have, and why they are here.
KEPT = {
    ("OpenSSL.SSL", "SSLv2_METHOD"): "before 22.1 the name was there, and Context() refused it",
    ("OpenSSL.SSL", "SSLv3_METHOD"): "before 22.1 the name was there, and Context() refused it",
    ("OpenSSL.SSL", "ContextType"): "before 19.1 an alias of Context, and documented",
    ("OpenSSL.SSL", "ConnectionType"): "before 19.1 an alias of Connection, and documented",
    ("OpenSSL.SSL", "FILETYPE_ASN1"): "documented here, though only OpenSSL.crypto had it",
}

NAMES = [(module, name) for module in SURFACE for name in SURFACE[module]["names"]]
CLASSES = [(module, name) for module, name in NAMES if "members" in SURFACE[module]["names"][name]]
MEMBERS = [
    (module, owner, name)
    for module, owner in CLASSES
    for name in SURFACE[module]["names"][owner]["members"]
]


def look_up(module: str, name: str) -> Any:
    """A name of a module; some are deprecated, and say so when they are looked up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(importlib.import_module(module), name)


def varies(name: str) -> bool:
    """Whether the value of a constant is another one with another OpenSSL."""
    return name.startswith("OP_") or name == "OPENSSL_VERSION_NUMBER"


def parameters(function: Any, bound: bool = False) -> str:
    """Names, kinds and defaults of the parameters; without the object that it is called on."""
    signature = inspect.signature(function)
    kept = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in list(signature.parameters.values())[1 if bound else 0 :]
    ]
    return str(inspect.Signature(kept))


def kind_of(owner: Any, name: str) -> str:
    """The kind of a member, in the words of the listing."""
    found = inspect.getattr_static(owner, name)
    if isinstance(found, (classmethod, types.ClassMethodDescriptorType)):
        return "classmethod"
    if isinstance(found, (staticmethod, types.BuiltinFunctionType)):
        return "staticmethod"
    return "method" if callable(found) else "value"


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_name(module: str, name: str) -> None:
    listed = SURFACE[module]["names"][name]
    found = look_up(module, name)
    if listed["kind"] == "module":
        assert isinstance(found, types.ModuleType)
    elif listed["kind"] == "value":
        assert type(found).__name__ == listed["type"]
        if SAME_LIBRARY or not varies(name):
            assert found == listed["value"]
    elif listed["kind"] == "function":
        assert callable(found)
        assert not isinstance(found, type)
        assert parameters(found) == listed["parameters"]
    elif listed["kind"] in ("class", "exception"):
        assert isinstance(found, type)
        assert issubclass(found, Exception) == (listed["kind"] == "exception")
        assert (found.__module__, found.__qualname__) == (listed["home"], name)
        bases = [f"{base.__module__}.{base.__qualname__}" for base in found.__bases__]
        assert bases == listed["bases"]


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_class_parameters(module: str, name: str) -> None:
    listed = SURFACE[module]["names"][name]
    if listed.get("parameters") is not None:
        assert parameters(look_up(module, name)) == listed["parameters"]


@pytest.mark.parametrize(("module", "owner", "name"), MEMBERS)
def test_member(module: str, owner: str, name: str) -> None:
    listed = SURFACE[module]["names"][owner]["members"][name]
    found = look_up(module, owner)
    assert kind_of(found, name) == listed["kind"]
    if listed["kind"] == "value":
        assert getattr(found, name) == listed["value"]
    else:
        bound = listed["kind"] == "method"
        assert parameters(getattr(found, name), bound) == listed["parameters"]


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
