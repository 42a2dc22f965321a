"""Conversations in which nothing is wrong: each version, each kind of key and exchange."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conversations.conversation import ECHO, VERSIONS, Conversation

CIPHERS_1_2 = ("aes128gcm", "aes256gcm", "chacha20-poly1305", "aes128", "aes256")
CIPHERS_1_3 = ("aes128gcm", "aes256gcm", "chacha20-poly1305")
GROUPS = ("secp256r1", "secp384r1", "secp521r1", "x25519", "x448")
DH_GROUP = "ffdhe2048"


def conversations() -> Iterator[Conversation]:
    for role in ("client", "server"):
        for version in VERSIONS:
            yield case(role, "as usual", version)
            if role == "client":
                yield case(role, "with a certificate", version, strict=True)
            yield case(role, "with an RSA certificate", version, strict=role == "client", rsa=True)
        for cipher in CIPHERS_1_2:
            yield case(role, cipher, "TLSv1.2", cipherNames=[cipher])
        for cipher in CIPHERS_1_3:
            yield case(role, cipher, "TLSv1.3", cipherNames=[cipher])
        for group in GROUPS:
            yield case(role, group, "TLSv1.3", eccCurves=[group], keyShares=[group], dhGroups=[])
        yield case(role, DH_GROUP, "TLSv1.3", dhGroups=[DH_GROUP], keyShares=[DH_GROUP])
    yield case("client", "RSA key exchange", "TLSv1.2", keyExchangeNames=["rsa"])
    yield case("client", "DHE key exchange", "TLSv1.2", keyExchangeNames=["dhe_rsa"])


def case(
    role: str, name: str, version: str, strict: bool = False, rsa: bool = False, **settings: Any
) -> Conversation:
    return Conversation(
        f"{role}: honest", name, role, version, ECHO, strict=strict, rsa=rsa, settings=settings
    )
