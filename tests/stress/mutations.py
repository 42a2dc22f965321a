"""What an attacker on the wire does to a record, or to a handshake message inside of one."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Callable

CHANGE_CIPHER, ALERT, HANDSHAKE, DATA, HEARTBEAT = 20, 21, 22, 23, 24
HEADER = 5
LARGEST = 1 << 14

HELLO_REQUEST, NEW_SESSION_TICKET = 0, 4


def record(kind: int, body: bytes, version: bytes = b"\x03\x03") -> bytes:
    return bytes([kind]) + version + len(body).to_bytes(2, "big") + body


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def split_records(stream: bytes) -> tuple[list[bytes], bytes]:
    """The whole records at the start of a stream, and what is left."""
    whole = []
    while len(stream) >= HEADER:
        size = HEADER + int.from_bytes(stream[3:HEADER], "big")
        if len(stream) < size:
            break
        whole.append(stream[:size])
        stream = stream[size:]
    return whole, stream


def split_messages(content: bytes) -> list[bytes]:
    """The handshake messages in a record's content; what is no whole one stays one piece."""
    messages = []
    while content:
        size = 4 + int.from_bytes(content[1:4], "big")
        messages.append(content[:size])
        content = content[size:]
    return messages


def flipped(data: bytes, where: range, chance: random.Random) -> bytes:
    """The data with one bit changed, in a byte of ``where``."""
    changed = bytearray(data)
    changed[chance.choice(where)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut(data: bytes, chance: random.Random) -> tuple[bytes, bytes]:
    at = chance.randrange(len(data) + 1)
    return data[:at], data[at:]


@dataclass
class Seen:
    """What has passed, to be replayed."""

    same: list[bytes] = field(default_factory=list)
    other: list[bytes] = field(default_factory=list)


# Of records. Each is given one, and returns those to deliver in its place.

RecordChange = Callable[[bytes, random.Random, Seen], list[bytes]]


def _flip_body(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    return [flipped(data, range(HEADER, len(data)), chance)] if len(data) > HEADER else []


def _overwrite(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    start = chance.randrange(len(data))
    noise = chance.randbytes(min(chance.randint(1, 40), len(data) - start))
    return [data[:start] + noise + data[start + len(noise) :]]


def _split(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    first, second = cut(data[HEADER:], chance)
    return [record(data[0], part, data[1:3]) for part in (first, second) if part]


def _shorten(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    return [record(data[0], cut(data[HEADER:], chance)[0], data[1:3])]


def _lengthen(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    body = data[HEADER:] + chance.randbytes(chance.randint(1, 600))
    return [record(data[0], body[:0xFFFF], data[1:3])]


def _lose_bytes(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    """The header promises more than there is: what follows is taken for the rest."""
    first, second = cut(data, chance)
    return [first + second[chance.randint(1, 20) :]]


def _lie_about_length(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    length = chance.choice([0, 1, LARGEST, LARGEST + 1, LARGEST + 257, LARGEST + 2049, 0xFFFF])
    return [data[:3] + length.to_bytes(2, "big") + data[HEADER:]]


def strange_record(chance: random.Random) -> bytes:
    """Something that nobody sends who is in his right mind."""
    alert = bytes([chance.choice([1, 2, 0, 255]), chance.choice([0, 10, 20, 40, 90, 100, 255])])
    return chance.choice(
        [
            record(ALERT, alert),
            record(ALERT, alert * 2),
            record(ALERT, alert[:1]),
            record(ALERT, b""),
            record(CHANGE_CIPHER, b"\x01"),
            record(CHANGE_CIPHER, b"\x01\x01"),
            record(CHANGE_CIPHER, b"\x02"),
            record(CHANGE_CIPHER, b""),
            record(HANDSHAKE, b""),
            record(HANDSHAKE, message(HELLO_REQUEST, b"")),
            record(
                HANDSHAKE, message(chance.randrange(256), chance.randbytes(chance.randrange(99)))
            ),
            record(HANDSHAKE, bytes([chance.randrange(256)]) + b"\xff\xff\xff"),
            record(DATA, b""),
            record(DATA, b"injected in the clear"),
            record(HEARTBEAT, b"\x01\x40\x00"),
            record(chance.randrange(256), chance.randbytes(chance.randrange(40))),
            record(HANDSHAKE, chance.randbytes(LARGEST)),
            b"\x80\x2e\x01\x00\x02" + chance.randbytes(43),  # a hello of SSL 2
            chance.randbytes(chance.randint(1, 99)),
            b"GET / HTTP/1.0\r\n\r\n",
        ]
    )


def _insert(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    return [strange_record(chance), data]


def _append(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    return [data, strange_record(chance)]


def _replace(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    return [strange_record(chance)]


def _flood(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    return [strange_record(chance)] * chance.randint(10, 200) + [data]


def _replay(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    return [chance.choice(seen.same or [data]), data]


def _reflect(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    return [chance.choice(seen.other or [data]), data]


OF_RECORDS: dict[str, RecordChange] = {
    "flip a bit of the header": lambda data, chance, _: [flipped(data, range(HEADER), chance)],
    "flip a bit of the body": _flip_body,
    "overwrite": _overwrite,
    "drop": lambda *_: [],
    "repeat": lambda data, chance, _: [data] * chance.randint(2, 4),
    "split": _split,
    "shorten": _shorten,
    "lengthen": _lengthen,
    "lose bytes": _lose_bytes,
    "lie about the length": _lie_about_length,
    "insert": _insert,
    "append": _append,
    "replace": _replace,
    "flood": _flood,
    "replay": _replay,
    "reflect": _reflect,
}

# Those that concern more than one record, or the stream, are the relay's own.
OF_STREAMS = ("swap", "delay", "end")


# Of handshake messages. Each is given one, and returns those to deliver in its place.


def _of_length(data: bytes, length: int) -> bytes:
    return data[:1] + (length % (1 << 24)).to_bytes(3, "big") + data[4:]


def _lie(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    size = len(data) - 4
    length = chance.choice([0, size - 1, size + 1, size + 1000, 0xFFFF, 0xFFFFFF])
    return [_of_length(data, length)]


def _resize(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    """Bytes are taken out or put in, and the message's own length is right."""
    start = chance.randrange(4, len(data) + 1)
    if chance.random() < 0.5:
        body = data[4:start] + data[start + chance.randint(1, 8) :]
    else:
        body = data[4:start] + chance.randbytes(chance.randint(1, 300)) + data[start:]
    return [message(data[0], body)]


def _smash(data: bytes, chance: random.Random, seen: Seen) -> list[bytes]:
    """Two bytes, which may be a length, become another number."""
    if len(data) < 6:
        return [data + b"\x00"]
    start = chance.randrange(4, len(data) - 1)
    number = int.from_bytes(data[start : start + 2], "big")
    number = chance.choice([0, 1, number - 1, number + 1, number + 2, 0x7FFF, 0x8000, 0xFFFF])
    return [data[:start] + (number % 0x10000).to_bytes(2, "big") + data[start + 2 :]]


def _strange_message(chance: random.Random) -> bytes:
    return chance.choice(
        [
            message(HELLO_REQUEST, b""),
            message(NEW_SESSION_TICKET, chance.randbytes(40)),
            message(5, b""),  # end of early data
            message(8, b"\x00\x00"),  # encrypted extensions
            message(11, b"\x00\x00\x00\x00"),  # certificate
            message(14, b""),  # server hello done
            message(15, chance.randbytes(70)),  # certificate verify
            message(20, bytes(12)),  # finished
            message(20, bytes(32)),
            message(24, bytes([chance.randrange(3)])),  # key update
            message(25, chance.randbytes(30)),  # compressed certificate
            message(254, chance.randbytes(32)),  # message hash
        ]
    )


OF_MESSAGES: dict[str, RecordChange] = {
    "flip a bit": lambda data, chance, _: [flipped(data, range(len(data)), chance)],
    "drop": lambda *_: [],
    "repeat": lambda data, *_: [data, data],
    "change the type": lambda data, chance, _: [bytes([chance.randrange(256)]) + data[1:]],
    "lie about the length": _lie,
    "resize": _resize,
    "smash a number": _smash,
    "insert": lambda data, chance, _: [_strange_message(chance), data],
    "append": lambda data, chance, _: [data, _strange_message(chance)],
    "replace": lambda data, chance, _: [_strange_message(chance)],
    "replay": lambda data, chance, seen: [chance.choice(seen.same or [data]), data],
    "reflect": lambda data, chance, seen: [chance.choice(seen.other or [data]), data],
}

# Those that change how a message travels, and not what it says.
HARMLESS = ("fragment", "fragment into single bytes")
