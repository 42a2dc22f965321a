"""What pyOpenSSL's annotations promise, as a program for a type checker.

For each public class of the reference there is a protocol with its methods, as they are annotated
there, and an assignment of an object of ours to it; for each function and constructor a protocol
with a call. The checker accepts the assignments only if ours can stand wherever the reference's
could: it takes at least the same arguments, and returns nothing that a caller does not expect.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

HEADER = """\
from __future__ import annotations

import datetime
import os
import socket
import typing
from collections.abc import Iterable, Sequence
from typing import Any, Callable, Literal, NoReturn, Optional, Protocol, TypeVar, Union

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from OpenSSL import SSL, crypto, rand
from OpenSSL._rust import _NoOverlappingProtocols
from OpenSSL.SSL import Connection, Context, Session
from OpenSSL.crypto import FILETYPE_PEM, PKey, X509, X509Name, X509Store, X509StoreContext
from OpenSSL.crypto import PassphraseCallableT, StrOrBytesPath, _EllipticCurve

_StrOrBytesPath = StrOrBytesPath
"""

KEPT_DECORATORS = {"classmethod", "overload", "property", "staticmethod", "typing.overload"}


def program(package: Path) -> str:
    """The program, for the modules of the package OpenSSL in a directory."""
    parts = [HEADER]
    for name in ("crypto", "SSL", "rand"):
        module = ast.parse((package / f"{name}.py").read_text(encoding="utf-8"))
        parts += _aliases(module)
        for statement in _statements(module.body):
            if isinstance(statement, ast.ClassDef) and _is_public(statement.name):
                parts += _class(name, statement)
            elif isinstance(statement, ast.FunctionDef) and _is_public(statement.name):
                parts += _function(f"{name}.{statement.name}", statement)
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                target = statement.target.id
                if _is_public(target) and ast.unparse(statement.annotation) == "int":
                    parts.append(f"_{name}_{target}: int = {name}.{target}")
    return "\n".join(parts) + "\n"


def _is_public(name: str) -> bool:
    return not name.startswith("_") and name != "F"


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements, also those under a condition."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try)):
            yield from _statements(statement.body)


def _aliases(module: ast.Module) -> Iterator[str]:
    """What annotations are abbreviated to."""
    for statement in module.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            words = ("Union[", "Callable[", "TypeVar(")
            if name.startswith("_") and any(w in ast.unparse(statement.value) for w in words):
                yield ast.unparse(statement)


def _signature(function: ast.FunctionDef, name: str) -> str:
    """A function without what it does and says."""
    decorators = [d for d in function.decorator_list if ast.unparse(d) in KEPT_DECORATORS]
    bare = ast.FunctionDef(
        name=name,
        args=function.args,
        body=[ast.Expr(ast.Constant(...))],
        decorator_list=decorators,
        returns=function.returns,
        lineno=0,
    )
    bare.__dict__.setdefault("type_params", [])
    return "\n".join(f"    {line}" for line in ast.unparse(bare).splitlines())


def _class(module: str, definition: ast.ClassDef) -> Iterator[str]:
    own = f"{module}.{definition.name}"
    methods: dict[str, list[ast.FunctionDef]] = {}
    body: list[str] = []
    for statement in definition.body:
        if isinstance(statement, ast.FunctionDef):
            methods.setdefault(statement.name, []).append(statement)
        elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Name):
            target = statement.targets[0]  # as in `write = send`
            if isinstance(target, ast.Name) and statement.value.id in methods:
                methods[target.id] = methods[statement.value.id]
        elif isinstance(statement, ast.AnnAssign) and _is_public(ast.unparse(statement.target)):
            body.append(f"    {ast.unparse(statement.target)}: {ast.unparse(statement.annotation)}")
    for name, variants in methods.items():
        if _is_public(name):
            body += _variants(variants, name)
    if body:
        yield f"class _{module}_{definition.name}(Protocol):"
        yield from body
        yield f"def _check_{module}_{definition.name}(ours: {own}) -> None:"
        yield f"    theirs: _{module}_{definition.name} = ours"
    if "__init__" in methods:
        (constructor,) = methods["__init__"]
        constructor.returns = ast.parse(own, mode="eval").body
        yield from _function(own, constructor, "new")


def _variants(variants: list[ast.FunctionDef], name: str) -> Iterator[str]:
    """The overloads of a method, or the method."""
    overloads = [v for v in variants if "overload" in "".join(map(ast.unparse, v.decorator_list))]
    for variant in overloads or variants:
        yield _signature(variant, name)


def _function(own: str, function: ast.FunctionDef, prefix: str = "call") -> Iterator[str]:
    protocol = f"_{prefix}_{own.replace('.', '_')}"
    if prefix == "call":
        function.args.args.insert(0, ast.arg("self"))
    yield f"class {protocol}(Protocol):"
    yield _signature(function, "__call__")
    yield f"{protocol}_: {protocol} = {own}"
