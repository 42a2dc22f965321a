"""What comes after the handshake, from clients and from servers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial

from conversations.adversary import (
    ALERT,
    CHANGE_CIPHER,
    DATA,
    HANDSHAKE,
    HEARTBEAT,
    Adversary,
    message,
    record,
)
from conversations.conversation import (
    BAD_MAC,
    CLOSE,
    DECODE,
    ECHO,
    GOODBYE,
    HANDSHAKE_FAILURE,
    ILLEGAL,
    NO_RENEGOTIATION,
    OVERFLOW,
    REFUSAL,
    UNEXPECTED,
    VERSION,
    VERSIONS,
    After,
    Conversation,
    Verdict,
    Wanted,
    verdict_for,
)
from conversations.handshakes import CERTIFICATE, FINISHED, HELLO_REQUEST, KEY_UPDATE, REQUEST


def many(peer: Adversary, count: int, kind: int, content: bytes) -> None:
    for _ in range(count):
        peer.say(kind, content)


def echoed(peer: Adversary, count: int) -> None:
    for _ in range(count):
        peer.say(DATA, b"x")
        peer.read(min=1, max=1)


def end(peer: Adversary) -> None:
    """Send nothing any more; and hear what is said to that."""
    peer.end.shutdown(socket.SHUT_WR)
    peer.read(min=1, max=1)


RECORDS: dict[str, tuple[After, Verdict]] = {
    "of another version": (
        lambda peer: peer.shout(record(DATA, bytes(60), b"\x05\x05")),
        # RFC 8446, 5.1: the field is ignored, and then the record is a falsified one.
        (VERSION | BAD_MAC, BAD_MAC),
    ),
    "that is too long": (
        lambda peer: peer.shout(record(DATA, bytes((1 << 14) + 2049))),
        OVERFLOW,
    ),
    "in the clear": (lambda peer: peer.shout(record(DATA, b"in the clear")), BAD_MAC),
    "in the clear, an alert": (
        lambda peer: peer.shout(record(ALERT, b"\x02\x28")),
        UNEXPECTED | BAD_MAC | DECODE,
    ),
    # RFC 8446, 5: unexpected after the peer's Finished.
    "ChangeCipherSpec": (
        lambda peer: peer.shout(record(CHANGE_CIPHER, b"\x01")),
        (BAD_MAC | UNEXPECTED, UNEXPECTED),
    ),
    "empty, of data": (lambda peer: peer.say(DATA, b""), ECHO),
    "empty, of data, 40 times": (
        lambda peer: many(peer, 40, DATA, b""),
        ECHO,
    ),
    # RFC 8446, 5.4; RFC 5246, 6.2.1.
    "empty, of a handshake": (lambda peer: peer.say(HANDSHAKE, b""), UNEXPECTED),
    "empty, of an alert": (lambda peer: peer.say(ALERT, b""), UNEXPECTED | DECODE),
    "of an unknown type": (lambda peer: peer.say(99, b"unknown"), UNEXPECTED),
    "a heartbeat": (lambda peer: peer.say(HEARTBEAT, b"\x01\x00\x10" + bytes(32)), UNEXPECTED),
    "data in 1 000 records": (
        lambda peer: echoed(peer, 1_000),
        ECHO,
    ),
}

ALERTS: dict[str, tuple[After, Verdict]] = {
    "of one byte": (lambda peer: peer.say(ALERT, b"\x01"), UNEXPECTED | DECODE),
    "of three bytes": (lambda peer: peer.say(ALERT, b"\x01\x5a\x00"), UNEXPECTED | DECODE),
    # In TLS 1.3 the level means nothing (RFC 8446, 6).
    "of no level": (lambda peer: peer.say(ALERT, b"\x07\x50"), (ILLEGAL | DECODE, REFUSAL)),
    "that is fatal": (lambda peer: peer.say(ALERT, b"\x02\x50"), CLOSE),
    "that is unknown": (lambda peer: peer.say(ALERT, b"\x02\xee"), CLOSE),
    # In TLS 1.3 it is as fatal as the others (RFC 8446, 6.2), unlike user_canceled.
    "that is unknown, a warning": (
        lambda peer: peer.say(ALERT, b"\x01\xee"),
        (ECHO | REFUSAL, CLOSE),
    ),
    "user_canceled": (lambda peer: peer.say(ALERT, b"\x01\x5a"), ECHO),
    "user_canceled, 10 times": (
        lambda peer: many(peer, 10, ALERT, b"\x01\x5a"),
        ECHO | UNEXPECTED,
    ),
    "close_notify, and then data": (lambda peer: peer.say(ALERT, b"\x01\x00"), GOODBYE),
    "none, but the end of the stream": (end, REFUSAL),
}

ClientHello = message(1, b"\x03\x03" + bytes(36))
MESSAGES: dict[str, tuple[After, Verdict]] = {
    "Finished": (lambda peer: peer.say(HANDSHAKE, message(FINISHED, bytes(12))), UNEXPECTED),
    "Certificate": (lambda peer: peer.say(HANDSHAKE, message(CERTIFICATE, bytes(4))), UNEXPECTED),
    "an unknown message": (lambda peer: peer.say(HANDSHAKE, message(99, b"")), UNEXPECTED),
    "half a message, and then data": (
        lambda peer: peer.say(HANDSHAKE, message(KEY_UPDATE, b"\x00")[:3]),
        # RFC 8446, 5.1: not interleaved. RFC 5246, 6.2.1: they may be.
        (UNEXPECTED | ECHO, UNEXPECTED),
    ),
    "a message of 16 MB": (
        lambda peer: peer.say(HANDSHAKE, b"\x04\xff\xff\xff" + bytes(1000)),
        UNEXPECTED | ILLEGAL | DECODE,
    ),
}
MESSAGES_1_3: dict[str, tuple[After, Verdict]] = {
    "ClientHello": (lambda peer: peer.say(HANDSHAKE, ClientHello), UNEXPECTED),
    "HelloRequest": (lambda peer: peer.say(HANDSHAKE, message(HELLO_REQUEST, b"")), UNEXPECTED),
    "CertificateRequest": (
        lambda peer: peer.say(HANDSHAKE, message(REQUEST, b"\x00\x00\x00")),
        UNEXPECTED,
    ),
    "KeyUpdate": (lambda peer: [None for _ in peer.send_keyupdate_request(0)], ECHO),
    "KeyUpdate that asks for one": (
        lambda peer: [None for _ in peer.send_keyupdate_request(1)],
        ECHO,
    ),
    "100 KeyUpdates": (
        lambda peer: [list(peer.send_keyupdate_request(0)) for _ in range(100)],
        ECHO | REFUSAL,
    ),
    "KeyUpdate of an unknown kind": (
        lambda peer: peer.say(HANDSHAKE, message(KEY_UPDATE, b"\x02")),
        ILLEGAL,
    ),
    "KeyUpdate that is empty": (
        lambda peer: peer.say(HANDSHAKE, message(KEY_UPDATE, b"")),
        DECODE,
    ),
    "KeyUpdate of two bytes": (
        lambda peer: peer.say(HANDSHAKE, message(KEY_UPDATE, bytes(2))),
        DECODE,
    ),
    # RFC 8446, 5.1: keys change at the end of a record.
    "KeyUpdate with another message behind it": (
        lambda peer: peer.say(HANDSHAKE, message(KEY_UPDATE, b"\x00") * 2),
        UNEXPECTED,
    ),
}
TICKETS_1_3: dict[str, tuple[After, Verdict]] = {
    "NewSessionTicket": (
        lambda peer: peer.say(HANDSHAKE, message(4, bytes(8) + b"\x00\x00\x04tick\x00\x00")),
        ECHO,
    ),
    "NewSessionTicket that is cut": (
        lambda peer: peer.say(HANDSHAKE, message(4, bytes(8) + b"\x00\x00\x04tick")),
        DECODE,
    ),
    "NewSessionTicket that is empty": (
        lambda peer: peer.say(HANDSHAKE, message(4, bytes(8) + b"\x00\x00\x00\x00\x00")),
        DECODE,
    ),
    # RFC 8446, 4.6.1: never more than seven days.
    "NewSessionTicket for a year": (
        lambda peer: peer.say(
            HANDSHAKE, message(4, b"\x01\xe1\x33\x80" + bytes(4) + b"\x00\x00\x04tick\x00\x00")
        ),
        ECHO | ILLEGAL,
    ),
}

# RFC 5746, 4.5 and 5246, 7.4.1.1: what the end that is asked may say.
NO = NO_RENEGOTIATION | HANDSHAKE_FAILURE


def held(
    script: str, role: str, version: str, table: dict[str, tuple[After, Verdict]]
) -> Iterator[Conversation]:
    for name, (after, verdict) in table.items():
        expected = verdict_for(verdict, version)
        yield Conversation(script, name, role, version, expected, after=after)


def renegotiations() -> Iterator[Conversation]:
    cases: list[tuple[str, str, bytes, Wanted]] = [
        ("client", "ClientHello", ClientHello, NO),
        ("client", "HelloRequest", message(HELLO_REQUEST, b""), UNEXPECTED),
        ("server", "HelloRequest", message(HELLO_REQUEST, b""), NO | ECHO),
        ("server", "ClientHello", ClientHello, UNEXPECTED),
    ]
    for role, name, content, expected in cases:
        yield Conversation(
            f"{role}: renegotiation",
            f"{name} after the handshake",
            role,
            "TLSv1.2",
            expected,
            after=partial(Adversary.say, kind=HANDSHAKE, content=content),
        )


def conversations() -> Iterator[Conversation]:
    for role in ("client", "server"):
        for version in VERSIONS:
            yield from held(f"{role}: records", role, version, RECORDS)
            yield from held(f"{role}: alerts", role, version, ALERTS)
            yield from held(f"{role}: messages afterwards", role, version, MESSAGES)
        yield from held(f"{role}: messages afterwards", role, "TLSv1.3", MESSAGES_1_3)
    yield from held("server: messages afterwards", "server", "TLSv1.3", TICKETS_1_3)
    yield Conversation(
        "client: messages afterwards",
        "NewSessionTicket",
        "client",
        "TLSv1.3",
        UNEXPECTED,
        after=lambda peer: peer.say(HANDSHAKE, message(4, bytes(13))),
    )
    yield from renegotiations()
