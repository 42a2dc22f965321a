"""A peer that sends one thing without end, before the handshake and after it, in memory.

After the handshake the attacker has the peer's keys, so that each record is authentic. Whatever
comes, the victim takes it all, or ends with an exception that the documentation names; its memory
does not grow with what comes, and it does not say more than it hears.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from OpenSSL import SSL
from support.memory import MEBIBYTE, PURGES_AT_ONCE, resident, return_free_memory
from support.tls import CHUNK, drain

from stress import mutations
from stress.documented import WAITING, describe, is_documented
from stress.ends import OTHER, End
from stress.handshakes import Setting, Workshop
from stress.keys import Protection, Protection13
from stress.middleman import Relay
from stress.mutations import ALERT, DATA, HANDSHAKE, message, record
from stress.program import Program

BATCH = 200
# Beyond what the allocator keeps at hand.
ROOM = 4 * MEBIBYTE

CLIENT_HELLO, CERTIFICATE, KEY_UPDATE = 1, 11, 24
ENDLESS = b"\xff\xff\xff"


class Attacker:
    """Seals what it likes as the peer of ``victim``, from the end of the handshake on."""

    def __init__(self, victim: str, keys: Protection) -> None:
        self.victim = victim
        self.keys = keys

    def seal(self, kind: int, content: bytes, padding: int = 0) -> bytes:
        return self.keys.seal(kind, content, padding)

    def update(self, request: bool) -> bytes:
        assert isinstance(self.keys, Protection13)
        sealed = self.keys.seal(HANDSHAKE, message(KEY_UPDATE, bytes([request])))
        self.keys = self.keys.updated()
        return sealed


Content = Callable[[Attacker, int], bytes]


@dataclass(frozen=True)
class Flood:
    """What is sent over and over, given the number of the piece; to whom, and in which version."""

    versions: tuple[str, ...]
    victims: tuple[str, ...]
    content: Content


BOTH = ("client", "server")
ALL = ("TLSv1.2", "TLSv1.3")


def ticket(size: int) -> bytes:
    """A NewSessionTicket of TLS 1.3, that is good for two hours."""
    body = b"\x00\x00\x1c\x20" + b"age!" + b"\x08nonce..." + size.to_bytes(2, "big") + bytes(size)
    return message(mutations.NEW_SESSION_TICKET, body + b"\x00\x00")


def piece_of(kind: int, size: int) -> Content:
    """A handshake message that says it is as long as can be, piece by piece."""

    def content(attacker: Attacker, number: int) -> bytes:
        start = bytes([kind]) + ENDLESS if number == 0 else b""
        return attacker.seal(HANDSHAKE, (start + bytes(size))[:size] if size > 4 else start or b"x")

    return content


# From the end of the handshake on, well protected.
PROTECTED: dict[str, Flood] = {
    "empty records": Flood(ALL, BOTH, lambda a, n: a.seal(DATA, b"")),
    "empty records, padded": Flood(("TLSv1.3",), BOTH, lambda a, n: a.seal(DATA, b"", 1 << 14)),
    "single bytes": Flood(ALL, BOTH, lambda a, n: a.seal(DATA, b"x")),
    "key updates": Flood(("TLSv1.3",), BOTH, lambda a, n: a.update(request=False)),
    "key updates that ask for one": Flood(("TLSv1.3",), BOTH, lambda a, n: a.update(request=True)),
    "tickets": Flood(("TLSv1.3",), ("client",), lambda a, n: a.seal(HANDSHAKE, ticket(200))),
    "large tickets": Flood(
        ("TLSv1.3",), ("client",), lambda a, n: a.seal(HANDSHAKE, ticket(16_000))
    ),
    "tickets of a client": Flood(
        ("TLSv1.3",), ("server",), lambda a, n: a.seal(HANDSHAKE, ticket(9))
    ),
    "requests to renegotiate": Flood(
        ("TLSv1.2",), ("client",), lambda a, n: a.seal(HANDSHAKE, message(0, b""))
    ),
    "new hellos": Flood(
        ALL, ("server",), lambda a, n: a.seal(HANDSHAKE, message(CLIENT_HELLO, hello_body()))
    ),
    "warnings": Flood(ALL, BOTH, lambda a, n: a.seal(ALERT, b"\x01\x64")),
    "warnings of a user who cancels": Flood(ALL, BOTH, lambda a, n: a.seal(ALERT, b"\x01\x5a")),
    "a message without end": Flood(ALL, BOTH, piece_of(mutations.NEW_SESSION_TICKET, 1 << 14)),
    "a message without end, in bytes": Flood(ALL, BOTH, piece_of(mutations.NEW_SESSION_TICKET, 1)),
    "empty pieces of messages": Flood(ALL, BOTH, lambda a, n: a.seal(HANDSHAKE, b"")),
    "changes of ciphers": Flood(ALL, BOTH, lambda a, n: record(mutations.CHANGE_CIPHER, b"\x01")),
    "unknown records": Flood(ALL, BOTH, lambda a, n: a.seal(99, b"unknown")),
    "heartbeats": Flood(("TLSv1.2",), BOTH, lambda a, n: a.seal(24, b"\x01\x40\x00" + bytes(19))),
    "records that are too long": Flood(ALL, BOTH, lambda a, n: a.seal(DATA, bytes((1 << 14) + 1))),
    "certificate requests": Flood(
        ("TLSv1.3",), ("client",), lambda a, n: a.seal(HANDSHAKE, message(13, b"\x00\x00\x00"))
    ),
}


def hello_body() -> bytes:
    return b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"


# Instead of a handshake, in the clear. The victim is new; the number of the piece is given.
PLAIN: dict[str, Callable[[int], bytes]] = {
    "nothing": lambda number: record(HANDSHAKE, b""),
    "warnings": lambda number: record(ALERT, b"\x01\x64"),
    "changes of ciphers": lambda number: record(mutations.CHANGE_CIPHER, b"\x01"),
    "data": lambda number: record(DATA, b""),
    "a hello without end": lambda number: record(
        HANDSHAKE, (b"\x01" + ENDLESS if number == 0 else b"") + bytes(1 << 14)[4:]
    ),
    "a server's hello without end": lambda number: record(
        HANDSHAKE, (b"\x02" + ENDLESS if number == 0 else b"") + bytes(1 << 14)[4:]
    ),
    "a hello in bytes": lambda number: record(
        HANDSHAKE, (b"\x01\x00\x80\x00" + bytes(99))[number % 99 :][:1]
    ),
    "zeros": lambda number: bytes(1 << 14),
    "noise": lambda number: random.Random(number).randbytes(1 << 14),
    "text": lambda number: b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


class Harm(AssertionError):
    """The flood did harm."""


def pour(victim: SSL.Connection, pieces: Iterator[bytes], count: int) -> tuple[str, int]:
    """Give the victim ``count`` pieces, and say how it ended and after how many bytes of them."""
    # The first batches fill caches, of ours too.
    return_free_memory()
    began, before = time.monotonic(), resident()
    heard = said = number = 0
    ending = "all of it was taken"
    while number < count:
        batch = b"".join(next(pieces) for _ in range(min(BATCH, count - number)))
        number += BATCH
        victim.bio_write(batch)
        heard += len(batch)
        try:
            while True:
                victim.recv(CHUNK)
        except WAITING:
            said += len(drain(victim))
        except Exception as failure:
            if not is_documented(failure):
                raise
            ending = describe(failure)
            break
        if resident() - before > ROOM:
            return_free_memory()
            if resident() - before > ROOM:
                raise Harm(f"memory grew by {resident() - before} bytes over {heard}")
        if said > 2 * heard + CHUNK:
            raise Harm(f"it said {said} bytes to {heard}")
        if time.monotonic() - began > 300:
            raise Harm("it takes too long")
    return ending, heard


def attack(workshop: Workshop, version: str, victim: str) -> tuple[SSL.Connection, Attacker]:
    """A victim whose handshake is over, and an attacker in the place of its peer."""
    chance = random.Random(0)
    setting = Setting(version, "plain", "GCM" if version == "TLSv1.2" else "")
    ends = workshop.ends(setting, chance)
    relay = Relay(ends, [], chance, use_keys=True)
    for _ in range(10):
        for role, end in ends.items():
            shake(end)
            relay.take(role, drain(end.connection))
            data = relay.deliver(role, patient=version == "TLSv1.3")
            if data:
                ends[OTHER[role]].connection.bio_write(data)
    assert all(end.shaken for end in ends.values())
    role = OTHER[victim]
    direction = relay.directions[role]
    epoch = "TLS 1.2" if version == "TLSv1.2" else "TRAFFIC_SECRET_0"
    keys = direction.sealers.get(epoch) or relay.protection(role, direction.target, epoch)
    assert keys is not None
    attacker = Attacker(victim, keys)
    connection = ends[victim].connection
    connection.bio_write(attacker.seal(DATA, b"authentic"))
    assert connection.recv(CHUNK) == b"authentic"
    return connection, attacker


def shake(end: End) -> None:
    try:
        end.connection.do_handshake()
        end.shaken = True
        end.connection.recv(1)
    except SSL.WantReadError:
        pass


def protected(
    workshop: Workshop, name: str, version: str, victim: str, count: int
) -> tuple[str, int]:
    connection, attacker = attack(workshop, version, victim)
    flood = PROTECTED[name]

    def pieces() -> Iterator[bytes]:
        number = 0
        while True:
            yield flood.content(attacker, number)
            number += 1

    return pour(connection, pieces(), count)


def plain(workshop: Workshop, name: str, victim: str, count: int) -> tuple[str, int]:
    end = workshop.ends(Setting("any", "plain", ""), random.Random(0))[victim]
    shake(end)
    drain(end.connection)

    def pieces() -> Iterator[bytes]:
        number = 0
        while True:
            yield PLAIN[name](number)
            number += 1

    return pour(end.connection, pieces(), count)


def certificates_without_end(workshop: Workshop, count: int) -> tuple[str, int]:
    """A server's hello, and then a message with certificates that does not end."""
    chance = random.Random(0)
    ends = workshop.ends(Setting("TLSv1.2", "plain", "GCM"), chance)
    shake(ends["client"])
    ends["server"].connection.bio_write(drain(ends["client"].connection))
    shake(ends["server"])
    hello = mutations.split_records(drain(ends["server"].connection))[0][0]
    client = ends["client"].connection
    client.bio_write(hello)

    def pieces() -> Iterator[bytes]:
        yield record(HANDSHAKE, bytes([CERTIFICATE]) + ENDLESS + ENDLESS)
        while True:
            yield record(HANDSHAKE, bytes(1 << 14))

    return pour(client, pieces(), count)


