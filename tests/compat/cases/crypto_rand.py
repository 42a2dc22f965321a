"""OpenSSL.rand."""

from __future__ import annotations

import importlib
import inspect
import sys
import warnings
from typing import Any

from observe import Observer, each

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from OpenSSL import rand

ENTROPY: dict[str, Any] = {
    "0": 0,
    "3": 3,
    "-1": -1,
    "True": True,
    "2**70": 2**70,
    "2**2000": 2**2000,
    "1.5": 1.5,
    "None": None,
    "str": "3",
}
BUFFERS: dict[str, Any] = {
    "bytes": b"bytes",
    "empty": b"",
    "NUL": b"\0",
    "str": "text",
    "None": None,
    "bytearray": bytearray(b"array"),
    "memoryview": memoryview(b"view"),
    "int": 5,
}


def case_status(o: Observer) -> None:
    o.call("status", rand.status)
    o.call("argument", rand.status, 1)


@each(ENTROPY)
def case_entropy(o: Observer, entropy: Any) -> None:
    o.call("add", rand.add, b"bytes", entropy)


@each(BUFFERS)
def case_buffer(o: Observer, buffer: Any) -> None:
    o.call("add", rand.add, buffer, 3)


def case_signatures(o: Observer) -> None:
    for function in (rand.add, rand.status):
        o.see(function.__name__, list(inspect.signature(function).parameters))
        o.see(f"{function.__name__} of", function.__module__)
    o.call("keywords", rand.add, buffer=b"x", entropy=1)
    o.call("nothing", rand.add)


def case_import_warns(o: Observer) -> None:
    del sys.modules["OpenSSL.rand"]
    o.call("import", lambda: importlib.import_module("OpenSSL.rand").__name__)
