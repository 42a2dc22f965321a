"""What is measured, row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from measuring.library import BULK, Library, Loop

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Unit:
    """How a cost is shown: as a rate per second, or as it is."""

    name: str
    scale: float = 1.0
    is_rate: bool = False

    def show(self, cost: float) -> str:
        value = self.scale / cost if self.is_rate else cost / self.scale
        digits = 0 if value >= 100 else 1 if value >= 10 else 2
        return f"{value:,.{digits}f}".replace(",", " ") + f" {self.name}"


RATE = Unit("/s", is_rate=True)
NANOSECONDS = Unit("ns", 1e-9)
MICROSECONDS = Unit("µs", 1e-6)
MILLISECONDS = Unit("ms", 1e-3)
KIBIBYTES = Unit("KiB", 1024)
BULK_RATE = Unit("MB/s", BULK / MEGABYTE, is_rate=True)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    `goal` and `floor` are what we aim at: how many times our cost the reference's is.
    """

    name: str
    unit: Unit
    goal: float
    floor: float
    loop: Callable[[Library], Loop] | None = None

    @property
    def is_memory(self) -> bool:
        return self.unit is KIBIBYTES

    def reached(self, ratio: float) -> str:
        """Which aim a ratio reaches: `goal`, `floor` or none."""
        return "goal" if ratio >= self.goal else "floor" if ratio >= self.floor else "below"


IMPORT = Row("import", MILLISECONDS, 5, 4)
MEMORY = Row("memory of a connected pair", KIBIBYTES, 1.0, 1 / 1.1)

ROWS = [
    Row("message, 64 B", RATE, 5, 4, lambda library: library.message(64)),
    Row("message, 1 KiB", RATE, 4.2, 3.3, lambda library: library.message(1024)),
    Row("message, 16 KiB", RATE, 1.8, 1.6, lambda library: library.message(16384)),
    Row("recv_into, 16 KiB", RATE, 1.8, 1.6, lambda library: library.message_into(16384)),
    Row("bulk over sockets", BULK_RATE, 2, 1.5, lambda library: library.bulk()),
    Row("ping-pong over sockets", RATE, 1.35, 1.2, lambda library: library.ping_pong()),
    Row("handshake, 1.3, ECDSA", RATE, 1.15, 1.05, lambda lib: lib.handshake("1.3", "ecdsa")),
    Row("handshake, 1.3, RSA", RATE, 1.15, 1.05, lambda lib: lib.handshake("1.3", "rsa")),
    Row("handshake, 1.2, ECDSA", RATE, 1.15, 1.05, lambda lib: lib.handshake("1.2", "ecdsa")),
    Row("handshake, 1.2, RSA", RATE, 1.15, 1.05, lambda lib: lib.handshake("1.2", "rsa")),
    Row("handshake, 2 threads", RATE, 1.3, 1.15, lambda lib: lib.handshake_on_threads(2)),
    Row("resumption, 1.3", RATE, 1.05, 1.0, lambda library: library.resumption("1.3")),
    Row("resumption, 1.2", RATE, 1.05, 1.0, lambda library: library.resumption("1.2")),
    Row("pending()", NANOSECONDS, 3.5, 3, lambda library: library.pending()),
    Row("WantReadError", MICROSECONDS, 3, 2.2, lambda library: library.nothing_to_read()),
    Row("144 trust roots", MILLISECONDS, 20, 10, lambda library: library.trust_roots()),
    IMPORT,
    MEMORY,
]

BY_NAME = {row.name: row for row in ROWS}
