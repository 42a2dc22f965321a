"""Writing down what was measured: the numbers, and tables in pages that people read.

Numbers are files of docs/benchmarks. Tables are made of them, and a page has a place for each,
between two HTML comments. What stands between them is replaced, and nothing else is touched.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "docs" / "benchmarks"
PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"


def machine() -> dict[str, Any]:
    """What the numbers were measured on, and when."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()}, {platform.machine()}",
        "load average": os.getloadavg()[0],
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def on_what(found: dict[str, Any]) -> str:
    return f"{found['processor']}, {found['cores']} cores, {found['system']}; {found['date']}"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table; columns after the first are aligned to the right."""
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def load(name: str) -> dict[str, Any]:
    """The numbers of that name."""
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def publish(
    name: str, numbers: dict[str, Any], render: Callable[[dict[str, Any]], dict[Path, str]]
) -> dict[str, Any]:
    """Write the numbers, and what is said of them into the place of that name in each page.

    Returns the numbers as they were written, which is what `render` has got, too.
    """
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(rounded(numbers), indent=1, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    written = load(name)
    for page, text in render(written).items():
        before, _, after = divide(page, name)
        page.write_text(f"{before}\n\n{text}\n\n{after}", encoding="utf-8")
    return written


def said(page: Path, name: str) -> str:
    """What a page says in the place of that name."""
    return divide(page, name)[1].strip()


def divide(page: Path, name: str) -> tuple[str, str, str]:
    """A page's text up to a place, in it, and after it."""
    content = page.read_text(encoding="utf-8")
    begin, end = content.find(f"<!-- {name}:"), content.find(f"<!-- end of {name} -->")
    if not 0 <= begin < end:
        raise SystemExit(f"{page.name} has no place for {name!r}")
    begin = content.index("-->", begin) + len("-->")
    return content[:begin], content[begin:end], content[end:]


def rounded(value: Any) -> Any:
    """The same with four significant digits: more are noise."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(inner) for inner in value]
    return value
