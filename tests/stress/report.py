"""What full runs have come to: files of docs/reliability, and the tables made of them.

The page has a place for each program, between two HTML comments. What stands between them is
replaced, and nothing else is touched.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from OpenSSL import SSL

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
FOLDER = DOCS / "reliability"
PAGE = DOCS / "reliability.md"

# The figures of each run, by what makes it different from the others.
Results = dict[str, dict[str, Any]]


def rows(results: Results) -> list[list[str]]:
    """A header, and a row for each figure with a column for each run. Details are left out."""
    names = dict.fromkeys(name for figures in results.values() for name in figures)
    shown = [
        name for name in names if not any(isinstance(f.get(name), dict) for f in results.values())
    ]
    table = [["", *(label or "count" for label in results)]]
    return table + [[name, *(cell(f.get(name, 0)) for f in results.values())] for name in shown]


def cell(value: float) -> str:
    return f"{value:,}".replace(",", " ")


def plain(results: Results) -> str:
    """For a terminal."""
    table = rows(results)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join(
        "  " + row[0].ljust(widths[0]) + "".join(f"  {c:>{w}}" for c, w in zip(row[1:], widths[1:]))
        for row in table
    )


def markdown(numbers: dict[str, Any]) -> str:
    """For the page."""
    table = rows(numbers["results"])
    table.insert(1, ["---", *["--:"] * (len(table[0]) - 1)])
    lines = ["| " + " | ".join(row) + " |" for row in table]
    made = f"OpenSSL {numbers['openssl']}, Python {numbers['python']}, seed {numbers['seed']}."
    return "\n".join([*lines, "", made])


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def publish(name: str, seed: int, counts: dict[str, Any], results: Results) -> None:
    """Write down what a program's full runs have come to, in its file and in the page."""
    numbers = {
        "openssl": SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode().split()[1],
        "python": ".".join(map(str, sys.version_info[:3])),
        "seed": seed,
        "counts": counts,
        "results": results,
    }
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(numbers, indent=1, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    before, _, after = _divide(name)
    PAGE.write_text(f"{before}\n\n{markdown(numbers)}\n\n{after}", encoding="utf-8")


def said(name: str) -> str:
    """What the page says in the place of that program."""
    return _divide(name)[1].strip()


def _divide(name: str) -> tuple[str, str, str]:
    content = PAGE.read_text(encoding="utf-8")
    begin, end = content.find(f"<!-- {name}:"), content.find(f"<!-- end of {name} -->")
    assert 0 <= begin < end, f"{PAGE.name} has no place for {name}"
    begin = content.index("-->", begin) + len("-->")
    return content[:begin], content[begin:end], content[end:]
