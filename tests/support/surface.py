"""The public names of pyOpenSSL 26.4.0, from ``tests/spec``, beside those that are here."""

from __future__ import annotations

import importlib
import inspect
import json
import types
import warnings
from pathlib import Path
from typing import Any

from OpenSSL import SSL

SURFACE: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "spec" / "surface.json").read_text(encoding="utf-8")
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


def name_differs(module: str, name: str) -> list[str]:
    """What of a name is not as it is listed; nothing, if all is."""
    listed = SURFACE[module]["names"][name]
    try:
        found = look_up(module, name)
    except AttributeError:
        return ["missing"]
    kind = listed["kind"]
    if kind == "module":
        return _unequal("kind", isinstance(found, types.ModuleType), True)
    if kind == "value":
        differs = _unequal("type", type(found).__name__, listed["type"])
        if SAME_LIBRARY or not varies(name):
            differs += _unequal("value", found, listed["value"])
        return differs
    if kind == "function":
        is_function = callable(found) and not isinstance(found, type)
        differs = _unequal("kind", is_function, True)
        return differs or _unequal("parameters", parameters(found), listed["parameters"])
    if kind in ("class", "exception"):
        return _class_differs(name, found, listed)
    return []


def _class_differs(name: str, found: Any, listed: dict[str, Any]) -> list[str]:
    if not isinstance(found, type):
        return ["kind"]
    is_exception = issubclass(found, Exception)
    bases = [f"{base.__module__}.{base.__qualname__}" for base in found.__bases__]
    differs = [
        *_unequal("kind", is_exception, listed["kind"] == "exception"),
        *_unequal("home", (found.__module__, found.__qualname__), (listed["home"], name)),
        *_unequal("bases", bases, listed["bases"]),
    ]
    if listed.get("parameters") is not None:
        differs += _unequal("parameters", parameters(found), listed["parameters"])
    return differs


def member_differs(module: str, owner: str, name: str) -> list[str]:
    """What of a member of a class is not as it is listed; nothing, if all is."""
    listed = SURFACE[module]["names"][owner]["members"][name]
    found = look_up(module, owner)
    if not hasattr(found, name):
        return ["missing"]
    differs = _unequal("kind", kind_of(found, name), listed["kind"])
    if listed["kind"] == "value":
        return differs or _unequal("value", getattr(found, name), listed["value"])
    bound = listed["kind"] == "method"
    here = parameters(getattr(found, name), bound)
    return differs or _unequal("parameters", here, listed["parameters"])


def _unequal(what: str, here: object, listed: object) -> list[str]:
    return [] if here == listed else [f"{what}: {here!r}, not {listed!r}"]
