"""What a made-up program is made of: steps, the calls that there are for them, and their arguments.

A program has to be printed, and made again in another process. So an argument that cannot be
written down is named by what it stands for.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Callable

from OpenSSL import SSL, crypto

CLASSES: dict[str, type[Any]] = {
    "Context": SSL.Context,
    "Connection": SSL.Connection,
    "Session": SSL.Session,
    "X509": crypto.X509,
    "X509Name": crypto.X509Name,
    "X509Store": crypto.X509Store,
    "X509StoreContext": crypto.X509StoreContext,
    "PKey": crypto.PKey,
}

SPECIAL = ("__init__", "__repr__", "__copy__", "__eq__", "__lt__", "__hash__", "__getattr__")
METHODS: dict[str, list[str]] = {
    name: [
        each
        for each in dir(kind)
        if callable(getattr(kind, each, None)) and (each in SPECIAL or not each.startswith("__"))
    ]
    for name, kind in CLASSES.items()
}


def add_randomness(buffer: bytes, entropy: int) -> None:
    from OpenSSL import rand  # whose import warns

    rand.add(buffer, entropy)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "load_certificate": crypto.load_certificate,
    "dump_certificate": crypto.dump_certificate,
    "load_privatekey": crypto.load_privatekey,
    "dump_privatekey": crypto._dump_privatekey_internal,
    "load_publickey": crypto.load_publickey,
    "dump_publickey": crypto.dump_publickey,
    "get_elliptic_curve": crypto.get_elliptic_curve,
    "rand.add": add_randomness,
    "OpenSSL_version": SSL.OpenSSL_version,
}


def parameters(function: Callable[..., Any], bound: bool) -> list[str]:
    """The names of the parameters, without that of the object."""
    try:
        names = list(inspect.signature(function).parameters)
    except (ValueError, TypeError):
        return []
    return names[1:] if bound else names


@dataclass(frozen=True)
class Some:
    """An object of a class: one that was made before, or one of those there are to begin with."""

    kind: str
    number: int


@dataclass(frozen=True)
class Given:
    """Something that was prepared, by its name."""

    name: str


@dataclass(frozen=True)
class Does:
    """A function, by what it does when it is called."""

    what: str
    number: int = 0


@dataclass(frozen=True)
class Step:
    what: str
    name: str
    target: Some | None
    arguments: tuple[Any, ...]
