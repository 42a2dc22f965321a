"""RSA key exchange whose padding is wrong: all are refused alike, and late (RFC 5246, 7.4.7.1)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Callable

from conversations.adversary import HANDSHAKE, Adversary, Sent, Tamper, message
from conversations.conversation import (
    BAD_MAC,
    DECODE,
    DECRYPT,
    ECHO,
    Conversation,
    Wanted,
    leave_alone,
    name_of,
)

SECRET = 48
VERSION = b"\x03\x03"


def noise(size: int) -> bytes:
    return bytes(byte % 255 + 1 for byte in os.urandom(size))  # none of them is zero


# Given the size of the modulus in bytes, a block to encrypt. None has the secret of the handshake,
# so that Finished is wrong in each case: it has to be wrong in the same way.
Block = Callable[[int], bytes]


def block(
    start: bytes = b"\x00\x02", secret: bytes = VERSION + bytes(46), end: bytes = b"\x00"
) -> Block:
    return lambda size: start + noise(size - len(start + end + secret)) + end + secret


BLOCKS: dict[str, Block] = {
    "right, with another secret": block(),
    "a first byte that is not zero": block(b"\x01\x02"),
    "of type 1": block(b"\x00\x01"),
    "of no type": block(b"\x00\x00"),
    "a zero in the padding": lambda size: b"\x00\x02" + noise(3) + b"\x00" + noise(size - 6),
    "no zero behind the padding": block(end=b"\x01"),
    "no padding at all": lambda size: b"\x00\x02\x00" + noise(size - 3),
    "all zeros but the last byte": lambda size: bytes(size - 1) + b"\x02",
    "a secret of 47 bytes": block(secret=VERSION + bytes(45)),
    "a secret of 49 bytes": block(secret=VERSION + bytes(47)),
    "a secret of no bytes": block(secret=b""),
    "a secret with the version of TLS 1.0": block(secret=b"\x03\x01" + bytes(46)),
    "a secret with the version of SSL 2.0": block(secret=b"\x00\x02" + bytes(46)),
}


def exchanged(make: Callable[[Adversary], bytes]) -> Tamper:
    def tamper(peer: Adversary, sent: Any) -> list[Sent]:
        return [(HANDSHAKE, make(peer))] if name_of(sent) == "ClientKeyExchange" else [sent]

    return tamper


def encrypted(peer: Adversary, of: Block) -> bytes:
    assert peer.rsa_key is not None
    size = (peer.rsa_key.n.bit_length() + 7) // 8
    number = pow(int.from_bytes(of(size), "big"), peer.rsa_key.e, peer.rsa_key.n)
    return number.to_bytes(size, "big")


def wrapped(data: bytes) -> bytes:
    return message(16, len(data).to_bytes(2, "big") + data)


def conversations() -> Iterator[Conversation]:
    def conversation(name: str, expected: Wanted, tamper: Tamper = leave_alone) -> Conversation:
        return Conversation(
            "client: RSA key exchange",
            name,
            "client",
            "TLSv1.2",
            expected,
            tamper,
            settings={"keyExchangeNames": ["rsa"]},
            rsa=True,
        )

    def of(make: Block) -> Tamper:
        return exchanged(lambda peer: wrapped(encrypted(peer, make)))

    yield conversation("as it should be", ECHO)
    for name, make in BLOCKS.items():
        yield conversation(name, BAD_MAC, of(make))

    def ciphertext(change: Callable[[bytes], bytes]) -> Tamper:
        return exchanged(lambda peer: wrapped(change(encrypted(peer, block()))))

    yield conversation("ciphertext of zeros", BAD_MAC, ciphertext(lambda data: bytes(len(data))))
    yield conversation(
        "ciphertext larger than the modulus", BAD_MAC, ciphertext(lambda data: b"\xff" * len(data))
    )
    lengths = BAD_MAC | DECODE | DECRYPT
    yield conversation("ciphertext, a byte short", lengths, ciphertext(lambda data: data[:-1]))
    yield conversation("ciphertext, a byte long", lengths, ciphertext(lambda data: data + b"\x00"))
    yield conversation("ciphertext of no bytes", lengths, ciphertext(lambda data: b""))