def run(seed: int, pieces: int) -> dict[str, Any]:
    del seed  # nothing here is left to chance
    endings: dict[str, str] = {}
    total = 0
    with tempfile.TemporaryDirectory() as directory:
        workshop = Workshop(Path(directory))
        for name, flood in PROTECTED.items():
            for version in flood.versions:
                for victim in flood.victims:
                    what = f"{name}, to the {victim}, {version}"
                    try:
                        ending, heard = protected(workshop, name, version, victim, pieces)
                    except Harm as harm:
                        raise AssertionError(f"{what}: {harm}") from harm
                    endings[what] = ending
                    total += heard
        for name in PLAIN:
            for victim in BOTH:
                endings[f"{name}, to the {victim}, in the clear"], heard = plain(
                    workshop, name, victim, pieces
                )
                total += heard
        endings["certificates without end, to the client"], heard = certificates_without_end(
            workshop, pieces
        )
        total += heard
    taken = sum(ending == "all of it was taken" for ending in endings.values())
    return {
        "floods": len(endings),
        "pieces in each": pieces,
        "bytes in all": total,
        "floods that were taken to the end": taken,
        "floods that ended in a documented exception": len(endings) - taken,
        "endings": endings,
    }


PROGRAM = Program(
    run,
    full={"": {"pieces": 100_000}},
    short={"": {"pieces": 400}},
    limit=3_000,
    environment=PURGES_AT_ONCE,
)
