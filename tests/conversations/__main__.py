"""Holds the conversations with this package and with pyOpenSSL, and puts them side by side.

    python -m conversations --ours PYTHON --reference PYTHON [--only TEXT] [--write]

Fails where our end dies, hangs or leaks, where it is not as the RFCs want it and that has not been
explained, and where it differs from pyOpenSSL. ``--write`` writes the page of the documentation.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from support.certificates import Authority, rsa_key

from conversations import (
    afterwards,
    exchange,
    explained,
    handshakes,
    hellos,
    honest,
    messages,
    page,
    protection,
    resumption,
)
from conversations.conversation import Conversation
from conversations.holding import MEMORY, Endpoint, Files
from conversations.page import Side

ROOT = Path(__file__).parent.parent.parent
MODULES = (honest, messages, hellos, handshakes, exchange, resumption, afterwards, protection)


def conversations() -> list[Conversation]:
    made = [each for module in MODULES for each in module.conversations()]
    names = [str(each) for each in made]
    assert len(set(names)) == len(names), "a name is there twice"
    return made


def prepare(directory: Path) -> Files:
    authority = Authority(directory, "authority")
    elliptic, other = authority.issue("localhost"), authority.issue("localhost", key=rsa_key())
    identities = [[str(each.chain_file), str(each.key_file)] for each in (elliptic, other)]
    key = other.certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return Files(str(authority.file), identities, key.public_numbers())


def hold_all(name: str, python: str, path: str, chosen: list[Conversation], files: Files) -> Side:
    began = time.monotonic()
    endpoint = Endpoint(python, path, files)
    try:
        results = {}
        for each in chosen:
            results[str(each)] = result = endpoint.hold(each)
            if not each.passed(result.seen):
                print(f"  {name}: {each}: {result.seen} ({result.raised})", flush=True)
    finally:
        endpoint.end()
    seconds = time.monotonic() - began
    print(f"{name}: {len(results)} conversations in {seconds:.0f} seconds", flush=True)
    return Side(name, endpoint.version, results, endpoint.faults, endpoint.growth())


def complaints(chosen: list[Conversation], ours: Side, reference: Side) -> list[str]:
    found = [f"{ours.name}: {fault}" for fault in ours.faults]
    if ours.growth > MEMORY:
        found.append(f"{ours.name}: memory has grown by {ours.growth} MiB")
    for each in chosen:
        mine, other = ours.results[str(each)], reference.results[str(each)]
        if mine != other:
            found.append(f"{each}: {mine}, and not {other}")
        if not each.passed(mine.seen) and explained.why(each, mine.seen) is None:
            found.append(f"{each}: {mine} is not wanted, and not explained")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="conversations", description=__doc__)
    parser.add_argument("--ours", default=sys.executable)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--only", default="", metavar="TEXT", help="those with this in their name")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    chosen = [each for each in conversations() if given.only in str(each)]
    if not chosen:
        parser.error(f"no conversation has {given.only!r} in its name")
    with tempfile.TemporaryDirectory() as directory:
        files = prepare(Path(directory))
        path = os.fspath(ROOT / "python")
        ours = hold_all("this package", given.ours, path, chosen, files)
        reference = hold_all("pyOpenSSL", given.reference, "", chosen, files)
    found = complaints(chosen, ours, reference)
    if not given.only:
        found += [f"{each.pattern}: explained, but not so" for each in page.stale(chosen, ours)]
    if given.write and not given.only:
        page.write(ROOT / "docs" / "conversations.md", chosen, ours, reference)
    for each in found:
        print(f"*** {each}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
