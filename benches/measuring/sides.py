"""Who is compared: libraries, and the interpreters that have them."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from os import path

OURS, REFERENCE, STDLIB = "ours", "pyOpenSSL", "ssl"


@dataclass(frozen=True)
class Side:
    """One of those compared."""

    name: str
    python: str
    kind: str  # `OpenSSL` or `ssl`

    @property
    def module(self) -> str:
        return "OpenSSL.SSL" if self.kind == "OpenSSL" else self.kind


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ours",
        default=sys.executable,
        type=path.abspath,
        metavar="PYTHON",
        help="an interpreter that has this package (this one)",
    )
    parser.add_argument(
        "--reference",
        required=True,
        type=path.abspath,
        metavar="PYTHON",
        help="an interpreter that has pyOpenSSL itself",
    )


def both(options: argparse.Namespace) -> list[Side]:
    """This package and pyOpenSSL."""
    return [
        Side(OURS, options.ours, "OpenSSL"),
        Side(REFERENCE, options.reference, "OpenSSL"),
    ]
