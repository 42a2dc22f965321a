"""Record protection outside of the library, for an attacker who has stolen the keys.

An attacker who can only flip bits of ciphertext never gets past its authentication. One who knows
the secrets, which the key log callback gives away, can put anything into a well-protected record.
TLS 1.3 (RFC 8446, sections 5 and 7) and the AEAD ciphers of TLS 1.2 (RFC 5246, RFC 5288, RFC 7905).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Union

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from stress.mutations import DATA

Cipher = Union[AESGCM, ChaCha20Poly1305]

TLS_1_2 = b"\x03\x03"


@dataclass(frozen=True)
class Suite:
    """What a cipher suite means for records."""

    digest: str
    cipher: type[AESGCM] | type[ChaCha20Poly1305]
    key: int
    # Bytes of the nonce that the keys give; in TLS 1.2 the rest is in each record.
    implicit: int = 12


TLS_1_3_SUITES = {
    0x1301: Suite("sha256", AESGCM, 16),
    0x1302: Suite("sha384", AESGCM, 32),
    0x1303: Suite("sha256", ChaCha20Poly1305, 32),
}

TLS_1_2_SUITES = {
    0xC02B: Suite("sha256", AESGCM, 16, 4),
    0xC02C: Suite("sha384", AESGCM, 32, 4),
    0xC02F: Suite("sha256", AESGCM, 16, 4),
    0xC030: Suite("sha384", AESGCM, 32, 4),
    0xCCA8: Suite("sha256", ChaCha20Poly1305, 32),
    0xCCA9: Suite("sha256", ChaCha20Poly1305, 32),
}


def expand_label(digest: str, secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 8446 section 7.1)."""
    name = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes([len(name)]) + name + b"\x00"
    block, output, number = b"", b"", 0
    while len(output) < size:
        number += 1
        block = hmac.new(secret, block + info + bytes([number]), digest).digest()
        output += block
    return output[:size]


def pseudorandom(digest: str, secret: bytes, label: bytes, seed: bytes, size: int) -> bytes:
    """The PRF of TLS 1.2 (RFC 5246 section 5)."""
    seed = label + seed
    chained, output = seed, b""
    while len(output) < size:
        chained = hmac.new(secret, chained, digest).digest()
        output += hmac.new(secret, chained + seed, digest).digest()
    return output[:size]


def _masked(iv: bytes, sequence: int) -> bytes:
    number = sequence.to_bytes(len(iv), "big")
    return bytes(left ^ right for left, right in zip(iv, number))


@dataclass
class Protection:
    """One direction's keys, for whoever seals its records, or for whoever opens them."""

    suite: Suite
    secret: bytes
    sequence: int = 0
    iv: bytes = field(init=False)
    cipher: Cipher = field(init=False)

    def __post_init__(self) -> None:
        raise NotImplementedError

    def seal(self, kind: int, content: bytes, padding: int = 0) -> bytes:
        raise NotImplementedError

    def open(self, record: bytes) -> tuple[int, bytes] | None:
        """The content's type and the content; ``None`` if the record is not authentic."""
        raise NotImplementedError


@dataclass
class Protection13(Protection):
    def __post_init__(self) -> None:
        digest = self.suite.digest
        self.cipher = self.suite.cipher(expand_label(digest, self.secret, b"key", self.suite.key))
        self.iv = expand_label(digest, self.secret, b"iv", 12)

    def updated(self) -> Protection13:
        """The keys after a KeyUpdate."""
        size = hashlib.new(self.suite.digest).digest_size
        secret = expand_label(self.suite.digest, self.secret, b"traffic upd", size)
        return Protection13(self.suite, secret)

    def seal(self, kind: int, content: bytes, padding: int = 0) -> bytes:
        return self.seal_inner(content + bytes([kind]) + bytes(padding))

    def seal_inner(self, inner: bytes) -> bytes:
        """Protect what need not be well-formed: an inner plaintext may lack its type."""
        header = bytes([DATA]) + TLS_1_2 + (len(inner) + 16).to_bytes(2, "big")
        nonce = _masked(self.iv, self.sequence)
        self.sequence += 1
        return header + self.cipher.encrypt(nonce, inner, header)

    def open(self, record: bytes) -> tuple[int, bytes] | None:
        nonce = _masked(self.iv, self.sequence)
        try:
            inner = self.cipher.decrypt(nonce, record[5:], record[:5]).rstrip(b"\x00")
        except InvalidTag:
            return None
        self.sequence += 1
        return (inner[-1], inner[:-1]) if inner else None


@dataclass
class Protection12(Protection):
    """``secret`` is the key and the implicit part of the nonce, as the key block has them."""

    def __post_init__(self) -> None:
        self.cipher = self.suite.cipher(self.secret[: self.suite.key])
        self.iv = self.secret[self.suite.key :]

    def _additional(self, kind: int, size: int) -> bytes:
        return self.sequence.to_bytes(8, "big") + bytes([kind]) + TLS_1_2 + size.to_bytes(2, "big")

    def seal(self, kind: int, content: bytes, padding: int = 0) -> bytes:
        additional = self._additional(kind, len(content))
        if self.suite.implicit == 4:
            explicit = self.sequence.to_bytes(8, "big")
            nonce = self.iv + explicit
        else:
            explicit = b""
            nonce = _masked(self.iv, self.sequence)
        self.sequence += 1
        body = explicit + self.cipher.encrypt(nonce, content, additional)
        return bytes([kind]) + TLS_1_2 + len(body).to_bytes(2, "big") + body

    def open(self, record: bytes) -> tuple[int, bytes] | None:
        kind, body = record[0], record[5:]
        explicit = 12 - self.suite.implicit
        size = len(body) - explicit - 16
        if size < 0:
            return None
        nonce = self.iv + body[:explicit] if explicit else _masked(self.iv, self.sequence)
        try:
            content = self.cipher.decrypt(nonce, body[explicit:], self._additional(kind, size))
        except InvalidTag:
            return None
        self.sequence += 1
        return kind, content


class KeyLog:
    """The secrets of one connection, from the lines that the key log callback is given."""

    def __init__(self) -> None:
        self.secrets: dict[str, bytes] = {}

    def __call__(self, _: object, line: bytes) -> None:
        label, _random, secret = line.decode().split()
        self.secrets[label] = bytes.fromhex(secret)

    def tls_1_3(self, suite: int, label: str) -> Protection13:
        """The protection under a secret such as ``CLIENT_TRAFFIC_SECRET_0``."""
        return Protection13(TLS_1_3_SUITES[suite], self.secrets[label])

    def tls_1_2(
        self, suite: int, client_random: bytes, server_random: bytes
    ) -> dict[str, Protection12]:
        """The protection of what the client writes, and of what the server writes."""
        kind = TLS_1_2_SUITES[suite]
        size = 2 * (kind.key + kind.implicit)
        master = self.secrets["CLIENT_RANDOM"]
        block = pseudorandom(
            kind.digest, master, b"key expansion", server_random + client_random, size
        )
        keys, nonces = block[: 2 * kind.key], block[2 * kind.key :]
        half = kind.implicit
        return {
            "client": Protection12(kind, keys[: kind.key] + nonces[:half]),
            "server": Protection12(kind, keys[kind.key :] + nonces[half:]),
        }
