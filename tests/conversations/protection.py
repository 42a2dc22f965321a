"""Records whose protection is wrong: all are refused alike, or else there is an oracle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

from conversations.adversary import (
    ALERT,
    CHANGE_CIPHER,
    DATA,
    HANDSHAKE,
    QUESTION,
    Adversary,
    BrokenPromise,
)
from conversations.conversation import (
    BAD_MAC,
    DECODE,
    ECHO,
    OVERFLOW,
    UNEXPECTED,
    After,
    Conversation,
    Wanted,
)

BLOCK = 16

# Padding of TLS 1.2 as it is on the wire: bytes that all have the number of those before the last.
Pad = Callable[[bytearray], bytearray]


def right_padding(length: int) -> int:
    return BLOCK - 1 - length % BLOCK


def longest(data: bytearray) -> bytearray:
    size = 255 - (len(data) + 255 + 1) % BLOCK
    return bytearray([size] * (size + 1))


def wrong_in(place: int) -> Pad:
    def pad(data: bytearray) -> bytearray:
        padding = longest(data)
        padding[place] ^= 1
        return padding

    return pad


PADDINGS: dict[str, tuple[Pad, Wanted]] = {
    "of the longest size": (longest, ECHO),
    "wrong in the first byte": (wrong_in(0), BAD_MAC),
    "wrong in the middle": (wrong_in(100), BAD_MAC),
    "wrong in the last byte but one": (wrong_in(-2), BAD_MAC),
    "longer than the record": (
        lambda data: bytearray([255] * (right_padding(len(data)) + 1)),
        BAD_MAC,
    ),
    # As SSL 3.0 had it: anything, and then its size.
    "of anything": (
        lambda data: bytearray([0x5A] * (len(longest(data)) - 1) + [len(longest(data)) - 1]),
        BAD_MAC,
    ),
    "of no size, where there is some": (
        lambda data: bytearray([7] * right_padding(len(data)) + [0]),
        BAD_MAC,
    ),
}


def listen(peer: Adversary) -> None:
    heard = bytes(peer.read(min=len(QUESTION), max=len(QUESTION)))
    if heard and heard != QUESTION:
        raise BrokenPromise(f"an echo of something else, {heard!r}")


def padded(pad: Pad) -> After:
    def after(peer: Adversary) -> None:
        layer = peer._recordLayer
        right = layer.addPadding
        layer.addPadding = lambda data: data + pad(data)
        peer.say(DATA, QUESTION)
        layer.addPadding = right
        listen(peer)

    return after


def broken_mac(place: int) -> After:
    def after(peer: Adversary) -> None:
        layer = peer._recordLayer
        right = layer.calculateMAC

        def wrong(*given: Any) -> bytearray:
            mac: bytearray = right(*given)
            mac[place] ^= 1
            return mac

        layer.calculateMAC = wrong
        peer.say(DATA, QUESTION)
        layer.calculateMAC = right

    return after


def protected(change: Callable[[bytearray], bytes], how: str) -> After:
    """Change what a record holds on the wire."""

    def after(peer: Adversary) -> None:
        layer = peer._recordLayer
        right = getattr(layer, how)
        setattr(layer, how, lambda *given: bytearray(change(right(*given))))
        peer.say(DATA, QUESTION)
        setattr(layer, how, right)

    return after


ON_THE_WIRE: dict[str, Callable[[bytearray], bytes]] = {
    "first byte flipped": lambda data: bytes([data[0] ^ 1]) + bytes(data[1:]),
    "byte in the middle flipped": lambda data: (
        bytes(data[: len(data) // 2])
        + bytes([data[len(data) // 2] ^ 0x80])
        + bytes(data[len(data) // 2 + 1 :])
    ),
    "last byte flipped": lambda data: bytes(data[:-1]) + bytes([data[-1] ^ 1]),
    "a byte cut": lambda data: bytes(data[:-1]),
    "a byte more": lambda data: bytes(data) + b"\x00",
    "15 bytes left": lambda data: bytes(data[:15]),
    "one byte left": lambda data: bytes(data[:1]),
    "nothing left": lambda data: b"",
    "all zeros": lambda data: bytes(len(data)),
}

SHORT = {"15 bytes left", "one byte left", "nothing left"}

CBC = {"cipherNames": ["aes128"], "macNames": ["sha256"], "useEncryptThenMAC": False}
CBC_THEN_MAC = {**CBC, "useEncryptThenMAC": True}
GCM, CHACHA = {"cipherNames": ["aes128gcm"]}, {"cipherNames": ["chacha20-poly1305"]}
# With what tlslite-ng does to a record.
CIPHERS: list[tuple[str, str, dict[str, Any], str]] = [
    ("CBC", "TLSv1.2", CBC, "_macThenEncrypt"),
    ("CBC, encrypt-then-MAC", "TLSv1.2", CBC_THEN_MAC, "_encryptThenMAC"),
    ("AES-GCM", "TLSv1.2", GCM, "_encryptThenSeal"),
    ("AES-GCM", "TLSv1.3", GCM, "_encryptThenSeal"),
    ("ChaCha20", "TLSv1.2", CHACHA, "_encryptThenSeal"),
    ("ChaCha20", "TLSv1.3", CHACHA, "_encryptThenSeal"),
]

# Inner plaintexts of TLS 1.3 (RFC 8446, 5.2 and 5.4).
INNER: dict[str, tuple[bytes, int, Wanted]] = {
    "with padding": (QUESTION + bytes([DATA]) + bytes(100), DATA, ECHO),
    "of the longest size, most of it padding": (
        QUESTION + bytes([DATA]) + bytes((1 << 14) - 8),
        DATA,
        ECHO,
    ),
    "with padding alone behind the type": (bytes([DATA]) + bytes(1000), DATA, ECHO),
    "too long": (b"x" * ((1 << 14) + 1) + bytes([DATA]), DATA, OVERFLOW),
    "of zeros": (bytes(100), DATA, UNEXPECTED),
    "of nothing": (b"", DATA, UNEXPECTED),
    "of type 0, 1 byte": (b"\x00", DATA, UNEXPECTED),
    "a handshake that is empty, with padding": (bytes([HANDSHAKE]) + bytes(9), DATA, UNEXPECTED),
    "an alert that is empty, with padding": (bytes([ALERT]) + bytes(9), DATA, UNEXPECTED),
    "ChangeCipherSpec": (b"\x01" + bytes([CHANGE_CIPHER]), DATA, UNEXPECTED),
    "in a record of type handshake": (QUESTION + bytes([DATA]), HANDSHAKE, UNEXPECTED),
    "in a record of type alert": (QUESTION + bytes([DATA]), ALERT, UNEXPECTED),
}


def sealed(inner: bytes, outer: int) -> After:
    def after(peer: Adversary) -> None:
        peer.shout(peer.sealed(inner, outer))
        if inner.startswith(QUESTION):
            listen(peer)

    return after


def conversations() -> Iterator[Conversation]:
    for role in ("client", "server"):
        script = f"{role}: padding and MAC"
        for name, (pad, expected) in PADDINGS.items():
            yield Conversation(
                script,
                f"padding {name}",
                role,
                "TLSv1.2",
                expected,
                after=padded(pad),
                settings=CBC,
            )
        for name, settings in {"": CBC, ", encrypt-then-MAC": CBC_THEN_MAC}.items():
            for place in (0, 15, -1):
                yield Conversation(
                    script,
                    f"MAC wrong in byte {place}{name}",
                    role,
                    "TLSv1.2",
                    BAD_MAC,
                    after=broken_mac(place),
                    settings=settings,
                )
        for cipher, version, settings, how in CIPHERS:
            # What has no room for a MAC has a wrong length, which everybody can see.
            too_short = BAD_MAC | DECODE if how == "_encryptThenMAC" else BAD_MAC
            for name, change in ON_THE_WIRE.items():
                yield Conversation(
                    f"{role}: falsified records",
                    f"{cipher}, {name}",
                    role,
                    version,
                    too_short if name in SHORT else BAD_MAC,
                    after=protected(change, how),
                    settings=settings,
                )
        for name, (inner, outer, expected) in INNER.items():
            yield Conversation(
                f"{role}: inner plaintexts",
                name,
                role,
                "TLSv1.3",
                expected,
                after=sealed(inner, outer),
            )
