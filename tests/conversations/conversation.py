"""What a conversation is: what the adversary does, and what the RFCs have its other end do.

A conversation passes when that end does one of the things that are wanted of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Callable, Union

from conversations import adversary
from conversations.adversary import HANDSHAKE, Adversary, Plain, Sent, Tamper, message, record

VERSIONS = {"TLSv1.2": (3, 3), "TLSv1.3": (3, 4)}

After = Callable[[Adversary], Any]
Wanted = frozenset[str]


def wanted(*names: str) -> Wanted:
    return frozenset(names)


ECHO = wanted("answers")
# After a fatal alert, or for want of what to wait for.
CLOSE = wanted("closes")
GOODBYE = wanted("closes", "says goodbye")
UNEXPECTED = wanted("unexpected_message")
BAD_MAC = wanted("bad_record_mac")
OVERFLOW = wanted("record_overflow")
HANDSHAKE_FAILURE = wanted("handshake_failure")
ILLEGAL = wanted("illegal_parameter")
DECODE = wanted("decode_error")
DECRYPT = wanted("decrypt_error")
VERSION = wanted("protocol_version")
MISSING = wanted("missing_extension")
UNSUPPORTED = wanted("unsupported_extension")
NAME = wanted("unrecognized_name")
NO_RENEGOTIATION = wanted("no_renegotiation")
# Any end of the connection: the protocol does not say which.
REFUSAL = wanted("refuses")


def is_refusal(seen: str) -> bool:
    return seen in GOODBYE or (" " not in seen and seen not in ECHO and seen != "dies")


def leave_alone(peer: Adversary, sent: Any) -> list[Sent]:
    return [sent]


@dataclass(frozen=True)
class Conversation:
    """An adversary's misbehaviour: during the handshake, and after it."""

    script: str
    name: str
    role: str
    version: str
    wanted: Wanted
    tamper: Tamper = leave_alone
    after: After | None = None
    # Whether our server asks for a certificate.
    strict: bool = False
    # Whether it follows an honest one, whose session it has.
    resumes: bool = False
    # Of the adversary.
    settings: dict[str, Any] = field(default_factory=dict)
    rsa: bool = False

    def __str__(self) -> str:
        asked = ", with a client certificate" if self.strict else ""
        return f"{self.script}: {self.name} ({self.version}{asked})"

    def passed(self, seen: str) -> bool:
        return seen in self.wanted or (self.wanted >= REFUSAL and is_refusal(seen))


# One for both versions, or one for each.
Verdict = Union[Wanted, "tuple[Wanted, Wanted]"]


def verdict_for(verdict: Verdict, version: str) -> Wanted:
    return verdict[list(VERSIONS).index(version)] if isinstance(verdict, tuple) else verdict


def tampered(
    script: str,
    role: str,
    versions: tuple[str, ...],
    table: dict[str, tuple[Tamper, Verdict]],
    **more: Any,
) -> Iterator[Conversation]:
    """One conversation for each line of a table, and each version."""
    for name, (tamper, verdict) in table.items():
        for version in versions:
            expected = verdict_for(verdict, version)
            yield Conversation(script, name, role, version, expected, tamper, **more)


# Ways to tamper.


def name_of(sent: Any) -> str:
    return type(sent).__name__


def bytes_of(sent: Any) -> bytes:
    return bytes(sent.write())


def hello(change: Callable[[Any], Any], kind: str = "ClientHello") -> Tamper:
    """Change the message that is written, and not the one that the adversary remembers."""

    def tamper(peer: Adversary, sent: Any) -> list[Sent]:
        if name_of(sent) != kind:
            return [sent]
        changed = copy.deepcopy(sent)
        change(changed)
        return [(HANDSHAKE, bytes_of(changed))]

    return tamper


def put(name: str, value: Any, kind: str = "ClientHello") -> Tamper:
    return hello(lambda sent: setattr(sent, name, value), kind)


PRE_SHARED = 41


def with_extensions(contents: dict[int, bytes], kind: str = "ClientHello") -> Tamper:
    """With these extensions, in the place of others of their numbers."""

    def change(sent: Any) -> None:
        others = [each for each in sent.extensions or [] if each.extType not in contents]
        new = [adversary.extension(number, content) for number, content in contents.items()]
        # That with the pre-shared keys has to be the last.
        sent.extensions = [*others, *new] if PRE_SHARED in contents else [*new, *others]

    return hello(change, kind)


def with_extension(number: int, content: bytes, kind: str = "ClientHello") -> Tamper:
    return with_extensions({number: content}, kind)


def without_extension(number: int, kind: str = "ClientHello") -> Tamper:
    def change(sent: Any) -> None:
        sent.extensions = [each for each in sent.extensions if each.extType != number]

    return hello(change, kind)


def rewritten(kind: str, change: Callable[[bytes], bytes]) -> Tamper:
    """With other bytes, header and all."""

    def tamper(peer: Adversary, sent: Any) -> list[Sent]:
        return [(HANDSHAKE, change(bytes_of(sent)))] if name_of(sent) == kind else [sent]

    return tamper


def second(change: Tamper) -> Tamper:
    """In the second hello only, which follows a HelloRetryRequest."""
    return lambda peer, sent: change(peer, sent) if peer.hellos == 2 else [sent]


def followed(change: Tamper, kind: str, *others: Sent) -> Tamper:
    """What ``change`` makes of this message, and then something else."""

    def tamper(peer: Adversary, sent: Any) -> list[Sent]:
        return [*change(peer, sent), *(others if name_of(sent) == kind else ())]

    return tamper


def before(kind: str, *others: Sent) -> Tamper:
    return lambda peer, sent: [*others, sent] if name_of(sent) == kind else [sent]


def instead(kind: str, *others: Sent) -> Tamper:
    return lambda peer, sent: list(others) if name_of(sent) == kind else [sent]


def sealed_before(kind: str, inner: bytes, outer: int = adversary.DATA) -> Tamper:
    """A protected record of TLS 1.3 before a message."""

    def tamper(peer: Adversary, sent: Any) -> list[Sent]:
        if name_of(sent) != kind:
            return [sent]
        return [Plain(peer.sealed(inner, outer)), sent]

    return tamper


def in_records(kind: str, size: int, *between: Sent) -> Tamper:
    """A hello in records of ``size`` bytes, with something else behind the first of them."""

    def tamper(peer: Adversary, sent: Any) -> list[Sent]:
        if name_of(sent) != kind:
            return [sent]
        data = bytes_of(sent)
        peer._handshake_hash.update(bytearray(data))
        first, *others = (
            Plain(record(HANDSHAKE, data[at : at + size])) for at in range(0, len(data), size)
        )
        return [first, *between, *others]

    return tamper


def handshake_message(data: bytes) -> bytes:
    """With the length that it has, whatever it says."""
    return message(data[0], data[4:])
