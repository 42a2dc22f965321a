"""Writes the results into the page of the documentation, between its marks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from conversations import explained
from conversations.conversation import Conversation
from conversations.holding import Result

BEGIN = "<!-- results: written by `make conversations` -->"
END = "<!-- end of results -->"


@dataclass
class Side:
    """An implementation, and what it has come to."""

    name: str
    version: str
    results: dict[str, Result]
    # Deaths, hangs, and descriptors left open.
    faults: list[str]
    # Mebibytes, in the second half of the conversations.
    growth: int


def write(path: Path, held: list[Conversation], ours: Side, reference: Side) -> None:
    text = path.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    parts = [counts(held, ours, reference), differences(held, ours, reference), reasons(held, ours)]
    results = "\n\n".join(parts)
    path.write_text(f"{text[:start]}\n\n{results}\n\n{text[end:]}", encoding="utf-8")


def table(titles: list[str], alignment: str, rows: list[list[str]]) -> str:
    lines = [titles, [":--" if each == "l" else "--:" for each in alignment], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def counts(held: list[Conversation], ours: Side, reference: Side) -> str:
    scripts: dict[str, list[Conversation]] = defaultdict(list)
    for each in held:
        scripts[each.script].append(each)

    def row(title: str, of: list[Conversation]) -> list[str]:
        numbers = [str(len(of))]
        for side in (ours, reference):
            passed = sum(each.passed(side.results[str(each)].seen) for each in of)
            numbers += [str(passed), str(len(of) - passed)]
        alike = sum(ours.results[str(each)] == reference.results[str(each)] for each in of)
        return [title, *numbers, str(alike)]

    rows = [row(f"{script[0].upper()}{script[1:]}", of) for script, of in scripts.items()]
    rows.append(row("**All**", held))
    titles = ["Script", "Held", "Passed", "Failed", "pyOpenSSL passed", "Failed", "Both alike"]
    sides = "; ".join(
        f"{side.name} on {side.version.split('  ')[0].rsplit(' ', 3)[0]}: "
        f"{len(side.faults) or 'no'} deaths, hangs or descriptors left open, "
        f"memory grew by {side.growth} MiB in the second half"
        for side in (ours, reference)
    )
    return f"{table(titles, 'lrrrrrr', rows)}\n\n{sides[0].upper()}{sides[1:]}."


def differences(held: list[Conversation], ours: Side, reference: Side) -> str:
    rows = [
        [
            str(each),
            *(
                f"{side.results[str(each)].seen}: {side.results[str(each)].raised}"
                for side in (ours, reference)
            ),
        ]
        for each in held
        if ours.results[str(each)] != reference.results[str(each)]
    ]
    if not rows:
        return (
            "### Where the two differ\n\nNowhere: in each conversation the peer sees the same from "
            "both, and the program gets the same exception with the same reasons."
        )
    return (
        f"### Where the two differ\n\n{table(['Conversation', 'Here', 'pyOpenSSL'], 'lll', rows)}"
    )


def reasons(held: list[Conversation], ours: Side) -> str:
    """Each explanation with the conversations that it is for."""
    failed: dict[explained.Explanation | None, list[Conversation]] = defaultdict(list)
    for each in held:
        seen = ours.results[str(each)].seen
        if not each.passed(seen):
            failed[explained.why(each, seen)].append(each)
    rows = [
        [
            "<br>".join(sorted({f"{each.script}: {each.name}" for each in of})),
            ", ".join(sorted({each.version.removeprefix("TLSv") for each in of})),
            wanted(of),
            why.seen.replace("_", r"\_"),
            f"{why.reason} ({why.source})",
        ]
        for why, of in failed.items()
        if why is not None
    ]
    titles = ["Conversation", "TLS", "Wanted", "Seen from both", "Why"]
    return f"### Where both fail\n\n{table(titles, 'lllll', rows)}"


def wanted(of: list[Conversation]) -> str:
    names = sorted({name for each in of for name in each.wanted})
    return " or ".join(names).replace("_", r"\_")


def stale(held: list[Conversation], ours: Side) -> list[explained.Explanation]:
    """Explanations of what does not happen."""
    used = {explained.why(each, ours.results[str(each)].seen) for each in held}
    return [each for each in explained.EXPLANATIONS if each not in used]
