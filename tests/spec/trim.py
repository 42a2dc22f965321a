"""Make `surface.json` from a full listing of pyOpenSSL's names.

    python tests/spec/trim.py LISTING.json

What stays is what pyOpenSSL defines or offers: not the modules and typing names that it imports,
no annotations, no docstrings.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

MODULES = ("OpenSSL", "OpenSSL.SSL", "OpenSSL.crypto", "OpenSSL.rand", "OpenSSL.version")
CONSTANTS_TO_KEEP = ("FILETYPE_PEM", "TYPE_DH", "TYPE_EC")


def parameters(signature: str | None) -> str | None:
    """A signature without annotations and without the object it is called on."""
    if signature is None:
        return None
    function = ast.parse(f"def f{signature}: pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        argument.annotation = None
    for variadic in (arguments.vararg, arguments.kwarg):
        if variadic is not None:
            variadic.annotation = None
    if arguments.args and arguments.args[0].arg in ("self", "cls"):
        del arguments.args[0]
    return f"({ast.unparse(arguments)})"


def members(listing: dict[str, Any]) -> dict[str, Any]:
    """The members of a class: the parameters of a method, the value of an attribute."""
    return {
        name: {"kind": "value", "value": member["value"]}
        if member["kind"] == "classattr"
        else {"kind": member["kind"], "parameters": parameters(member["signature"])}
        for name, member in listing.items()
        if not name.startswith("__")
    }


def entry(name: str, listed: dict[str, Any]) -> dict[str, Any] | None:
    """What to keep of one name, or None."""
    kind, home = listed["kind"], listed.get("defined_in", "")
    if kind == "module":
        return {"kind": kind} if listed["value"].startswith("OpenSSL") else None
    if kind == "constant":
        if not listed["in_all"] and name not in CONSTANTS_TO_KEEP:
            return None
        return {"kind": "value", "type": listed["type"], "value": listed["value"]}
    if kind == "object":
        return {"kind": kind} if listed["in_all"] else None
    if not home.startswith("OpenSSL"):
        return None
    if kind == "function":
        return {"kind": kind, "parameters": parameters(listed["signature"])}
    kept = {"kind": kind, "home": home, "bases": listed["bases"]}
    if kind == "class":
        kept["parameters"] = parameters(listed["signature"])
    return {**kept, "members": members(listed["members"])}


def main() -> None:
    listing = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    trimmed: dict[str, Any] = {"library": listing["__meta__"]["openssl"].split()[1]}
    for module in MODULES:
        names = listing[module]
        entries = {name: entry(name, listed) for name, listed in names.items()}
        trimmed[module] = {
            "__all__": names["__all__"]["value"] if "__all__" in names else None,
            "names": {name: kept for name, kept in entries.items() if kept is not None},
        }
    text = json.dumps(trimmed, indent=1, sort_keys=True)
    (Path(__file__).parent / "surface.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
