"""Clients that come back with a session, and something is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

from conversations.adversary import HANDSHAKE, Adversary, BrokenPromise, Sent, Tamper
from conversations.conversation import (
    DECRYPT,
    ECHO,
    HANDSHAKE_FAILURE,
    ILLEGAL,
    MISSING,
    PRE_SHARED,
    After,
    Conversation,
    Wanted,
    bytes_of,
    leave_alone,
    name_of,
    with_extension,
    without_extension,
)
from conversations.hellos import MASTER_SECRET, MODES, SERVER_NAME, names

RESUMED = "a session, where a full handshake is due"


def resumed(peer: Adversary) -> None:
    if not peer.resumed:
        raise BrokenPromise("a full handshake, where there was a session")


def not_resumed(peer: Adversary) -> None:
    if peer.resumed:
        raise BrokenPromise(RESUMED)


def written(change: Callable[[bytes], bytes]) -> Tamper:
    """Change the hello as it is on the wire, where binders and all are computed."""

    def tamper(peer: Adversary, sent: Any) -> list[Sent]:
        return [(HANDSHAKE, change(bytes_of(sent)))] if name_of(sent) == "ClientHello" else [sent]

    return tamper


def extension_at(hello: bytes, number: int) -> int:
    """Where the content of an extension starts; behind the fields that come before them all."""
    at = 39 + hello[38]
    at += 2 + int.from_bytes(hello[at : at + 2], "big")
    at += 1 + hello[at] + 2
    while int.from_bytes(hello[at : at + 2], "big") != number:
        at += 4 + int.from_bytes(hello[at + 2 : at + 4], "big")
    return at + 4


def flipped(number: int, offset: int) -> Tamper:
    """One byte of an extension."""

    def change(hello: bytes) -> bytes:
        at = extension_at(hello, number) + offset
        return hello[:at] + bytes([hello[at] ^ 1]) + hello[at + 1 :]

    return written(change)


def key_first(hello: bytes) -> bytes:
    """The extension with the keys before the one that follows it: it has to be the last."""
    at = extension_at(hello, PRE_SHARED) - 4
    start = 39 + hello[38]
    start += 2 + int.from_bytes(hello[start : start + 2], "big")
    start += 1 + hello[start] + 2
    return hello[:start] + hello[at:] + hello[start:at]


ENTRIES: list[tuple[str, str, Tamper, After | None, Wanted]] = [
    ("as it should be", "TLSv1.2", leave_alone, resumed, ECHO),
    ("as it should be", "TLSv1.3", leave_alone, resumed, ECHO),
    # A ticket that nobody knows is no reason to fail.
    ("ticket falsified", "TLSv1.3", flipped(PRE_SHARED, 24), not_resumed, ECHO),
    # RFC 7627, 5.3.
    (
        "without extended_master_secret",
        "TLSv1.2",
        without_extension(MASTER_SECRET),
        None,
        HANDSHAKE_FAILURE,
    ),
    # RFC 6066, 3: not with another name.
    (
        "with another server_name",
        "TLSv1.2",
        with_extension(SERVER_NAME, names(b"elsewhere")),
        not_resumed,
        ECHO,
    ),
    # RFC 8446, 4.2.11.
    (
        "binder falsified",
        "TLSv1.3",
        written(lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        None,
        DECRYPT,
    ),
    (
        "binder of zeros",
        "TLSv1.3",
        written(lambda data: data[:-32] + bytes(32)),
        None,
        DECRYPT,
    ),
    ("hello changed behind the binder's back", "TLSv1.3", flipped(SERVER_NAME, 6), None, DECRYPT),
    ("pre_shared_key before others", "TLSv1.3", written(key_first), None, ILLEGAL),
    (
        "without psk_key_exchange_modes",
        "TLSv1.3",
        without_extension(MODES),
        None,
        MISSING,
    ),
    (
        "with psk_ke only",
        "TLSv1.3",
        with_extension(MODES, b"\x01\x00"),
        not_resumed,
        ECHO | DECRYPT,
    ),
]


def conversations() -> Iterator[Conversation]:
    for name, version, tamper, after, expected in ENTRIES:
        yield Conversation(
            "client: resumption",
            name,
            "client",
            version,
            expected,
            tamper,
            after,
            resumes=True,
        )
